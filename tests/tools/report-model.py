#!/usr/bin/python3
"""Models of an audit report (docs/reports.md, "The model") to look at its page with: report-model.py KIND > model.json

KIND: sample (three weeks of a returns desk), not-anchored, broken, unchecked, offline (a copy of the log, no service), empty (no event at
all), quiet (a period without events), large (5,000 rows of everything), hostile (names that would like to be markup), days (two days by the
hour), years (five years by the week). Synthetic people only; the same every time.
"""
import datetime
import json
import random
import sys
import zoneinfo

KINDS = ("sample", "not-anchored", "broken", "unchecked", "offline", "empty", "quiet", "large", "hostile", "days", "years")
ZONE = zoneinfo.ZoneInfo("Europe/Berlin")
rng = random.Random(17)
MADE = int(datetime.datetime(2026, 11, 22, 17, 4, 11, tzinfo=ZONE).timestamp())
SINCE = int(datetime.datetime(2026, 11, 1, tzinfo=ZONE).timestamp())

PEOPLE = [
    ("anna.albers", ["technician"]), ("ben.okafor", ["technician"]), ("chiara.russo", ["support"]),
    ("dmitri.volkov", ["technician", "data-recovery"]), ("eve.lindqvist", ["privacy-officer"]), ("farid.haddad", ["support"]),
    ("gus.mertens", ["auditor"]), ("hana.sato", ["trainee"]), ("ines.moreau", ["warehouse"]),
]
KINDS_OF_DEVICE = ["laptop", "phone", "tablet", "disk", "usb-stick", "camera"]
STATES = ["received", "open", "closed", "held", "due", "shredded", "released"]
RULES = [
    ("support-sees-listings-only", "Support may list and stat; contents are for technicians."),
    ("no-copying-out", "Nothing is copied out of a device but by data recovery."),
    ("photos-stay-closed", "Pictures and videos stay closed to everybody without a customer's consent."),
    ("trainees-with-a-second-person", "A trainee reads only in a session that a technician watches."),
    ("consent-for-recovery", "Data recovery wants the customer's consent on record."),
]

HOSTILE = [
    "<script>document.title='owned'</script>", "\"><img src=x onerror=alert(1)>", "'onmouseover='alert(1)", "</table></div><h1>free</h1>",
    "\u202eevitaler\u202c", "zero\u200bwidth\u2060joined", "bell\u0007 and \u001b[31mred\u001b[0m", "line\nbreak\r\ttab", "\ufeffmark",
    "&lt;already&gt; &amp; escaped", "\U0001f3f4\U000e0067\U000e0062\U000e007f flag", "\U00020bb7\u7530 \u0639\u0644\u064a \u05d3\u05d5\u05d3",
    "e\u0301" * 20, "W" * 200, "w\u00f6rter ohne ende " * 12, "a\u0000b", "]]><!--", "{{7*7}}${7*7}", "javascript:alert(1)", "\ue000private",
]


def iso(at):
    return datetime.datetime.fromtimestamp(at, ZONE).isoformat()


def moment(item, key, at):
    item[key], item[key + "_unix"] = iso(at), at


def span(item, first, last, sequence):
    moment(item, "first", first)
    moment(item, "last", last)
    item["first_sequence"], item["last_sequence"] = sequence, sequence + rng.randrange(1, 900)
    return item


def event(sequence, at, **more):
    item = {"sequence": sequence, "at": iso(at), "at_unix": at}
    item.update(more)
    return item


def working_moment(odd=0.04):
    """A second of the period, as people who work have them: a few at night."""
    while True:
        day = SINCE + rng.randrange(22) * 86400
        weekday = datetime.datetime.fromtimestamp(day, ZONE).weekday()
        is_odd = rng.random() < odd
        if weekday >= 5 and not is_odd:
            continue
        hour = rng.choice([2, 3, 21, 22]) if is_odd else min(max(int(rng.gauss(12.5, 2.4)), 8), 17)
        return min(day + hour * 3600 + rng.randrange(3600), MADE - 60)


def integrity(state):
    item = {
        "state": state, "by": "auditor", "verdict": "good", "records": 48219, "frames": 9120, "segments": 6, "names": 14022, "has_macs": True,
        "checkpoints": 2204, "trimmed_segments": 2, "trimmed_records": 15210, "first_sequence": 15211, "last_sequence": 63429,
        "checkpointed_sequence": 63421, "forgeable_windows": 2, "silences": 3, "longest_silence_s": 28811, "clock_steps": 0, "is_torn": False,
        "chain": "9b1f" * 16, "anchored_sequence": 63388, "anchored_unix": MADE - 640,
        "windows": [{"first_sequence": 63389, "last_sequence": 63429, "is_now": True},
                    {"first_sequence": 31002, "last_sequence": 31004, "is_now": False}],
    }
    if state != "good":
        item.update(anchored_sequence=None, anchored_unix=None)
    if state == "broken":
        item.update(looks="dropped", problem="record 48112 is missing: 48113 follows 48111", bad_sequence=48112, bad_offset=7340032,
                    bad_file="log/00000000000046001.seg", last_sequence=48111, vouched_sequence=48111, records=32901, windows=[])
    return item


