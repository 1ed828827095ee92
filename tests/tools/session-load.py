#!/usr/bin/python3
"""Thirty people who open, use, leave and lose sealed sessions, while policies with other viewers load and holds come and go.

    session-load.py STORE MONITOR ROUNDS

MONITOR is the pid of `bailee serve`. Devices D1 and D2 have a notes.txt. Then it looks at what is left: no descriptor, thread, process or
mount more than before, every opening with its end in the log, and nobody saw more than their limit. Prints what is not so; exit 1.
"""
import array, fcntl, json, os, pty, random, select, signal, socket, struct, subprocess, sys, termios, threading, time

STORE, MONITOR, ROUNDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
PEOPLE = range(61101, 61111)
LIMIT = 512 << 10
PATIENCE = 60
VIEWERS = ["less, cat", "less, cat, ls", "cat, less, head", "less, cat, grep, find"]


def policy(serial, viewers, extra=""):
    people = "".join("  uid:%d: {roles: [looker]}\n" % uid for uid in PEOPLE)
    return """bailee: 1
name: load
serial: %d
timezone: UTC
uses: [builtin/baseline]
people:
%sroles: {looker: {}}
detect: {sets: [payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: lookers-list, permit: [list], who: [looker], why: Lookers see names.}
  - {id: lookers-read, permit: [read], who: [looker], limits: {shown: %d per day}, why: Lookers look.}
  - {id: rest, forbid: [read], what: {status: [held]}, who: everyone, why: Held devices rest.}
%ssessions: {viewers: [%s], visible_proc: accept}
""" % (serial, people, LIMIT, extra, viewers)


def connect():
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.connect(STORE + "/socket")
    return peer


def ask(peer, request, fds=()):
    """The last answer, what came before it, and the descriptor that came along (or None)."""
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    peer.sendmsg([json.dumps(dict(request, bailee=1)).encode()], ancillary)
    before = []
    while True:
        data, passed, _, _ = peer.recvmsg(1 << 18, socket.CMSG_SPACE(4))
        if not data:
            raise ConnectionError(request["do"])
        answer = json.loads(data)
        if "ok" in answer:
            fd = array.array("i", passed[0][2])[0] if passed else None
            return answer, before, fd
        before.append(answer)


def views_of(peer):
    return [item["view"] for item in ask(peer, {"do": "status"})[1] if "view" in item]


def logged(op):
    out = subprocess.run([os.environ["BAILEE_BUILD"] + "/bailee", "log", "query", "--op", op, "--json"], check=True,
                         stdout=subprocess.PIPE).stdout
    return [event for event in map(json.loads, out.splitlines()) if event["verdict"] == "permitted"]


# ---- people ----------------------------------------------------------------------------------------------------------------


def frames(session, until):
    """Bytes for the terminal until `until` says enough, or None when it has ended."""
    text = b""
    while not until(text):
        if not select.select([session], [], [], PATIENCE)[0]:
            raise TimeoutError("a session says nothing")
        frame = session.recv(1 << 15)
        if not frame or frame[:1] == b"E":
            return None
        text += frame[1:]
    return text


def to_the_end(session):
    frames(session, lambda text: False)


def begin(session):
    """The first screen, a key, and something of the viewer."""
    if frames(session, lambda text: b"q: leave" in text) is None:
        return False
    session.send(b"Ix")
    return frames(session, lambda text: b"diary" in text) is not None


def leave_at_once(session):
    pass


def leave_at_the_first_screen(session):
    session.send(b"Iq")
    to_the_end(session)


def read_and_quit(session):
    if begin(session):
        session.send(b"I q")
        to_the_end(session)


def read_and_crash(session):
    begin(session)
    os.kill(os.getpid(), signal.SIGKILL)


def read_and_leave(session):
    if begin(session):
        session.send(b"I  \x1d")
        to_the_end(session)


def never_read(session):
    session.send(b"Ix")
    time.sleep(random.random() / 10)


def send_rubbish(session):
    session.send(random.choice([b"Z", b"W1", b"I" + b"y" * 16000, b"O" * 100]))
    to_the_end(session)


def resize(session):
    session.send(b"W" + struct.pack("<HH", random.choice([0, 1, 2, 65535]), random.choice([0, 1, 65535])))
    if begin(session):
        for _ in range(8):
            session.send(b"W" + struct.pack("<HH", random.randrange(200), random.randrange(300)))
        session.send(b"I\x1d")
        to_the_end(session)


