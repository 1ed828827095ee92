# Limits: the last one that is due works and stays, the next is refused, in every view of a person and over all devices, over
# restarts, crashes and new policies; nobody else is touched. The zone is one whose hour and day do not end while this runs.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need jq setpriv flock python3

zone=Asia/Kolkata
case $(date -u +%M) in 1[5-9] | 2? | 3? | 4[0-4]) zone=UTC ;; esac
# policy SERIAL FILES
policy() {
	cat <<EOF
bailee: 1
name: limits
serial: $1
timezone: $zone
uses: [builtin/baseline]
people:
  uid:61001: {roles: [counted]}
  uid:61002: {roles: [counted]}
  uid:61003: {roles: [bound]}
  uid:61004: {roles: [slow]}
  uid:61005: {roles: [sender]}
  uid:61006: {roles: [lead]}
roles: {counted: {}, bound: {}, slow: {}, sender: {}, lead: {}}
detect: {sets: [contact]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: names, permit: [list, read], who: [counted, slow, sender], why: They see what there is.}
  - {id: five, permit: [copy], who: [counted], limits: {files: $2 per hour}, why: A few files an hour.}
  - {id: all-in-one, permit: [list, read, copy], who: [bound], limits: {files: 2 per day}, why: Two files a day.}
  - {id: megabyte, permit: [copy], who: [slow], limits: {bytes: 1M per day}, why: A megabyte a day.}
  - {id: sent, permit: [copy], who: [sender], needs: {approvals: {count: 1, from: [lead], valid: 4h}}, why: What leaves is agreed on.}
  - {id: mail, permit: [unmask], who: [sender], what: {contains: [email]}, limits: {unmasks: 2 per day}, why: Two answers a day.}
  - {id: answers, permit: [approve], who: [lead], why: They answer.}
test_clock: 2026-11-02 10:00
tests:
  - {name: first, as: 'uid:61001', do: copy, device: disk, file: /a, kind: text, used: {files: 4 per hour}, expect: permit, rule: five}
  - {name: later, as: 'uid:61003', do: copy, device: disk, file: /a, kind: text, used: {files: 2 per day}, expect: forbid, rule: limit}
EOF
}
policy 1 5 >"$work/policy.yaml"
policy 2 5 >"$work/policy-2.yaml"
policy 3 6 >"$work/policy-3.yaml"
mkdir "$work/source"
awk 'BEGIN { for (i = 0; i < 3000; i++) print "the gooseberry diary, line " i }' >"$work/source/a.txt"
awk 'BEGIN { for (i = 0; i < 3000; i++) print "mail kim" i "@harbour-inn.example about it" }' >"$work/source/mail.txt"
awk 'BEGIN { for (i = 0; i < 160000; i++) print "the quince account, an honest line " i }' >"$work/source/long.txt"
start_daemon "$work/store" "$work/policy.yaml"
key=$(public_key)
for id in D1 D2; do code 0 "$bailee" enroll "$work/source" --device $id --kind disk; done

views() {
	for uid in 61001 61002 61004 61005; do view $uid "$work/$uid"; done
	view 61001 "$work/61001-too"
}
views
view 61003 "$work/61003"
reads() { as "$1" cat "$work/$2" | cmp - "$work/source/${2##*/}" || fail "uid $1 does not read $2"; }
refused() {
	for again in 1 2; do
		code 1 as "$1" cat "$work/$2"
		says "${3:-Permission denied}"
	done
}
# left UID DEVICE TEXT: what may says of copying there
left() {
	as "$1" "$bailee" may --json >"$work/may"
	[ "$(jq -r --arg id "$2" 'select(.device == $id and .action == "copy") | "\(.outcome), \(.limits)"' "$work/may")" = "$3" ] ||
		fail "may of uid $1: $(jq -c --arg id "$2" 'select(.device == $id and .action == "copy")' "$work/may"), wanted $3"
}
# restarted HOW: the daemon ends so, and the views are back
restarted() {
	"$1"
	start_daemon "$work/store" "$work/policy.yaml"
	views
	code 3 as 61003 "$bailee" open "$work/61003"
	says 'a limit is used up'
}

# Files: four of five, in two views and of two devices; looking and asking count for nothing, nor does what is refused.
left 61001 D1 'permit, 0 of 5 files this hour'
for path in 61001/D1/a.txt 61001-too/D1/a.txt 61001/D2/a.txt 61001-too/D2/long.txt; do
	reads 61001 $path
	as 61001 ls -lR "$work/61001" >/dev/null