def over_time(count=22, unit="day", step=86400, since=SINCE):
    points = []
    for i in range(count):
        at = since + i * step
        local = datetime.datetime.fromtimestamp(at, ZONE)
        busy = rng.uniform(.7, 1.3)
        if unit == "day":
            busy *= .03 if local.weekday() >= 5 else 1
        if unit == "hour":
            busy *= 1 if 8 <= local.hour < 18 else .02
        permitted = int(2100 * busy)
        points.append({"at_unix": at, "label": iso(at)[:10], "permitted": permitted, "denied": int(permitted * rng.uniform(.005, .06)),
                       "bytes": int(permitted * rng.uniform(1e5, 9e5))})
    if unit == "day":
        points[16]["bytes"] *= 6
        points[16]["denied"] += 240
    return {"unit": unit, "points": points}


def week():
    hours = []
    for day in range(7):
        for hour in range(24):
            base = max(0, 420 - 55 * abs(hour - 12.5)) if day < 5 else 0
            hours.append(int(base * rng.uniform(.6, 1.2)) if base else (rng.randrange(9) if rng.random() < .12 else 0))
    return hours


def people(names):
    items = []
    for i, (name, roles) in enumerate(names):
        weight = 9000 // (i + 1)
        items.append(span({"uid": 61001 + i, "person": name, "roles": roles, "devices": rng.randrange(1, 40),
                           "events": weight + rng.randrange(200), "bytes": int(weight * rng.uniform(1e4, 9e5)),
                           "denied": rng.randrange(weight // 20 + 1), "unmasked": rng.choice([0, 0, 0, 3, 12]),
                           "off_hours": rng.choice([0, 0, 2, 41])}, working_moment(), MADE - rng.randrange(86400 * 4), 15300 + i))
    return sorted(items, key=lambda item: -item["events"])


def devices(count):
    items = []
    for i in range(count):
        weight = 6000 // (i + 1)
        items.append(span({"device": "RMA-%d" % (1001 + i), "kind": rng.choice(KINDS_OF_DEVICE), "state": rng.choice(STATES),
                           "people": rng.randrange(1, 7), "events": weight + 3, "bytes": int(weight * rng.uniform(1e4, 9e5)),
                           "denied": rng.randrange(weight // 15 + 1), "unmasked": rng.choice([0, 0, 0, 2])},
                          working_moment(), MADE - rng.randrange(86400 * 4), 15500 + i))
    return items


def denials(names, count):
    items = []
    for i in range(count):
        rule, text = RULES[i % len(RULES)]
        number = rng.randrange(len(names))
        items.append(span({"rule": rule, "text": text, "uid": 61001 + number, "person": names[number][0],
                           "device": "RMA-%d" % rng.randrange(1001, 1040), "count": max(1, int(120 / (i + 1)))},
                          working_moment(), MADE - rng.randrange(86400 * 4), 16000 + 7 * i))
    return items


def unmasking(names, count):
    reasons = ["customer asks whether her photographs can be saved", "address for the return label", "licence key for the repair",
               "written request of the owner, ticket 20417"]
    items = []
    for i in range(count):
        number = rng.randrange(len(names))
        items.append(event(20000 + 31 * i, working_moment(), uid=61001 + number, person=names[number][0],
                           device="RMA-%d" % rng.randrange(1001, 1040), purpose=rng.choice(["data-recovery", "return-shipping"]),
                           rule="recovery-with-consent", reason=rng.choice(reasons), opens=rng.randrange(1, 9),
                           classes=rng.choice(["name, address", "email", "name, phone, email"])))
    return sorted(items, key=lambda item: item["sequence"])


def unusual(names, count):
    items = []
    for i in range(count):
        number = rng.randrange(len(names))
        kind = ["volume", "off-hours", "denials"][i % 3]
        value, usual = {"volume": (rng.randrange(10**8, 10**10), rng.randrange(10**6, 10**7)), "off-hours": (rng.randrange(2, 90), 0),
                        "denials": (rng.randrange(25, 300), 2)}[kind]
        day = working_moment()
        items.append({"kind": kind, "day": iso(day)[:10], "day_unix": day, "uid": 61001 + number, "person": names[number][0],
                      "value": value, "usual": usual, "first_sequence": 30000 + i})
    return items


def policies():
    digest = [("%02x" % rng.randrange(256)) * 32 for _ in range(4)]
    lines = [("@", "-41,7 +41,11"), (" ", "  - id: consent-for-recovery"), (" ", "    permit: [read, copy]"),
             ("-", "    when: {purpose: data-recovery}"), ("+", "    when: {purpose: data-recovery, consent: granted}"),
             ("+", "    needs: {approvals: 2, within: 4h}"), ("+", "    # from the works council's letter of 2 November"),
             (" ", "    to: [data-recovery]")]
    return [
        event(17001, SINCE + 86400 * 2 + 33000, serial=11, digest=digest[0], uid=61005, person="eve.lindqvist",
              reason="works council: two approvals for recovery", is_refused=False, is_kept=True, is_unchanged=False,
              diff=[{"sign": sign, "text": text} for sign, text in lines], diff_more=0),
        event(17950, SINCE + 86400 * 5 + 36100, serial=None, digest=None, uid=61002, person="ben.okafor", reason=None, is_refused=True,
              is_kept=False, is_unchanged=False, diff=None, diff_more=0),
        event(19420, SINCE + 86400 * 9 + 40000, serial=12, digest=digest[1], uid=61005, person="eve.lindqvist", reason="",
              is_refused=False, is_kept=False, is_unchanged=False, diff=None, diff_more=0),
        event(22001, SINCE + 86400 * 12 + 41000, serial=12, digest=digest[1], uid=61005, person="eve.lindqvist", reason="",
              is_refused=False, is_kept=True, is_unchanged=True, diff=[], diff_more=0),
    ]


def lives():
    def told(item, **moments):
        for key, at in moments.items():
            if at:
                moment(item, key, at)
            else:
                item[key], item[key + "_unix"] = None, 0
        return item

    return {
        "holds": [told({"device": "RMA-1004", "number": 1, "uid": 61005, "person": "eve.lindqvist", "overdue": "", "incident": 0,
                        "reason": "letter of the customer's lawyer"}, since=SINCE + 200000, review_by=MADE + 86400 * 70),
                  told({"device": "RMA-1012", "number": 2, "uid": 61001, "person": "anna.albers", "overdue": "review", "incident": 1,
                        "reason": "screen was broken in our workshop"}, since=SINCE + 90000, review_by=MADE - 86400 * 2)],
        "hold_events": [event(18101, SINCE + 200000, device="RMA-1004", uid=61005, person="eve.lindqvist", what="added"),
                        event(21874, SINCE + 900000, device="RMA-1020", uid=61005, person="eve.lindqvist", what="released")],
        "shreds": [event(24000 + i, SINCE + 86400 * 10 + 5000 * i, device="RMA-%d" % (1030 + i), uid=None, person="",
                         what="source" if i == 3 else "device", status=["ERASED", "ERASED", "ERASED_WITH_EXCEPTIONS", "NOT_ERASED"][i],
                         certificate=("%02x" % (17 * i + 3)) * 32, is_erased=i < 3) for i in range(4)],
        "lapses": [{"person": "dmitri.volkov", "role": "data-recovery", "standing": "lapsed", "requirement": "training data protection 2025",
                    "until": "2026-11-15"},
                   {"person": "hana.sato", "role": "trainee", "standing": "counts", "requirement": None, "until": "2026-12-31"}],
        "requests": [told({"device": "RMA-1007", "number": 1, "kind": "erase", "state": "done", "warning": "", "by": 61003, "ended_by": 61005},
                          since=SINCE + 4000, deadline=SINCE + 86400 * 31, ended=SINCE + 86400 * 6),
                     told({"device": "RMA-1019", "number": 1, "kind": "disclose", "state": "open", "warning": "late", "by": 61006,
                           "ended_by": None}, since=SINCE - 86400 * 25, deadline=MADE - 86400, ended=0)],
        "incidents": [told({"device": "RMA-1012", "number": 1, "kind": "damage", "state": "open", "warning": "soon", "by": 61001, "hold": 2,
                            "closed_by": None, "action": ""}, opened=SINCE + 90000, deadline=MADE + 86400, closed=0)],
    }


def readers(names, count):
    what = ["log-query", "log-query with names", "log-report", "device-report customer", "log-follow"]
    return [event(62000 - 17 * i, MADE - 7200 * i - 60, uid=61007, person=names[min(6, len(names) - 1)][0], what=what[i % len(what)],
                  device="RMA-1004" if i % len(what) == 3 else "") for i in range(count)]


LIMITS = [
    "What was done to the devices or to this machine without Bailee is not in its log: a copy of a disk that was made before it was taken in, "
    "for example.",
    "Accounts are told by their numbers, with the names and roles of today. Who sat at the keyboard the log does not know.",
    "Paths of files are not told here: bailee log query --names does, for an auditor.",
]


def model(kind):
    names = PEOPLE
    rows = 5000 if kind == "large" else 0
    if kind == "large":
        names = [("person.%04d" % i, ["technician"]) for i in range(5000)]
    if kind == "hostile":
        names = [(name, [name, "technician"]) for name in HOSTILE]
    state = {"not-anchored": "not-anchored", "broken": "broken", "unchecked": "not-checked", "offline": "not-anchored"}.get(kind, "good")
    times = {"days": lambda: over_time(48, "hour", 3600, MADE - 48 * 3600 - MADE % 3600),
             "years": lambda: over_time(262, "week", 7 * 86400, MADE - 262 * 7 * 86400)}.get(kind, over_time)()
    item = {
        "format": "bailee.report/v1",
        "made": {"at": iso(MADE), "at_unix": MADE, "by": "gus.mertens", "host": "returns-desk.example", "program": "bailee 0.1.0"},
        "period": {"since": iso(SINCE), "since_unix": SINCE, "until": None, "until_unix": None, "zone": "Europe/Berlin"},
        "integrity": integrity(state),
        "totals": {}, "over_time": times, "week": week(), "people": people(names), "devices": devices(rows or 41),
        "denials": denials(names, rows or 23), "unmasking": unmasking(names, rows or 14), "unusual": unusual(names, rows or 6),
        "policies": policies(), "readers": readers(names, rows or 12), "limits": list(LIMITS),
    }
    item.update(lives())
    points = item["over_time"]["points"]
    permitted, denied = sum(p["permitted"] for p in points), sum(p["denied"] for p in points)
    item["totals"] = {"events": permitted + denied, "permitted": permitted, "denied": denied - 61, "asked": 40, "withheld": 18, "failed": 3,
                      "people": len(names), "devices": len(item["devices"]), "bytes": sum(p["bytes"] for p in points), "unmasked": 37}
    if kind == "large":
        item.update(people_more=311, denials_more=90210)
    if kind == "unchecked":
        item["integrity"] = {"state": "not-checked", "by": "service"}
    if kind == "offline":
        for row in item["people"] + item["denials"] + item["unmasking"] + item["unusual"] + item["policies"] + item["readers"]:
            row["person"] = ""
            row.pop("roles", None)
            row.pop("text", None)
        for row in item["devices"]:
            row["kind"] = row["state"] = ""
        for row in item["policies"]:
            row["diff"], row["is_kept"] = None, False
        item["made"]["by"] = "root"
        item.update(holds=None, lapses=None, requests=None, incidents=None)
        item["limits"].append("Made of a copy of the log, without the service: there are no names of persons, no words of rules, no texts of "
                              "policies, no open holds, lapsing roles, requests and incidents.")
    if kind in ("empty", "quiet"):
        for key, value in item.items():
            if isinstance(value, list) and key not in ("limits", "week"):
                item[key] = []
        item.update(week=[0] * 168, over_time={"unit": "hour", "points": []})
        item["totals"] = {key: 0 for key in item["totals"]}
    if kind == "empty":
        item["integrity"].update(records=1, frames=1, segments=1, checkpoints=1, first_sequence=1, last_sequence=1, checkpointed_sequence=1,
                                 trimmed_segments=0, windows=[], forgeable_windows=0, silences=0, anchored_sequence=1)
        item["period"].update(since=None, since_unix=None)
    if kind == "hostile":
        evil = "<script>document.title='owned'</script>"
        item["made"].update(by=HOSTILE[1], host=HOSTILE[4], program=evil)
        item["limits"] += HOSTILE
        for i, row in enumerate(item["denials"] + item["unmasking"] + item["unusual"] + item["readers"] + item["policies"]):
            for key in ("rule", "text", "reason", "purpose", "classes", "what", "kind", "day"):
                if key in row:
                    row[key] = HOSTILE[i % len(HOSTILE)]
        for i, row in enumerate(item["shreds"] + item["holds"] + item["lapses"] + item["requests"] + item["incidents"]):
            for key in ("status", "reason", "role", "standing", "state", "warning", "certificate", "action", "requirement"):
                if key in row:
                    row[key] = HOSTILE[(i + 3) % len(HOSTILE)]
        item["policies"][0]["diff"] = [{"sign": "+", "text": text} for text in HOSTILE] + [{"sign": evil, "text": 7}, "x", None]
        item["over_time"]["unit"] = evil
        item["period"]["zone"] = "../../etc/passwd"
        item["period"]["since"] = "2026-11-01'; rm -rf / #"
    return item


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in KINDS:
        sys.exit(__doc__)
    json.dump(model(sys.argv[1]), sys.stdout)
