"""Mutants of policy/rules and policy/yaml: each differs from the source by one small change.

    mutate.py BUILD      in a copy of the tree that mutate.sh has made and built

MUTANTS, SEED and JOBS say how many, which, and how many at once; ONLY is a part of the path of a source, CHANGES a regular
expression for what is changed ("^without", "^if .0."), TESTS one for the tests that are asked.

A mutant is compiled alone and linked in front of the library, so that its symbols are taken. Tests run one after the
other until one fails; those that killed mutants of this file before come first.

    killed          a test failed, crashed, or did not end in time
    survived        every test passed: either a test is missing, or the change means nothing
    same            the compiler made the same object of it: not counted
    not compiled    not counted
"""
import collections
import os
import random
import re
import resource
import subprocess
import sys
import threading
import time

BUILD = os.path.abspath(sys.argv[1])
ENV = dict(os.environ, LAW_PAIRS="3000", LAW_TEXT_PAIRS="300", BAILEE_ROOT=os.getcwd(), BAILEE_BUILD=BUILD,
           TMPDIR=BUILD)
MEMORY = 4 << 30
COUNT = os.environ.get("MUTANTS", "200")
SEED = int(os.environ.get("SEED", "1"))
JOBS = int(os.environ.get("JOBS", "2"))
ONLY = os.environ.get("ONLY", "")
CHANGES = os.environ.get("CHANGES", "")
TESTS = os.environ.get("TESTS", "")

FLIPS = {
    "<": ["<="], "<=": ["<"], ">": [">="], ">=": [">"], "==": ["!="], "!=": ["=="],
    "&&": ["||"], "||": ["&&"], "+": ["-"], "-": ["+"], "&": ["|"], "|": ["&"], "<<": [">>"], ">>": ["<<"],
    "+=": ["-="], "-=": ["+="], "|=": ["&="], "&=": ["|="], "++": ["--"], "--": ["++"],
    "true": ["false"], "false": ["true"], "!": [""], "~": [""],
}
BINARY_ONLY = {"+", "-", "&"}  # may stand before one operand, too; "*" never is a product we flip
TOKEN = re.compile(
    r"""(?P<skip>/\*.*?\*/|//[^\n]*|^[ \t]*\#(?:\\\n|[^\n])*|\s+)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+')
      | (?P<number>0[xX][0-9a-fA-F]+[uUlL]*|[0-9]+[uUlL]*)
      | (?P<word>[A-Za-z_]\w*)
      | (?P<sign><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)""",
    re.X | re.S | re.M)
# What begins a declaration: taken out, what follows would not compile.
TYPES = re.compile(r"(const|static|struct|enum|union|unsigned|int|char|bool|size_t|ssize_t|off_t|uid_t|gid_t|void|double|"
                   r"u?int\d+_t|bl_classes|rules_place|yaml_\w+_t|va_list|BL_CLEANUP|atomic_\w+)\b(?!\s*\()")

Token = collections.namedtuple("Token", "kind text begin end")
Mutant = collections.namedtuple("Mutant", "path begin end new line words")


def tokens_of(source):
    tokens = []
    for found in TOKEN.finditer(source):
        if found.lastgroup != "skip":
            tokens.append(Token(found.lastgroup, found.group(), found.start(), found.end()))
    return tokens


def partners(tokens):
    """Of each opening bracket the closing one."""
    pairs, stack = {}, []
    for i, token in enumerate(tokens):
        if token.kind == "sign" and token.text in "([{":
            stack.append(i)
        elif token.kind == "sign" and token.text in ")]}":
            pairs[stack.pop()] = i
    return pairs


def is_operand_end(token):
    return token.kind in ("number", "word", "string") and token.text not in ("return", "case", "else") or \
        token.text in (")", "]")


def code_spans(tokens, pairs):
    """Indexes of the tokens that are inside of a function."""
    inside, i = set(), 0
    while i < len(tokens):
        if tokens[i].text == "{" and i in pairs:
            if i and tokens[i - 1].text == ")":
                inside.update(range(i + 1, pairs[i]))
            i = pairs[i]
        i += 1
    return inside


