#!/bin/sh
# Run every test that was built and every end-to-end script; count; say what was skipped and why.
#
#   run.sh BUILD      ONLY=pattern runs what matches
set -u

build=${1:?use: run.sh BUILD}
root=$(cd "$(dirname "$0")/.." && pwd)
export BAILEE_BUILD="$build" BAILEE_ROOT="$root"
PATH=$PATH:/usr/sbin:/sbin
passed=0 failed=0 skipped=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT
trap 'exit 130' INT TERM

# Tests see no terminal, no store and no policy of whoever runs them.
unset BAILEE_STORE XDG_STATE_HOME

# one NAME COMMAND...: 0 passes, 77 skips (its last line says why), anything else fails and is shown.
one() {
	name=$1
	shift
	case $name in *${ONLY:-}*) ;; *) return ;; esac
	start=$(date +%s)
	# No timing is asserted; the limit only keeps one hanging test from taking all the others along.
	timeout -k 10 "${TEST_SECONDS:-600}" "$@" >"$output" 2>&1 </dev/null
	code=$?
	took=$(($(date +%s) - start))
	# A cmocka program skips test by test: count those, by what it prints.
	here=$(grep -c '^\[  SKIPPED \] [^0-9]' "$output" || true)
	case $code in
	0)
		passed=$((passed + 1))
		skipped=$((skipped + here))
		if [ "$here" -gt 0 ]; then
			echo "ok    $name (${took}s; $here inside skipped)"
		else
			echo "ok    $name (${took}s)"
		fi
		;;
	77)
		skipped=$((skipped + 1))
		echo "skip  $name: $(tail -n 1 "$output")"
		;;
	*)
		failed=$((failed + 1))
		echo "FAIL  $name (exit $code, ${took}s)"
		sed 's/^/      | /' "$output" | tail -n 60
		;;
	esac
}

cd "$root" || exit 1
for source in $(find tests/unit tests/fault -name '*.c' | sort); do
	name=${source#tests/}
	one "${name%.c}" "$build/test/${name%.c}"
done
for target in tests/fuzz/*.c; do
	name=$(basename "$target" .c)
	[ "$name" = replay ] && continue
	one "fuzz-corpus/$name" "$build/test/replay/$name" $(find "tests/fuzz/corpus/$name" -type f | sort)
done
for script in tests/e2e/*.sh; do
	[ "$(basename "$script")" = lib.sh ] && continue
	one "e2e/$(basename "$script" .sh)" sh "$script"
done
one demo sh examples/demo.sh "$build"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