done
for again in 1 2 3; do as 61001 "$bailee" why "$work/61001/D1/a.txt" >/dev/null; done
if as 61001 sh -c ': >>"$1"' sh "$work/61001/D1/a.txt" 2>/dev/null; then fail "a file can be written"; fi
if as 61002 cat "$work/61001/D1/a.txt" >/dev/null 2>&1; then fail "a view is somebody else's"; fi
left 61001 D2 'permit, 4 of 5 files this hour'
left 61002 D1 'permit, 0 of 5 files this hour'
# The fifth works and stays; the sixth is refused, everywhere, by its name.
opened 61001 "$work/61001/D1/a.txt"
for path in 61001/D1/a.txt 61001/D2/a.txt 61001-too/D1/long.txt 61001-too/D2/a.txt; do refused 61001 $path; done
code 0 as 61001 "$bailee" why "$work/61001/D1/a.txt"
says limit
[ "$(events --uid 61001 --op open --rule limit --verdict denied)" -ge 8 ] || fail "refused by another rule: $(tail -n 1 "$work/events")"
left 61001 D1 'forbid, 5 of 5 files this hour'
still 0
cmp "$work/more" "$work/source/a.txt" || fail "the last file is not what it was"
refused 61001 61001/D1/a.txt
for path in 61002/D1/a.txt 61002/D2/a.txt; do reads 61002 $path; done
left 61002 D1 'permit, 2 of 5 files this hour'

# One rule for names and contents: both end together, but not what is open.
reads 61003 61003/D1/a.txt
opened 61003 "$work/61003/D2/a.txt"
refused 61003 61003/D1/a.txt 'No such file'
[ "$(as 61003 ls "$work/61003")" = 'READ ME.txt' ] || fail "names are left: $(as 61003 ls "$work/61003")"
still 0
cmp "$work/more" "$work/source/a.txt" || fail "the last file is not what it was"

# Bytes: eight readers at once get the megabyte and at most one read more.
cat >"$work/readers.py" <<'PYTHON'
import errno, os, sys, threading
os.setgroups([]); os.setgid(61004); os.setuid(61004)
SIZE, total, errors, lock = 48 << 10, [0], set(), threading.Lock()
files = [os.open("%s/D%d/long.txt" % (sys.argv[1], 1 + i % 2), os.O_RDONLY | os.O_DIRECT) for i in range(8)]
def go(fd):
    for i in range(1000):
        try:
            got = len(os.pread(fd, SIZE, i % 20 * SIZE))
        except OSError as error:
            with lock:
                errors.add(errno.errorcode[error.errno])
            return
        with lock:
            total[0] += got
threads = [threading.Thread(target=go, args=(fd,)) for fd in files]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(total[0], " ".join(sorted(errors)))
PYTHON
python3 "$work/readers.py" "$work/61004" >"$work/total" || fail "the readers failed"
read -r total errors <"$work/total"
[ "$total" -ge 1048576 ] && [ "$total" -lt $((1048576 + 49152)) ] || fail "$total bytes of 1048576 were read"
case $errors in EACCES | ESTALE | 'EACCES ESTALE') ;; *) fail "readers end with $errors" ;; esac
for device in D1 D2; do refused 61004 61004/$device/a.txt; done
left 61004 D1 "forbid, $total of 1048576 bytes today"

# Unmasks: the third is masked, and still copied.
code 0 as 61005 "$bailee" request copy D1 --reason 'an answer'
code 0 as 61006 "$bailee" approve D1/1
for again in 1 2; do reads 61005 61005/D1/mail.txt; done
masked() {
	as 61005 cat "$work/61005/D1/mail.txt" >"$work/seen"
	[ "$(grep -c '^mail \*\** about it$' "$work/seen")" = 3000 ] || fail "not masked: $(head -n 1 "$work/seen")"
	reads 61005 61005/D1/a.txt
}
masked

# A stop, a start; a crash; a new policy that says the same: all of it stays used.
stays_used() {
	refused 61001 61001/D1/a.txt
	refused 61001 61001-too/D2/a.txt
	left 61001 D1 'forbid, 5 of 5 files this hour'
	refused 61004 61004/D1/a.txt
	masked
	left 61002 D1 'permit, 2 of 5 files this hour'
}
stays_used
refused 61003 61003/D1/a.txt 'No such file'
restarted kill_daemon
stays_used
restarted stop_daemon
stays_used
reads 61002 61002/D1/a.txt
code 0 "$bailee" policy load "$work/policy-2.yaml"
left 61002 D1 'permit, 3 of 5 files this hour'
refused 61001 61001/D1/a.txt
# One more by a policy that gives one more, in the view that is open; and not a second.
code 0 "$bailee" policy load "$work/policy-3.yaml"
reads 61001 61001-too/D2/a.txt
refused 61001 61001/D1/a.txt
left 61001 D1 'forbid, 6 of 6 files this hour'

stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --store "$work/store" --key "$key"
