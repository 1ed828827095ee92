# Many at one record: of ten edits of one revision one wins, whole; what was acknowledged while the daemon was killed again and again is
# there, under a number of its own, and the custody chain says the same as the record.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need jq setpriv flock /usr/bin/python3
WORKERS=4
EACH=70
cat >"$work/policy.yaml" <<'YAML'
bailee: 1
name: races
serial: 1
timezone: UTC
people:
  'uid:61001': {roles: [desk]}
  'uid:61002': {roles: [desk]}
  'uid:61003': {roles: [desk]}
  'uid:61004': {roles: [desk]}
roles: {desk: {}}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: desk-works, permit: [list, read, intake, hold, release], who: [desk], why: They do everything here.}
retention:
  - {id: month, destroy_after: {intake: 30d}}
YAML
mkdir "$work/source" "$work/edits"
echo 'nothing of note' >"$work/source/a.txt"
store=$work/store
start_daemon "$store" "$work/policy.yaml"
for id in EDIT R1 R2; do code 0 "$bailee" enroll "$work/source" --device $id --kind disk; done

# ---- ten edits of one revision ----
for round in 1 2 3; do
	"$bailee" device show EDIT --yaml | grep -v '^maker\|^model\|^serial\|^origin' >"$work/base.yaml"
	before=$("$bailee" device show EDIT --json | jq .revision)
	editors=
	for i in 0 1 2 3 4 5 6 7 8 9; do
		{
			cat "$work/base.yaml"
			printf 'maker: Maker-%s\nmodel: Model-%s\nserial: SN-%s\norigin: desk/%s\n' $i $i $i $i
		} >"$work/edits/$i.yaml"
		# The daemon takes 8 at a time of one uid.
		as $((61001 + i % WORKERS)) "$bailee" device edit EDIT "$work/edits/$i.yaml" >"$work/edits/$i.out" 2>&1 &
		editors="$editors $!"
	done
	winner=
	i=0
	for pid in $editors; do
		if wait "$pid"; then
			[ -z "$winner" ] || fail "editors $winner and $i both win"
			winner=$i
		else
			grep -q 'somebody changed it meanwhile' "$work/edits/$i.out" || fail "editor $i: $(cat "$work/edits/$i.out")"
		fi
		i=$((i + 1))
	done
	[ -n "$winner" ] || fail "nobody wins: $(cat "$work/edits/"*.out)"
	code 0 "$bailee" device show EDIT --json
	[ "$(jq -r '[.maker, .model, .serial, .origin] | join(" ")' "$work/out")" = "Maker-$winner Model-$winner SN-$winner desk/$winner" ] || fail "a mixture: $(cat "$work/out")"
	[ "$(jq .revision "$work/out")" = $((before + 1)) ] || fail "revision $before became $(jq .revision "$work/out")"
	# The event comes first: one that did not come about has a second event that says so.
	[ "$(jq '[.custody[] | select(.op == "custody") | if .verdict == "permitted" then 1 else -1 end] | add' "$work/out")" = $round ] ||
		fail "round $round: $(jq -c '[.custody[] | [.verdict, .detail]]' "$work/out")"
done

# ---- everything at once, and the daemon killed three times ----
cat >"$work/worker.py" <<'PYTHON'
import json, os, subprocess, sys, time
bailee, work, me, workers, each = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
acks = os.open(work + "/acks", os.O_WRONLY | os.O_APPEND)
placed = work + "/placed/%d"
LOST = ("no daemon", "went away", "onnection", "the socket", "daemon")
REFUSED = ("open already", "at most", "has no hold", "more than")

def say(what):
    os.write(acks, (json.dumps(what) + "\n").encode())

