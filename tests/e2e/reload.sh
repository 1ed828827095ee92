# A policy comes in by saving its file, whichever way an editor does it, by SIGHUP, by `bailee reload` and by `bailee policy load`.
# What is not good changes nothing, is told by status, log and stderr, and what reads goes on meanwhile.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need setpriv
tool=$BAILEE_BUILD/test/tools/copy-ways
mkdir "$work/etc" "$work/other" "$work/source"
file=$work/etc/policy.yaml
serial=0

# text SERIAL [EXPECT]: a policy of that serial; its own test expects EXPECT
text() {
	cat <<EOF
bailee: 1
name: reload
serial: $1
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61002: {roles: [supervisor]}
roles:
  supervisor: {}
detect: {sets: [payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: looks, permit: [list, read, copy], who: [supervisor], why: They look at devices here.}
  - {id: closed, forbid: [copy], who: everyone, what: {paths: ['/closed/**']}, why: That folder rests.}
test_clock: 2026-11-02 10:00
tests:
  - {name: looks, as: 'uid:61002', do: copy, device: disk, file: /a, kind: text, status: received, expect: ${2:-permit}, rule: looks}
EOF
}
# number WORD, trouble: out of status; without jq, which takes longer to start than all the rest
number() { "$bailee" status --json | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }
trouble() { "$bailee" status --json | sed -n 's/.*"policy_trouble":"\(.*\)","policy_trouble_unix".*/\1/p'; }
# until_is WORD VALUE: status tells it in the end; a bounded number of questions, no clock
until_is() {
	for _ in $(seq 600); do
		[ "$(number "$1")" != "$2" ] || return 0
	done
	fail "$way: $1 is $(number "$1"), wanted $2; trouble: $(trouble)"
}
next() { serial=$((serial + 1)); }
in_force() {
	until_is policy_serial "$serial"
	[ -z "$(trouble)" ] || fail "$way: in force, but told as trouble: $(trouble)"
}
# Once more round the daemon's loop: what was queued before these two questions has been looked at.
settle() { "$bailee" status >/dev/null && "$bailee" status >/dev/null; }
reads_on() { as 61002 cat "$work/view/D1/a.txt" | cmp - "$work/shown" || fail "$way: a read is another"; }

for i in $(seq 500); do echo "line $i of many, card 4111 1111 1111 1111"; done >"$work/source/a.txt"
mkdir "$work/source/closed"
echo no >"$work/source/closed/b.txt"
way='the first'
next
text 1 >"$file"
start_daemon "$work/store" "$file"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk
view 61002 "$work/view"
as 61002 cat "$work/view/D1/a.txt" >"$work/shown"
in_force

# ---- every way of saving ---------------------------------------------------------------------------
saved_in_place() { text "$serial" >"$file"; }
# Another file of the folder is saved in the middle of it, and the daemon has looked at what there is.
saved_in_parts() {
	exec 7>"$file"
	sed '/id: closed/,$d' "$work/whole" >&7
	: >"$work/etc/beside"
	settle
	chmod 644 "$file"
	settle
	sed -n '/id: closed/,$p' "$work/whole" >&7
	exec 7>&-
}
made_in_parts() {
	rm "$file"
	saved_in_parts
}
saved_beside() { text "$serial" >"$work/etc/.policy.new" && mv "$work/etc/.policy.new" "$file"; }
saved_by_vim() { mv "$file" "$file~" && text "$serial" >"$file" && rm "$file~"; }
saved_by_vim_in_place() { cp "$file" "$file~" && text "$serial" >"$file" && chmod 644 "$file" && rm "$file~"; }
saved_by_sed() { sed -i "s/^serial: .*/serial: $serial/" "$file"; }
removed_and_saved() { rm "$file" && text "$serial" >"$file"; }
removed_and_moved() { rm "$file" && text "$serial" >"$work/other/new" && mv "$work/other/new" "$file"; }
removed_and_hard_linked() { text "$serial" >"$work/other/hard.$serial" && rm "$file" && ln "$work/other/hard.$serial" "$file"; }
linked() { text "$serial" >"$work/other/v$serial" && ln -sfn "$work/other/v$serial" "$file"; }
linked_beside() { text "$serial" >"$work/other/v$serial" && ln -s "$work/other/v$serial" "$work/etc/l" && mv -T "$work/etc/l" "$file"; }
removed_and_linked() { text "$serial" >"$work/other/v$serial" && rm "$file" && ln -s "$work/other/v$serial" "$file"; }
# As configuration tools do it: the file leads through a link to the folder of a generation, and that link is swapped.
generation() {
	mkdir "$work/etc/..g$serial" && text "$serial" >"$work/etc/..g$serial/policy.yaml" &&
		ln -s "..g$serial" "$work/etc/..new" && mv -T "$work/etc/..new" "$work/etc/..data" &&
		if [ ! -L "$file" ] || [ "$(readlink "$file")" != ..data/policy.yaml ]; then
			ln -sfn ..data/policy.yaml "$file"
		fi
}
in_the_link_s_target() { text "$serial" >"$(readlink -f "$file")"; }

for way in saved_in_place saved_in_place saved_beside saved_by_vim saved_by_vim_in_place saved_by_sed removed_and_saved removed_and_moved \
	removed_and_hard_linked linked linked linked_beside removed_and_linked generation generation in_the_link_s_target; do
	next
	text "$serial" >"$work/whole"
	$way
	in_force
	cmp -s "$file" "$work/whole" || fail "$way: another text"
	reads_on
done
rm "$file"
# Twice in the same instant, the same size: the later one is in force in the end.
way='saved twice at once'
while [ "$serial" -lt 100 ]; do next; done
for _ in $(seq 20); do
	next
	text "$serial" >"$work/whole"
	next
	text "$serial" >"$work/later"
	cat "$work/whole" >"$file"
	cat "$work/later" >"$file"
	in_force
done
# Never half of it: the half may be a policy too, without what is forbidden at its end.
for way in saved_in_parts made_in_parts saved_in_parts; do
	next
	text "$serial" >"$work/whole"
	$way
	in_force
	code 1 as 61002 cat "$work/view/D1/closed/b.txt"
done

way=reload
next
text "$serial" >"$file"
code 0 "$bailee" reload
says "serial $serial"
in_force
code 3 as 61002 "$bailee" reload
way='policy load'
next
text "$serial" >"$work/other/loaded.yaml"
code 0 "$bailee" policy load "$work/other/loaded.yaml"
says "serial $serial"
in_force
# The same file again is no other policy.
code 0 "$bailee" policy load "$work/other/loaded.yaml"
in_force
way='hang up'
next
text "$serial" >"$file"
in_force
loads=$(number policy_loads)
kill -HUP "$daemon"
until_is policy_loads $((loads + 1))
in_force

# ---- what changes nothing ------------------------------------------------------------------------------
mkfifo "$work/go" "$work/said"
as 61002 "$tool" later read "$work/view/D1/a.txt" <"$work/go" >"$work/said" 2>"$work/later" &
reader=$!
exec 9>"$work/go" 8<"$work/said"
read -r line <&8
[ "$line" = open ] || fail "cannot open"

broken() { text $((serial + 1)) | sed 's/^rules:/rulez:/' >"$file"; }
half() { text $((serial + 1)) | head -c 500 >"$file"; }
failing() { text $((serial + 1)) forbid >"$file"; }
lower() { text $((serial - 1)) >"$file"; }
equal() { text "$serial" | sed 's/They look/They just look/' >"$file"; }
empty() { : >"$file"; }
huge() {
	text $((serial + 1)) >"$work/other/huge"
	yes '# nothing' | head -c 5242880 >>"$work/other/huge"
	mv "$work/other/huge" "$file"
}
world() { text $((serial + 1)) >"$work/etc/new" && chmod 666 "$work/etc/new" && mv "$work/etc/new" "$file"; }
group() { text $((serial + 1)) >"$work/etc/new" && chmod 664 "$work/etc/new" && mv "$work/etc/new" "$file"; }
theirs() { text $((serial + 1)) >"$work/etc/new" && chown 61002 "$work/etc/new" && mv "$work/etc/new" "$file"; }
folder() { rm "$file" && mkdir "$work/other/folder" && mv -T "$work/other/folder" "$file"; }
fifo() { rmdir "$file" && mkfifo "$work/other/fifo" && mv "$work/other/fifo" "$file"; }
no_text() { head -c 3000 /dev/urandom >"$work/etc/new" && mv "$work/etc/new" "$file"; }
dangling() { ln -sfn "$work/other/nothing" "$file"; }

# A word of what is told about each; a file may be looked at twice, on its way.
while read -r way words; do
	before=$(number policy_refusals)
	logged=$("$bailee" log query --op policy-refused --json | wc -l)
	$way
	for _ in $(seq 600); do [ "$(number policy_refusals)" = "$before" ] || break; done
	settle
	after=$(number policy_refusals)
	[ "$after" -gt "$before" ] || fail "$way: not refused; serial $(number policy_serial)"
	[ "$(number policy_serial)" = "$serial" ] || fail "$way: is in force"
	trouble >"$work/out"
	says "$words"
	code 0 "$bailee" status
	says REFUSED
	says "$words"
	grep -qF -- "$words" "$work/daemon.err" || fail "$way: nothing on the daemon's standard error"
	logged=$(($("$bailee" log query --op policy-refused --json | wc -l) - logged))
	[ "$logged" = $((after - before)) ] || fail "$way: refusals and their events differ"
	code 2 "$bailee" reload
	says "$words"
	reads_on
	code 1 as 61002 cat "$work/view/D1/closed/b.txt"
	code 0 as 61002 "$bailee" status --json
	hides policy_trouble
done <<EOF
broken unknown key
half refused
failing own test
lower serial
equal serial
empty refused
huge is not a file of at most
world written by others
group written by others
theirs belongs to uid 61002
folder is not a file of at most
fifo is not a file of at most
no_text refused
EOF
way='not there'
refusals=$(number policy_refusals)
rm "$file"
settle
[ "$(number policy_refusals)" = "$refusals" ] || fail "a file that is gone is a refusal"
dangling
settle
[ "$(number policy_refusals)" = "$refusals" ] || fail "a link that leads nowhere is a refusal"
code 2 "$bailee" reload
says 'cannot open policy'
reads_on
echo >&9
cat <&8 >"$work/more"
wait "$reader" || fail "what was open has ended: $(cat "$work/later")"
exec 8<&- 9>&-
cmp "$work/more" "$work/shown" || fail "what was open reads another text"
# And a good one ends the trouble.
way='good again'
next
rm "$file"
text "$serial" >"$file"
in_force
# Only the mode changes: not good any more, and good again; it was never out of force.
way='mode'
refusals=$(number policy_refusals)
chmod 666 "$file"
until_is policy_refusals $((refusals + 1))
[ "$(number policy_serial)" = "$serial" ] || fail "a mode takes a policy away"
chmod 644 "$file"
for _ in $(seq 600); do [ -n "$(trouble)" ] || break; done
in_force

# ---- at start -----------------------------------------------------------------------------------------------
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
# Without a file: the last good one.
way='at start'
start_daemon "$work/store"
[ "$(number policy_serial)" = "$serial" ] || fail "the last good policy is not in force at start"
code 2 "$bailee" reload
says 'without --policy'
stop_daemon
# With one that is not good, or older: nothing is served.
for way in broken lower failing empty world; do
	$way
	code 2 timeout 60 "$bailee" serve --store "$work/store" --policy "$file"
	[ ! -S "$work/store/socket" ] || ! "$bailee" --store "$work/store" status >/dev/null 2>&1 || fail "$way: served all the same"
done
code 2 timeout 60 "$bailee" serve --store "$work/store" --policy "$work/etc/none"
# No policy at all: never an empty one.
code 2 timeout 60 "$bailee" serve --store "$work/empty"
says 'no policy yet'
rm "$file"
next
text "$serial" >"$file"
# By its bare name, from where it lies.
way='a bare name'
cd "$work/etc" || fail "no folder"
start_daemon "$work/store" policy.yaml
in_force
next
text "$serial" >"$file"
in_force
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
