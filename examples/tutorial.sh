#!/bin/sh
# Do what docs/tutorial.md says, and compare what comes out with what the page shows.
#
#   tutorial.sh BUILD [--show]      --show: print what comes out instead of comparing
#
# The page is the script. An indented line is a command when it begins with a prompt: "$ " (anybody), "# " (root), "anna$ " (as the
# person whose uid the page's own table gives). What stands below it is its output: "..." is any text, alone on a line any lines,
# and "[exit 3]" an exit code that is not 0. "<!-- file: NAME -->" before a fenced block makes a file of it. "<!-- root -->": what
# follows needs root; an ordinary user is told what is skipped. "<!-- until: COMMAND | WORDS -->" waits until the command says them.
set -eu

build=$(cd "${1:?use: tutorial.sh BUILD [--show]}" && pwd)
show=${2:-}
examples=$(cd "$(dirname "$0")" && pwd)
page=$examples/../docs/tutorial.md
PATH=$build:$PATH:/usr/sbin:/sbin
umask 022
export LC_ALL=C TZ=UTC
top=$(mktemp -d /tmp/bailee-tutorial.XXXXXX)
chmod 755 "$top"
work=$top/tutorial
mkdir "$work"
ln -s "$examples" "$work/examples"
export BAILEE_STORE="$work/store"
daemon=
tab=$(printf '\t')

clean() {
	code=$?
	trap '' INT TERM HUP
	if [ -n "$daemon" ]; then
		kill "$daemon" 2>/dev/null || true
		wait "$daemon" 2>/dev/null || true
	fi
	cd /
	rm -rf "$top"
	exit "$code"
}
trap clean EXIT
trap 'exit 130' INT TERM HUP

stop() {
	echo "tutorial: line $number: $*" >&2
	exit 1
}

# NUMBER KIND TEXT, tabs between: C command, O output, F a file begins, L its line, E it ends, R root from here, U wait until.
awk -v OFS='\t' '
	function say(kind, text) { print NR, kind, text }
	in_file { if ($0 == "```") { in_file = 0; say("E", "") } else say("L", $0); next }
	/^<!-- file: / { sub(/^<!-- file: /, ""); sub(/ -->$/, ""); say("F", $0); wanted = 1; next }
	/^<!-- until: / { sub(/^<!-- until: /, ""); sub(/ -->$/, ""); say("U", $0); next }
	/^<!-- root -->/ { say("R", ""); next }
	/^```/ { if (!wanted) { print NR ": a fenced block that is no file" > "/dev/stderr"; exit 1 } wanted = 0; in_file = 1; next }
	/^    ([a-z]*\$|#) / { sub(/^    /, ""); say("C", $0); was = 1; next }
	/^    / { if (was) { sub(/^    /, ""); say("O", $0) } next }
	{ was = 0 }
' "$page" >"$top/script"

uid_of() { sed -n "s/^| \`$1\` | \([0-9]*\) .*/\1/p" "$page"; }

# perform PROMPT COMMAND: output in $top/out, exit code in $got.
perform() {
	got=0
	case $1 in
	'#' | '$')
		case $2 in
		*' &')
			mkfifo "$top/ready"
			(cd "$work" && eval "exec ${2% &}" >"$top/ready" 2>>"$top/daemon.err") &
			daemon=$!
			head -n 1 <"$top/ready" >"$top/out"
			[ -s "$top/out" ] || { cat "$top/daemon.err" >&2; stop "the service did not start"; }
			;;
		*) (cd "$work" && eval "$2") >"$top/out" 2>&1 </dev/null || got=$? ;;
		esac
		;;
	*)
		uid=$(uid_of "${1%$}")
		[ -n "$uid" ] || stop "who is '$1'?"
		[ -d "$work/$uid" ] || install -d -o "$uid" -g "$uid" "$work/$uid"
		(cd "$work/$uid" && setpriv --reuid="$uid" --regid="$uid" --clear-groups sh -c "umask 022; $2") \
			>"$top/out" 2>&1 </dev/null || got=$?
		;;
	esac
	sed -i "s|$work|/tutorial|g" "$top/out"
	[ "$got" = 0 ] || echo "[exit $got]" >>"$top/out"
}

# Does line $1 look like $2, in which "..." is any text?
is_like() {
	pattern=$(printf '%s' "$2" | sed 's/[][*?\\]/\\&/g; s/\.\.\./*/g')
	# shellcheck disable=SC2254 # it is a pattern
	case $1 in $pattern) return 0 ;; esac
	return 1
}

differ() {
	echo "the page shows:" >&2
	sed 's/^/  | /' "$top/expected" >&2
	echo "what comes out:" >&2
	sed 's/^/  | /' "$top/out" >&2
	stop "'$command' says something else"
}

# Hold $top/out against $top/expected.
compare() {
	exec 4<"$top/out"
	any=0
	while IFS= read -r wanted; do
		if [ "$wanted" = ... ]; then
			any=1
			continue
		fi
		while :; do
			IFS= read -r line <&4 || differ
			! is_like "$line" "$wanted" || break
			[ "$any" = 1 ] || differ
		done
		any=0
	done <"$top/expected"
	[ "$any" = 1 ] || ! IFS= read -r line <&4 || differ
	exec 4<&-
}

# The command before is done when the next thing begins.
command=
done_with() {
	[ -n "$command" ] || return 0
	if [ "$show" = --show ]; then
		printf '%s\n' "$command"
		cat "$top/out"
	else
		compare
	fi
	command=
}

wait_until() {
	tries=600
	until (cd "$work" && eval "${1% | *}") 2>/dev/null | grep -qF -- "${1##* | }"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || stop "'${1% | *}' never says '${1##* | }'"
		sleep 0.05
	done
}

commands=0
skipped=
exec 3<"$top/script"
while IFS=$tab read -r number kind text <&3; do
	case $kind in
	C)
		done_with
		command=$text
		: >"$top/expected"
		perform "${text%% *}" "${text#* }"
		commands=$((commands + 1))
		;;
	O) printf '%s\n' "$text" >>"$top/expected" ;;
	F)
		done_with
		file=$work/$text
		: >"$file.new"
		while IFS= read -r line <&3; do
			line=${line#*"$tab"}
			[ "${line%%"$tab"*}" = L ] || break
			printf '%s\n' "${line#*"$tab"}" >>"$file.new"
		done
		mv "$file.new" "$file" # as an editor saves it
		;;
	R)
		done_with
		[ "$(id -u)" = 0 ] || { skipped=1; break; }
		;;
	U)
		done_with
		wait_until "$text"
		;;
	esac
done
done_with
exec 3<&-
[ "$commands" -ge 5 ] || stop "the page has only $commands commands"
if [ -n "$skipped" ]; then
	echo "tutorial: $commands commands did what the page says; skipped, as it needs root: from 'Put it in force' to the end"
else
	echo "tutorial: $commands commands did what the page says"
fi
