#!/usr/bin/python3
"""Runs every attempt twice: unprotected, where it has to work, and against real sealed sessions, where it must not.

    attacks.py WORK BAILEE PROGRAMS TABLE [--table | --only PATTERN | --controls]

Rows come from `attack list` (C) and from screen.py, viewers.py and client.py. Each ends as one of

    held            the control worked, the attempt did not; by what
    LEAKED          both worked
    not validated   the control did not work on this kernel, so the attempt proves nothing
    known channel   worked, and docs/attacks.md admits it

Nothing here waits for time: a listener outside is asked what it has heard when the attempt has said how it went.
"""
import os, re, shutil, signal, subprocess, sys, time

import client
import screen
from seat import Ended, Seat, UNHIDDEN, setpriv

BY_ROOT, PEER, KNOWN, BY_OTHER, NEEDS_SPACES, VISIBLE = 1, 2, 4, 8, 16, 32
PERSON, SECOND, OTHER = 1001, 1002, 1003
LEAST = 60
SESSION_UIDS = 0x60000000


class Row:
    def __init__(self, name, source, tries):
        self.name, self.source, self.tries = name, source, tries
        self.control = self.outcome = None  # (did, how)
        self.is_known = False
        self.rate = None

    def result(self):
        if not self.control or not self.control[0]:
            return "not validated"
        if self.outcome is None:
            return "not tried"
        if not self.outcome[0]:
            return "held"
        return "known channel" if self.is_known else "LEAKED"

    def by(self):
        if self.result() == "not validated":
            return "control: " + (self.control[1] if self.control else "not tried")
        if self.result() == "known channel":
            return "at least %d bits a second" % self.rate if self.rate else "nothing"
        return self.outcome[1] if self.outcome else ""


class Table:
    def __init__(self, only):
        self.only = re.compile(only) if only else None
        self.rows = []

    def row(self, name, source, tries):
        row = Row(name, source, tries)
        if not self.only or self.only.search(name):
            self.rows.append(row)
        return row

    def wants(self, row):
        return row in self.rows


class World:
    """What all attempts share"""

    def __init__(self, work, bailee, programs):
        self.work, self.bailee, self.programs = work, bailee, programs
        self.plain = work + "/plain"
        self.secret = self.plain + "/secret.txt"
        self.attack = programs + "/attack"
        self.program = work + "/bin/attack"
        with open(self.secret) as file:
            self.marker = file.read().strip()
        self.inside_secret = None
        self.keys = 0
        self.seats = []
        self.environment = {"ATTACK_PROGRAM": self.program, "HOME": self.plain, "LANG": "C.UTF-8", "LESSHISTFILE": "-"}

    def key(self):
        self.keys += 1
        return "at%d%s%d" % (os.getpid(), self.marker[:6], self.keys)

    def restore(self):
        """What attempts may have broken outside"""
        for name in os.listdir(self.plain):
            if name.startswith(("at%d" % os.getpid(), "core")):
                os.unlink(self.plain + "/" + name)
        with open(self.plain + "/victim.txt", "w") as file:
            file.write("something to be destroyed, thirty-two bytes and more of it\n")
        os.chown(self.plain + "/victim.txt", PERSON, PERSON)

    def seat(self, command, uid, unhidden=False, **more):
        more.setdefault("environment", self.environment)
        command = setpriv(uid) + command
        if unhidden:
            command, more["keep"] = UNHIDDEN + command, (9,)
        seat = Seat(command, uid, **more)
        self.seats.append(seat)
        return seat

    def view(self, viewer, uid=PERSON, options=(), **more):
        """At the first screen"""
        seat = self.seat([self.bailee, "view", *options, "RMA-1", "--", *viewer], uid, **more)
        seat.before = self.session_processes()
        seat.sees("go on")
        return seat

    def begun(self, viewer, uid=PERSON, **more):
        seat = self.view(viewer, uid, **more)
        seat.type(" ")
        return seat

    def session_processes(self):
        """{pid: uid} of everything that runs in a session"""
        found = {}
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open("/proc/%s/status" % name) as file:
                    uid = int(re.search(r"^Uid:\s+(\d+)", file.read(), re.M).group(1))
            except (OSError, AttributeError):
                continue
            if SESSION_UIDS <= uid < 2 * SESSION_UIDS:
                found[int(name)] = uid
        return found

    def close(self):
        for seat in self.seats:
            seat.close()
        self.seats = []


