# What the record knows of its customer is looked for in a wipe check whatever the policy detects, and is told as that, without its value.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs jq
sed 's/customer: true/customer: false/' "$BAILEE_ROOT/examples/policies/shop.yaml" >"$work/shop.yaml"
grep -q 'customer: false' "$work/shop.yaml" || fail "the policy detects customers all the same"
start_daemon "$work/store" "$work/shop.yaml"
truncate -s 4M "$work/a.img"
mke2fs -q "$work/a.img"
printf 'customer: {name: Zebulon Quarterman}\n' >"$work/record.yaml"
code 0 "$bailee" enroll "$work/a.img" --device A --kind disk --record "$work/record.yaml"
truncate -s 8M "$work/b.img"
printf 'letter to Zebulon Quarterman, hello' | dd of="$work/b.img" bs=1 seek=100000 conv=notrunc status=none
code 13 "$bailee" inspect "$work/b.img" --device A --json
hides Zebulon
[ "$(jq -c '[.statement.findings.classes.customer.identity, .statement.findings.places[0].offset]' "$work/out")" = '[1,100010]' ] || fail "findings: $(jq -c .statement.findings "$work/out")"
jq -e '.statement.looked_for | index("customer")' "$work/out" >/dev/null || fail "looked for: $(jq -c .statement.looked_for "$work/out")"
# Bound to no device nothing is known of anybody.
code 13 "$bailee" inspect "$work/b.img" --json
jq -e '.statement.findings.total == 0' "$work/out" >/dev/null || fail "somebody is known without a device"
