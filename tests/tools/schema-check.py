#!/usr/bin/env python3
"""Hold `bailee policy schema` to the parser.

    schema-check.py BAILEE ROOT WORK

1. Both take the same policies: ROOT/tests/policies, the examples, and what they refuse is refused by both, but for the
   files named in ROOT/tests/policies/schema-cannot-see, each under its reason.
2. Every map has the keys that the parser takes, every closed list the words that it takes: a wrong one is put into each
   place, and what the parser says belongs there is compared.
3. Every example in the schema is taken by the parser at its place.
"""
import glob
import json
import os
import re
import subprocess
import sys

import jsonschema
import yaml

WRONG = "zzzzzzzz"
BASE = {
    "bailee": 1,
    "name": "Shop",
    "serial": 1,
    "timezone": "Europe/Dublin",
    "people": {"anna": {"roles": ["technician"]}, "carla": {"roles": ["supervisor", "administrator"]}},
    "roles": {"technician": {}, "supervisor": {}, "administrator": {}},
    "workplaces": {"bench": {"hosts": ["bench-01"]}},
    "defaults": {"access": "forbid", "mask": "fill", "unscanned": "withhold"},
    "rules": [{"id": "desk-lists", "permit": ["list"], "who": ["technician"], "why": "A look at names."}],
}


class Editor(yaml.SafeLoader):
    """YAML as an editor's language server reads it: 1.2, core schema. Dates stay text, keys are text."""

    yaml_implicit_resolvers = {}

    def construct_mapping(self, node, deep=False):
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(None, None, "no map", node.start_mark)
        result = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is no word", key.start_mark)
            result[key.value] = self.construct_object(value, deep=True)
        return result


def number(loader, node):
    text = node.value
    base = {"0x": 16, "0o": 8}.get(text[:2], 10)
    return int(text[2:] if base != 10 else text, base)


for tag, pattern, first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    Editor.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile("^(?:%s)$" % pattern), list(first))
Editor.add_constructor("tag:yaml.org,2002:int", number)
Editor.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(node.value))

# python3-yaml refuses a tab behind a value, which YAML and editors take.
READER_REFUSES = {"text-tab-behind-value"}

failures = []


def fail(text):
    failures.append(text)


def schema_says(validator, path):
    """None when it is taken, else why not."""
    try:
        with open(path, "rb") as file:
            document = yaml.load(file, Editor)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        return "YAML: " + type(error).__name__
    for error in validator.iter_errors(document):
        return "%s: %s" % ("/".join(map(str, error.absolute_path)), error.message[:120])
    return None


def unseen(path):
    """Names of files, each under its reason: '# reason' lines, then names."""
    names, reason = {}, None
    with open(path) as file:
        for line in file.read().splitlines():
            if line.startswith("#"):
                reason = line[1:].strip()
            elif line.strip():
                if not reason:
                    fail("%s: '%s' has no reason" % (path, line))
                if line in names:
                    fail("%s: '%s' stands twice" % (path, line))
                names[line.strip()] = reason
    return names


def check_corpus(validator, root):
    folder = os.path.join(root, "tests/policies")
    good = glob.glob(folder + "/good/*.yaml") + glob.glob(root + "/examples/policies/*.yaml")
    broken = glob.glob(folder + "/broken/*.yaml")
    blind = unseen(folder + "/schema-cannot-see")
    seen_blind = set()
    for path in sorted(good):
        said = schema_says(validator, path)
        if os.path.basename(path)[: -len(".yaml")] in READER_REFUSES:
            if not said or not said.startswith("YAML: "):
                fail("%s: it can be read now: take it off READER_REFUSES" % path)
        elif said:
            fail("%s: the parser takes it, the schema does not: %s" % (path, said))
    for path in sorted(broken):
        name = os.path.basename(path)[: -len(".yaml")]
        said = schema_says(validator, path)
        if name in blind:
            seen_blind.add(name)
            if said:
                fail("%s: the schema does see it: take it off the list (%s)" % (path, said))
        elif not said:
            fail("%s: the schema takes it, the parser does not" % path)
    for name in sorted(set(blind) - seen_blind):
        fail("schema-cannot-see: there is no file '%s'" % name)
    if len(good) < 20 or len(broken) < 120:
        fail("%d good and %d broken policies are no corpus" % (len(good), len(broken)))
    return len(good), len(broken), len(blind)


# ---- places ------------------------------------------------------------------------------------------------


def places(schema, path=()):
    """Every place of the schema with the way to it."""
    yield path, schema
    for name, value in schema.get("properties", {}).items():
        if isinstance(value, dict):
            yield from places(value, path + (("property", name),))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from places(schema["additionalProperties"], path + (("any", None),))
    if isinstance(schema.get("items"), dict):
        yield from places(schema["items"], path + (("item", None),))
    for i, value in enumerate(schema.get("anyOf", [])):
        if set(value) != {"required"}:
            yield from places(value, path + (("choice", i),))


def sample(schema):
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return [sample(schema["items"])]
    if schema.get("type") == "object":
        return {name: sample(schema["properties"][name]) for name in schema.get("required", [])}
    if "anyOf" in schema:
        return sample(schema["anyOf"][0])
    return True if schema.get("type") == "boolean" else "technician"


