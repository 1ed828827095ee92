# Who does what right now: a screen of any size that knows its keys, leaves the terminal as it was, and waits for a service that is away.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need jq setpriv /usr/bin/python3
store=$work/store
cat >"$work/policy.yaml" <<'POLICY'
bailee: 1
name: top
serial: 1
timezone: UTC
uses: [builtin/baseline]
people: {'uid:61001': {roles: [auditor]}, 'uid:61002': {roles: [worker]}}
roles: {auditor: {}, worker: {}}
defaults: {access: forbid, mask: fill}
rules:
  - {id: reviews, permit: [review], who: [auditor], why: They check.}
POLICY
person() { /usr/bin/python3 "$BAILEE_ROOT/tests/tools/person.py" "$@"; }
export LC_ALL=C.UTF-8
start_daemon "$store" "$work/policy.yaml"
cat >"$work/refuse" <<REFUSE
#!/bin/sh
# What a worker asks and is refused.
for i in 1 2 3; do
	setpriv --reuid=61002 --regid=61002 --clear-groups "$bailee" people --store "$store" >/dev/null 2>&1
	[ \$? = 3 ] || exit 1
done
REFUSE
chmod +x "$work/refuse"

# keys, sizes, denials with their rule; the other screen is left on every way out
cat >"$work/script" <<SCRIPT
see bailee top
see PERSON
run $work/refuse
see NEWEST DENIALS
see uid:61002
see default
size 10x40
see q quit
size 50x200
see sort: events
key s
see sort: bytes
key d
see all
key p
see PAUSED
key p
gone PAUSED
key q
end 0
SCRIPT
person 61001 24x80 "$bailee" top --store "$store" <"$work/script" >"$work/out" 2>&1 || {
	cat "$work/out"
	fail "the screen"
}

# a service that goes and comes, and an end by a signal
cat >"$work/script" <<SCRIPT
see PERSON
run kill $daemon
see waiting for the service
SCRIPT
cat >>"$work/script" <<'SCRIPT'
key \x03
end 0
SCRIPT
person 61001 24x80 "$bailee" top --store "$store" <"$work/script" >"$work/out" 2>&1 || {
	cat "$work/out"
	fail "the service went"
}
wait "$daemon" || true
daemon=
start_daemon "$store" "$work/policy.yaml"

# for programs: once, and an object a second until somebody stops reading
"$work/refuse"
code 0 as 61001 "$bailee" top --store "$store" --once --json
jq -e '.minute.denials >= 3 and (.people | map(.person) | index("uid:61002")) != null and .denials[0].rule == "default"' \
	"$work/out" >/dev/null || fail "the object"
as 61001 "$bailee" top --store "$store" --json 2>/dev/null | head -2 | jq -es 'length == 2' >/dev/null || fail "an object a second"
code 0 as 61001 env LC_ALL=C "$bailee" top --store "$store" --once
says "q quit"
if LC_ALL=C grep -q '[^ -~]' "$work/out"; then fail "more than ASCII in locale C, or a control byte"; fi

# who may not, and what is no terminal
code 3 as 61002 "$bailee" top --store "$store" --once
says "review is forbidden"
code 2 as 61001 "$bailee" top --store "$store"
says "--once"
code 10 as 61001 "$bailee" top --store "$work" --once
