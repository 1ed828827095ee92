#!/bin/sh
# Every finding that the loader and the YAML reader can tell is told by two files of tests/policies/broken, at least.
#
# The texts are read from the sources, so a check that is added without a file to break it is found here.
set -u

command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
cd "$BAILEE_ROOT" || exit 1
exec python3 - <<'EOF'
import glob, re, sys

# What no file can show, and why.
ELSEWHERE = {
    "the policy is larger than 4 MiB": "too large to store: unit/policy/rules/corpus, hostile",
    "the policy has more than 100000 lines": "too large to store: unit/policy/rules/hostile",
    "more than 200000 values": "too large to store: unit/policy/rules/hostile",
    "more than 10000 keys in one map": "too large to store: unit/policy/rules/hostile",
    "all paths together have more than %u characters": "too large to store: unit/policy/rules/hostile",
    "the pattern of '%s': is too large for the matcher: write smaller bounds, narrower classes than ., or fewer choices":
        "the matcher's own limit, which nothing that the weight allows is known to reach",
    "the rules' paths have more than %d components": "too large to store: unit/policy/rules/hostile",
    "not a regular file": "is no file: unit/policy/rules/corpus",
    "writable by others than its owner": "is no matter of its text: unit/policy/rules/corpus",
    "larger than 4 MiB": "the loader says so first: unit/policy/yaml/parse",
    "more than %d rules": "the loader takes at most 4096, and the sets have fewer than the rest",
    "no memory to check ids": "memory",
    "'%s' cannot be read": "a fault of a shipped set: unit/policy/rules/load-sets reads them all",
    "a component is longer than %d bytes": "a whole path has no more than 1024",
    "'.' and '..' never match: paths are absolute": "the loader says so first: unit/policy/rules/glob",
    "a '%c' has no partner": "the loader says so first: unit/policy/rules/glob",
    "a '{' has no partner": "the loader says so first: unit/policy/rules/glob",
    "the pattern of '%s': is one class too many: at most %d": "the loader counts classes first",
    "the pattern of '%s': is not UTF-8": "the YAML reader says so first",
    "the pattern of '%s': is empty: write what the values look like": "the loader says so first",
    "the pattern of '%s': is longer than %d bytes: write a shorter one": "the loader says so first",
}
# One pattern after the other is tried by unit/policy/detect/pattern; here one file each is enough.
ONCE = "the pattern of '"

STRING = r'"(?:[^"\\]|\\.)*"'


def unescape(literals):
    return "".join(bytes(s[1:-1], "utf-8").decode("unicode_escape").encode("latin-1").decode("utf-8")
                   for s in re.findall(STRING, literals))


def calls(source, name):
    """The arguments of each call of a function, as texts."""
    for found in re.finditer(r"\b%s\(" % name, source):
        at, depth, arguments, begun = found.end(), 1, [], found.end()
        while depth:
            literal = re.compile(STRING + r"|'(?:[^'\\]|\\.)'").match(source, at)
            if literal:
                at = literal.end()
                continue
            c = source[at]
            depth += c in "([{"
            depth -= c in ")]}"
            if depth == 0 or (c == "," and depth == 1):
                arguments.append(source[begun:at])
                begun = at + 1
            at += 1
        yield arguments


def texts(source, name, which, prefix=""):
    for arguments in calls(source, name):
        if len(arguments) <= which:
            continue
        argument = arguments[which]
        # "a" "b" is one text, x ? "a" : "b" are two
        for part in re.findall(r"(?:%s\s*)+" % STRING, re.sub(r"\bPRI\w+", "", argument)):
            text = unescape(part)
            if text not in ("%s", "'%s' %s"):
                yield prefix + text


def read(path):
    with open(path, encoding="utf-8") as file:
        return re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)


def table(source, name):
    body = re.search(r"%s\[\] = \{(.*?)\n\};" % name, source, re.S)
    return re.findall(r"\{((?:%s|[^{}\"])*)\}" % STRING, body.group(1))


kinds = []
loaders = sorted(glob.glob("policy/rules/load*.c"))
assert len(loaders) >= 10
for path in loaders:
    source = read(path)
    kinds += texts(source, "load_error", 3)
    kinds += ["warning: " + text for text in texts(source, "load_warning", 3)]
    kinds += texts(source, "refuse_file", 2)
kinds += texts(read("policy/rules/check.c"), "rules_find", 5)
faults = re.search(r"path_fault\(.*?\n\}", read("policy/rules/load-pattern.c"), re.S).group(0)
kinds += ["'%s' " + unescape(text) for text in re.findall(r"return [^;]*?(%s)" % STRING, faults)]
for path in ("policy/detect/pattern.c", "policy/detect/custom.c"):
    for name, which in (("refuse", 1), ("bl_fail", 2)):
        kinds += [t for t in texts(read(path), name, which, "the pattern of '%s': ")
                  if "no memory" not in t and "cannot be looked for on this" not in t]
for path in ("policy/rules/glob.c", "policy/rules/compile.c"):
    kinds += [t for t in texts(read(path), "bl_fail", 2)]
yaml = read("policy/yaml/parse.c")
kinds += texts(yaml, "refuse", 2)
kinds += texts(yaml, "refuse_at", 2)
kinds += ["key '%s' stands here a second time"]
kinds += [unescape(re.findall(STRING, row)[1]) for row in table(yaml, "PROBLEMS")]
text = read("policy/yaml/text.c")
kinds += [unescape(re.findall(STRING, row)[0]) for row in table(text, "REFUSED")]
kinds += [unescape(s) for s in re.findall(r"\*out_text = (%s)" % STRING, text)]
kinds = sorted(set(kinds))
assert len(kinds) > 100, len(kinds)

told = {}
for path in sorted(glob.glob("tests/policies/broken/*.yaml") + glob.glob("tests/policies/good/*.yaml")):
    with open(path, "rb") as file:
        for line in file.read().decode("utf-8", "replace").split("\n"):
            found = re.match("\ufeff?# expect: [0-9]+:[0-9]+: (.*)", line)
            if found:
                told.setdefault(found.group(1), set()).add(path)

failed = 0
for kind in kinds:
    pattern = re.sub(r"%(?:\\\.)?[0-9]*[a-z]+", ".*", re.escape(kind).replace("\\%", "%"))
    files = set()
    for line, paths in told.items():
        if re.fullmatch(pattern, line):
            files |= paths
    least = 0 if kind in ELSEWHERE else 1 if kind.startswith(ONCE) else 2
    print("%4d  %s%s" % (len(files), kind, "  (%s)" % ELSEWHERE[kind] if least == 0 else ""))
    if len(files) < least:
        print("kinds: told by %d file(s) of %d: %s" % (len(files), least, kind))
        failed += 1
for kind in ELSEWHERE:
    if kind not in kinds:
        print("kinds: no source says any more: %s" % kind)
        failed += 1
print("%d kinds, %d told by too few files" % (len(kinds), failed))
sys.exit(failed != 0)
EOF
