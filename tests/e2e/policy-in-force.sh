# The policy in force is what diff compares with and what publish tells of, for those who may know it and for nobody else.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
text() {
	cat <<YAML
bailee: 1
name: In force $1
serial: $1
timezone: UTC
people:
  'uid:61001': {roles: [worker]}
  'uid:61002': {roles: [keeper]}
roles: {worker: {}, keeper: {}}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - id: looks
    permit: [$2]
    who: [worker]
    why: Workers look at what they work on.
  - id: keeps
    permit: [administer]
    who: [keeper]
    why: Somebody keeps this policy.
YAML
	# more than one piece of an answer, with characters of several bytes on every border
	[ "$1" = 1 ] || yes "# ééééééééé€€€€€" | head -n 3000
}
text 1 'list, read, copy' >"$work/one.yaml"
text 2 list >"$work/two.yaml"
mkdir -m 711 "$work/store"
start_daemon "$work/store" "$work/one.yaml"
code 0 as 61002 "$bailee" policy publish
says 'In force 1'
code 6 as 61002 "$bailee" policy diff "$work/two.yaml"
says 'was permit (looks)'
code 0 "$bailee" policy diff "$work/one.yaml"
cp "$work/two.yaml" "$work/new.yaml"
mv "$work/new.yaml" "$work/one.yaml"
for _ in $(seq 200); do
	[ "$("$bailee" status --json | jq .policy_serial)" = 2 ] && break
done
code 0 as 61002 "$bailee" policy publish
says 'In force 2'
code 0 as 61002 "$bailee" policy diff "$work/two.yaml"
code 3 as 61001 "$bailee" policy publish
hides 'In force'
code 3 as 61001 "$bailee" policy diff "$work/two.yaml"
code 0 "$bailee" log query --op admin --json
[ "$(grep -c '"detail":"policy-text"' "$work/out")" = 5 ] || fail "looks at the policy are not all events"