def hears(seat, row, key):
    """Make @seat the listener: its argument for the attempt; None: it is deaf"""
    said = seat.ask("hear %s %s" % (row.name, key), re.escape(row.name) + r" (?:ready|deaf|killed|hung|ended)[^\]]*")
    word, _, rest = said.partition(" ")[2].partition(" ")
    return (rest.strip(), None) if word == "ready" else (None, "%s %s" % (word, rest.strip()))


def tries(seat, row, key, argument):
    said = seat.ask("try %s %s %s" % (row.name, key, argument), re.escape(row.name) + r" (?:did|refused|killed|hung|ended)[^\]]*")
    word, _, rest = said.partition(" ")[2].partition(" ")
    return word == "did", (rest.strip() if word == "refused" else word + " " + rest.strip()).strip()


def over(seat, row):
    seat.ask(".", re.escape(row.name) + " over")


def together(seat, listener, row, world):
    """One try: (worked, how)"""
    key, argument = world.key(), ""
    if row.listens:
        argument, why = hears(listener, row, key)
        if argument is None:
            over(listener, row)
            return False, "the listener: " + why
    started = time.monotonic()
    did, how = tries(seat, row, key, argument)
    if row.listens and row.has_ear:
        said = listener.ask("check", re.escape(row.name) + " (?:heard|nothing|killed[^\\]]*|hung|ended)")
        row.took = time.monotonic() - started
        did, how = said.endswith("heard"), how if not did else "nobody outside sees it"
    over(seat, row)
    if row.listens:
        over(listener, row)
    return did, how


def silence(listener, row, world):
    """Does it hear something without any attempt?"""
    hears(listener, row, world.key())
    said = listener.ask("check", re.escape(row.name) + " (?:heard|nothing|killed[^\\]]*|hung|ended)")
    over(listener, row)
    return not said.endswith("nothing")


def list_rows(world, table):
    inside, outside = [], []
    for line in subprocess.run([world.attack, "list"], check=True, capture_output=True, text=True).stdout.splitlines():
        source, name, flags, listens, words = line.split("\t")
        flags = int(flags)
        if source == "inside":
            row = table.row(name, "inside", words)
            row.listens, row.has_ear, row.is_known, row.flags = listens != "0", listens == "2", bool(flags & KNOWN), flags
            row.peer = None
            inside.append(row)
            if flags & PEER:
                row.peer = table.row(name + "-session", "inside, to another session", words + ": to a program in another person's session")
                row.peer.is_known = row.is_known
        else:
            for who, flag, where in (("", 0, "outside, the same person"), ("-other", BY_OTHER, "outside, another person"),
                                     ("-visible", VISIBLE, "outside, where /proc hides nothing")):
                if flag and not flags & flag:
                    continue
                row = table.row(name + who, "root" if flags & BY_ROOT else where, words)
                row.base, row.flags, row.uid = name, flags, 0 if flags & BY_ROOT else OTHER if who == "-other" else PERSON
                row.is_unhidden = who == "-visible"
                outside.append(row)
    return [row for row in inside if table.wants(row) or row.peer and table.wants(row.peer)], [row for row in outside if table.wants(row)]