def close_both_ways(session):
    session.shutdown(socket.SHUT_RDWR)


MANNERS = [leave_at_once, leave_at_the_first_screen, read_and_quit, read_and_quit, read_and_crash, read_and_leave, read_and_leave,
           never_read, send_rubbish, resize, close_both_ways]


def seated(request, fds):
    """Few connections are taken at a time: who finds no seat comes again."""
    while True:
        try:
            return ask(connect(), request, fds)
        except (ConnectionError, BrokenPipeError):
            time.sleep(0.02)


def visit(seed):
    """One connection, one session, or a refusal."""
    random.seed(seed)
    slave = pty.openpty()[1]
    viewer = random.choice([["less", "notes.txt"], ["cat", "notes.txt"], ["less", "notes.txt"], ["less"], ["none"], None])
    request = {"do": "view", "device": random.choice(["D1", "D1", "D2", "D9"]), "rows": 24, "columns": 80, "term": "xterm"}
    if viewer:
        request["arguments"] = viewer
    if random.random() < 0.1:
        # gone before the answer is there
        connect().sendmsg([json.dumps(dict(request, bailee=1)).encode()],
                          [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [slave, slave]))])
        return
    answer, _, fd = seated(request, random.choice([[slave, slave]] * 9 + [[slave]]))
    if not answer["ok"]:
        return
    manner = random.choice(MANNERS)
    session = socket.socket(fileno=fd)
    try:
        manner(session)
    except (BrokenPipeError, ConnectionResetError):
        pass


def person(uid, seed, failed):
    """Each visit is a process of its own, so that it may crash."""
    for number in range(ROUNDS):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
                visit("%s-%d" % (seed, number))
                code = 0
            except (ConnectionError, BrokenPipeError):
                code = 0  # no seat
            except BaseException as error:
                print("uid %d, visit %s-%d: %r" % (uid, seed, number, error), file=sys.stderr)
            finally:
                os._exit(code)
        status = os.waitpid(child, 0)[1]
        if status and not os.WIFSIGNALED(status):
            failed.append(seed)


# ---- those who run it ------------------------------------------------------------------------------------------------------


class Admins:
    def __init__(self):
        self.serial = 1
        self.is_over = threading.Event()
        self.failed = []

    def load(self, extra=""):
        self.serial += 1
        answer, _, _ = ask(connect(), {"do": "policy-load", "text": policy(self.serial, VIEWERS[self.serial % len(VIEWERS)], extra)})
        if not answer["ok"]:
            self.failed.append(answer)

    def loads(self):
        while not self.is_over.is_set():
            self.load()
            if self.serial % 7 == 0:
                self.load("  - {id: closed, forbid: [read], who: everyone, why: Nobody looks now.}\n")
            self.is_over.wait(0.15)

    def holds(self):
        peer = connect()
        while not self.is_over.is_set():
            answer, _, _ = ask(peer, {"do": "hold-add", "device": "D2", "reason": "load"})
            self.is_over.wait(0.2)
            ask(peer, {"do": "hold-release", "device": "D2", "hold": answer["hold"], "reason": "load"})
            self.is_over.wait(0.2)

    def looks(self):
        peer = connect()
        while not self.is_over.is_set():
            _, sessions, _ = ask(peer, {"do": "sessions"})
            if sessions:
                chosen = random.choice(sessions)["session"]
                ask(peer, {"do": "session-end", "session": chosen["number"]})
            views = views_of(peer)
            if views:
                ask(peer, {"do": "close", "view": random.choice(views)["view"]})
            self.is_over.wait(0.4)


# ---- what is left -----------------------------------------------------------------------------------------------------------


