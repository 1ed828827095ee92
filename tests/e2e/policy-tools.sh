# What an admin does with a policy before it is loaded: check, test, explain, diff, publish, each with its exit code and --json.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need jq
cd "$work"
cat >desk.yaml <<'YAML'
bailee: 1
name: Desk
serial: 2
timezone: Europe/Dublin
people:
  anna: {roles: [technician]}
  ben: {roles: [supervisor], training_expires: 2100-12-31}
  carla: {roles: [supervisor], training_expires: 2026-05-31}
  'uid:61007': {roles: [chief]}
roles:
  technician: {}
  supervisor: {requires: [training]}
  chief: {}
workplaces:
  bench: {hosts: [bench-01]}
detect:
  custom:
    loyalty-card: {pattern: 'NG-[0-9]{8}', example: NG-20417733}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: desk-reads, permit: [list, read], who: [technician], what: {devices: [laptop], paths: ['/Users/**'], max_size: 5M},
     where: bench, when: {hours: 'Mon-Fri 09:00-17:00', purpose: [repair], consent: granted}, limits: {files: 20 per hour},
     why: Repairs need a look at the contents.}
  - {id: pictures, withhold: [image], who: everyone, why: Pictures are nobody's business.}
  - {id: cards-leave-never, forbid: [copy], who: everyone, what: {contains: [loyalty-card]}, why: Loyalty cards stay here.}
  - {id: export, permit: [read, copy], who: [technician], when: {caller_verified: two-factor},
     needs: {reason: required, approvals: {count: 1, from: [supervisor], valid: 4h}}, why: The customer wants the files back.}
  - {id: phones, unmask: [phone], who: [technician], why: x}
  - {id: chief-decides, permit: [approve, administer, hold, release, review], who: [chief, supervisor], why: Somebody decides.}
test_clock: 2026-07-01 10:00
tests:
  - {name: anna reads, as: anna, do: read, device: laptop, file: /Users/k/a.txt, kind: text, size: 1M, where: bench, purpose: repair,
     consent: granted, expect: permit, rule: desk-reads}
YAML
chmod 644 desk.yaml

# -- check: an effect that is none is told with line and caret, and --json tells the same
code 2 "$bailee" policy check desk.yaml
says "desk.yaml:28:18: error: unknown key 'unmask' in a rule"
code 2 "$bailee" policy check --json desk.yaml
grep '^{' out | jq -e '.ok == false and (.findings | map(select(.line == 28 and .column == 18)) | length == 1)' >/dev/null || fail "no finding in JSON"
sed -i '/id: phones/d' desk.yaml
code 0 "$bailee" policy check desk.yaml
says "ok: Desk, serial 2"
says "'carla' has lapsed"
code 1 "$bailee" policy check --strict desk.yaml
code 2 "$bailee" policy check nowhere.yaml

# -- check --image: patterns are held against what is there; a directory and a file system say the same
mkdir -p tree/Users/kim tree/etc
echo x >tree/Users/kim/a.txt
code 0 "$bailee" policy check desk.yaml --image tree
hides 'matches nothing'
truncate -s 4M image
mkfs.ext4 -q -F -d tree image
code 0 "$bailee" policy check desk.yaml --image image
hides 'matches nothing'
rm -r tree/Users
truncate -s 0 image
truncate -s 4M image
mkfs.ext4 -q -F -d tree image
for source in tree image; do
	code 0 "$bailee" policy check desk.yaml --image "$source"
	says "pattern '/Users/**' of rule 'desk-reads' matches nothing"
	code 1 "$bailee" policy check desk.yaml --image "$source" --strict
done
code 2 "$bailee" policy check desk.yaml --image nowhere
head -c 4194304 /dev/zero >zeros
"$bailee" policy check desk.yaml --image zeros >out 2>&1 && fail "an image of zeros has paths"

# -- test, coverage, mutations: what no test notices is told, with exit 1
code 0 "$bailee" policy test desk.yaml
says '1 passed, 0 failed'
code 1 "$bailee" policy test desk.yaml --coverage
says 'line 24: pictures'
says '4 of 5 rules decide no test'
code 1 "$bailee" policy test desk.yaml --mutate
says 'unnoticed  line 24: pictures: deleted'
hides 'desk-reads: deleted'
code 1 "$bailee" policy test desk.yaml --mutate --json
grep '^{' out | jq -es 'map(select(.rule == "desk-reads" and .change == "deleted" and .noticed and .by == "anna reads")) | length == 1' >/dev/null ||
	fail "no mutation in JSON"
sed 's/expect: permit/expect: forbid/' desk.yaml >failing.yaml
code 1 "$bailee" policy test failing.yaml
says 'anna reads'
sed '/^tests:/,$d' desk.yaml >untested.yaml
code 2 "$bailee" policy test untested.yaml

# -- explain: every fact, one at a time, turns the answer
explain() { "$bailee" policy explain desk.yaml "$@"; }
facts() { explain --as anna read /Users/k/a.txt --device laptop --kind text --size 5M --where bench --purpose repair \
	--consent granted --at '2026-07-01 16:59' "$@"; }
code 0 facts
says "permitted by rule 'desk-reads'"
code 3 facts --size 5242881
code 3 facts --device phone
code 3 facts --purpose looking
code 3 facts --consent withdrawn
code 3 facts --at '2026-07-01 17:00'
code 3 facts --used 'files=20 per hour'
says 'limit'
code 0 facts --used 'bytes=20K per hour,files=19 per hour'
code 3 facts --kind image
says withheld
code 3 facts --has unknown
code 0 facts --has card,loyalty-card
code 3 facts --state shredded
# the clock of the zone: 16:59 is 15:59 UTC in July and 16:59 UTC in January
code 0 facts --at '2026-01-14 16:59'
code 3 facts --at '2026-01-14 17:00'
copy() { explain --as anna copy /x --kind text --size 1 "$@"; }
code 3 copy
code 3 copy --caller-verified one-factor --reason ticket --approvals ben
code 4 copy --caller-verified two-factor
says 'export'
code 4 copy --caller-verified two-factor --reason ticket --approvals carla
code 4 copy --caller-verified two-factor --reason ticket --approvals anna,uid:61007
code 0 copy --caller-verified two-factor --reason ticket --approvals uid:61007,ben
code 3 copy --caller-verified two-factor --reason ticket --approvals ben --has loyalty-card
code 3 explain --as carla hold --at '2026-06-01 09:00'
says lapsed
code 0 explain --as carla hold --at '2026-05-31 23:59'
code 0 explain --role supervisor hold
code 3 explain --as nobody-here hold
code 0 facts --json
grep '^{' out | jq -e '.outcome == "permit" and .rule == "desk-reads" and .shows["loyalty-card"] == "fill"' >/dev/null || fail "explain's JSON"
# what is misspelt would answer another question, so it is refused
for wrong in '--role boss' '--as anna --where office' '--as anna --class cards' '--as anna --kind picture' '--as anna --device car' \
	'--as anna --consent yes' '--as anna --caller-verified twice' '--as anna --has cards' '--as anna --used files=20' \
	'--as anna --size 5X' '--as anna --state gone' '--as anna --at 2026-07-01' '--as anna --id ../x' '--role chief --as anna' ''; do
	# shellcheck disable=SC2086 # options are words
	code 2 explain $wrong read /x
done
code 2 explain --as anna read /x --at '2026-02-30 10:00'
code 2 explain --as anna read /x --at '2026-03-29 01:30'
code 2 explain --as anna unmask /x
code 2 explain --as anna read x
code 2 explain --as anna look /x

# -- diff: wider is 5, narrower is 6, both is 5, the same is 0
sed 's/20 per hour/40 per hour/; s/serial: 2/serial: 3/' desk.yaml >wider.yaml
sed 's/^  - {id: cards-leave-never.*$/# &/' desk.yaml >both.yaml
sed -i 's/Mon-Fri 09:00-17:00/Mon-Fri 09:00-16:00/' both.yaml
code 0 "$bailee" policy diff desk.yaml desk.yaml
says 'the same'
code 5 "$bailee" policy diff desk.yaml wider.yaml
code 6 "$bailee" policy diff wider.yaml desk.yaml
hides 'wider  '
code 5 "$bailee" policy diff --json desk.yaml both.yaml
grep '^{' out | jq -es '(last | .wider > 0 and .narrower > 0) and (map(select(.change == "wider")) | length > 0)' >/dev/null || fail "diff's JSON"
code 2 "$bailee" policy diff desk.yaml desk.yaml desk.yaml
code 2 "$bailee" policy diff desk.yaml nowhere.yaml

# -- publish: the same words both ways
code 0 "$bailee" policy publish desk.yaml
cp out notice
code 0 "$bailee" policy publish --json desk.yaml
[ "$(jq -r .notice out)" = "$(cat notice)" ] || fail "another notice in JSON"
grep -q Desk notice || fail "nobody's notice"

# -- verbs that are none
code 2 "$bailee" policy
code 2 "$bailee" policy lint desk.yaml
code 0 "$bailee" policy --help
