# A store that trusts keys starts again wherever a crash, or a disk that takes no more, cut the keeping of a policy short: with
# the old policy or the new one, never with neither.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need jq mkfs.ext4 chattr
cd "$work"
for serial in 1 2 3; do
	cat >$serial.yaml <<YAML
bailee: 1
name: Desk
serial: $serial
timezone: UTC
people:
  uid:61001: {roles: [boss]}
roles:
  boss: {}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: boss-runs-it, permit: [administer], who: [boss], why: Somebody runs it.}
YAML
	chmod 644 $serial.yaml
done
code 0 "$bailee" policy keygen desk --no-password
for serial in 1 2 3; do code 0 "$bailee" policy sign $serial.yaml --key desk.key; done
loop_fs "$work/disk" 60M
store=$work/disk/store
start_daemon "$store" "$work/1.yaml"
code 0 "$bailee" policy trust desk.pub --signature 1.yaml.minisig
stop_daemon
starts_with() { # SERIAL
	stop_daemon
	start_daemon "$store"
	got=$("$bailee" status --json | jq -r 'select(.policy_serial) | .policy_serial')
	[ "$got" = "$1" ] || fail "the store starts with serial $got, not $1"
}
# fixed FILE: no other file takes its place
fixed() {
	at_end "chattr -i '$store/$1'"
	chattr +i "$store/$1" || skip "needs chattr +i"
}
start_daemon "$store"
for file in policy.last policy.signature; do
	fixed $file
	code 1 "$bailee" policy load 2.yaml
	chattr -i "$store/$file"
	starts_with 1
done
# The signature of the new one was there already, the policy not yet; and both were, but not alone.
cp -p "$store/policy.signature" old.signature
fixed policy.last
code 1 "$bailee" policy load 2.yaml
chattr -i "$store/policy.last"
stop_daemon
cp -p "$store/policy.signature" between.signature
starts_with 1
code 0 "$bailee" policy load 2.yaml
stop_daemon
cp -p between.signature "$store/policy.signature"
starts_with 2
code 0 "$bailee" policy load 3.yaml
starts_with 3
# Neither half is worth anything for another policy.
stop_daemon
cp -p between.signature "$store/policy.signature"
code 13 timeout 20 "$bailee" serve --store "$store"
