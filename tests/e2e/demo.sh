# What a newcomer runs first, examples/demo.sh, shows what it says.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
code 0 sh "$BAILEE_ROOT/examples/demo.sh" "$BAILEE_BUILD"
says 'demo: all of it was as it should be'
