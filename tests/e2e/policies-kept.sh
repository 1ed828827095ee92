# Each policy that was in force is kept by its digest, once; one that was damaged is written anew; and those go with the parts of the log that
# told of them, but never the one in force.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq
store=$work/store
kept() { ls "$store/policies" 2>/dev/null | sort | xargs; }
# digest FILES...: in the order of kept
digests() { b2sum -l 256 "$@" | cut -d ' ' -f 1 | sort | xargs; }
policy() { # SERIAL
	cat <<EOF
bailee: 1
name: kept
serial: $1
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61001: {roles: [worker]}
roles: {worker: {}}
detect: {sets: [contact]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: names, permit: [list], who: [worker], why: They see what there is.}
audit: {keep: 2d}
test_clock: 2026-11-02 10:00
tests:
  - {name: looks, as: 'uid:61001', do: list, device: disk, file: /a, kind: text, expect: permit, rule: names}
EOF
}
for serial in 1 2 3 4; do policy $serial >"$work/$serial.yaml"; done
sed -i 's/expect: permit/expect: forbid/' "$work/4.yaml"

other_clock
start_daemon "$store" "$work/1.yaml"
[ "$(kept)" = "$(digests "$work/1.yaml")" ] || fail "the first policy is not kept: $(kept)"
code 0 "$bailee" policy load "$work/2.yaml"
code 2 "$bailee" policy load "$work/4.yaml"
code 0 "$bailee" policy load "$work/2.yaml"
[ "$(kept)" = "$(digests "$work/1.yaml" "$work/2.yaml")" ] || fail "kept is $(kept)"
# Torn, and left by a crash: it is written anew, and what was being written is swept.
one=$(digests "$work/2.yaml")
printf 'bail' >"$store/policies/$one"
: >"$store/policies/$one.tmp"
stop_daemon
start_daemon "$store"
cmp "$work/2.yaml" "$store/policies/$one" || fail "a damaged one is not written anew"
[ "$(kept)" = "$(digests "$work/1.yaml" "$work/2.yaml")" ] || fail "a leftover stays: $(kept)"
# A store of an older version has none: the one that it starts with is there then.
stop_daemon
rm -r "$store/policies"
start_daemon "$store"
[ "$(kept)" = "$one" ] || fail "the one in force is not kept: $(kept)"
cp "$work/1.yaml" "$store/policies/$(digests "$work/1.yaml")"
chmod 600 "$store/policies"/*

# Every start begins a part of the log; days later those before the last two are removed.
code 0 "$bailee" policy load "$work/3.yaml"
clock 432000 432000
pass
for run in 1 2 3; do
	stop_daemon
	start_daemon "$store"
	pass
done
until [ "$(kept)" = "$(digests "$work/3.yaml")" ]; do
	[ -d "/proc/$daemon" ] || fail "the daemon ended"
	"$bailee" log query --op trimmed --json | jq -es 'length > 0' >/dev/null || fail "nothing was removed"
	[ "$("$bailee" log query --op policy-loaded --json | jq -s length)" -gt 3 ] || fail "what no event tells of is still kept: $(kept)"
	pass
done
"$bailee" log verify --store "$store" >"$work/out" || [ $? = 13 ] || fail "the log does not verify"