def inside_controls(world, rows):
    pipe = os.pipe()
    by = {}
    for uid in (PERSON, 0):
        by[uid] = []
        for extra in (pipe[1], None):
            seat = world.seat([world.plain + "/runme", "inside", world.secret], uid, unhidden=True, extra=extra)
            seat.reports("start ok")
            by[uid].append(seat)
    for row in rows:
        world.restore()
        uid = 0 if row.flags & BY_ROOT else PERSON
        row.control = together(by[uid][0], by[uid][1], row, world)
        if row.control[0] and row.has_ear and silence(by[uid][1], row, world):
            row.control = False, "its listener hears what nobody says"
        if row.peer:
            row.peer.control = row.control
    world.restore()
    world.close()
    os.close(pipe[0])
    os.close(pipe[1])


def outside_controls(world, rows):
    victims = {}

    def victim_of(uid, spaces):
        if (uid, spaces) not in victims:
            command = [world.program, "victim", world.secret]
            command = ["unshare", "-Um", *command] if spaces else command
            seat = world.seat(["env", "-C", world.plain, *command], uid, unhidden=True)
            victims[uid, spaces] = seat.reports(r"victim \d+ \d+ \d+").split()[1:]
        return victims[uid, spaces]

    for row in rows:
        # Another person's programs are out of reach to begin with: what is unprotected for them is what everybody may see of any.
        victim = victim_of(PERSON, bool(row.flags & NEEDS_SPACES))
        row.control = outside(world, row, victim, row.uid or PERSON, world.secret, unhidden=True)
    world.close()


def outside(world, row, victim, uid, secret, unhidden):
    scratch = world.work + "/scratch"
    os.makedirs(scratch, exist_ok=True)
    command = setpriv(row.uid) + [world.attack, "outside", row.base, *victim, str(uid), secret, scratch, world.marker]
    if unhidden:
        command = UNHIDDEN + command
    done = subprocess.run(command, capture_output=True, text=True, pass_fds=(9,), stdin=subprocess.DEVNULL)
    said = re.search(r"\[\[\S+ (did|refused)\s*([^\]]*)\]\]", done.stdout)
    if not said:
        return False, "ended with %d" % done.returncode
    return said.group(1) == "did", said.group(2)


def find_secret(world):
    """Where it lies inside: raw images have one folder for each file system. (Also: a real viewer shows it.)"""
    seat = world.begun(["find", "-name", "secret.txt"])
    path = seat.wait(lambda: re.search(r"\./(\S*secret\.txt)", seat.shown()), "the secret").group(1)
    seat.type("q")
    seat.all()
    return "/devices/RMA-1/" + path


def proven(outcome):
    """An attempt that hangs or just ends was not refused by anything"""
    did, how = outcome
    return (True, "it " + how) if how.startswith(("hung", "ended")) else outcome


def inside_attempts(world, rows):
    pipe = os.pipe()
    seat = world.begun(["attack", "inside", world.inside_secret], extra=pipe[1])
    seat.reports("start ok")
    second = world.begun(["attack", "inside", world.inside_secret], SECOND)
    second.reports("start ok")
    ears = {}
    for uid in (PERSON, 0):
        ears[uid] = world.seat([world.program, "inside", world.secret], uid)
        ears[uid].reports("start ok")
    for row in rows:
        row.outcome = proven(together(seat, ears[0 if row.flags & BY_ROOT else PERSON], row, world))
        if row.is_known and row.outcome[0]:
            row.rate = max(1, int(1 / row.took))
        if row.peer:
            row.peer.outcome = proven(together(seat, second, row, world))
            if row.peer.is_known and row.peer.outcome[0]:
                row.peer.rate = max(1, int(1 / row.took))
    world.close()
    os.close(pipe[0])
    os.close(pipe[1])


def name_of(pid):
    with open("/proc/%d/comm" % pid) as file:
        return file.read().strip()


def outside_attempts(world, rows):
    seat = world.begun(["attack", "victim", world.inside_secret])
    said = seat.reports(r"victim \d+ \d+ \d+").split()
    found = {pid: uid for pid, uid in world.session_processes().items() if pid not in seat.before}
    pid = max(pid for pid in found if name_of(pid) == "attack")
    for row in rows:
        row.outcome = outside(world, row, [str(pid), said[2], said[3]], found[pid], world.inside_secret, unhidden=row.is_unhidden)
    world.close()


