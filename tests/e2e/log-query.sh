# Questions to the log: the service with and without its index, and a copy of the folder with and without one, say the same, which is what
# the events say when somebody else counts them. Whatever becomes of the index, the answers stay.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs jq setpriv python3
unset LC_ALL LANG LC_CTYPE
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
mkdir -p "$work/files/notes"
echo 'write to marta.quill@post.example, card 4111 1111 1111 1111' >"$work/files/secret-plans.txt"
echo 'nothing of note' >"$work/files/notes/inside.txt"
truncate -s 4M "$work/one.img"
mke2fs -q -d "$work/files" "$work/one.img"
start_daemon "$work/store" "$work/shop.yaml"
code 0 "$bailee" enroll "$work/one.img" --device RMA-1 --kind laptop
code 0 "$bailee" enroll "$work/one.img" --device RMA-2 --kind tablet

# Three people: some look, some are refused, somebody sees what others do not, and somebody asks who did.
for round in 1 2 3 4; do
	view 61001 "$work/1-$round" --purpose repair
	view 61002 "$work/2-$round" --purpose repair
	view 61003 "$work/3-$round" --purpose refund --reason 'the caller wants it back'
	for device in RMA-1 RMA-2; do
		as 61001 cat "$work/1-$round/$device/p1-ext2/secret-plans.txt" >/dev/null 2>&1 && fail "61001 may copy"
		as 61002 ls -R "$work/2-$round/$device" >/dev/null
		[ $((round % 2)) = 1 ] || as 61002 cat "$work/2-$round/$device/p1-ext2/secret-plans.txt" >/dev/null
	done
	as 61003 cat "$work/3-$round/RMA-1/p1-ext2/notes/inside.txt" >/dev/null
	code 0 as 61003 "$bailee" log query --reason 'the weekly look' --show volume
	code 3 as 61001 "$bailee" log query --show who --device RMA-1
	for n in 1 2 3; do code 0 "$bailee" close "$work/$n-$round"; done
done
policy=$(sed 's/^serial: 1 /serial: 2 /' "$work/shop.yaml")
echo "$policy" >"$work/next.yaml"
code 0 "$bailee" policy load "$work/next.yaml" --reason 'a new year'
view 61002 "$work/late" --purpose repair
as 61002 cat "$work/late/RMA-2/p1-ext2/secret-plans.txt" >/dev/null
code 0 "$bailee" close "$work/late"

# More than the service takes out of its index at once.
view 61002 "$work/many" --purpose repair
as 61002 /usr/bin/python3 -c 'import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
for at in range(1100): os.pread(fd, 1, at % 50)' "$work/many/RMA-2/p1-ext2/secret-plans.txt"

# From here on everything is asked up to a second that is over, so that questions are not in their own answers.
code 0 "$bailee" log query --json
until=$(jq -s -r 'map(.realtime_ns)[-1] / 1e9 | floor + 1 | todate' "$work/out")
while [ "$(date -u +%Y-%m-%dT%H:%M:%SZ)" = "$(jq -s -r 'map(.realtime_ns)[-1] / 1e9 | floor | todate' "$work/out")" ]; do sleep 0.1; done
code 0 "$bailee" log query --json --until "$until"
cp "$work/out" "$work/events"
cp "$work/out" "$work/real"
[ "$(wc -l <"$work/events")" -gt 1200 ] || fail "only $(wc -l <"$work/events") events"
cp -r "$work/store/log" "$work/copy"

# ---- four ways to one answer, and a fifth that shares no code with them ----

cat >"$work/count.py" <<'PYTHON'
"""The tables of docs/reports.md, counted from the events by the page alone."""
import collections, datetime, json, sys, zoneinfo

show, zone_name, hours, days, path = sys.argv[1:6]
wanted = dict(pair.split("=", 1) for pair in sys.argv[6:])
zone = zoneinfo.ZoneInfo(zone_name)
SAW = {"lookup", "list", "stat", "readlink", "open", "read", "shown"}
READS = ("log-query", "log-follow", "log-report", "log-name-key", "device-report")
NAMES = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
records = [json.loads(line) for line in open(path)]
records = [r for r in records if all(str(r[key]) == value for key, value in wanted.items())]
seen = [r for r in records if r["op"] in SAW]


def at(r):
    return r["realtime_ns"] // 10**9


