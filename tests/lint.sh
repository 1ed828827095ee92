#!/bin/sh
# What a compiler does not see: layering, formatting, cppcheck, shell syntax, habits that are rules here.
set -u

cd "$(dirname "$0")/.." || exit 1
failed=0
say() {
	echo "lint: $*"
	failed=1
}

# Headers point down this list only (docs/design.md, "Layout"). A part may include itself and what has a greater number.
rank() {
	case $1 in
	fs/cli/*) echo 0 ;;
	fs/daemon/*) echo 1 ;;
	fs/serve/* | fs/session/* | fs/retention/* | fs/intake/* | fs/inspect/*) echo 2 ;;
	fs/gate/*) echo 3 ;;
	fs/image/* | fs/render/*) echo 4 ;;
	fs/device/*) echo 5 ;;
	fs/audit/*) echo 6 ;;
	fs/vault/*) echo 7 ;;
	fs/page/*) echo 8 ;;
	policy/*) echo 9 ;;
	*) echo '' ;;
	esac
}
part() { case $1 in policy/*) echo policy ;; *) dirname "$1" | cut -d/ -f1-2 ;; esac }
for file in $(git ls-files 'policy/*.[ch]' 'fs/*.[ch]'); do
	mine=$(rank "$file")
	for included in $(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$file"); do
		theirs=$(rank "$included")
		[ -f "$included" ] || say "$file includes '$included', which is not a path from the root"
		[ -n "$theirs" ] || continue
		if [ "$(part "$file")" != "$(part "$included")" ] && [ "$theirs" -le "$mine" ]; then
			say "$file includes '$included', which is not below it"
		fi
	done
done

# policy/ is pure: no clock, no threads, no FUSE.
grep -nE '#include <(pthread|fuse|time|sys/time|threads)[^>]*>' $(git ls-files 'policy/*.[ch]') && say "policy/ is not pure"

# Nothing below the programs prints, logs or exits.
grep -nE '\b(printf|puts|perror|exit|abort)\(' $(git ls-files 'fs/*.c' 'policy/*.c' | grep -vE '^fs/(cli|daemon|serve)/|^fs/image/reader/main') |
	grep -vE '(sn|vsn|fn|f)printf\(' && say "a part below cli, daemon and serve prints or exits"

# A header opens with one line: what this part is.
for header in $(git ls-files '*.h'); do
	head -1 "$header" | grep -q '^/\* [a-z-]*\.h - ' || say "$header does not open with '/* name.h - what it is'"
done

grep -nE '\b(TODO|FIXME|XXX|HACK)\b' $(git ls-files '*.c' '*.h' '*.sh' Makefile | grep -v '^tests/lint.sh') && say "a note without an issue"
grep -nE '\b(pkill|killall)\b' $(git ls-files '*.c' '*.h' '*.sh' Makefile | grep -v '^tests/lint.sh') && say "a process killed by name"

clang-format --dry-run --Werror $(git ls-files '*.c' '*.h') 2>&1 | grep -m 20 error: && say "run make format"
cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --suppressions-list=tests/cppcheck-suppressions \
	--enable=warning,portability -j 2 -I. $(git ls-files 'fs/*.c' 'policy/*.c') || say "cppcheck found something"
for script in $(git ls-files '*.sh') .ci/run; do
	sh -n "$script" || say "$script does not parse"
done
[ "$failed" = 0 ] && echo "lint: nothing to say"
exit "$failed"
