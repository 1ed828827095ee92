# An intake that is killed goes on: the service or the client, again and again, at what they have just done (never at a time); so does the
# destruction of its source, and a shred. Another source is refused in between. At the end there is one receipt, one event, the right digest.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need mke2fs mkfs.ext4 jq setpriv python3 flock sha256sum
seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "SEED=$seed"
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
chmod 644 "$work/shop.yaml"
mkdir "$work/files"
head -c 300000 /dev/urandom | od -An -v -tx1 | tr '0-9a-f' 'g-v' >"$work/files/a.txt"
loop_fs "$work/disk" 420M
store=$work/disk/store

# 700 MiB: a filesystem in front, islands of random bytes behind it.
size=$((700 << 20))
truncate -s 40M "$work/small.img"
mke2fs -q -t ext4 -d "$work/files" "$work/small.img"
cp --sparse=always "$work/small.img" "$work/large.img"
truncate -s $size "$work/large.img"
python3 - "$work/large.img" "$seed" <<'PYTHON'
import os, random, sys
chance = random.Random(int(sys.argv[2]))
fd = os.open(sys.argv[1], os.O_WRONLY)
for at in range(48 << 20, 700 << 20, 4 << 20):
    os.pwrite(fd, chance.randbytes(3 << 16), at)
PYTHON
stored=$((163 * 196608))
digest=$(sha256sum "$work/large.img" | cut -d' ' -f1)

# moment.py END VICTIM CONDITION...: kills VICTIM the moment the condition is true; 1 when it was not before the END: a pid's, or when a file appears
cat >"$work/moment.py" <<'PYTHON'
import os, signal, sys
client, victim, kind, path = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
def grown(path, to):
    try: return os.stat(path).st_blocks * 512 >= int(to)
    except FileNotFoundError: return False
def lines(path, text):
    with open(path, "rb") as file: return text.encode() in file.read()
def changed(path, since):
    try: return os.stat(path).st_mtime_ns != int(since)
    except FileNotFoundError: return True
is_true = {
    "grown": lambda: grown(path, sys.argv[5]),
    "says": lambda: lines(path, sys.argv[5]),
    "there": lambda: os.path.lexists(path),
    "gone": lambda: not os.path.lexists(path),
    "changed": lambda: changed(path, sys.argv[5]),
}[kind]
def ended():
    if not client.isdigit(): return os.path.lexists(client)
    try: return open("/proc/%s/stat" % client).read().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError): return True
while True:
    is_ended = ended()
    if is_true():
        try: os.kill(victim, signal.SIGKILL)
        except ProcessLookupError: sys.exit(1)
        sys.exit(0)
    if is_ended:
        sys.exit(1)
PYTHON
cat >"$work/done.py" <<'PYTHON'
import struct, sys
content = open(sys.argv[1] + "/header", "rb").read()
print(max((struct.unpack_from("<Q", slot, 64)[0], struct.unpack_from("<Q", slot, 80)[0]) for slot in (content[:4096], content[4096:8192]))[1])
PYTHON
sealed_so_far() { python3 "$work/done.py" "$store/devices/$1/image"; }
# What died is told of by the shell; the service is of no use any more then, and another one begins.
after_kill() {
	wait "$daemon" 2>/dev/null || true
	daemon=
	wait_store_free "$store"
	start_daemon "$store" "$work/shop.yaml"
}

start_daemon "$store" "$work/shop.yaml"
key=$(public_key)
killed=0
for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
	# Further than any try came; where all is written already, when the first of it is looked at again.
	have=$(($(stat -c %b "$store/devices/DEV/image/data" 2>/dev/null || echo 0) * 512))
	at=$((have + (stored - have) / 8 + (seed + round * 7919) % 500000))
	[ $at -lt $((stored * 3 / 4)) ] && set -- grown "$store/devices/DEV/image/data" $at || set -- says "$work/said" stage
	: >"$work/said"
	"$bailee" intake "$work/large.img" --device DEV --kind laptop --json >"$work/said" 2>&1 &
	client=$!
	victim=$(daemon_child)
	[ "$round" != 3 ] || victim=$client
	if python3 "$work/moment.py" $client "$victim" "$@"; then killed=$((killed + 1)); else victim=$client; fi
	wait $client 2>/dev/null || true
	[ "$victim" = $client ] || after_kill
	echo "round $round: $killed killed, $(sealed_so_far DEV) sealed, $(tail -1 "$work/said" | cut -c1-150)"
	[ -e "$store/certificates/DEV~intake.json" ] && fail "round $round: it was over before it was killed"
	code 1 "$bailee" certificate show DEV --intake
	[ "$(events --device DEV --op intake)" = 0 ] || fail "round $round: an event of an intake that is not complete"
	# Once there is a checkpoint: the same file with another byte in what was sealed last is another source.
	if [ -z "${other:-}" ] && [ "$(sealed_so_far DEV)" -gt 0 ]; then
		other=$(($(sealed_so_far DEV) - 1000))
		cp -p --sparse=always "$work/large.img" "$work/large.good"
		printf 'X' | dd of="$work/large.img" bs=1 seek=$other conv=notrunc status=none
		touch -r "$work/large.good" "$work/large.img"
		cmp -s "$work/large.img" "$work/large.good" && fail "nothing was changed"
		"$bailee" intake "$work/large.img" --device DEV --kind laptop >"$work/out" 2>&1 && fail "another source was taken"
		[ "$(wc -l <"$work/out")" = 1 ] && grep -q 'not the source' "$work/out" || fail "another source: $(cat "$work/out")"
		dd if="$work/large.good" of="$work/large.img" bs=1 skip=$other seek=$other count=1 conv=notrunc status=none
		touch -r "$work/large.good" "$work/large.img"
		rm "$work/large.good"
	fi