def changes(source):
    """(begin, end, new text, what it is called) of each change."""
    tokens = tokens_of(source)
    pairs = partners(tokens)
    inside = code_spans(tokens, pairs)
    for i, token in enumerate(tokens):
        if token.kind == "number":
            digits = re.match(r"0[xX][0-9a-fA-F]+|[0-9]+", token.text).group()
            rest = token.text[len(digits):]
            value = int(digits, 0 if digits[:2] in ("0x", "0X") else 10)
            for new in ([value + 1] if value == 0 else [value + 1, value - 1]):
                yield token.begin, token.end, "%d%s" % (new, rest), "%s becomes %d" % (token.text, new)
        if i not in inside:
            continue
        for new in FLIPS.get(token.text, []) if token.kind in ("sign", "word") else []:
            if token.text in BINARY_ONLY and not is_operand_end(tokens[i - 1]):
                continue
            yield token.begin, token.end, new, "'%s' becomes '%s'" % (token.text, new)
        if token.text in ("if", "while") and i + 1 in pairs:
            begin, end = tokens[i + 1].end, tokens[pairs[i + 1]].begin
            for new in ("0", "1") if token.text == "if" else ("0",):
                yield begin, end, new, "%s (%s)" % (token.text, new)
        if token.text == ";" or token.text in "{}":
            yield from deletion(source, tokens, pairs, i)


def deletion(source, tokens, pairs, before):
    """The statement behind tokens[before], when it is one that can be taken out."""
    first = before + 1
    if first >= len(tokens) or tokens[first].kind not in ("word", "sign"):
        return
    word = tokens[first].text
    if word in ("if", "else", "for", "while", "do", "switch", "case", "default", "goto", "{", "}", ";", "__attribute__"):
        # What hangs under a condition without braces.
        if word in ("if", "for", "while") and first + 1 in pairs:
            yield from one_statement(source, tokens, pairs, pairs[first + 1] + 1)
        return
    yield from one_statement(source, tokens, pairs, first)


def one_statement(source, tokens, pairs, first):
    if first >= len(tokens) or TYPES.match(source, tokens[first].begin):
        return
    if tokens[first].text in ("if", "else", "for", "while", "do", "switch", "case", "default", "{", "}", ";"):
        return
    if tokens[first].text not in ("return", "break", "continue") and \
            (first + 1 < len(tokens) and tokens[first + 1].text == ":" or tokens[first].text == "."):
        return
    i = first
    while i < len(tokens) and tokens[i].text != ";":
        if tokens[i].text in ")]}":
            return
        i = pairs[i] + 1 if i in pairs else i + 1
    if i < len(tokens):
        text = " ".join(source[tokens[first].begin:tokens[i].begin].split())
        yield tokens[first].begin, tokens[i].begin, "", "without '%s'" % text


def mutants_of(path):
    with open(path, encoding="utf-8") as file:
        source = file.read()
    seen = set()
    for begin, end, new, words in changes(source):
        if (begin, end, new) not in seen:
            seen.add((begin, end, new))
            yield Mutant(path, begin, end, new, source.count("\n", 0, begin) + 1, words)


def make_variable(name):
    shown = subprocess.run(["make", "-s", "-f", "-", "show"], input="include Makefile\nshow:\n\t@echo $(%s)\n" % name,
                           capture_output=True, text=True, check=True)
    return shown.stdout.split()


