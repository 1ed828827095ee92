# lib.sh - what end-to-end scripts share: a work folder, cleaning up by id, a daemon that is ready, checks that say what failed
#
# Sourced by every script: . "$BAILEE_ROOT/tests/e2e/lib.sh". Exit 77 means skip; the last line says why.
set -eu
: "${BAILEE_BUILD:?}" "${BAILEE_ROOT:?}"
bailee=$BAILEE_BUILD/bailee
PATH=$PATH:/usr/sbin:/sbin
work=$(mktemp -d /tmp/bailee-test.XXXXXX)
chmod 755 "$work"
daemon=
daemon_store=
cleanups=

# at_end COMMAND: run at the end, last first, whatever happens. One command without newlines.
at_end() {
	cleanups="$*
$cleanups"
}

finish() {
	code=$?
	trap '' INT TERM HUP
	set +e
	stop_daemon >/dev/null 2>&1
	printf '%s' "$cleanups" | while IFS= read -r line; do
		[ -z "$line" ] || eval "$line" >/dev/null 2>&1
	done
	rm -rf "$work"
	exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

skip() {
	echo "$*"
	exit 77
}
need_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }
need_fuse() { [ -e /dev/fuse ] || skip "needs /dev/fuse"; }
need() { for tool; do command -v "$tool" >/dev/null || skip "needs $tool"; done; }

fail() {
	echo "failed: $*"
	exit 1
}

# code EXPECTED COMMAND...: output in $work/out; anything but EXPECTED fails and shows it.
code() {
	want=$1
	shift
	got=0
	"$@" >"$work/out" 2>&1 || got=$?
	[ "$got" = "$want" ] || {
		echo "output of: $*"
		sed 's/^/  | /' "$work/out"
		fail "exit code $got, wanted $want: $*"
	}
}
says() { grep -qF -- "$1" "$work/out" || { sed 's/^/  | /' "$work/out"; fail "output lacks '$1'"; }; }
hides() { if grep -qF -- "$1" "$work/out"; then fail "output shows what it must not"; fi; }
as() {
	uid=$1
	shift
	setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
}

# Can this kernel seal a place? Landlock's version by landlock_create_ruleset(2), which has no tool.
need_sessions() {
	need /usr/bin/python3 unshare
	unshare -U true 2>/dev/null || skip "needs user namespaces"
	[ "$(/usr/bin/python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))')" -ge 2 ] ||
		skip "needs Landlock, version 2"
}

# hidden_proc "$0" "$@": go on in a mount namespace of our own whose /proc hides other people's processes, as sealed sessions want it
hidden_proc() {
	[ -z "${BAILEE_HIDDEN_PROC:-}" ] || return 0
	need_sessions
	rm -rf "$work"
	trap - EXIT INT TERM HUP
	export BAILEE_HIDDEN_PROC=1
	exec unshare -m --propagation private sh -c \
		'mount -t proc -o hidepid=invisible proc /proc || { echo "needs a /proc of its own"; exit 77; }; exec sh "$@"' hidden "$@"
}

# start_daemon STORE [POLICY]: returns when requests are answered. $serve_options go along.
serve_options=
serve_program=$bailee
start_daemon() {
	daemon_store=$1
	rm -f "$work/ready"
	mkfifo "$work/ready"
	if [ $# -gt 1 ]; then
		"$serve_program" serve --store "$1" --policy "$2" $serve_options >"$work/ready" 2>>"$work/daemon.err" &
	else
		"$serve_program" serve --store "$1" $serve_options >"$work/ready" 2>>"$work/daemon.err" &
	fi
	daemon=$!
	export BAILEE_STORE="$1"
	read -r line <"$work/ready" || {
		sed 's/^/  | /' "$work/daemon.err"
		daemon=
		fail "the daemon did not start"
	}
}
# other_clock: from here on daemons run on a host whose clocks the test moves; clock WALL BOOT [BOOT-ID [SYNCED]] moves them, in seconds
# from what they are (tests/tools/clock-host.c). What follows from it is done by the next pass: bailee shred --due.
other_clock() {
	serve_program=$BAILEE_BUILD/test/tools/bailee-clock
	export BAILEE_TEST_CLOCK="$work/clock"
	clock 0 0
}
clock() {
	echo "$1 $2 ${3:-host} ${4:-0}" >"$work/clock.new"
	mv "$work/clock.new" "$work/clock"
}
# stop_daemon: an orderly stop; its exit code is $stopped. The store is free when this returns.
stop_daemon() {
	[ -n "$daemon" ] || return 0
	kill "$daemon" 2>/dev/null || true
	stopped=0
	wait "$daemon" || stopped=$?
	daemon=
}
# The pid of the daemon itself: the monitor's child that is the same program (the others are bailee-session).
daemon_child() {
	for child in $(cat "/proc/$daemon/task/$daemon/children"); do
		if [ "$(readlink "/proc/$child/exe")" = "$(readlink "/proc/$daemon/exe")" ]; then echo "$child"; fi
	done
}
# Wait until nobody holds the store's lock (a daemon that was killed has let go of everything).
wait_store_free() { flock "$1/bailee.store" true; }

# view UID DIR [OPTIONS...]: an open view for that uid on a fresh DIR
view() {
	view_uid=$1
	view_dir=$2
	shift 2
	mkdir -p "$view_dir"
	chown "$view_uid:$view_uid" "$view_dir"
	as "$view_uid" "$bailee" open "$@" "$view_dir" >"$work/out" 2>&1 || {
		sed 's/^/  | /' "$work/out"
		fail "no view for uid $view_uid"
	}
}
# state ID: of a device
state() { "$bailee" status --json | jq -r --arg id "$1" '.devices[] | select(.id == $id) | .state'; }
# pass: the clocks are looked at, what is due is closed, what is ripe destroyed; returns when it is done
pass() { "$bailee" shred --due >"$work/out" 2>&1 || fail "a pass failed: $(cat "$work/out")"; }
public_key() { "$bailee" status --json | jq -r .public_key; }
# A loop ext4 (or another type) of SIZE mounted on DIR, gone at the end.
loop_fs() {
	truncate -s "$2" "$1.img"
	"mkfs.${3:-ext4}" -q "$1.img"
	mkdir -p "$1"
	mount -o loop "$1.img" "$1"
	at_end "umount -d '$1' || umount -l '$1'"
}
