# docs/tutorial.md does what it says, command by command. As an ordinary user the first half, which is then told.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need jq setpriv
[ "$(id -u)" != 0 ] || need_fuse
unset BAILEE_STORE
sh "$BAILEE_ROOT/examples/tutorial.sh" "$BAILEE_BUILD"

# A page that shows something else is found out: a word of an output, a line too many, a line too few, another exit code.
mkdir -p "$work/examples" "$work/docs"
cp "$BAILEE_ROOT/examples/tutorial.sh" "$work/examples/"
first() { sed '/^<!-- root -->/,$d' "$BAILEE_ROOT/docs/tutorial.md" >"$work/docs/tutorial.md"; }
first
code 0 sh "$work/examples/tutorial.sh" "$BAILEE_BUILD"
for edit in 's/^    5 passed/    6 passed/' 's/^    \[exit 2\]/    [exit 3]/' '/^    \[exit 2\]/d' \
	's/^    \[exit 2\]/    one more line\n&/'; do
	first
	sed -i "$edit" "$work/docs/tutorial.md"
	code 1 sh "$work/examples/tutorial.sh" "$BAILEE_BUILD"
	says 'says something else'
done
[ "$(id -u)" = 0 ] || skip "the half that needs root (the half before did what the page says)"