def wall(unix):
    return datetime.datetime.fromtimestamp(unix, zone)


def moment(unix):
    text = wall(unix).isoformat(timespec="seconds")
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def minutes(text):
    return int(text[:2]) * 60 + int(text[3:])


def is_off(r):
    frm, to = map(minutes, hours.split("-"))
    first, last = (NAMES.index(name) for name in days.split("-"))
    counts = [(day - first) % 7 <= (last - first) % 7 for day in range(7)]
    clock = wall(at(r))
    minute = clock.hour * 60 + clock.minute
    today, before = counts[clock.weekday()], counts[clock.weekday() - 1]
    if frm < to:
        return not (today and frm <= minute < to)
    return not (today and minute >= frm) and not (before and minute < to)


def midnight(day):
    return int(datetime.datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def ends(rs):
    row = {}
    for key, r in ("first", rs[0]), ("last", rs[-1]):
        row |= {key: moment(at(r)), key + "_unix": at(r), key + "_sequence": r["sequence"]}
    return row


def times(rs):
    return sum(1 + r["repeats"] for r in rs)


def counts(rs, *keys):
    permitted = [r for r in rs if r["verdict"] == "permitted"]
    row = {"events": times(rs),
           "denied": times(r for r in rs if r["verdict"] == "denied"),
           "withheld": times(r for r in rs if r["verdict"] == "withheld"),
           "bytes": sum(r["bytes"] for r in permitted if r["op"] in ("read", "shown")),
           "unmasked": sum(r["op"] == "open" and r["bytes"] > 0 for r in permitted),
           "devices": len({r["device"] for r in rs if r["device"]})}
    return {key: row[key] for key in keys}


def rows(chosen, keys, make, order):
    groups = collections.defaultdict(list)
    for r in chosen:
        groups[keys(r)].append(r)
    made = [(key, make(key, rs), rs) for key, rs in groups.items()]
    return [row for _, row, _ in sorted(made, key=lambda item: order(*item))]


def who(r):
    return r["uid"]


def day_row(key, *counted, has_ends=False):
    def make(of, rs):
        row = {"day": of[0].isoformat(), "day_unix": midnight(of[0]), "uid": of[1]} | counts(rs, *counted)
        return row | (ends(rs) if has_ends else {})
    return make


ALL = ("events", "denied", "withheld", "bytes", "unmasked")
by_device = lambda r: (r["uid"], r["device"])
by_day = lambda r: (wall(at(r)).date(), r["uid"])
TABLES = {
    "accesses": lambda: rows(seen, by_device, lambda k, rs: {"uid": k[0], "device": k[1]} | counts(rs, *ALL) | ends(rs),
                             lambda k, row, rs: -row["last_sequence"]),
    "who": lambda: rows([r for r in seen if r["verdict"] == "permitted"], by_device,
                        lambda k, rs: {"uid": k[0], "device": k[1]} | counts(rs, "events", "bytes", "unmasked") | ends(rs),
                        lambda k, row, rs: row["first_sequence"]),
    "denied": lambda: rows([r for r in records if r["verdict"] == "denied"], lambda r: (r["uid"], r["device"], r["rule"]),
                           lambda k, rs: {"uid": k[0], "device": k[1], "rule": k[2]} | counts(rs, "events") | ends(rs),
                           lambda k, row, rs: (-row["events"], k)),
    "volume": lambda: rows(seen, by_day, day_row(None, "events", "bytes", "denied", "devices"),
                           lambda k, row, rs: (k[0], -row["bytes"], k[1])),
    "off-hours": lambda: rows([r for r in seen if is_off(r)], by_day, day_row(None, "events", "bytes", has_ends=True),
                              lambda k, row, rs: k),
    "readers": lambda: [{"sequence": r["sequence"], "time": moment(at(r)), "time_unix": at(r), "uid": r["uid"],
                         "device": r["device"], "detail": r["detail"]} for r in reversed(records)
                        if r["op"] == "admin" and r["verdict"] == "permitted" and r["detail"].startswith(READS)],
    "hours": lambda: rows(seen, lambda r: (at(r) - wall(at(r)).minute * 60 - wall(at(r)).second, r["uid"], r["device"]),
                          lambda k, rs: {"hour": moment(k[0]), "hour_unix": k[0], "uid": k[1], "device": k[2]} | counts(rs, *ALL) | ends(rs),
                          lambda k, row, rs: k),
}
for row in TABLES[show]():
    print(json.dumps(row, sort_keys=True, separators=(",", ":")))
PYTHON

# same SHOW ZONE HOURS DAYS [FILTER-OPTION VALUE KEY]: each line of $work/ways, and count.py on $work/events
printf '%s\n' '' --no-index "--log $work/copy" "--log $work/copy --no-index" >"$work/ways"
same() {
	show=$1 zone=$2 hours=$3 days=$4
	set -- --show "$show" --zone "$zone" --until "$until" ${5:+"$5" "$6" "$7=$6"}
	condition=
	if [ $# = 9 ]; then
		condition=$9
		set -- "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8"
	fi
	[ "$show" != off-hours ] || set -- "$@" --hours "$hours" --days "$days"
	python3 "$work/count.py" "$show" "$zone" "$hours" "$days" "$work/events" $condition >"$work/expected"
	while IFS= read -r how <&3; do
		code 0 "$bailee" log query --json "$@" $how
		jq -cS 'del(.person)' "$work/out" >"$work/told"
		cmp -s "$work/told" "$work/expected" || {
			diff "$work/told" "$work/expected" | cut -c1-400 | head -n 20
			fail "log query $* $how"
		}
	done 3<"$work/ways"
	[ -z "${wants_rows-1}" ] || [ -s "$work/expected" ] || fail "log query $* has no row"
}
for show in accesses who denied volume readers hours; do same "$show" Europe/Berlin 08:00-18:00 mon-fri; done
wants_rows=
same off-hours Europe/Berlin 08:00-18:00 mon-fri
unset wants_rows
for show in accesses who volume hours; do
	same "$show" UTC 08:00-18:00 mon-fri --uid 61002 uid
	same "$show" UTC 08:00-18:00 mon-fri --device RMA-1 device
done
same denied UTC 08:00-18:00 mon-fri --uid 61001 uid
same accesses UTC 08:00-18:00 mon-fri --op open op
same accesses UTC 08:00-18:00 mon-fri --rule supervisors-copy rule
same accesses UTC 08:00-18:00 mon-fri --policy 2 policy_serial
same accesses UTC 08:00-18:00 mon-fri --verdict denied verdict
same who UTC 08:00-18:00 mon-fri --view "$(jq -s -r 'map(select(.op == "read"))[-1].view' "$work/events")" view

# The same events 25 minutes apart, over the night in which Berlin's clocks go back: what a copy holds is read, not proved.
cp -r "$work/copy" "$work/stretched"
python3 - "$work/stretched" <<'PYTHON'
import glob, struct, sys
for path in glob.glob(sys.argv[1] + "/seg.*"):
    data = bytearray(open(path, "rb").read())
    at = 4096
    while data[at:at + 4] == b"BLFR":
        length, = struct.unpack_from("<I", data, at + 4)
        if data[at + length:at + length + 4] != b"BLFR":
            break # the last one has to be whole by its chain, too
        record, count = at + 32, struct.unpack_from("<I", data, at + 24)[0]
        for _ in range(count):
            sequence, = struct.unpack_from("<Q", data, record + 8)
            struct.pack_into("<q", data, record + 16, (1792713600 + sequence * 1500) * 10**9)
            record += struct.unpack_from("<H", data, record)[0]
        at += length
    open(path, "wb").write(data)
PYTHON
code 0 "$bailee" log query --json --log "$work/stretched"
cp "$work/out" "$work/events"
until=2100-01-01
printf '%s\n' "--log $work/stretched" "--log $work/stretched --no-index" >"$work/ways"
for zone in UTC Europe/Berlin America/St_Johns; do
	for show in accesses who denied volume readers hours; do same "$show" "$zone" 08:00-18:00 mon-fri; done
	for hours in 08:00-18:00 22:00-06:00; do
		same off-hours "$zone" "$hours" mon-fri
		same off-hours "$zone" "$hours" fri-mon
	done
done

# ---- events ----

# --show events is what is told without --show; all four ways are one, with every kind of filter.
printf '%s\n' '' --no-index "--log $work/copy" "--log $work/copy --no-index" >"$work/ways"
until=$(jq -s -r 'map(.realtime_ns)[-1] / 1e9 | floor + 1 | todate' "$work/real")
events() {
	condition=$1
	shift
	jq -cS "select($condition)" "$work/real" >"$work/expected"
	[ -s "$work/expected" ] || fail "no event for $condition"
	while IFS= read -r how <&3; do
		code 0 "$bailee" log query --json --until "$until" "$@" $how
		jq -cS . "$work/out" >"$work/told"
		cmp -s "$work/told" "$work/expected" || fail "log query $* $how: $(diff "$work/told" "$work/expected" | head -n 3 | cut -c1-300)"
	done 3<"$work/ways"
}
events 'true'
events 'true' --show events
events '.uid == 61002' --person 61002
events '.uid == 61002' --person uid:61002
events '.uid == null' --uid 4294967295
events '.device == "RMA-1" and .op == "open"' --device RMA-1 --op open
events '.rule == "named-people-decide"' --rule named-people-decide
events '.policy_serial == 2' --policy 2
events '.verdict == "denied"' --verdict denied
events '.op == "read" and .uid == 61003' --op read --uid 61003 --zone Europe/Berlin --since 2001-01-01
middle=$(jq -s -r 'map(.realtime_ns)[length / 2 | floor] / 1e9 | floor | todate' "$work/real")
events ".realtime_ns >= ((\"$middle\" | fromdate) * 1000000000)" --since "$middle"
for last in 1 2 7 1001 1100 100000; do
	tail -n "$last" "$work/real" | jq -cS . >"$work/expected"
	while IFS= read -r how <&3; do
		code 0 "$bailee" log query --json --until "$until" --last "$last" $how
		jq -cS . "$work/out" >"$work/told"
		cmp -s "$work/told" "$work/expected" || fail "--last $last $how"
	done 3<"$work/ways"
done
# A moment is of the zone that is named; so long ago is so long ago.
begun=$(jq -s 'map(.realtime_ns)[0] / 1e9 | floor' "$work/real")
for plus in 0 1; do
	code 0 "$bailee" log query --json --since "$(TZ=Asia/Kathmandu date -d "@$((begun + plus))" '+%Y-%m-%d %H:%M:%S')" --zone Asia/Kathmandu --op start
	[ "$(wc -l <"$work/out")" = $((1 - plus)) ] || fail "a moment of another zone: $(wc -l <"$work/out") starts since $plus s behind it"
done
code 0 "$bailee" log query --json --until "$until" --since 2d --op start
[ "$(wc -l <"$work/out")" = 1 ] || fail "two days ago was after the start"
# Names of people: a login, a group with its members.
code 0 "$bailee" log query --json --until "$until" --person root --op enrolled
[ "$(wc -l <"$work/out")" = 2 ] || fail "root enrolled $(wc -l <"$work/out")"
code 0 "$bailee" log query --until "$until" --person root --op enrolled
says ' root '
hides 'uid 0'
code 1 "$bailee" log query --person zebulon-nobody
says 'nobody is known here'
code 1 "$bailee" log query --person group:zebulon-nobody

# ---- for people ----

code 0 "$bailee" log query --show accesses --until "$until"
says 'uid 61002'
says 'days and times are of Europe/Dublin'
grep -q '#[0-9]' "$work/out" || fail "no number of an event in a table"
code 0 "$bailee" log query --show volume --until "$until" --zone Asia/Kathmandu
says 'days and times are of Asia/Kathmandu'
for show in events who denied; do
	code 0 "$bailee" log query --show $show --since 2100-01-01 --until 2100-01-02
	says 'info: nothing in the log matches: since 2100-01-01 00:00 UTC until 2100-01-02 00:00 UTC'
	code 0 "$bailee" log query --json --show $show --since 2100-01-01
	[ ! -s "$work/out" ] || fail "JSON of nothing is not nothing"
done
code 0 env LC_ALL=C "$bailee" log query --show who --until "$until"
if LC_ALL=C grep -q '[^ -~]' "$work/out"; then fail "more than ASCII in the locale C"; fi
if "$bailee" log query --show accesses >/dev/full 2>"$work/out"; then fail "a full disk is not told"; fi
if "$bailee" log query --json >/dev/full 2>"$work/out"; then fail "a full disk is not told with --json"; fi

# What is wrong is said in one line, whatever was typed.
esc=$(printf '\033[31m')
for wrong in '--show everything' '--show who --hours 08:00-18:00' '--show off-hours --hours 8-18' '--show off-hours --days weekend' '--zone Moon/Sea' '--since 7w' '--since 24:00' '--until 2026-02-30' \
	'--person 1 --uid 1' '--policy 0' '--policy x' '--session 0' '--since 1d --until 2d' '--show who --names x' '--device <script>' '--path a' "--op $esc" "--show $esc" "--device $esc" "--zone $esc" "--hours $esc --show off-hours"; do
	code 2 "$bailee" log query $wrong
	[ "$(wc -l <"$work/out")" = 1 ] || fail "$wrong is not refused in one line"
	if grep -q "$(printf '\033')" "$work/out"; then fail "$wrong reaches the terminal"; fi
done
for how in "" "--log $work/copy"; do
	code 2 "$bailee" log query --last 100001 $how
	says '--last: only the last 100000'
done
code 2 "$bailee" log query --person "$(printf '\377')"
code 1 "$bailee" log query --person "$esc"
if grep -q "$(printf '\033')" "$work/out"; then fail "a name reaches the terminal"; fi
for wrong in '--path a --device RMA-1' "--names $work/none" '--person root'; do
	code 2 "$bailee" log query --log "$work/copy" $wrong
	[ "$(wc -l <"$work/out")" = 1 ] || fail "--log with $wrong is not refused in one line"
done

# ---- who may ask, and that it is told ----

code 3 as 61001 "$bailee" log query --show accesses
code 3 as 61001 "$bailee" log query --no-index
code 4 as 61003 "$bailee" log query --show accesses
code 0 as 61003 "$bailee" log query --show accesses --device RMA-1 --reason 'the yearly audit'
code 0 as 61003 "$bailee" log query --show who --device RMA-1 --path p1-ext2/secret-plans.txt --reason 'the yearly audit'
says 'uid 61002'
hides secret-plans
code 0 as 61003 "$bailee" log query --show who --device RMA-1 --path p1-ext2/secret-plan --reason 'the yearly audit'
says 'nothing in the log matches'
code 3 as 61001 "$bailee" log query --show who --device RMA-1 --path p1-ext2/secret-plans.txt
code 0 "$bailee" log query --json --person 61003 --op admin --last 3
[ "$(jq -s -c 'map([.detail, .device])' "$work/out")" = '[["log-query accesses","RMA-1"],["log-query who","RMA-1"],["log-query who","RMA-1"]]' ] || fail "reading is told as $(jq -s -c 'map([.detail, .device])' "$work/out")"
code 0 "$bailee" log query --json --person 61001 --verdict denied --op admin --last 1
[ "$(jq -r .detail "$work/out")" = review ] || fail "a refused question is no event"
code 0 "$bailee" log query --json --op admin --last 1000
if grep -qa 'secret-plan' "$work/out"; then fail "a path that was asked for is in the log"; fi

# ---- whatever becomes of the index ----

code 0 "$bailee" log query --json --show accesses --until "$until"
cp "$work/out" "$work/answer"
again() {
	code 0 "$bailee" log query --json --show accesses --until "$until"
	cmp -s "$work/out" "$work/answer" || fail "another answer when $1"
}
index=$work/store/index
[ "$(stat -c %a "$index")" = 700 ] || fail "others may look into the index"
rm -r "$index"
again 'the index was deleted'
[ "$(stat -c %a "$index/log.sqlite")" = 600 ] || fail "others may read the index"
head -c 100000 /dev/urandom >"$index/log.sqlite"
again 'the index was damaged'
: >"$index/log.sqlite"
again 'the index was emptied'
echo precious >"$work/precious"
rm "$index/log.sqlite"
ln -s "$work/precious" "$index/log.sqlite"
again 'the index is a link'
[ "$(cat "$work/precious")" = precious ] || fail "what a link led to was written"
rm -rf "$index"
mkdir "$work/elsewhere"
ln -s "$work/elsewhere" "$index"
again 'its folder is a link'
[ -z "$(ls "$work/elsewhere")" ] || fail "the index went where a link led"
rm -rf "$index"
touch "$index"
again 'its folder is a file'
rm -rf "$index"
# Where there is no room for one the answer is the same, and says why it took longer.
mkdir -m 700 "$index"
mount -t tmpfs -o size=16k,mode=700 none "$index"
at_end "umount -l '$index'"
code 0 "$bailee" log query --json --show accesses --until "$until"
says 'info: answered without an index'
grep -v '^info: ' "$work/out" >"$work/told"
cmp -s "$work/told" "$work/answer" || fail "another answer without room"
umount "$index"
again 'there is room again'
# Between questions it keeps up by itself.
indexed() { # the last event in it, in a copy, for the service lets nobody else in
	rm -rf "$work/seen"
	cp -r "$index" "$work/seen"
	python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("SELECT max(sequence) FROM event").fetchone()[0])' "$work/seen/log.sqlite" 2>/dev/null || echo 0
}
before=$(indexed)
code 0 "$bailee" people
tries=0
until [ "$(indexed)" -gt "$before" ]; do
	tries=$((tries + 1))
	[ "$tries" -le 600 ] || fail "the index stays behind the log"
	sleep 0.1
done
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
start_daemon "$work/store" "$work/next.yaml"
again 'the service was started again'
stop_daemon

# ---- copies: what is wrong with one is told, and first what is good ----

# Without a service a copy is all it takes, and nobody's leave.
chmod -R a+rX "$work/copy"
code 0 as 61001 "$bailee" log query --log "$work/copy" --store "$work/nowhere" --show who
code 2 "$bailee" log query --log "$work/store"
says "its log is '$work/store/log'"
code 2 "$bailee" log query --log "$work/files"
code 2 "$bailee" log query --log "$work/not-there"
code 0 "$bailee" init --store "$work/fresh" --kit "$work/kit"
for show in events accesses who denied volume off-hours readers hours; do
	for how in '' --no-index; do
		code 0 "$bailee" log query --log "$work/fresh/log" --show $show $how
		says 'nothing in the log matches'
	done
done
python3 - "$work" <<'PYTHON'
import glob, os, shutil, struct, sys
work = sys.argv[1]
def changed(name, change):
    shutil.copytree(work + "/copy", work + "/" + name)
    path = sorted(glob.glob(work + "/" + name + "/seg.*"))[0]
    data = bytearray(open(path, "rb").read())
    frames, at = [], 4096
    while data[at:at + 4] == b"BLFR":
        frames.append(at)
        at += struct.unpack_from("<I", data, at + 4)[0]
    frames.append(at)
    change(data, frames)
    open(path, "wb").write(data)
def broken(data, frames): # a frame in the middle is none any more
    data[frames[9]:frames[9] + 4] = b"XXXX"
def torn(data, frames): # the last one is half there
    data[frames[-1] - 60:frames[-1]] = bytes(60)
def cut(data, frames): # the file ends in the middle
    del data[frames[20] + 50:]
def hostile(data, frames): # texts that somebody forged
    for name in b"supervisors-copy", b"named-people-decide":
        assert data[:frames[-2]].count(name) > 0
        end = frames[-2]
        data[:end] = data[:end].replace(name, (b"\x1b[31m<b>\xe2\x80\xae\xff'\"" + b"x" * 40)[:len(name)])
for change in broken, torn, cut, hostile:
    changed(change.__name__, change)
PYTHON
for how in '' --no-index; do
	code 12 "$bailee" log query --log "$work/broken" --json $how
	[ "$(grep -c '^{"sequence"' "$work/out")" -ge 9 ] || fail "what is good of a broken log is not told"
	says 'error: '
	code 12 "$bailee" log query --log "$work/broken" --show readers $how
	code 12 "$bailee" log query --log "$work/cut" $how
	code 0 "$bailee" log query --log "$work/torn" $how
	says 'info: the log ends in half an event'
	code 0 "$bailee" log query --log "$work/torn" --show accesses $how
	says 'info: the log ends in half an event'
	for show in events accesses denied; do
		code 0 "$bailee" log query --log "$work/hostile" --show $show $how
		if LC_ALL=C grep -q '[^ -~]' "$work/out"; then fail "a forged text reaches the terminal with $show"; fi
		code 0 "$bailee" log query --log "$work/hostile" --show $show $how --json
		jq -c . "$work/out" >/dev/null || fail "a forged text is no JSON with $show"
	done
	code 0 "$bailee" log query --log "$work/hostile" --json $how
	says '\u001b[31m'
done
