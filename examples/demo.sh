#!/bin/sh
# The main job, shown: one sample device seen by three people under one policy, logged, proven, destroyed when due.
#
#   demo.sh BUILD     (make demo)
#
# As root everything; as an ordinary user the solo part. Every line shown is output of bailee or of a standard tool; the
# demo fails when an exit code or a digest is not what it should be. Leaves nothing behind, also when interrupted.
set -eu

build=${1:?use: demo.sh BUILD}
# Sealed sessions want a /proc that hides: one of our own, in a mount namespace of our own.
if [ "$(id -u)" = 0 ] && [ -z "${BAILEE_DEMO_HIDDEN:-}" ] &&
	unshare -m --propagation private mount -t proc -o hidepid=invisible proc /proc 2>/dev/null; then
	export BAILEE_DEMO_HIDDEN=1
	exec unshare -m --propagation private sh -c 'mount -t proc -o hidepid=invisible proc /proc && exec sh "$@"' demo "$0" "$@"
fi
examples=$(cd "$(dirname "$0")" && pwd)
bailee=$build/bailee
PATH=$PATH:/usr/sbin:/sbin
export BAILEE_STORE=
work=$(mktemp -d /tmp/bailee-demo.XXXXXX)
daemon=
mounted=
solo=

clean() {
	trap '' INT TERM
	[ -z "$solo" ] || "$bailee" umount "$solo" 2>/dev/null || true
	if [ -n "$daemon" ]; then
		kill "$daemon" 2>/dev/null || true
		wait "$daemon" 2>/dev/null || true
	fi
	[ -z "$mounted" ] || umount -d "$mounted" 2>/dev/null || true
	rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$(printf '\033[1m')
	plain=$(printf '\033[0m')
else
	bold=
	plain=
fi
title() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
# expect CODE COMMAND...: show the command and what it says; stop when it ends with another code.
expect() {
	code=$1
	shift
	printf '%s$ %s%s\n' "$bold" "$*" "$plain" | sed "s|$build/||g; s|$work|DEMO|g; s|setpriv --reuid=\([0-9]*\) --regid=[0-9]* --clear-groups|as uid \1:|"
	got=0
	"$@" >"$work/out" 2>&1 || got=$?
	sed "s|$work|DEMO|g; s/^/    /" "$work/out"
	[ "$got" = "$code" ] || {
		echo "demo: that ended with exit code $got, not $code" >&2
		exit 1
	}
}
# The last command's output has (or lacks) this text.
says() { grep -qF -- "$1" "$work/out" || { echo "demo: '$1' is missing above" >&2; exit 1; }; }
hides() { if grep -qF -- "$1" "$work/out"; then echo "demo: '$1' should not be seen above" >&2; exit 1; fi; }
as() {
	uid=$1
	shift
	setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
}
as_expect() {
	uid=$2
	code=$1
	shift 2
	expect "$code" setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
}

# A folder named after the customer is masked as well: go where the view's own names lead.
documents() { as "$1" find "$work/view-$1/RMA-1001/p2-ext4/Users" -name Documents; }

# What whoever sits at a terminal of 80 x 24 has on it in a session: a key, some time to look, q. python3 comes with Debian's standard tools.
someone_looks() {
	python3 - "$@" <<'PYTHON'
import os, pty, select, signal, sys
signal.alarm(60)
uid, path, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.fchown(0, uid, -1)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.environ["TERM"] = "xterm"
    os.execv(command[0], command)
import fcntl, struct, termios
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
seen, keys = b"", [(b"q: leave", b" "), (b"toner", b"q")]
with open(path, "wb") as screen:
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        screen.write(data)
        seen += data
        if keys and keys[0][0] in seen:
            os.write(terminal, keys.pop(0)[1])
            seen = b""
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
}

# Rows of text only, in the order in which they were drawn.
as_text() { sed 's/\x1b\[[0-9;?]*[HKmhlrJABCDMX]/\n/g; s/\x1b[()][A0B]//g; s/\x1b[=>]//g; s/[\x0e\x0f\x1b\r]//g' "$1" | grep -v '^ *$'; }

show_session() {
	title "The same technician looks at a file in a sealed session: contents, masked, on a screen and nowhere else"
	for tool in unshare python3 less; do
		command -v $tool >/dev/null || { echo "    skipped: there is no $tool here"; return 0; }
	done
	docs=$(documents 61001)
	if [ -z "${BAILEE_DEMO_HIDDEN:-}" ]; then
		echo "    skipped: no mount namespace of its own can be made here"
		return 0
	fi
	echo "    as uid 61001: bailee view --purpose repair RMA-1001 -- less .../notes.txt"
	someone_looks 61001 "$work/screen" "$bailee" view --purpose repair --store "$store" RMA-1001 -- less "${docs#"$work/view-61001/RMA-1001/"}/notes.txt"
	as_text "$work/screen" >"$work/out"
	sed 's/^/    | /' "$work/out"
	says 'Sealed session'
	says 'the printer is still out of toner'
	says 'uid:61001  RMA-1001  session'
	hides 4111
	hides harbour-inn
	title "It is the screen that is shown: a file, a pipe or another program gets nothing"
	as_expect 2 61001 "$bailee" view --purpose repair --store "$store" RMA-1001
	says 'needs a terminal'
	as_expect 1 61001 cat "$docs/notes.txt"
	expect 0 "$bailee" log query --store "$store" --device RMA-1001 --op session-ended
	says session-ended
}

show_solo() {
	title "An image, masked, in one command (solo: masking and logging work, nothing is enforced against you)"
	mkdir -p "$work/view"
	expect 0 "$bailee" mount --store "$work/solo" "$work/devices/laptop.img=RMA-1001" "$work/view"
	solo=$work/view
	expect 0 ls "$work/view/RMA-1001"
	says p3-ntfs
	docs=$work/view/RMA-1001/p2-ext4/Users/Shared/Documents
	expect 0 cat "$docs/notes.txt"
	hides 4111
	hides harbour-inn
	says 'the printer is still out of toner'
	expect 0 cat "$work/view/RMA-1001/p3-ntfs/invoice.txt"
	hides 'GB82 WEST'
	expect 1 cat "$docs/messages.db"
	expect 0 "$bailee" why "$docs/messages.db"
	expect 0 "$bailee" status --store "$work/solo"
	key=$("$bailee" status --store "$work/solo" --json | jq -r .public_key)
	expect 0 "$bailee" umount "$work/view"
	solo=
	wait_for_store "$work/solo"
	prove_log "$work/solo/log" "$key"
}

# The daemon of a store has ended when its lock is free.
wait_for_store() { flock "$1/bailee.store" true; }

prove_log() {
	title "The log proves itself, and a tampered copy is found out"
	expect 13 "$bailee" log verify --log "$1" --key "$2"
	says 'good'
	rm -rf "$work/tampered"
	cp -r "$1" "$work/tampered"
	segment=$(ls "$work/tampered"/seg.* | head -1)
	# One bit of the device's name in some event. (Of a mac it would take the auditor's kit to see it.)
	at=$(grep -abo RMA-1001 "$segment" | sed -n 2p | cut -d: -f1)
	byte=$(od -An -tu1 -j "$at" -N 1 "$segment" | tr -d ' ')
	printf "\\$(printf %03o $((byte ^ 1)))" | dd of="$segment" bs=1 seek="$at" conv=notrunc status=none
	expect 12 "$bailee" log verify --log "$work/tampered" --key "$2"
	says BROKEN
}

start_daemon() {
	mkfifo "$work/ready"
	"$bailee" serve --store "$work/disk/store" --policy "$work/shop.yaml" >"$work/ready" &
	daemon=$!
	read -r line <"$work/ready" || { echo "demo: the daemon did not start" >&2; exit 1; }
	printf '    %s\n' "$line" | sed "s|$work|DEMO|g"
}

show_enforced() {
	store=$work/disk/store
	title "A store and its images on a file system of their own; the daemon starts under the shop's policy"
	truncate -s 400M "$work/disk.img"
	mkfs.ext4 -q "$work/disk.img"
	mkdir "$work/disk"
	mount -o loop "$work/disk.img" "$work/disk"
	mounted=$work/disk
	cp "$work/devices/stick.img" "$work/disk/"
	cp --sparse=never "$work/devices/stick.img" "$work/disk/taken.img"
	chmod 755 "$work"
	expect 0 "$bailee" policy check "$work/shop.yaml"
	expect 0 "$bailee" policy test "$work/shop.yaml"
	start_daemon

	title "Two returned devices become known, where their images lie"
	expect 0 "$bailee" enroll "$work/devices/laptop.img" --device RMA-1001 --kind laptop --record "$work/devices/record-laptop.yaml" --store "$store"
	expect 0 "$bailee" enroll "$work/disk/stick.img" --device RMA-0900 --kind usb-stick --record "$work/devices/record-stick.yaml" --destroy-when-due --store "$store"
	title "A third is taken in: sealed while it is read, the copy proved, its source destroyed"
	expect 0 "$bailee" intake "$work/disk/taken.img" --device RMA-0950 --kind usb-stick --record "$work/devices/record-stick.yaml" --destroy-source --store "$store"
	says 'AES-256-GCM'
	expect 2 ls "$work/disk/taken.img"
	expect 0 "$bailee" status --store "$store"
	title "Where each is, when it goes, and why then"
	expect 0 "$bailee" device list --store "$store"
	says RMA-0900
	expect 0 "$bailee" retention plan --store "$store"
	says 'days from intake'
	for uid in 61001 61002 61003; do
		mkdir "$work/view-$uid"
		chown "$uid:$uid" "$work/view-$uid"
	done

	title "The technician (uid 61001) may list and read, and has no right to copy: an open mount shows names and sizes"
	as_expect 0 61001 "$bailee" open --purpose repair --store "$store" "$work/view-61001"
	docs=$(documents 61001)
	as_expect 0 61001 ls -l "$docs"
	hides Quill
	as_expect 1 61001 cat "$docs/notes.txt"
	as_expect 0 61001 "$bailee" why "$docs/notes.txt"
	says 'copy'

	show_session

	title "The supervisor (uid 61002) copies the masked view; other users and root do not even get in"
	as_expect 0 61002 "$bailee" open --purpose repair --store "$store" "$work/view-61002"
	docs=$(documents 61002)
	as_expect 0 61002 cat "$docs/notes.txt"
	hides 4111
	says 'the printer is still out of toner'
	# Read again seven bytes at a time, by another program: the same bytes.
	as 61002 cat "$docs/notes.txt" >"$work/whole"
	as 61002 dd if="$docs/notes.txt" bs=7 status=none >"$work/pieces"
	expect 0 cmp "$work/whole" "$work/pieces"
	expect 2 ls "$work/view-61002"
	says 'Permission denied'
	as_expect 2 61001 ls "$work/view-61002"

	title "The privacy officer (uid 61003) sees cards by their last four; a masked file name; and asks to unmask"
	as_expect 0 61003 "$bailee" open --purpose complaint --reason 'ticket 4711' --store "$store" "$work/view-61003"
	docs=$(documents 61003)
	as_expect 0 61003 cat "$docs/notes.txt"
	says '1111'
	hides '4111 1111'
	as_expect 0 61003 ls "$docs"
	hides Quill
	expect 4 "$bailee" policy explain "$work/shop.yaml" --as uid:61003 --device laptop --kind text --class email unmask /Users/Shared/Documents/notes.txt

	title "The log: who asked for what, and what became of it"
	expect 0 "$bailee" log query --store "$store" --device RMA-1001 --verdict denied --last 5
	says denied
	expect 0 "$bailee" log query --store "$store" --device RMA-1001 --op read --last 5

	title "Its owner wants it destroyed: a hold stops that, and when the hold is gone it is done by itself"
	expect 0 "$bailee" hold add RMA-0900 --reason 'letter from a lawyer' --store "$store"
	expect 0 "$bailee" customer-request erase RMA-0900 --verified --ticket 4711 --store "$store"
	says 'a hold stops the destruction'
	expect 0 "$bailee" shred --due --store "$store"
	says 'destroyed: 0'
	[ -e "$work/disk/stick.img" ] || { echo "demo: a held device was destroyed" >&2; exit 1; }
	expect 0 "$bailee" hold release RMA-0900 --reason 'case closed' --store "$store"
	# The keeper began the moment the hold was gone; asking for what is due waits until it is done.
	"$bailee" shred --due --store "$store" >/dev/null
	expect 0 "$bailee" log query --store "$store" --device RMA-0900 --last 3
	says shred-done
	expect 0 "$bailee" customer-request list RMA-0900 --store "$store"
	says 'done'
	expect 0 "$bailee" status --store "$store"
	says shredded
	"$bailee" certificate show RMA-0900 --store "$store" >"$work/certificate.json"
	key=$("$bailee" status --store "$store" --json | jq -r .public_key)
	expect 0 "$bailee" certificate verify "$work/certificate.json" --key "$key"
	says clear
	expect 2 ls "$work/disk/stick.img"

	title "The sealed one goes early: its key is destroyed and read back from the disk, whatever the size of the image"
	expect 0 "$bailee" shred RMA-0950 --reason 'its owner is at the counter' --store "$store"
	"$bailee" shred --due --store "$store" >/dev/null
	"$bailee" certificate show RMA-0950 --store "$store" >"$work/certificate-2.json"
	expect 0 "$bailee" certificate verify "$work/certificate-2.json" --key "$key"
	says 'cryptographic erase'
	# What the stick held is nowhere on the disk it lay on.
	sync -f "$work/disk"
	if grep -qa 'harbour-inn' "$work/disk.img"; then
		echo "demo: contents of the destroyed stick are still on the disk" >&2
		exit 1
	fi

	title "The stick was wiped and goes back to stock: read whole, signed, and what happened to it from the counter on"
	truncate -s 32M "$work/wiped.img"
	expect 0 "$bailee" inspect "$work/wiped.img" --device RMA-0900 --store "$store"
	says EMPTY
	expect 0 "$bailee" device restock RMA-0900 --store "$store"
	expect 0 "$bailee" device show RMA-0900 --store "$store"
	says restocked

	title "The daemon stops; nothing stays mounted"
	kill "$daemon"
	wait "$daemon" || { echo "demo: the daemon ended with $?" >&2; exit 1; }
	daemon=
	expect 1 grep -c "$work/view" /proc/self/mounts
	prove_log "$store/log" "$key"
}

title "Sample devices (examples/make-devices.sh)"
sh "$examples/make-devices.sh" "$work/devices"
cp "$examples/policies/shop.yaml" "$work/shop.yaml"
chmod 644 "$work/shop.yaml"
expect 0 ls -sh "$work/devices"
if [ "$(id -u)" = 0 ]; then
	show_enforced
	show_solo
	printf '\ndemo: all of it was as it should be\n'
else
	show_solo
	printf '\ndemo: the solo part was as it should be; 2 parts skipped, for they need root: enforcement, destruction\n'
fi
