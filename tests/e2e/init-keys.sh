# Locks of a store: a passphrase, a key file, a credential, several; a wrong one opens nothing and says what would. And where
# keys may not lie: init refuses with the reason and the way out, and keeps them elsewhere when told so.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq python3 mkfs.ext4
printf 'correct horse battery staple\n' >"$work/pass"
printf 'correct horse battery maple\n' >"$work/wrong"
printf 'short\n' >"$work/short"
chmod 600 "$work/pass" "$work/wrong" "$work/short"
head -c 32 /dev/zero >"$work/empty.key"
chmod 600 "$work/empty.key"
store=$work/locked
loop_fs "$work/disk" 64M
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
chmod 644 "$work/shop.yaml"

# Nothing is half made when a secret is none.
code 2 "$bailee" init --store "$store" --kit "$work/kit" --passphrase-file "$work/short"
code 2 "$bailee" init --store "$store" --kit "$work/kit" --passphrase-file "$work/none"
chmod 644 "$work/wrong"
code 2 "$bailee" init --store "$store" --kit "$work/kit" --passphrase-file "$work/wrong"
says 'chmod 600'
chmod 600 "$work/wrong"
[ ! -e "$work/kit" ] && [ ! -e "$store/keys" ] || fail "a refused init left something"

code 0 "$bailee" init --store "$store" --kit "$work/kit" --passphrase-file "$work/pass" --key-file "$work/store.key"
says passphrase
says 'key file'
[ "$(stat -c %a "$work/store.key")" = 600 ] && [ "$(stat -c %s "$work/store.key")" = 32 ] || fail "key file"

refused() {
	code 3 timeout 60 "$bailee" serve --store "$store" "$@" </dev/null
	says passphrase
	says --key-file
}
refused
refused --passphrase-file "$work/wrong"
refused --key-file "$work/empty.key"
open_with() {
	serve_options=$1
	start_daemon "$store" "$work/shop.yaml"
	code 0 "$bailee" status
	stop_daemon
	serve_options=
}
open_with "--passphrase-file $work/pass"
open_with "--key-file $work/store.key"
# One of two that are given is enough; a mount asks for the same.
open_with "--key-file $work/empty.key --key-file $work/store.key"
mkdir "$work/view" "$work/files"
echo hello >"$work/files/a.txt"
code 0 "$bailee" init --store "$work/solo" --kit "$work/kit-1" --passphrase-file "$work/pass"
code 3 "$bailee" mount -f --store "$work/solo" "$work/files=DEV" "$work/view" </dev/null
printf 'correct horse battery staple' | "$bailee" mount --store "$work/solo" --passphrase-file - "$work/files=DEV" "$work/view" ||
	fail "the passphrase from a pipe"
at_end "'$bailee' umount '$work/view'"
[ "$(cat "$work/view/DEV/a.txt")" = hello ] || fail "the mount of a locked store"
code 0 "$bailee" umount "$work/view"
flock "$work/solo/bailee.store" true

# At the terminal: asked for without an echo; never in the output.
cat >"$work/terminal.py" <<'PYTHON'
import os, pty, select, sys, termios, time
bailee, store, passphrase, end = sys.argv[1:5]
good = end == "good"
pid, fd = pty.fork()
if pid == 0:
    os.execv(bailee, [bailee, "serve", "--store", store, "--policy", os.path.dirname(store) + "/shop.yaml"])
