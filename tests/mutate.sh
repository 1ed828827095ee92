#!/bin/sh
# Break policy/rules and policy/yaml on purpose, one small change at a time, and see whether a test notices.
#
#   mutate.sh         MUTANTS=200 (or all), SEED=1, JOBS=2, ONLY=part-of-a-path, CHANGES=regex, TESTS=regex
#
# What it does and how to read it: tests/mutate.py. Works on a copy in a temporary folder.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
command -v python3 >/dev/null || {
	echo "mutate: python3 is not installed" >&2
	exit 1
}
work=$(mktemp -d /tmp/mutate-XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$root"
# As they stand, changed or not; with what is new and not ignored.
git ls-files -co --exclude-standard -z | xargs -0 cp --parents -t "$work"
cd "$work"
# A test that is broken on purpose may not clean up: what it makes goes with the copy.
sed -i "s|\"/tmp/bailee-|\"$work/|" $(find tests/unit -name '*.c')
# No warnings: a change may leave a variable unused. No debug data: two objects are the same when they do the same.
# Of fs/ nothing is built; tests that need it are not among these.
make -s -j "${JOBS:-2}" B="$work/build" WARNINGS=-w OPT='-O1 -g0' HARDEN= LDHARDEN= LIBFS_C= \
	$(find tests/unit/policy/rules tests/unit/policy/yaml -name '*.c' | sed "s|^tests/\(.*\)\.c\$|$work/build/test/\1|")
python3 tests/mutate.py "$work/build"