class Run:
    def __init__(self, tests):
        self.flags = ["-std=c17", "-D_GNU_SOURCE", '-DBAILEE_VERSION="0"', "-I.", "-w", "-O1", "-g0", "-pthread"] + \
            make_variable("PKG_CFLAGS")
        self.libraries = make_variable("LIBS")
        self.tests = tests
        self.seconds = {}  # of each test without a change
        self.lock = threading.Lock()
        self.kills = collections.defaultdict(collections.Counter)  # by file, by test
        self.results = collections.defaultdict(collections.Counter)
        self.survivors = []

    def compile(self, source, to, path):
        # The name of the file is in messages of assert(): the same for each.
        done = subprocess.run(["gcc", *self.flags, "-x", "c", "-fmacro-prefix-map=%s=x" % os.path.dirname(path), "-c",
                               "-o", to, "-"], input=source.encode(), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, env=ENV)
        return done.returncode == 0

    def passes(self, test, changed, to):
        linked = subprocess.run(["gcc", "-o", to, "%s/obj/tests/%s.o" % (BUILD, test), *changed,
                                 BUILD + "/libpolicy.a", *self.libraries, "-lcmocka"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if linked.returncode:
            sys.exit("mutate: cannot link %s: %s" % (test, linked.stderr[-400:]))
        begun = time.monotonic()
        seconds = 5 + 10 * self.seconds.get(test, 20)
        try:
            done = subprocess.run([to], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, env=ENV, timeout=seconds, start_new_session=True,
                                  preexec_fn=lambda: limit(int(seconds)))
        except subprocess.TimeoutExpired:
            return False
        self.seconds.setdefault(test, time.monotonic() - begun)
        return done.returncode == 0

    def order(self, path):
        stem = os.path.splitext(path)[0]
        with self.lock:
            kills = collections.Counter(self.kills[path])
        return sorted(self.tests, key=lambda test: (-kills[test], test != "unit/" + stem, self.seconds[test]))

    def try_one(self, mutant, source, original, folder):
        text = source[:mutant.begin] + mutant.new + source[mutant.end:]
        changed = folder + "/changed.o"
        if not self.compile(text, changed, mutant.path):
            return "not compiled"
        with open(changed, "rb") as file:
            if file.read() == original:
                return "same"
        for test in self.order(mutant.path):
            if not self.passes(test, [changed], folder + "/test"):
                with self.lock:
                    self.kills[mutant.path][test] += 1
                return "killed"
        return "survived"

    def work(self, queue, number):
        folder = "%s/mutant-%d" % (BUILD, number)
        os.makedirs(folder, exist_ok=True)
        originals = {}
        while True:
            with self.lock:
                if not queue:
                    return
                mutant = queue.pop(0)
            with open(mutant.path, encoding="utf-8") as file:
                source = file.read()
            if mutant.path not in originals:
                assert self.compile(source, folder + "/original.o", mutant.path), mutant.path
                with open(folder + "/original.o", "rb") as file:
                    originals[mutant.path] = file.read()
            result = self.try_one(mutant, source, originals[mutant.path], folder)
            with self.lock:
                self.results[mutant.path][result] += 1
                if result == "survived":
                    self.survivors.append(mutant)
                    print("survived  %s" % told(mutant, source), flush=True)


def limit(seconds):
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))


def told(mutant, source):
    line = source.split("\n")[mutant.line - 1].strip()
    return "%s:%d: %s   | %s" % (mutant.path, mutant.line, mutant.words, line)


def sources():
    for part in ("policy/rules", "policy/yaml"):
        for name in sorted(os.listdir(part)):
            path = part + "/" + name
            if name.endswith(".c") and ONLY in path:
                yield path


def sample(mutants):
    if COUNT != "all" and int(COUNT) < len(mutants):
        mutants = random.Random(SEED).sample(mutants, int(COUNT))
    return sorted(mutants)


def main():
    tests = sorted("unit/" + os.path.relpath(os.path.join(where, name), "tests/unit")[:-2]
                   for part in ("tests/unit/policy/rules", "tests/unit/policy/yaml")
                   for where, _, names in os.walk(part) for name in names
                   if name.endswith(".c") and re.search(TESTS, where + "/" + name))
    run = Run(tests)
    os.makedirs(BUILD + "/mutant-0", exist_ok=True)
    for test in tests:
        if not run.passes(test, [], BUILD + "/mutant-0/test"):
            sys.exit("mutate: %s fails without a change" % test)
    everything = [mutant for path in sources() for mutant in mutants_of(path)
                  if re.search(CHANGES, mutant.words)]
    queue = sample(everything)
    print("mutate: %d of %d mutants, seed %d, %d tests" % (len(queue), len(everything), SEED, len(tests)), flush=True)
    random.Random(SEED).shuffle(queue)
    workers = [threading.Thread(target=run.work, args=(queue, number)) for number in range(JOBS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    columns = ("killed", "survived", "same", "not compiled")
    print("%-32s" % "" + "".join("%14s" % column for column in columns))
    total = collections.Counter()
    for path in sorted(run.results):
        total.update(run.results[path])
        print("%-32s" % path + "".join("%14d" % run.results[path][column] for column in columns))
    print("%-32s" % "all" + "".join("%14d" % total[column] for column in columns))
    for mutant in sorted(run.survivors):
        with open(mutant.path, encoding="utf-8") as file:
            print("survived  %s" % told(mutant, file.read()))
    if total["killed"] + total["survived"] < sum(total.values()) / 2:
        sys.exit("mutate: most mutants are none: something is wrong with how they are made")


main()