def children(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def name(pid):
    try:
        return os.path.basename(os.readlink("/proc/%d/exe" % pid))
    except OSError:
        return "gone"


def descriptors(daemon):
    """Kept spans aside: their files are opened when they are first written, some time after what they are of was read."""
    count = 0
    for fd in os.listdir("/proc/%d/fd" % daemon):
        try:
            count += not os.readlink("/proc/%d/fd/%s" % (daemon, fd)).endswith("/spans")
        except OSError:
            pass
    return count


def left(daemon):
    """What there is, in figures that have to be the same again."""
    zygotes = [child for child in children(MONITOR) if child != daemon]
    with open("/proc/%d/mountinfo" % daemon) as file:
        mounts = len(file.readlines())
    return {"descriptors": descriptors(daemon), "threads": len(os.listdir("/proc/%d/task" % daemon)),
            "monitor's descriptors": len(os.listdir("/proc/%d/fd" % MONITOR)), "mounts": mounts, "zygotes": len(zygotes),
            "sealed places": sum(len(children(zygote)) for zygote in zygotes)}


def quiet(daemon, wanted=None):
    """Whatever ends, ends by itself: what there is when nothing changed for some looks (and is as wanted), or the patience is over."""
    until = time.monotonic() + PATIENCE
    same, last = 0, None
    while same < 10 and time.monotonic() < until:
        now = left(daemon)
        same = same + 1 if now == last and (wanted is None or now == wanted) else 0
        last = now
        time.sleep(0.05)
    return last


def check_log(problems):
    opened = {event["view"] for event in logged("view-opened")}
    closed = [event["view"] for event in logged("view-closed")]
    if sorted(opened) != sorted(closed):
        problems.append("opened and not closed once: %s" % sorted(opened ^ set(closed)))
    ended = [event["session"] for event in logged("session-ended")]
    begun = {event["session"] for event in logged("session-begun")}
    if begun - set(ended) or len(ended) != len(set(ended)):
        problems.append("begun without end, or ended twice: %s" % sorted(begun - set(ended)))
    counted, shown = {}, {}
    for event in logged("shown"):
        counted[event["session"]] = counted.get(event["session"], 0) + event["bytes"]
        if event["session"] not in begun:
            problems.append("shown without having begun: %s" % event["session"])
    for event in logged("session-ended"):
        shown[event["uid"]] = shown.get(event["uid"], 0) + event["bytes"]
        if event["bytes"] > counted.get(event["session"], 0):
            problems.append("more was shown than counted: %s" % event)
    for uid, total in shown.items():
        if total > LIMIT:
            problems.append("uid %d saw %d bytes, over the limit of %d" % (uid, total, LIMIT))
    print("%d sessions opened, %d begun, %d ended, %d bytes shown" % (len(opened), len(begun), len(ended), sum(shown.values())))


def warm_up(device):
    """One session to its end, so that whatever is made or opened once is there."""
    child = os.fork()
    if child == 0:
        os.setresgid(61101, 61101, 61101)
        os.setresuid(61101, 61101, 61101)
        slave = pty.openpty()[1]
        answer, _, fd = ask(connect(), {"do": "view", "device": device, "arguments": ["less", "notes.txt"], "rows": 24, "columns": 80},
                            [slave, slave])
        if not answer["ok"]:
            print(answer, file=sys.stderr)
            os._exit(1)
        read_and_quit(socket.socket(fileno=fd))
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit("no session at all")


def main():
    admins = Admins()
    daemon = next(child for child in children(MONITOR) if name(child) == name(MONITOR))
    admins.load()
    warm_up("D1")
    warm_up("D2")
    before = quiet(daemon)
    runners = [threading.Thread(target=work) for work in (admins.loads, admins.holds, admins.looks)]
    # people are processes: threads of ours that fork would take locks along
    people = []
    for number in range(30):
        child = os.fork()
        if child == 0:
            failed = []
            person(PEOPLE[number % len(PEOPLE)], number, failed)
            os._exit(1 if failed else 0)
        people.append(child)
    for runner in runners:
        runner.start()
    problems = ["a visit failed" for child in people if os.waitpid(child, 0)[1]]
    admins.is_over.set()
    for runner in runners:
        runner.join()
    admins.load()
    problems += ["a policy was refused: %s" % answer for answer in admins.failed]
    after = quiet(daemon, before)
    different = {key: (was, after[key]) for key, was in before.items() if after[key] != was}
    if different:
        problems.append("not as before: %s" % different)
        for child in children(MONITOR):
            print(child, name(child), children(child), file=sys.stderr)
        for fd in os.listdir("/proc/%d/fd" % daemon):
            try:
                print(fd, os.readlink("/proc/%d/fd/%s" % (daemon, fd)), file=sys.stderr)
            except OSError:
                pass
    check_log(problems)
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


main()
