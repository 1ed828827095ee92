# A store that trusts a key takes policies signed by it only, and nothing in a policy or beside it switches that off.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need jq
cd "$work"
version() { # SERIAL: a policy of that number, in force on nobody's files
	cat >"$1.yaml" <<YAML
bailee: 1
name: Desk
serial: $1
timezone: UTC
people:
  uid:61001: {roles: [boss]}
roles:
  boss: {}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: boss-runs-it, permit: [administer], who: [boss], why: Somebody runs it.}
YAML
	chmod 644 "$1.yaml"
}
for serial in 1 2 3 4 5; do version $serial; done
code 0 "$bailee" policy keygen desk --no-password
code 0 "$bailee" policy keygen other --no-password
start_daemon "$work/store" "$work/1.yaml"
serial() { "$bailee" status --json | jq -r 'select(.policy_serial) | .policy_serial'; }

# Without a key, signed or not is all the same.
code 0 "$bailee" policy load 2.yaml
code 0 "$bailee" policy sign 3.yaml --key other.key
code 0 "$bailee" policy load 3.yaml

# Trust needs a signature of the policy in force by that key, so that nobody locks themselves out; and the store's owner.
code 0 "$bailee" policy sign 3.yaml --key desk.key
code 0 "$bailee" policy sign 2.yaml --key desk.key
code 2 "$bailee" policy trust desk.pub
code 13 "$bailee" policy trust desk.pub --signature 2.yaml.minisig
code 13 "$bailee" policy trust other.pub --signature 3.yaml.minisig
code 3 as 61001 "$bailee" policy trust "$(tail -n 1 desk.pub)" --signature 3.yaml.minisig
code 0 "$bailee" policy load 4.yaml
code 0 "$bailee" policy sign 4.yaml --key desk.key
code 0 "$bailee" policy trust desk.pub --signature 4.yaml.minisig
says 'signed policies only'

# From now on: no signature, another's, one of another file: refused, and the old one stays.
code 13 "$bailee" policy load 5.yaml
says 'policy sign'
code 0 "$bailee" policy sign 5.yaml --key other.key
code 13 "$bailee" policy load 5.yaml
cp 4.yaml.minisig 5.yaml.minisig
code 13 "$bailee" policy load 5.yaml
[ "$(serial)" = 4 ] || fail "serial $(serial) is in force"
code 0 "$bailee" policy sign 5.yaml --key desk.key
code 0 "$bailee" policy load 5.yaml --json
says '"policy_serial":5'
[ "$(serial)" = 5 ] || fail "serial $(serial) is in force"
