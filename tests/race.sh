#!/bin/sh
# The unit tests with threads, a mount that is read while it goes, and the service under policies, holds and views that come and go beneath
# its readers, under gcc's race detector (locks in two orders too). Only its reports count: some tests of limits cannot pass under it
# (it maps terabytes, and makes of vfork a fork).
#
#   race.sh BUILD      ONLY=pattern runs what matches
set -u

build=${1:?use: race.sh BUILD}
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d)
mount=$work/mnt
plain=
at_end() {
	umount -l "$mount" 2>/dev/null
	[ -z "$plain" ] || kill "$plain" 2>/dev/null
	rm -rf "$work"
}
trap at_end EXIT
trap 'exit 130' INT TERM
export TSAN_OPTIONS="log_path=$work/report second_deadlock_stack=1 suppressions=$PWD/tests/tsan-suppressions"
ran=0

for test in $(find tests/unit/fs -name '*.c' | sort | sed 's|^tests/||; s|\.c$||'); do
	case $test in *"${ONLY:-}"*) ;; *) continue ;; esac
	timeout -k 5 "${TEST_SECONDS:-200}" "$build/test/$test" >"$work/out" 2>&1 </dev/null
	echo "ran   $test (exit $?)"
	ran=$((ran + 1))
done

# Six readers of a mount; the second time it is unmounted under them, the third time its server is told to go.
load() {
	mkdir -p "$work/tree/dir" "$mount"
	for i in $(seq 200); do seq "$i" 2000 >"$work/tree/dir/$i"; done
	for round in stay unmount end; do
		"$build/test/bailee-plain" -f "$work/tree" "$mount" >"$work/out" 2>&1 &
		plain=$!
		until mountpoint -q "$mount"; do kill -0 "$plain" 2>/dev/null || return 1; done
		readers=
		for i in 1 2 3 4 5 6; do
			timeout 60 sh -c "find '$mount' -type f | xargs cat; ls -lR '$mount'" >"$work/read.$i" 2>&1 &
			readers="$readers $!"
		done
		until [ -s "$work/read.1" ]; do kill -0 "${readers##* }" 2>/dev/null || break; done
		[ $round != unmount ] || umount -l "$mount"
		[ $round != end ] || kill "$plain"
		for reader in $readers; do wait "$reader"; done
		[ $round != stay ] || [ "$(wc -c <"$work/read.1")" -gt 1000000 ] || return 1
		kill "$plain" 2>/dev/null
		wait "$plain"
		plain=
		umount -l "$mount" 2>/dev/null
	done
	ran=$((ran + 1))
	echo "ran   a mount that is read while it goes"
}
case mount in *"${ONLY:-}"*)
	if [ "$(id -u)" = 0 ] && [ -w /dev/fuse ]; then
		load || { echo "FAIL  the mount"; exit 1; }
	else
		echo "skip  a mount that is read while it goes: needs root and /dev/fuse"
	fi
	;;
esac

# A thousand policies, and everything that takes something away (tests/e2e): the detector looks on in the service.
case served in *"${ONLY:-}"*)
	for script in reload-load revoked views limits-used; do
		BAILEE_BUILD="$build" BAILEE_ROOT="$PWD" timeout -k 5 "${TEST_SECONDS:-300}" sh "tests/e2e/$script.sh" >"$work/out" 2>&1 </dev/null
		code=$?
		[ "$code" != 77 ] || { echo "skip  served: $script: $(tail -n 1 "$work/out")"; continue; }
		[ "$code" = 0 ] || sed 's/^/      | /' "$work/out"
		echo "ran   served: $script (exit $code)"
		ran=$((ran + 1))
	done
	;;
esac

reports=$(find "$work" -name 'report.*' | wc -l)
[ "$reports" = 0 ] || cat "$work"/report.*
echo "$ran ran, $reports with reports"
[ "$reports" = 0 ] && [ "$ran" -gt 0 ]