done
# One round may come too soon after a client that was killed, whose intake the daemon has yet to let go of.
[ "$killed" -ge 11 ] || fail "only $killed of $round rounds were killed"
[ -n "${other:-}" ] || fail "there was no checkpoint in any round"
done=$(sealed_so_far DEV)
code 0 "$bailee" intake "$work/large.img" --device DEV --kind laptop --json
tail -1 "$work/out" >"$work/result"
[ "$(jq -r .digest "$work/result")" = "$digest" ] || fail "digest: $(cat "$work/result")"
[ "$(jq .resumed_at "$work/result")" = "$done" ] || fail "resumed at $(jq .resumed_at "$work/result")"
[ "$(events --device DEV --op intake)" = 1 ] || fail "events: $(cat "$work/events")"
ls "$store/certificates" | grep -c 'DEV~intake.json' | grep -qx 1 || fail "receipts: $(ls "$store/certificates")"
code 0 "$bailee" certificate show DEV --intake
cp "$work/out" "$work/receipt.json"
code 0 "$bailee" certificate verify "$work/receipt.json" --key "$key"
code 2 "$bailee" intake "$work/large.img" --device DEV --kind laptop
view 61002 "$work/view"
as 61002 cmp "$work/files/a.txt" "$work/view/DEV/p1-ext4/a.txt" || fail "contents"
code 0 "$bailee" close "$work/view"

# once OP ID: there is one such event, whatever was killed
once() { [ "$(events --device "$2" --op "$1")" = 1 ] || fail "$1 of $2 ($moment): $(cat "$work/events")"; }
# The source's destruction, killed where it says it is.
for moment in intent overwrite verify unlink certificate; do
	id=SRC-$moment
	cp --sparse=never "$work/small.img" "$work/disk/$id.img"
	sync -f "$work/disk"
	"$bailee" intake "$work/disk/$id.img" --device $id --kind laptop --destroy-source --json >"$work/said" 2>&1 &
	client=$!
	python3 "$work/moment.py" $client "$(daemon_child)" says "$work/said" "\"$moment\"" || fail "$moment was not said: $(cat "$work/said")"
	wait $client 2>/dev/null || true
	after_kill
	"$bailee" shred --due >"$work/out" 2>&1 || true
	[ ! -e "$work/disk/$id.img" ] || fail "the source is still there ($moment): $(cat "$work/said")"
	once intake $id
	once source-done $id
	code 0 "$bailee" certificate show $id --source
	cp "$work/out" "$work/source.json"
	code 0 "$bailee" certificate verify "$work/source.json" --key "$key"
done

# A shred of a sealed device, killed at what it leaves behind step by step.
shred_killed() { # ID CONDITION...
	id=$1
	moment="$2 $3"
	shift
	"$bailee" shred $id --reason 'ticket 1' >"$work/said" 2>&1 &
	client=$!
	# A moment that is over before anybody looks is no failure; that all of them are is.
	if python3 "$work/moment.py" "$store/certificates/$id.html" "$(daemon_child)" "$@"; then
		killed=$((killed + 1))
		after_kill
	fi
	wait $client 2>/dev/null || true
	# Killed before its owner was answered, it may have to be asked for again; and this waits for what is due.
	[ "$(state $id)" = shredded ] || [ "$(state $id)" = due ] || "$bailee" shred $id --reason 'ticket 1' >/dev/null 2>&1 || true
	"$bailee" shred --due >"$work/out" 2>&1 || true
	[ "$(state $id)" = shredded ] || fail "$id is $(state $id) ($moment)"
	[ ! -e "$store/devices/$id/image" ] || fail "the image of $id is still there ($moment)"
	once shred-intent $id
	once shred-done $id
	code 0 "$bailee" certificate show $id
	[ "$(jq -r '.status + " " + .how.category' "$work/out")" = 'ERASED clear' ] || fail "$id ($moment): $(cat "$work/out")"
	cp "$work/out" "$work/certificate.json"
	code 0 "$bailee" certificate verify "$work/certificate.json" --key "$key"
}
folder() { echo "$store/devices/SRC-$1"; }
when() { python3 -c 'import os, sys; print(os.stat(sys.argv[1]).st_mtime_ns)' "$1"; }
killed=0
shred_killed SRC-intent there "$(folder intent)/shred"
shred_killed SRC-overwrite changed "$(folder overwrite)/image/header" "$(when "$(folder overwrite)/image/header")"
shred_killed SRC-verify changed "$(folder verify)/image/data" "$(when "$(folder verify)/image/data")"
shred_killed SRC-unlink gone "$(folder unlink)/image"
shred_killed SRC-certificate there "$store/certificates/SRC-certificate.json"
[ "$killed" -ge 2 ] || fail "only $killed shreds were killed"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --log "$store/log" --key "$key"