def text_of(rows):
    names = [row.name for row in rows]
    assert len(set(names)) == len(names), "two rows of one name"
    count = lambda word: sum(row.result() == word for row in rows)
    lines = [
        "# Attempts on sealed sessions",
        "",
        "Made by `sh tests/attacks/run.sh --table`, not by hand; `tests/e2e/session-attacks.sh` runs all of them in `make check`. Each row was tried twice in one run:",
        "first unprotected, against an ordinary file or program (the *control*, which has to work), then against a real [session](sessions.md).",
        "A row whose control did not work on this kernel proves nothing and says *not validated*.",
        "",
        "Linux %s: %d rows; %d held, %d leaked, %d known channels, %d not validated." % (
            os.uname().release.split("-")[0], len(rows), count("held"), count("LEAKED"), count("known channel"), count("not validated")),
        "",
        "A *known channel* is a counter of the one kernel that a program inside can move and one outside can read. Both have to work together, and no program of",
        "the person is inside unless the policy lists it. The rate is what the test reached, one bit at a time, on a machine with other work: who tries harder gets more.",
        "What follows is said in [SECURITY.md](../SECURITY.md).",
        "",
        "| attempt | what it tries | from | control | result | held by |",
        "|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: row.name):
        control = "worked" if row.control and row.control[0] else "failed"
        lines.append("| `%s` | %s | %s | %s | %s | %s |" % (row.name, row.tries.replace("|", "\\|"), row.source, control, row.result(), row.by().replace("|", "\\|")))
    return "\n".join(lines) + "\n"


def names_in(path):
    try:
        with open(path) as file:
            return re.findall(r"^\| `([^`]+)` \|", file.read(), re.M)
    except FileNotFoundError:
        return []


def main():
    work, bailee, programs, path = sys.argv[1:5]
    options = sys.argv[5:]
    only = options[options.index("--only") + 1] if "--only" in options else None
    world, table = World(work, bailee, programs), Table(only)
    os.environ.pop("BAILEE_HIDDEN_PROC", None)
    inside, outside_rows = list_rows(world, table)
    parts = [(part, part.rows(table)) for part in (screen, client)]
    started = time.monotonic()
    try:
        inside_controls(world, inside)
        outside_controls(world, outside_rows)
        for part, found in parts:
            part.controls(world, found)
        if "--controls" not in options:
            world.inside_secret = find_secret(world)
            inside_attempts(world, inside)
            outside_attempts(world, outside_rows)
            for part, found in parts:
                part.attempts(world, found)
    finally:
        world.close()
    rows = table.rows
    for row in sorted(rows, key=lambda row: row.name):
        if "--verbose" in options:
            print("%-28s %-14s %s" % (row.name, row.result(), row.by()))
        elif "--controls" in options:
            print("%-28s %-9s %s" % (row.name, "worked" if row.control[0] else "FAILED", row.control[1]))
        elif row.result() != "held" or only:
            print("%-28s %-14s %s" % (row.name, row.result(), row.by()))
    validated = sum(row.result() in ("held", "LEAKED", "known channel") for row in rows)
    print("%d rows, %d validated, %d leaked, %.1f s" % (
        len(rows), validated, sum(row.result() == "LEAKED" for row in rows), time.monotonic() - started))
    if "--controls" in options or only:
        return 0
    if "--table" in options:
        with open(path, "w") as file:
            file.write(text_of(rows))
    bad = [row.name for row in rows if row.result() in ("LEAKED", "not tried")]
    if bad:
        print("failed: leaked: " + " ".join(sorted(bad)))
    if validated < LEAST:
        print("failed: only %d rows are validated" % validated)
    if names_in(path) != sorted(row.name for row in rows):
        print("failed: %s does not list these rows (run tests/attacks/run.sh --table)" % path)
        bad = bad or ["table"]
    return 1 if bad or validated < LEAST else 0


sys.exit(main())
