# docs/bailee-policy.5 is true: every example loads (those of `tests` pass too), every key that the language has stands in an
# example, every word of it is set in bold; and an entry that is taken out is missed.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need python3 man
page=$BAILEE_ROOT/docs/bailee-policy.5
code 0 "$bailee" policy schema
cp "$work/out" "$work/schema.json"

cat >"$work/manual.py" <<'PY'
import json, re, subprocess, sys
import yaml

page, schema_path, bailee, work = sys.argv[1:]
TROFF = [(r"\(aq", "'"), (r"\e", "\\"), (r"\-", "-")]
ADDED_TO = {"people", "roles", "workplaces"}  # sections of which an example gives some entries
faults = []


def plain(text):
    for mark, meant in TROFF:
        text = text.replace(mark, meant)
    return text


def read_examples(lines):
    """(line, where it goes, text) of each; every .EX has to say."""
    found, target, at = [], None, None
    for number, line in enumerate(lines, 1):
        if line.startswith('.\\" load: '):
            target = line.split(": ", 1)[1].strip()
        elif line == ".EX":
            at, text = number, []
            if target not in ("whole", "sections", "rules", "retention", "tests"):
                faults.append(f"line {number}: the example does not say how it is loaded")
        elif line == ".EE":
            found.append((at, target, plain("\n".join(text)) + "\n"))
            target = at = None
        elif at:
            text.append(line)
    return found


def cut(text):
    """A policy in sections, in order."""
    sections, name = {}, None
    for line in text.splitlines():
        key = re.match(r"([a-z_]+):", line)
        if key:
            name = key.group(1)
            sections[name] = []
        if name and line.strip():
            sections[name].append(line)
    return sections


def complete(base, target, text):
    if target == "whole":
        return text
    whole = {name: list(lines) for name, lines in base.items()}
    if target == "sections":
        for name, lines in cut(text).items():
            keys = set(re.findall(r"^  ([^ :]+(?::[^ :]+)?):", "\n".join(lines), re.M))
            kept = [l for l in base.get(name, [])[1:] if l.strip().split(": ")[0] not in keys]
            whole[name] = lines + (kept if name in ADDED_TO else [])
    else:
        whole[target] = whole[target] + ["  " + line for line in text.splitlines()]
    return "\n".join(line for lines in whole.values() for line in lines) + "\n"


def run(*arguments):
    done = subprocess.run([bailee, "policy", *arguments], capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).strip()


def load(examples):
    base = cut(examples[0][2])
    for line, target, text in examples:
        path = f"{work}/line-{line}.yaml"
        with open(path, "w") as file:
            file.write(complete(base, target, text))
        code, words = run("check", path)
        if code == 0 and target in ("whole", "tests"):
            code, words = run("test", path)
        if code != 0:
            faults.append(f"line {line}: the example is refused:\n{words}")


def used_keys(node, path, out):
    """Paths of keys; a list is [], the names that a policy gives itself are *."""
    if isinstance(node, dict):
        for key, value in node.items():
            here = f"{path}.{key}"
            out.add(here)
            used_keys(value, here, out)
    elif isinstance(node, list):
        for value in node:
            used_keys(value, path + "[]", out)


CLASSES = re.compile(r"(\.rules\[\]\.mask|\.shows)\.[^.]+")
NAMED = re.compile(r"^\.(people|roles|workplaces|detect\.custom)\.[^.]+(?:\.[0-9]+)?")


def keys_of(examples):
    out = set()
    for _, target, text in examples:
        tree = yaml.load(text, yaml.BaseLoader)
        used_keys(tree if target in ("whole", "sections") else {target: tree}, "", out)
    # 'uid:61009' and the like have no dot; a class of a mask is a name too.
    out = {NAMED.sub(r".\1.*", path) for path in out}
    return {CLASSES.sub(r"\1.*", path) for path in out}


def schema_words(schema):
    """The keys and the words that the schema knows."""
    keys, words, seen = set(), set(), set()

    def walk(node, path):
        if not isinstance(node, dict):
            return
        while "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[1]
            node = (schema.get("definitions") or schema.get("$defs"))[name]
        if (id(node), path) in seen:
            return
        seen.add((id(node), path))
        for word in node.get("enum", []) + ([node["const"]] if "const" in node else []):
            if isinstance(word, str):
                words.add(word)
        for key, value in node.get("properties", {}).items():
            keys.add(f"{path}.{key}")
            walk(value, f"{path}.{key}")
        for value in list(node.get("patternProperties", {}).values()) + [node.get("additionalProperties")]:
            if isinstance(value, dict):
                walk(value, path + ".*")
        items = node.get("items")
        for value in items if isinstance(items, list) else [items]:
            if isinstance(value, dict):
                walk(value, path + "[]")
        for joint in ("anyOf", "oneOf", "allOf"):
            for value in node.get(joint, []):
                walk(value, path)
        for joint in ("if", "then", "else"):
            if isinstance(node.get(joint), dict):
                walk(node[joint], path)

    walk(schema, "")
    words |= {path.rsplit(".", 1)[1] for path in keys if CLASSES.search(path)} - {"*"}
    return {CLASSES.sub(r"\1.*", path) for path in keys}, words