def run(*words):
    """the answer; None: refused as it may be, or nobody knows, since the daemon died"""
    done = subprocess.run([bailee, *words, "--json"], capture_output=True, text=True)
    if done.returncode == 0:
        return json.loads(done.stdout.strip().splitlines()[-1])
    text = done.stderr.strip() + done.stdout.strip()
    if any(word in text for word in REFUSED):
        return None
    if any(word in text for word in LOST):
        say({"do": "lost", "words": words, "text": text})
        while subprocess.run([bailee, "status", "--json"], capture_output=True).returncode != 0:
            time.sleep(0.02)
        return None
    sys.exit("worker %d: %s: %d %s" % (me, words, done.returncode, text))

def release_one(reason):
    """a hold that my neighbour placed"""
    folder = placed % ((me + 1) % workers)
    for name in sorted(os.listdir(folder)):
        device, number = name.split("-")
        os.unlink(os.path.join(folder, name))
        if run("hold", "release", device, "--hold", number, "--reason", reason):
            say({"do": "release", "device": device, "number": int(number)})
        else:
            say({"do": "release?", "device": device, "number": int(number)})
        return

for i in range(each):
    device = "R%d" % (1 + (i // 6 + me) % 2)
    word = "w%d-%d" % (me, i)
    turn = i % 6
    if turn in (0, 3):
        answer = run("device", "note", device, word)
        if answer: say({"do": "note", "device": device, "number": answer["note"], "text": word})
    elif turn == 1:
        if run("device", "move", device, word): say({"do": "move", "device": device, "place": word})
    elif turn == 2:
        answer = run("hold", "add", device, "--reason", word)
        if answer:
            say({"do": "hold", "device": device, "number": answer["hold"], "reason": word})
            open(os.path.join(placed % me, "%s-%d" % (device, answer["hold"])), "w").close()
    elif turn == 4:
        answer = run("customer-request", ("disclose", "return")[me % 2], device, "--verified", "--ticket", word)
        if answer:
            say({"do": "request", "device": device, "number": answer["number"], "ticket": word})
            if run("customer-request", "done", "%s/%d" % (device, answer["number"]), "--proof", work + "/policy.yaml"):
                say({"do": "done", "device": device, "number": answer["number"]})
    else:
        release_one(word)
PYTHON
cat >"$work/check.py" <<'PYTHON'
import json, re, sys
acks = [json.loads(line) for line in open(sys.argv[1])]
most_lost = int(sys.argv[2])
wrong = []
def claim(is_so, *what):
    if not is_so: wrong.append(what)
for path in sys.argv[3:]:
    shown = json.load(open(path))
    device = shown["id"]
    mine = lambda do: [ack for ack in acks if ack["do"] == do and ack.get("device") == device]
    chain = shown["custody"]
    def happened(op, start):
        """permitted, less those that did not come about"""
        permitted = [e for e in chain if e["op"] == op and e["verdict"] == "permitted" and e["detail"].startswith(start)]
        return permitted
    def failed(op):
        return len([e for e in chain if e["op"] == op and e["verdict"] != "permitted"])
    sequences = [e["sequence"] for e in chain]
    claim(sequences == sorted(set(sequences)), "the chain is out of order")

    numbers = [note["number"] for note in shown.get("notes", [])]
    texts = {note["number"]: note["text"] for note in shown.get("notes", [])}
    claim(numbers == sorted(set(numbers)), "numbers of notes", numbers)
    claim(len(set(texts.values())) == len(texts), "a note is there twice")
    for ack in mine("note"): claim(texts.get(ack["number"]) == ack["text"], "a note is lost", ack)
    spare = len(happened("custody", "note")) - len(numbers)
    claim(0 <= spare <= most_lost, "notes and their events", device, len(happened("custody", "note")), len(numbers))

    moves = [e["detail"].removeprefix("moved to ") for e in happened("custody", "moved to ")]
    known = {ack["place"] for ack in mine("move")}
    claim(known <= set(moves), "moves without an event", known - set(moves))
    may_be = []
    for place in reversed(moves):
        may_be.append(place)
        if place in known: break
    claim(shown["location"] in may_be, "location", shown["location"], may_be)

    holds = {hold["number"]: hold["reason"] for hold in shown["holds"]}
    added = [ack["number"] for ack in mine("hold")]
    claim(len(added) == len(set(added)), "a hold's number was given twice", sorted(added))
    claim(len(holds) == len(shown["holds"]), "two holds of one number")
    gone = {ack["number"] for ack in mine("release")}
    unsure = {ack["number"] for ack in mine("release?")}
    for ack in mine("hold"):
        number = ack["number"]
        if number in gone: claim(number not in holds, "a released hold stands", ack)
        elif number not in unsure: claim(holds.get(number) == ack["reason"], "a hold is lost", ack)
    standing = len(happened("hold-added", "")) - len(happened("hold-released", "")) + failed("hold-released") - failed("hold-added")
    claim(abs(standing - len(holds)) <= most_lost, "holds and their events", standing, len(holds))
    claim(shown["state"] == ("held" if holds else "received"), "state", shown["state"], len(holds))

    requests = {request["number"]: request for request in shown["requests"]}
    claim(len(requests) == len(shown["requests"]), "two requests of one number")
    for ack in mine("request"): claim(requests.get(ack["number"], {}).get("ticket") == ack["ticket"], "a request is lost", ack)
    for ack in mine("done"): claim(requests[ack["number"]]["state"] == "done", "what was done is open", ack)
    recorded = len(happened("customer-request", "recorded: "))
    claim(0 <= recorded - failed("customer-request") - len(requests) <= most_lost, "requests and their events", recorded, failed("customer-request"), len(requests))
    # Each change that people make is a revision; nothing made two of one.
    changes = len(numbers) + len([m for m in moves])
    claim(0 <= 1 + changes - shown["revision"] <= most_lost, "revision", shown["revision"], changes)
done = len([ack for ack in acks if ack["do"] != "lost"])
print("races: %d acknowledged, %d lost an answer" % (done, len(acks) - done))
for what in wrong: print("wrong:", *what)
sys.exit(1 if wrong else 0)
PYTHON
: >"$work/acks"
chmod 666 "$work/acks"
chmod 644 "$work/worker.py"
workers=
for i in $(seq 0 $((WORKERS - 1))); do
	mkdir -p "$work/placed/$i"
	chmod 777 "$work/placed/$i"
	as $((61001 + i)) /usr/bin/python3 "$work/worker.py" "$bailee" "$work" $i $WORKERS $EACH 2>"$work/worker-$i" &
	workers="$workers $!"
done
at_end "kill $workers"
# What the workers have done says when: after a fifth, two fifths, three fifths.
alive() { for pid in $workers; do kill -0 "$pid" 2>/dev/null && return 0; done; return 1; }
for kill in 1 2 3; do
	until [ "$(wc -l <"$work/acks")" -ge $((kill * WORKERS * EACH / 5)) ]; do alive || fail "the workers are gone: $(cat "$work"/worker-*)"; sleep 0.02; done
	kill_daemon
	start_daemon "$store" "$work/policy.yaml"
done
for pid in $workers; do wait "$pid" || fail "a worker: $(cat "$work"/worker-*)"; done
for id in R1 R2; do "$bailee" device show $id --json >"$work/$id.json" || fail "$id is not shown"; done
python3 "$work/check.py" "$work/acks" $((3 * WORKERS)) "$work/R1.json" "$work/R2.json" || fail "record and chain: see above"
# The same after a restart: what was said was on the disk.
key=$(public_key)
stop_daemon
code 13 "$bailee" log verify --store "$store" --key "$key"
start_daemon "$store" "$work/policy.yaml"
[ "$("$bailee" status --json | jq .holds_restored)" = 0 ] || fail "holds were lost by a record: $("$bailee" status --json | jq .holds_restored)"
for id in R1 R2; do
	"$bailee" device show $id --json | jq -S . >"$work/again.json"
	jq -S . "$work/$id.json" | cmp - "$work/again.json" || fail "$id is another after a restart"
done
