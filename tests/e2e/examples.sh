# The example policies: each loads, means what its tests say, has a test for every change of a rule, warns of what is expected and of
# nothing else; and the tools tell any two of them apart. Nothing of them is needed from outside this repository.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need jq
policies=$BAILEE_ROOT/examples/policies
tests=0
for policy in "$policies"/*.yaml; do
	name=$(basename "$policy" .yaml)
	cp "$policy" "$work/$name.yaml"
	chmod 644 "$work/$name.yaml"
done
[ "$(ls "$work"/*.yaml | wc -l)" -ge 5 ] || fail "there are only few examples"

# Somebody's training or insurance has run out in each, on purpose: that is what a reader shall see. All else is a class
# that no detector finds yet. Nothing further may be odd about an example.
expected='has lapsed as|^no detector of this version finds'
for policy in "$work"/*.yaml; do
	name=$(basename "$policy")
	code 0 "$bailee" policy check "$policy"
	says 'ok: '
	code 0 "$bailee" policy check --json "$policy"
	jq -r '.findings[] | select(.severity == "error") | .text' "$work/out" >"$work/errors"
	[ ! -s "$work/errors" ] || fail "$name has errors"
	jq -r '.findings[].text' "$work/out" | grep -Ev "$expected" >"$work/odd" || true
	[ ! -s "$work/odd" ] || { cat "$work/odd"; fail "$name is warned about otherwise"; }
	jq -e '[.findings[].text | select(contains("has lapsed as"))] | length > 0' "$work/out" >/dev/null ||
		fail "$name shows nobody whose role has lapsed"
	code 1 "$bailee" policy check --strict "$policy"
	code 0 "$bailee" policy test --mutate --coverage "$policy"
	says ' 0 unnoticed'
	here=$(sed -n 's/^\([0-9]*\) passed, 0 failed$/\1/p' "$work/out")
	tests=$((tests + ${here:-0}))
	code 0 "$bailee" policy publish "$policy"
	says 'Your choice'
	code 0 "$bailee" policy diff "$policy" "$policy"
	# An example is read from top to bottom on a narrow screen.
	! awk 'length > 120' "$policy" | grep . || fail "$name has lines of more than 120 characters"
done
[ "$tests" -ge 180 ] || fail "only $tests tests in all examples"

# Any two differ, and which way is told.
for old in "$work"/*.yaml; do
	for new in "$work"/*.yaml; do
		[ "$old" != "$new" ] || continue
		code 5 "$bailee" policy diff "$old" "$new"
		says ' wider, '
	done
done
# One word less is narrower, one word more is wider, and the tests of the file notice both.
sed 's/permit: \[list, read\]/permit: [list]/' "$work/refurbisher.yaml" >"$work/less"
code 6 "$bailee" policy diff "$work/refurbisher.yaml" "$work/less"
says 'grader'
code 5 "$bailee" policy diff "$work/less" "$work/refurbisher.yaml"
code 1 "$bailee" policy test "$work/less"
sed 's/consent: granted}$/}/; s/, }$/}/' "$work/refurbisher.yaml" >"$work/more"
code 5 "$bailee" policy diff "$work/refurbisher.yaml" "$work/more"
code 1 "$bailee" policy test "$work/more"
echo "$tests tests in the examples"