def bold_of(text):
    bold = set()
    for line in text.splitlines():
        macro = re.match(r"\.(B|BR)\s+(.*)", line)
        if macro:
            parts = re.findall(r'"[^"]*"|\S+', macro.group(2))
            for i, part in enumerate(parts):
                if macro.group(1) == "B" or i % 2 == 0:
                    bold.add(part.strip('"'))
        bold.update(re.findall(r"\\fB([^\\]+)\\fR", line))
    return {plain(word) for words in bold for word in [words, *words.split()]}


def missing(text, keys, words):
    examples = read_examples(text.splitlines())
    bold, used = bold_of(text), keys_of(examples)
    lacks = {f"no example uses the key '{key}'" for key in keys - used}
    lacks |= {f"the key '{key}' has no entry" for key in {k.rsplit(".", 1)[1] for k in keys} - bold if key != "*"}
    return lacks | {f"the word '{word}' is not in bold anywhere" for word in words - bold - {"1"}}


with open(page) as file:
    text = file.read()
with open(schema_path) as file:
    keys, words = schema_words(json.load(file))
examples = read_examples(text.splitlines())
load(examples)
faults += sorted(missing(text, keys, words))
# What is taken out is missed: else none of this means anything.
for gone, what in ((r"never_with", "never_with"), (r"usb-stick", "usb-stick"), (r"max_size", "max_size"),
                   (r"keep-domain", "keep-domain"), (r"release_approvals", "release_approvals")):
    if not any(what in lack for lack in missing(text.replace(gone, "gone"), keys, words)):
        faults.append(f"'{what}' could be taken out of the page unnoticed")
if len(examples) < 25 or len(keys) < 60 or len(words) < 60:
    faults.append(f"too little was looked at: {len(examples)} examples, {len(keys)} keys, {len(words)} words")
print("\n".join(faults) or f"{len(examples)} examples, {len(keys)} keys, {len(words)} words")
sys.exit(bool(faults))
PY
code 0 python3 "$work/manual.py" "$page" "$work/schema.json" "$bailee" "$work"
cat "$work/out"
# It renders, without a word of complaint, and nothing of it is lost.
for manual in "$page" "$BAILEE_ROOT/docs/bailee.1"; do
	MANWIDTH=100 man --warnings=w -l "$manual" >"$work/rendered" 2>"$work/warnings" || fail "man cannot read $manual"
	[ ! -s "$work/warnings" ] || { cat "$work/warnings"; fail "man complains about $manual"; }
	[ "$(wc -l <"$work/rendered")" -gt 50 ] || fail "$manual renders to next to nothing"
done

# bailee.1 names every command, and every option that a command's --help names.
sed 's/\\f[A-Z]//g' "$BAILEE_ROOT/docs/bailee.1" >"$work/bailee.1"
options_missing() {
	for command in $(sed -n 's/^  \([a-z-]*\)  *[a-z].*/\1/p' "$work/help"); do
		grep -Eq -- "^\.B bailee ([a-z-]*\|)?$command( |\||\$)" "$1" || echo "bailee $command"
		"$bailee" "$command" --help >"$work/usage" 2>&1 || true
		for option in $(grep -o -- '--[a-z-]*' "$work/usage" | sort -u); do
			grep -qF -- "$option" "$1" || echo "$command $option"
		done
	done
	for verb in check test explain diff publish schema load keygen sign verify trust; do
		for option in $("$bailee" policy $verb --help | grep -o -- '--[a-z-]*' | sort -u); do
			grep -qF -- "$option" "$1" || echo "policy $verb $option"
		done
	done
}
code 0 "$bailee" --help
cp "$work/out" "$work/help"
options_missing "$work/bailee.1" >"$work/missing"
[ ! -s "$work/missing" ] || { cat "$work/missing"; fail "bailee.1 does not know these"; }
sed 's/--ticket/--tick/; s/^\.B bailee people$/.B bailee folk/; s/--mutate/--mutt/g' "$work/bailee.1" >"$work/less.1"
options_missing "$work/less.1" >"$work/missing"
for gone in 'bailee people' 'caller --ticket' 'policy test --mutate'; do
	grep -qxF -- "$gone" "$work/missing" || fail "'$gone' could be taken out of bailee.1 unnoticed"
done