seen = b""
def read_until(wanted):
    global seen
    while wanted not in seen:
        if not select.select([fd], [], [], 60)[0]:
            sys.exit("nothing came: " + repr(seen))
        try:
            part = os.read(fd, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
read_until(b"Passphrase")
# The echo is off before the prompt is there; what was typed before it would be thrown away.
read_until(b": ")
time.sleep(0)
assert not termios.tcgetattr(fd)[3] & termios.ECHO, "the echo is on"
os.write(fd, passphrase.encode() + (b"\x03" if end == "given-up" else b"\n"))
read_until({"good": b"ready", "wrong": b"locked", "given-up": b"nothing was given"}[end])
assert termios.tcgetattr(fd)[3] & termios.ECHO, "the echo stayed off"
assert passphrase.encode() not in seen, "the passphrase was shown"
if good:
    assert b"ready" in seen, seen
    os.kill(pid, 15)
status = os.waitpid(pid, 0)[1]
assert os.waitstatus_to_exitcode(status) == {"good": 0, "wrong": 3, "given-up": 1}[end], (status, seen)
PYTHON
python3 "$work/terminal.py" "$bailee" "$store" 'correct horse battery staple' good || fail "at the terminal"
python3 "$work/terminal.py" "$bailee" "$store" 'correct horse battery maple' wrong || fail "a wrong one at the terminal"
python3 "$work/terminal.py" "$bailee" "$store" 'correct horse' given-up || fail "ctrl-C at the terminal"

# systemd's way: the credential's name is in the lock, and the service finds it by itself.
mkdir -m 700 "$work/credentials"
head -c 48 /dev/urandom >"$work/credentials/store-key"
chmod 600 "$work/credentials/store-key"
code 2 "$bailee" init --store "$work/cred" --kit "$work/kit-c" --credential store-key
says LoadCredential
code 0 env CREDENTIALS_DIRECTORY="$work/credentials" "$bailee" init --store "$work/cred" --kit "$work/kit-c" --credential store-key
code 3 timeout 60 "$bailee" serve --store "$work/cred" </dev/null
says store-key
export CREDENTIALS_DIRECTORY="$work/credentials"
start_daemon "$work/cred" "$work/shop.yaml"
stop_daemon
unset CREDENTIALS_DIRECTORY

# Not in the clear: neither seed nor master of the locked store are in its file; an open one says what it is.
code 0 "$bailee" doctor --store "$store" --json || true
"$bailee" doctor --store "$store" --json >"$work/doctor.json" || true
jq -e '.findings[] | select(.check == "locks" and .grade == "good")' "$work/doctor.json" >/dev/null || fail "doctor of a locked store"
code 0 "$bailee" init --store "$work/open" --kit "$work/kit-o"
says 'lock   none'

# A changed byte anywhere in both headers, and what a newer Bailee wrote, is refused in one line.
cp -a "$store" "$work/changed"
for at in 40 100 200 300 4064; do
	python3 - "$work/changed/keys" "$at" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as file:
    for page in (0, 4096):
        file.seek(page + int(sys.argv[2])); byte = file.read(1)[0]
        file.seek(page + int(sys.argv[2])); file.write(bytes([byte ^ 1]))
PYTHON
	code 12 timeout 60 "$bailee" serve --store "$work/changed" --passphrase-file "$work/pass" </dev/null
	[ "$(wc -l <"$work/out")" = 1 ] || fail "more than one line"
	cp "$store/keys" "$work/changed/keys"
done
python3 - "$work/changed/keys" <<'PYTHON'
import hashlib, sys
with open(sys.argv[1], "r+b") as file:
    for page in (0, 4096):
        file.seek(page); bytes_ = bytearray(file.read(4064)); bytes_[8] = 3
        file.seek(page); file.write(bytes_ + hashlib.blake2b(bytes_, digest_size=32).digest())
PYTHON
code 2 timeout 60 "$bailee" serve --store "$work/changed" --passphrase-file "$work/pass" </dev/null
says newer

# One header copy that is damaged is healed from the other.
cp "$store/keys" "$work/changed/keys"
dd if=/dev/urandom of="$work/changed/keys" bs=4096 count=1 conv=notrunc status=none
"$bailee" doctor --store "$work/changed" --json >"$work/doctor.json" && fail "doctor does not see a damaged copy"
jq -e '.findings[] | select(.check == "key slots" and .grade == "bad")' "$work/doctor.json" >/dev/null || fail "doctor and the damaged copy"
serve_options="--passphrase-file $work/pass"
start_daemon "$work/changed" "$work/shop.yaml"
stop_daemon
serve_options=
cmp "$store/keys" "$work/changed/keys" || fail "the damaged copy was not written again"

# Where keys may not lie.
refuse_on() {
	code 2 "$bailee" init --store "$1/store" --kit "$work/kit-x"
	says "$2"
	says '--keys DIR'
	[ ! -e "$1/store/keys" ] && [ ! -e "$work/kit-x" ] || fail "a refused init on $2 left something"
}
mkdir "$work/journal"
truncate -s 32M "$work/journal.img"
mkfs.ext4 -q "$work/journal.img"
mount -o loop,data=journal "$work/journal.img" "$work/journal"
at_end "umount -d '$work/journal'"
refuse_on "$work/journal" data=journal
mkdir "$work/upper" "$work/workdir" "$work/lower" "$work/overlay"
mkdir "$work/disk/upper" "$work/disk/workdir"
if mount -t overlay -o "lowerdir=$work/lower,upperdir=$work/disk/upper,workdir=$work/disk/workdir" none "$work/overlay" 2>/dev/null; then
	at_end "umount '$work/overlay'"
	refuse_on "$work/overlay" overlay
else
	echo "overlay: not tried, this kernel has none"
fi
if command -v mkfs.btrfs >/dev/null && grep -qw btrfs /proc/filesystems || modprobe btrfs 2>/dev/null; then
	loop_fs "$work/btrfs" 128M btrfs
	refuse_on "$work/btrfs" btrfs
	# The way out, taken: the keys on ext4, the store where it was to be.
	code 0 "$bailee" init --store "$work/btrfs/store" --kit "$work/kit-b" --keys "$work/disk/keys"
	[ -e "$work/disk/keys/keys" ] && [ ! -e "$work/btrfs/store/keys" ] || fail "where the keys lie"
	start_daemon "$work/btrfs/store" "$work/shop.yaml"
	stop_daemon
else
	echo "btrfs: not tried, this kernel has none"
fi
code 0 "$bailee" init --store "$work/far" --kit "$work/kit-f" --keys "$work/disk/far-keys"
start_daemon "$work/far" "$work/shop.yaml"
stop_daemon
# Two stores never share a key file; a store whose keys are away says where they were.
code 2 "$bailee" init --store "$work/second" --kit "$work/kit-s" --keys "$work/disk/far-keys"
mv "$work/disk/far-keys" "$work/disk/gone"
code 2 timeout 60 "$bailee" serve --store "$work/far" </dev/null
says far-keys
