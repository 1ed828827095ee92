# docs/kinds.md tells every kind that has a row, as the rows are now.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
"$BAILEE_BUILD/test/tools/list-kinds" >"$work/kinds.md"
cmp "$work/kinds.md" "$BAILEE_ROOT/docs/kinds.md" || fail "docs/kinds.md is older than the rows: build/test/tools/list-kinds >docs/kinds.md"
