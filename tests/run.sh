#!/bin/sh
# Run every test that was built and every end-to-end script, as many at once as there are cores; count; say what was skipped and why.
#
#   run.sh BUILD      ONLY=pattern runs what matches; JOBS=1 runs them one by one
set -u

build=${1:?use: run.sh BUILD}
root=$(cd "$(dirname "$0")/.." && pwd)
export BAILEE_BUILD="$build" BAILEE_ROOT="$root"
PATH=$PATH:/usr/sbin:/sbin

# one NAME COMMAND...: 0 passes, 77 skips (its last line says why), anything else fails and is shown. A line of $results each.
one() {
	name=$1
	shift
	output=$(mktemp)
	start=$(date +%s)
	# No timing is asserted; the limit only keeps one hanging test from taking all the others along.
	timeout -k 10 "${TEST_SECONDS:-600}" "$@" >"$output" 2>&1 </dev/null
	code=$?
	took=$(($(date +%s) - start))
	# A cmocka program skips test by test: count those, by what it prints.
	here=$(grep -c '^\[  SKIPPED \] [^0-9]' "$output" || true)
	case $code in
	0)
		said="ok    $name (${took}s)"
		[ "$here" = 0 ] || said="ok    $name (${took}s; $here inside skipped)"
		echo "passed $here" >>"$results"
		;;
	77)
		said="skip  $name: $(tail -n 1 "$output")"
		echo "skipped 1" >>"$results"
		;;
	*)
		said="FAIL  $name (exit $code, ${took}s)
$(sed 's/^/      | /' "$output" | tail -n 60)"
		echo "failed 0" >>"$results"
		;;
	esac
	rm -f "$output"
	echo "$said"
}
if [ "${2:-}" = --one ]; then
	shift 2
	one "$@"
	exit 0
fi

results=$(mktemp)
export results
trap 'rm -f "$results"' EXIT
trap 'exit 130' INT TERM
# Tests see no terminal, no store and no policy of whoever runs them.
unset BAILEE_STORE XDG_STATE_HOME
cd "$root" || exit 1

# Lines of NAME COMMAND...; no word of them has a space in it.
list() {
	# The longest first, so that no core waits for it in the end.
	for name in log-tamper policy-kinds log-kills; do
		echo "e2e/$name sh tests/e2e/$name.sh"
	done
	for source in $(find tests/unit tests/fault -name '*.c' | sort); do
		name=${source#tests/}
		echo "${name%.c} $build/test/${name%.c}"
	done
	for target in tests/fuzz/*.c; do
		name=$(basename "$target" .c)
		[ "$name" = replay ] && continue
		echo "fuzz-corpus/$name $build/test/replay/$name $(find "tests/fuzz/corpus/$name" -type f | sort | tr '\n' ' ')"
	done
	for script in tests/e2e/*.sh; do
		name=$(basename "$script" .sh)
		case $name in lib | log-tamper | policy-kinds | log-kills) continue ;; esac
		echo "e2e/$name sh $script"
	done
	echo "demo sh examples/demo.sh $build"
}
list | awk -v only="${ONLY:-}" 'only == "" || index($1, only)' |
	xargs -P "${JOBS:-$(nproc)}" -I '{}' sh -c 'exec sh tests/run.sh "$1" --one $2' run "$build" '{}'
count() { awk -v what="$1" '$1 == what { lines++; inside += $2 } END { print lines + 0, inside + 0 }' "$results"; }
passed=$(count passed)
failed=$(count failed)
skipped=$(count skipped)
echo "${passed% *} passed, ${failed% *} failed, $((${skipped% *} + ${passed#* })) skipped"
[ "${failed% *}" = 0 ] && [ "${passed% *}" -gt 0 ]
