# What is read, mapped, walked or under way when a right goes: everybody who was at it is refused, and after the event of the change
# nothing more is given by the new state of things; what a process has mapped is gone from under it.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need jq setpriv
leaks=$BAILEE_BUILD/test/tools/leaks

expires=$(date -u -d '10 days' +%F)
# policy SERIAL WHO [MORE]: WHO may look and copy; MORE goes behind the rules
policy() {
	cat <<EOF
bailee: 1
name: revoked
serial: $1
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61002: {roles: [officer], training_expires: $expires}
  uid:61003: {roles: [clerk]}
roles: {officer: {requires: [training]}, clerk: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: looks, permit: [list, stat, read, copy], who: [$2], why: They look at devices here.}
  - {id: held-is-closed, forbid: [list, stat, read, copy], who: everyone, what: {status: [held]}, why: A held device rests.}
$3
EOF
}
mkdir "$work/source" "$work/source/names"
awk 'BEGIN { for (i = 0; i < 500; i++) printf "line %d, card 4111 1111 1111 1111, mail kim%d@harbour-inn.example\n", i, i }' >"$work/source/a.txt"
for i in $(seq 60); do echo "number $i" >"$work/source/names/$i.txt"; done
policy 1 'officer, clerk' '' >"$work/policy.yaml"
chmod 644 "$work/policy.yaml"
other_clock
start_daemon "$work/store" "$work/policy.yaml"
for id in D1 D2 D3; do code 0 "$bailee" enroll "$work/source" --device $id --kind disk; done
at=$work/view
view 61002 "$at"
view 61003 "$work/other"
ways=$("$leaks" list until)

# readers DEVICE: one of each way, all of them at it. Their pids are $readers.
readers() {
	readers=
	for way in $ways; do
		case $way in readdir | walk) path=names ;; *) path=a.txt ;; esac
		rm -f "$work/said"
		mkfifo "$work/said"
		setpriv --reuid=61002 --regid=61002 --clear-groups "$leaks" until "$way" "$at/$1/$path" >"$work/said" 2>"$work/$way.err" &
		readers="$readers $way:$!"
		at_end "kill $!"
		line=
		read -r line <"$work/said" || true
		if [ "$line" != going ]; then
			got=0
			wait $! || got=$?
			[ "$got" = 3 ] && readers=${readers% *} || fail "$way does not begin: $(cat "$work/$way.err")"
		fi
	done
}
refused() { # refused ERRNOS: all of them end so
	for reader in $readers; do
		got=0
		wait "${reader#*:}" || got=$?
		[ "$got" = 2 ] && grep -qE "$1" "$work/${reader%:*}.err" || fail "$what, ${reader%:*} ends with $got: $(cat "$work/${reader%:*}.err")"
	done
}
# none_after SEQUENCE DEVICE SERIAL: behind that event nothing was given but what was under way, one request of a thread, under the policy with
# that serial
none_after() {
	"$bailee" log query --uid 61002 --device "$2" --verdict permitted --json |
		jq -c --argjson after "$1" 'select(.sequence > $after and (.op | IN("lookup", "list", "stat", "readlink", "open", "read", "why")))' >"$work/given"
	[ "$(jq -s "map(select(.policy_serial != $3)) | length" "$work/given")" = 0 ] || fail "$what: given by the new policy: $(tail -n 1 "$work/given")"
	[ "$(jq -s '[group_by(.pid)[] | length] | max // 0' "$work/given")" -le "${4:-1}" ] || fail "$what: more is given: $(tail -n 3 "$work/given")"
}
# now: the number of an event that is younger than what was just done
now() { "$bailee" log query --last 1 --json | jq .sequence; }
# others: see what they saw, all the time
others() { as 61003 cat "$work/other/$1/a.txt" | cmp - "$work/theirs" || fail "$what: somebody else's view is another"; }
# closed DEVICE: nor is there anything for who begins anew
closed() {
	for way in $ways; do
		case $way in readdir | walk) path=names ;; *) path=a.txt ;; esac
		got=0
		as 61002 "$leaks" until "$way" "$at/$1/$path" >"$work/said.again" 2>&1 || got=$?
		[ "$got" != 0 ] && ! grep -q going "$work/said.again" || fail "$what: $way goes on afterwards"
	done
}
as 61003 cat "$work/other/D1/a.txt" >"$work/theirs"

what='a policy that permits nothing'
readers D1
policy 2 clerk '' >"$work/2.yaml"
code 0 "$bailee" policy load "$work/2.yaml"
after=$(now)
refused 'ESTALE|ENOENT|SIGBUS'
none_after "$after" D1 1
# From its event until it is in force, which is before the command is answered, the old one decides, and is what events name.
none_after "$("$bailee" log query --op policy-loaded --last 1 --json | jq .sequence)" D1 1 1000000
closed D1
others D1

what='a hold'
policy 3 'officer, clerk' '' >"$work/3.yaml"
code 0 "$bailee" policy load "$work/3.yaml"
readers D1
code 0 "$bailee" hold add D1 --reason 'letter from a lawyer'
after=$(now)
refused 'ESTALE|ENOENT|SIGBUS'
none_after "$after" D1 3
closed D1

what='a device that is due'
printf 'received: %s\n' "$(date -u -d '40 days ago' +%F)" >"$work/record.yaml"
code 0 "$bailee" enroll "$work/source" --device D4 --kind disk --record "$work/record.yaml"
readers D4
policy 4 'officer, clerk' 'retention:
  - {id: soon, destroy_after: {intake: 30d}}' >"$work/4.yaml"
code 0 "$bailee" policy load "$work/4.yaml"
after=$(now)
refused 'ESTALE|ENOENT|SIGBUS'
none_after "$after" D4 3
closed D4

what='a training that lapses'
readers D2
clock 1728000 1728000
pass
after=$(now)
refused 'ESTALE|ENOENT|SIGBUS'
none_after "$after" D2 4
closed D2
others D2

what='a view that is closed'
sed "s/training_expires: $expires/training_expires: 2099-12-31/; s/^serial: 4/serial: 5/" "$work/4.yaml" >"$work/5.yaml"
code 0 "$bailee" policy load "$work/5.yaml"
readers D3
code 0 as 61002 "$bailee" close "$at"
after=$(now)
refused 'ENOTCONN|ECONNABORTED|ENOENT|ESTALE|SIGBUS'
none_after "$after" D3 5
others D3

# The device starts again, since its spans are others now: what is open ends, and is there for who opens it anew.
what='a policy that looks for other classes'
sed 's/sets: .contact, payment./sets: [payment]/; s/^serial: 5/serial: 6/' "$work/5.yaml" >"$work/6.yaml"
opened 61003 "$work/other/D3/a.txt"
code 0 "$bailee" policy load "$work/6.yaml"
still 2
as 61003 cat "$work/other/D3/a.txt" >"$work/anew"
[ "$(grep -c 'card \**, mail kim' "$work/anew")" = 500 ] || fail "$what: $(head -n 1 "$work/anew")"

what='a service that stops'
view 61002 "$at"
readers D3
key=$(public_key)
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
refused 'ENOTCONN|ECONNABORTED|ENOENT|ESTALE|SIGBUS'
code 13 "$bailee" log verify --store "$work/store" --key "$key"
