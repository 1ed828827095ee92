#!/usr/bin/python3
"""A second verifier of wipe check statements, written from docs/format-inspection.md ("the page") and nothing else.

    check-inspection.py FILE --key HEX64

Exit codes: 0 genuine and as the page says; 13 not, with one line for each thing that is wrong. Needs PyNaCl.
"""

import argparse
import json
import re
import sys

import nacl.exceptions
import nacl.signing

LIMIT = 256 << 10
MOST_PLACES = 1000
MOST_SIGNS = 256
MOST_REPORTS = 8
HEX = re.compile(r"[0-9a-f]+\Z")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
OPERATOR = re.compile(r"uid:\d+\Z")

wrong = []


def claim(is_so, *what):
    if not is_so:
        wrong.append(" ".join(str(word) for word in what))
    return is_so


# ---- types ----------------------------------------------------------------------------------------------------


def number(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def text(value):
    return isinstance(value, str) and not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u200e\u200f\u061c"
                                              or "\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069" for c in value)


def text_or_null(value):
    return value is None or text(value)


def hex_of(digits):
    return lambda value: isinstance(value, str) and len(value) == digits and HEX.match(value)


def one_of(*words):
    return lambda value: value in words and not isinstance(value, int)


def moment(value):
    return isinstance(value, str) and MOMENT.match(value)


def span(value):
    return isinstance(value, list) and len(value) == 2 and all(number(part) for part in value) and value[1] > 0


def list_of(check, most):
    return lambda value: isinstance(value, list) and len(value) <= most and all(check(item) for item in value)


def object_of(fields):
    """every field there, no other, each of its type; what is wrong is told by its name"""
    def check(value, where=""):
        if not isinstance(value, dict) or set(value) != set(fields):
            return claim(False, "fields of", where or "an object", "are",
                         sorted(value) if isinstance(value, dict) else value)
        return all([claim(kind(value[name]), where + name, "is", json.dumps(value[name])[:80])
                    for name, kind in fields.items()])
    return check


SIGN = object_of({"type": text, "offset": number})
PLACE = object_of({"class": text, "offset": number, "length": number,
                   "where": one_of("allocated", "free", "nobodys")})
COUNTS = object_of({"allocated": number, "free": number, "nobodys": number, "identity": number})
REPORT = object_of({"program": text_or_null, "version": text_or_null, "serial": text_or_null, "model": text_or_null,
                    "method": text_or_null, "result": one_of("success", "failure", "unknown"),
                    "serial_matches": one_of("yes", "no", "unknown"), "digest": hex_of(64)})
DEVICE = object_of({"id": text, "kind": text, "maker": text, "model": text, "serial": text})
STATEMENT = object_of({
    "type": one_of("bailee-inspection"),
    "version": lambda value: value == 1 and not isinstance(value, bool),
    "store": hex_of(32),
    "public_key": hex_of(64),
    "verdict": one_of("EMPTY", "NOT_EMPTY", "NOT_READ"),
    "device": lambda value: value is None or DEVICE(value, "device."),
    "medium": object_of({"kind": one_of("file", "block device"), "size_bytes": number, "model": text_or_null,
                         "serial": text_or_null, "serial_matches": one_of("yes", "no", "unknown"),
                         "is_virtual": lambda value: value is None or isinstance(value, bool)}),
    "read": object_of({"bytes": number, "unreadable_bytes": number,
                       "fill": lambda value: number(value) and value in (0, 255),
                       "threads": lambda value: number(value) and 1 <= value <= 16}),
    "regions": object_of({"count": number, "bytes": number, "first": list_of(span, MOST_PLACES), "more": number}),
    "tables": list_of(SIGN, MOST_SIGNS), "tables_more": number,
    "filesystems": list_of(SIGN, MOST_SIGNS), "filesystems_more": number,
    "findings": object_of({"total": number,
                           "classes": lambda value: isinstance(value, dict) and all(map(COUNTS, value.values())),
                           "places": list_of(PLACE, MOST_PLACES), "more": number}),
    "looked_for": list_of(text, 1000), "identities": number,
    "reports": list_of(REPORT, MOST_REPORTS),
    "when": object_of({"begun": moment, "done": moment, "trusted": moment}),
    "who": object_of({"operator": lambda value: isinstance(value, str) and OPERATOR.match(value), "program": text}),
    "signature": hex_of(128),
})


# ---- what must not contradict itself -------------------------------------------------------------------------


def is_sorted(items):
    return all(left <= right for left, right in zip(items, items[1:]))