def put(schema, path, leaf):
    """An instance that has @leaf at @path and nothing else but what is required."""
    if not path:
        return leaf
    (kind, which), rest = path[0], path[1:]
    if kind == "item":
        return [put(schema["items"], rest, leaf)]
    if kind == "choice":
        return put(schema["anyOf"][which], rest, leaf)
    if kind == "any":
        return {next(iter(schema.get("properties", {})), "anna"): put(schema["additionalProperties"], rest, leaf)}
    whole = {name: sample(schema["properties"][name]) for name in schema.get("required", [])}
    whole[which] = put(schema["properties"][which], rest, leaf)
    return whole


def ask(bailee, work, policy):
    path = os.path.join(work, "policy.yaml")
    with open(path, "w") as file:
        json.dump(policy, file)
    os.chmod(path, 0o644)
    answer = subprocess.run([bailee, "policy", "check", "--json", path], capture_output=True, text=True, check=False)
    if not answer.stdout:
        sys.exit("no answer from %s: %s" % (bailee, answer.stderr))
    return json.loads(answer.stdout)


def policy_with(schema, path, leaf):
    policy = dict(BASE)
    if not path:
        policy.update(leaf)
    else:
        policy[path[0][1]] = put(schema["properties"][path[0][1]], path[1:], leaf)
    if "tests" in policy:
        policy["test_clock"] = "2026-07-01 10:00"
    return policy


def told(path):
    return "/".join(which if which is not None else kind for kind, which in ((k, str(w) if w is not None else None) for k, w in path)) or "the policy"


def same_words(fix, words):
    """Is "one of: a, b, ..." these words? A list that is cut is compared as far as it goes."""
    listed = fix[len("one of: "):]
    is_cut = "..." in listed or len(fix.encode()) > 240
    parts = [part.strip() for part in listed.split("...")[0].split(",") if part.strip()]
    if is_cut:
        parts = parts[:-1] if parts[-1] not in words else parts
        return set(parts) <= set(words)
    return set(parts) == set(words)


def compare(bailee, work, schema, path, leaf, words):
    findings = ask(bailee, work, policy_with(schema, path, leaf))["findings"]
    hits = [f for f in findings if WRONG in f["text"] and f["fix"].startswith("one of: ")]
    if not any(WRONG in f["text"] for f in findings):
        fail("%s: the parser says nothing of a wrong word: %s" % (told(path), [f["text"] for f in findings][:3]))
    for finding in hits:
        if not same_words(finding["fix"], words):
            fail("%s: parser %s, schema %s" % (told(path), finding["fix"], sorted(words)))
    return bool(hits)


def check_places(bailee, work, schema):
    maps = words = 0
    for path, here in places(schema):
        if here.get("additionalProperties") is False:
            leaf = {WRONG: "x"}
            maps += compare(bailee, work, schema, path, leaf, here["properties"].keys())
        elif "enum" in here and len(here["enum"]) > 1 and isinstance(here["enum"][-1], str) and path:
            if here["enum"] != [1, "1"]:
                words += compare(bailee, work, schema, path, WRONG, here["enum"])
    if maps < 20 or words < 20:
        fail("only %d maps and %d lists of words were compared" % (maps, words))
    return maps, words


def check_examples(bailee, work, schema, validator):
    count = 0
    for path, here in places(schema):
        for example in here.get("examples", []):
            if not path:
                continue
            policy = policy_with(schema, path, example)
            # What an entry needs beside the keys that are required, and what belongs to one effect only.
            rule = policy["rules"][0]
            if path[0][1] == "rules" and not {"permit", "forbid", "mask", "withhold"} & set(rule):
                rule["permit"] = ["read"]
            for entry in policy.get("retention", []):
                if not {"destroy_after", "keep_at_least", "destroy_by"} & set(entry):
                    entry["destroy_after"] = {"intake": "30d"}
            for test in policy.get("tests", []):
                if "class" in test:
                    test["do"] = "unmask"
            if "bounded" in policy.get("audit", {}):
                policy["audit"]["durability"] = "bounded"
            if path[-1][1] == "roles" or path[0][1] in ("people", "roles"):
                policy["people"] = {**BASE["people"], **policy["people"]}
                policy["roles"] = {**BASE["roles"], **policy["roles"]}
            count += 1
            answer = ask(bailee, work, policy)
            errors = [f for f in answer["findings"] if f["severity"] == "error"]
            if errors:
                fail("%s: the example %s is refused: %s" % (told(path), json.dumps(example), errors[0]["text"]))
            for error in validator.iter_errors(policy):
                fail("%s: the schema refuses its example: %s" % (told(path), error.message[:120]))
    if count < 40:
        fail("only %d examples were tried" % count)
    return count


def undescribed(schema):
    for path, here in places(schema):
        if path and path[-1][0] == "property" and "description" not in here and path[-2:-1] != (("property", "mask"),) \
                and path[-2:-1] != (("property", "shows"),):
            fail("%s: no description" % told(path))


def main():
    bailee, root, work = sys.argv[1:]
    schema = json.loads(subprocess.run([bailee, "policy", "schema"], capture_output=True, text=True, check=True).stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    corpus = check_corpus(validator, root)
    undescribed(schema)
    compared = check_places(bailee, work, schema)
    examples = check_examples(bailee, work, schema, validator)
    for failure in failures:
        print(failure)
    print("good %d, broken %d (%d that no schema sees); maps %d, lists of words %d; examples %d"
          % (corpus + compared + (examples,)))
    sys.exit(1 if failures else 0)


main()