def bare(serial):
    """but for case, spaces, and zeros in front; nothing but zeros is none"""
    return re.sub(r"\s", "", serial or "").upper().lstrip("0")


def matches(stated, found):
    if not bare(stated) or not bare(found):
        return "unknown"
    return "yes" if bare(stated) == bare(found) else "no"


def check_regions(statement):
    regions, size = statement["regions"], statement["medium"]["size_bytes"]
    end = 0
    for at, length in regions["first"]:
        claim(at >= end, "regions are not behind each other at", at)
        end = at + length
    claim(end <= size, "a region lies behind the medium")
    total = sum(length for _, length in regions["first"])
    claim(regions["count"] == len(regions["first"]) + regions["more"], "count of regions")
    claim(total == regions["bytes"] if regions["more"] == 0 else total < regions["bytes"], "bytes of regions")
    for name in ("tables", "filesystems"):
        claim(is_sorted([sign["offset"] for sign in statement[name]]), name, "are not by offset")


def check_verdict(statement):
    read, regions, verdict = statement["read"], statement["regions"]["count"], statement["verdict"]
    if verdict == "EMPTY":
        claim(regions == 0 and read["unreadable_bytes"] == 0 and
              read["bytes"] == statement["medium"]["size_bytes"], "EMPTY, and it is not")
    claim((verdict == "NOT_EMPTY") == (regions > 0), "verdict", verdict, "with", regions, "regions")
    if not regions:
        claim(not statement["tables"] and not statement["filesystems"] and not statement["findings"]["total"]
              and not statement["tables_more"] and not statement["filesystems_more"], "something lies in no region")


def check_findings(statement):
    findings, looked_for = statement["findings"], statement["looked_for"]
    classes = findings["classes"]
    wheres = ("allocated", "free", "nobodys")
    claim(findings["total"] == sum(sum(counts[where] for where in wheres) for counts in classes.values()),
          "total is not the sum of classes")
    claim(findings["total"] == len(findings["places"]) + findings["more"], "total is not places and more")
    claim(is_sorted([place["offset"] for place in findings["places"]]), "places are not by offset")
    for place in findings["places"]:
        claim(classes.get(place["class"], {}).get(place["where"]), "a place was not counted:", place)
        claim(place["offset"] + place["length"] <= statement["medium"]["size_bytes"], "a place lies behind the medium")
    for name, counts in classes.items():
        claim(sum(counts[where] for where in wheres) > 0, "a class without findings:", name)
        claim(counts["identity"] <= sum(counts[where] for where in wheres), "more identities than findings:", name)
        claim(counts["identity"] == 0 or statement["identities"] > 0, "identities that nobody knew:", name)
        claim(name in looked_for, "found and not looked for:", name)
    claim(looked_for == sorted(set(looked_for)), "classes are not sorted")


def check_serials(statement):
    stated = statement["device"]["serial"] if statement["device"] else None
    for found in [statement["medium"]] + statement["reports"]:
        claim(found["serial_matches"] == matches(stated, found["serial"]), "serial_matches", found["serial_matches"],
              "of", stated, "and", found["serial"])


# ---- form ---------------------------------------------------------------------------------------------------------


def no_twins(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def no_fraction(digits):
    raise ValueError("a number that is no integer: " + digits)


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def check(content, key):
    if len(content) > LIMIT:
        return claim(False, "longer than", LIMIT)
    try:
        statement = json.loads(content.decode(), object_pairs_hook=no_twins, parse_float=no_fraction,
                               parse_constant=no_fraction)
    except (UnicodeDecodeError, ValueError) as error:
        return claim(False, "not JSON of this form:", error)
    if not STATEMENT(statement):
        return False
    claim(content == canonical(statement) + b"\n", "not in canonical form")
    claim(statement["public_key"] == key, "signed with another key")
    unsigned = {name: value for name, value in statement.items() if name != "signature"}
    try:
        nacl.signing.VerifyKey(bytes.fromhex(key)).verify(canonical(unsigned), bytes.fromhex(statement["signature"]))
    except nacl.exceptions.BadSignatureError:
        claim(False, "the signature does not verify")
    for rule in (check_regions, check_verdict, check_findings, check_serials):
        rule(statement)
    return not wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--key", required=True)
    args = parser.parse_args()
    with open(args.file, "rb") as file:
        check(file.read(), args.key)
    for line in wrong:
        print("wrong:", line)
    sys.exit(13 if wrong else 0)


main()
