"""The person's own side: how `bailee view` is started, by whom, with what for a terminal; the service's socket; what is left behind."""
import array, fcntl, json, os, pty, re, select, signal, socket, subprocess, termios, threading

from seat import Ended, UNHIDDEN, setpriv

PERSON, SECOND, OTHER = 1001, 1002, 1003


def read_all(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


class Attempts:
    """Each method NAME_control and NAME_attempt: (worked?, how)"""

    def __init__(self, world):
        self.world = world
        self.marker = world.marker.encode()

    def drop(self):
        path = self.world.work + "/drop"
        os.makedirs(path, exist_ok=True)
        os.chown(path, PERSON, PERSON)
        return path + "/" + self.world.key()

    def took(self, path, wanted=None):
        """Is the marker (or anything) in that file?"""
        found = read_all(path)
        is_there = (self.marker if wanted is None else wanted) in found and os.path.exists(path)
        if os.path.exists(path):
            os.unlink(path)
        return is_there

    def run(self, command, uid=PERSON, unhidden=False, **more):
        command = setpriv(uid) + command
        if unhidden:
            command, more["pass_fds"] = UNHIDDEN + command, (9,)
        more.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(command, timeout=60, **more)

    # ---- what is no terminal

    def redirected(self, command, unhidden, way):
        path = self.drop()
        words = {"file": '"$@" >"$0"', "pipe": '"$@" | cat >"$0"', "tee": '"$@" | tee "$0"'}[way]
        seat = self.world.seat(["sh", "-c", words, path, *command], PERSON, unhidden=unhidden)
        seat.type(" ")
        seat.all()
        said = seat.shown().splitlines()
        return self.took(path), said[0][:90] if said else "refused"

    def less_out(self, way):
        return self.redirected(["less", self.world.secret], True, way)

    def view_out(self, way):
        did, how = self.redirected([self.world.bailee, "view", "RMA-1", "--", "less", "secret.txt"], False, way)
        return did, "builtin/no-terminal" if "terminal" in how else how

    def input_control(self):
        path = self.drop()
        self.run(["sh", "-c", 'cat "$1" >"$0"', path, self.world.secret], unhidden=True)
        return self.took(path), ""

    def input_attempt(self):
        """No terminal at all: somebody far away reads"""
        done = self.run([self.world.bailee, "view", "RMA-1", "--", "less", "secret.txt"], capture_output=True)
        return self.marker in done.stdout, "builtin/no-terminal" if b"terminal" in done.stderr else "exit %d" % done.returncode

    # ---- what goes along with a program

    def preload(self, command, unhidden):
        path = self.drop()
        more = dict(self.world.environment, LD_PRELOAD=self.world.programs + "/preload.so", ATTACK_DROP=path)
        seat = self.world.seat(command, PERSON, unhidden=unhidden, environment=more)
        return seat, path

    def preload_control(self):
        seat, path = self.preload([self.world.program, "exit", "0"], True)
        seat.all()
        return self.took(path, b""), ""

    def preload_attempt(self):
        seat, path = self.preload([self.world.bailee, "view", "RMA-1", "--", "attack", "exit", "0"], False)
        seat.sees("go on")
        seat.type(" ")
        seat.all()
        return self.took(path, b""), "the environment of a viewer is not the person's"

    def lessopen(self, command, unhidden):
        path = self.drop()
        more = dict(self.world.environment, LESSOPEN="|f=%%s; cp \"$f\" %s; cat \"$f\"" % path)
        seat = self.world.seat(command, PERSON, unhidden=unhidden, environment=more)
        return seat, path

    def lessopen_control(self):
        seat, path = self.lessopen(["less", self.world.secret], True)
        seat.sees(self.world.marker)
        seat.type("q")
        seat.all()
        return self.took(path), ""

    def lessopen_attempt(self):
        seat, path = self.lessopen([self.world.bailee, "view", "RMA-1", "--", "less", self.world.inside_secret], False)
        seat.sees("go on")
        seat.type(" ")
        seat.sees(self.world.marker)
        seat.type("q")
        seat.all()
        return self.took(path), "the environment of a viewer is not the person's"

    # ---- what real viewers can do

    # ---- the person's terminal, from outside

    TYPES = "import fcntl, os, sys, termios\nfcntl.ioctl(os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY), termios.TIOCSTI, b'q')"

    def types_control(self):
        seat = self.world.seat(["/usr/bin/python3", "-c", self.TYPES, "/dev/tty"], PERSON, unhidden=True)
        code = seat.all()
        return code == 0, "exit %d" % code

    def types_attempt(self):
        """By somebody else, and by another program of the same person that has another terminal"""
        seat = self.world.begun(["attack", "victim", self.world.inside_secret])
        seat.reports(r"victim \d+ \d+ \d+")
        done = [self.run(["/usr/bin/python3", "-c", self.TYPES, seat.slave_name], uid, capture_output=True, text=True) for uid in (OTHER, PERSON)]
        return any(each.returncode == 0 for each in done), " ".join(re.findall(r"Errno \d+\] ([A-Z][a-z ]+)", "".join(each.stderr for each in done)))

    # ---- what others are told of it

    def told_control(self):
        seat = self.world.seat([self.world.program, "victim", self.world.secret], PERSON, unhidden=True)
        pid = seat.reports(r"victim \d+ \d+ \d+").split()[1]
        done = self.run(["ps", "-o", "user=,args=", "-p", pid], OTHER, unhidden=True, capture_output=True, text=True)
        return "victim" in done.stdout, ""

    def told_attempt(self):
        seat = self.world.begun(["attack", "victim", self.world.inside_secret])
        seat.reports(r"victim \d+ \d+ \d+")
        said = "".join(self.run([self.world.bailee, *words], SECOND, capture_output=True, text=True).stdout for words in (
            ["sessions"], ["sessions", "--json"], ["status", "--json"], ["log", "query", "--json"]))
        told = re.search(r".{0,60}(uid:1001|victim).{0,30}", said)
        return told is not None, told.group(0) if told else "others' sessions are not told"

    def viewer(self, command, keys, path, is_view, sees=None):
        """@keys are typed when what @sees says is there; then until @path is there or it ends"""
        if is_view:
            seat = self.world.begun(command)
        else:
            seat = self.world.seat(["env", "-C", self.world.plain, "PWD=" + self.world.plain, *command], PERSON, unhidden=True)
        if sees:
            seat.sees(sees)
        for key in keys:
            seat.type(key)
        try:
            seat.wait(lambda: os.path.exists(path), "the end of " + command[0])
        except Ended:
            pass
        seat.close()

    def by_viewer(self, command, keys=(), sees=None):
        def control():
            path = self.drop()
            self.viewer([word.replace("%s", path).replace("%f", self.world.plain) for word in command], [key.replace("%s", path) for key in keys], path, False, sees)
            return self.took(path, b""), ""

        def attempt():
            path = self.drop()
            # What prints and ends is shown by less: q leaves that, Ctrl-] whatever is left.
            folder = os.path.dirname(self.world.inside_secret)
            self.viewer([word.replace("%s", path).replace("%f", folder) for word in command], [key.replace("%s", path) for key in keys] + ["q", "\x1d"], path, True, sees)
            return self.took(path, b""), "nothing comes out"

        return control, attempt

    # ---- which program

    def own_program(self):
        path = self.world.plain + "/runme"
        return path

    def program_control(self):
        return self.run([self.own_program(), "ran"], unhidden=True, capture_output=True).returncode == 42, ""

    def program_attempt(self):
        """A viewer of one's own, by every name it may have"""
        names = [self.own_program(), "../../.." + self.own_program(), "runme", "./runme", "/bin/sh", "sh", "less;sh", "/usr/bin/../bin/sh", "/proc/self/exe", ""]
        for name in names:
            seat = self.world.seat([self.world.bailee, "view", "RMA-1", "--", name, "ran"], PERSON)
            try:
                seat.wait(lambda: "go on" in seat.shown(), "a session")
                return True, name
            except Ended:
                pass
            finally:
                seat.close()
        return False, "builtin/viewer"

    def race(self, command, rounds, is_it):
        """A name that is now less, now one's own program"""
        path = self.drop()
        stop = threading.Event()

        def swap():
            while not stop.is_set():
                for target in ("/usr/bin/less", self.own_program()):
                    try:
                        os.symlink(target, path + ".new")
                        os.rename(path + ".new", path)
                    except OSError:
                        pass

        thread = threading.Thread(target=swap)
        thread.start()
        try:
            return any(is_it([word.replace("%s", path) for word in command]) for _ in range(rounds))
        finally:
            stop.set()
            thread.join()
            os.unlink(path)

    def race_control(self):
        codes = []
        did = self.race(["%s", "ran"], 300, lambda command: codes.append(self.run(command, unhidden=True, capture_output=True).returncode) or codes[-1] == 42)
        return did, "" if did else str(set(codes))

    def race_attempt(self):
        def is_it(command):
            seat = self.world.seat(command, PERSON)
            try:
                seat.wait(lambda: "go on" in seat.shown(), "a session")
                return True
            except Ended:
                return False
            finally:
                seat.close()

        return self.race([self.world.bailee, "view", "RMA-1", "--", "%s", "ran"], 30, is_it), "builtin/viewer"

    # ---- the service's socket, by hand

    def ask(self, where, request, fds, uid=PERSON):
        """The answer and what came with it: asked by a process of that uid, in Python"""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
            peer.settimeout(60)
            os.setegid(uid)
            os.seteuid(uid)
            try:
                peer.connect(where)
            finally:
                os.seteuid(0)
                os.setegid(0)
            data = request if isinstance(request, bytes) else json.dumps(request).encode()
            try:
                peer.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
                got, ancillary, _, _ = peer.recvmsg(1 << 17, socket.CMSG_SPACE(64))
            except OSError as error:
                return {}, [], error.strerror
            came = []
            for level, kind, part in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    came += list(array.array("i", part[:len(part) // 4 * 4]))
            try:
                answer = json.loads(got)
            except ValueError:
                answer = {}
            return answer, came, ""

    def plain_server(self):
        """What a service without any check would do: gives to whatever descriptor it is handed, and says ok"""
        path = self.world.work + "/" + self.world.key()
        server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        server.bind(path)
        os.chmod(path, 0o777)
        server.listen(1)

        def serve():
            peer, _ = server.accept()
            _, ancillary, _, _ = peer.recvmsg(1 << 20, socket.CMSG_SPACE(256))
            fds = [fd for _, _, part in ancillary for fd in array.array("i", part[:len(part) // 4 * 4])]
            for fd in fds[1:] or fds:
                try:
                    os.write(fd, self.marker)
                except OSError:
                    pass
            here, there = socket.socketpair()
            peer.sendmsg([b'{"ok": true}'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [there.fileno()]))])
            for fd in fds:
                os.close(fd)
            for each in (peer, server, here, there):
                each.close()

        thread = threading.Thread(target=serve)
        thread.start()
        return path, thread

    VIEW = {"bailee": 1, "do": "view", "device": "RMA-1", "arguments": ["less", "secret.txt"], "rows": 24, "columns": 80, "term": "xterm"}

    def terminal_as(self, make):
        """@make: gives (descriptors to pass, all to close)"""
        def one(where):
            fds, close = make()
            try:
                answer, came, why = self.ask(where, self.VIEW, fds)
            finally:
                for fd in close:
                    os.close(fd)
            for fd in came:
                os.close(fd)
            rule = answer.get("rule") or re.search(r"builtin/[a-z-]+", json.dumps(answer))
            rule = rule if isinstance(rule, str) or rule is None else rule.group(0)
            return bool(came), rule or answer.get("status") or answer.get("why") or why or "no answer"

        def control():
            path, thread = self.plain_server()
            did = one(path)
            thread.join()
            os.unlink(path)
            return did

        def attempt():
            # A terminal of one's own is taken: so what is refused, is refused for what it is.
            master, slave = self.own_pty()
            answer, came, why = self.ask(self.world.work + "/store/socket", self.VIEW, [slave, slave])
            for fd in (master, slave, *came):
                os.close(fd)
            if not came:
                raise OSError("a proper request is refused: %s %s" % (answer, why))
            return one(self.world.work + "/store/socket")

        return control, attempt

    def as_pipe(self):
        pipe = os.pipe()
        return list(pipe), list(pipe)

    def as_pair(self):
        pair = [each.detach() for each in socket.socketpair()]
        return pair, pair

    def as_file(self):
        fd = os.open(self.world.work + "/plain/victim.txt", os.O_RDWR)
        return [fd, fd], [fd]

    def as_null(self):
        fd = os.open("/dev/null", os.O_RDWR)
        return [fd, fd], [fd]

    def own_pty(self, uid=PERSON):
        master, slave = pty.openpty()
        os.fchown(slave, uid, -1)
        return master, slave

    def as_master(self):
        master, slave = self.own_pty()
        return [master, master], [master, slave]

    def as_other(self):
        master, slave = self.own_pty(OTHER)
        return [slave, slave], [master, slave]

    def as_two(self):
        one, two = self.own_pty(), self.own_pty()
        return [one[1], two[1]], [*one, *two]

    def as_half(self):
        master, slave = self.own_pty()
        pipe = os.pipe()
        return [slave, pipe[1]], [master, slave, *pipe]

    def as_path(self):
        master, slave = self.own_pty()
        fd = os.open(os.ttyname(slave), os.O_PATH)
        return [fd, fd], [fd, master, slave]

    def as_one(self):
        master, slave = self.own_pty()
        return [slave], [master, slave]

    def as_none(self):
        return [], []

    def as_gone(self):
        """The other end is closed: nobody sits there"""
        master, slave = self.own_pty()
        pipe = os.pipe()
        os.close(master)
        return [slave, pipe[1]], [slave, *pipe]

    JUNK = (
        {"device": "../RMA-1"}, {"device": ""}, {"device": "x" * 5000}, {"device": None}, {"device": "RMA-1\u0000"}, {"arguments": "less"},
        {"arguments": ["less"] * 65}, {"arguments": ["less", "x" * 60000]}, {"arguments": [["less"]]}, {"arguments": [1]}, {"arguments": ["less\u0000sh"]},
        {"arguments": ["/bin/sh"]}, {"rows": 0, "columns": 0, "arguments": ["sh"]}, {"rows": -1, "arguments": ["sh"]}, {"rows": 1 << 40, "arguments": ["sh"]},
        {"term": "../../etc/passwd", "arguments": ["sh"]}, {"term": "x" * 9000, "arguments": ["sh"]}, {"purpose": "\n", "arguments": ["sh"]}, {"for": 0, "arguments": ["sh"]}, {"bailee": 99})

    def junk(self, where, requests):
        """Is anything of it answered with a session?"""
        for request in requests:
            master, slave = self.own_pty()
            _, came, _ = self.ask(where() if callable(where) else where, request, [slave, slave])
            os.close(master)
            os.close(slave)
            for fd in came:
                os.close(fd)
            if came:
                return True, "accepted: %.200s" % json.dumps(request if isinstance(request, dict) else repr(request))
        return False, "refused"

    def frames(self, send):
        """A session of a client that says what none says: does it go on after that?"""
        master, slave = self.own_pty()
        try:
            _, came, why = self.ask(self.world.work + "/store/socket", self.VIEW, [slave, slave])
            if not came:
                raise OSError("a proper request is refused: " + why)
            with socket.socket(fileno=came[0]) as peer:
                peer.settimeout(60)
                try:
                    for frame in send:
                        peer.send(frame)
                    # Until the other end has said its last.
                    while peer.recv(1 << 17):
                        pass
                except TimeoutError:
                    return True
                except OSError:
                    pass
                return False
        finally:
            os.close(master)
            os.close(slave)

    def frames_control(self):
        """A relay that checks nothing goes on whatever it is sent"""
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with here, there:
            for frame in self.FRAMES:
                here.send(frame[:1] or b"-")
                if not there.recv(1 << 17):
                    return False, ""
            return True, ""

    FRAMES = (b"O" + b"x" * 10, b"E\0", b"X", b"W\1", b"W" + b"\xff" * 9, b"\0" * 100, b"I" + b"x" * 60000)

    def frames_attempt(self):
        for frame in self.FRAMES:
            if self.frames([frame]):
                return True, repr(frame[:8])
        answer, _, why = self.ask(self.world.work + "/store/socket", {"bailee": 1, "do": "sessions"}, [])
        return not answer, "the session ends" if answer else "the service is gone: " + why

    def junk_control(self):
        path, thread = self.plain_server()
        did = self.junk(path, [dict(self.VIEW, device="../RMA-1")])
        thread.join()
        os.unlink(path)
        return did

    def junk_attempt(self):
        raw = [b"", b"{", b"\0" * 1000, b"[" * 30000, b'{"bailee":1,"do":"view"}', json.dumps(self.VIEW).encode() + b"\0" * 9, b"\xff" * 500]
        did, how = self.junk(self.world.work + "/store/socket", [dict(self.VIEW, **each) for each in self.JUNK] + raw)
        answer, _, why = self.ask(self.world.work + "/store/socket", {"bailee": 1, "do": "sessions"}, [])
        return (did, how) if answer else (True, "the service is gone: " + why)

    def stranger_control(self):
        return self.terminal_as(self.stranger)[0]()

    def stranger(self):
        master, slave = self.own_pty(OTHER)
        return [slave, slave], [master, slave]

    def stranger_attempt(self):
        """Somebody whom the policy does not know"""
        fds, close = self.stranger()
        answer, came, why = self.ask(self.world.work + "/store/socket", self.VIEW, fds, OTHER)
        for fd in close + came:
            os.close(fd)
        return bool(came), answer.get("rule") or answer.get("status") or why or "refused"

    # ---- whose session, whose terminal

    def visible_control(self):
        """The arguments of another person's program, where /proc hides nothing"""
        seat = self.world.seat([self.world.program, "victim", self.world.secret, self.world.marker], PERSON, unhidden=True)
        pid = seat.reports(r"victim \d+ \d+ \d+").split()[1]
        done = self.run(["cat", "/proc/%s/cmdline" % pid], OTHER, unhidden=True, capture_output=True)
        seat.close()
        return self.marker in done.stdout, ""

    def visible_attempt(self):
        seat = self.world.seat([self.world.bailee, "view", "RMA-1", "--", "attack", "victim", self.world.inside_secret], PERSON, unhidden=True)
        try:
            seat.wait(lambda: "go on" in seat.shown(), "a session")
            return True, ""
        except Ended:
            return False, "builtin/visible-proc" if "visible-proc" in seat.shown() or "hidepid" in seat.shown() else seat.shown()[:80]
        finally:
            seat.close()

    @staticmethod
    def refused(seat):
        said = " ".join(seat.shown().split())
        # Whoever asks out of another user namespace is nobody to the service.
        return "builtin/visible-proc" if "hidepid" in said else "nobody, out of that namespace" if "somebody else" in said else said[:90]

    # Namespaces of one's own with the rights to mount in them, and still the same person.
    SPACES = ["unshare", "-U", "--map-current-user", "--keep-caps", "-m", "-p", "-f"]

    def covered_attempt(self):
        """/proc hides nothing; the client alone is where it does, a partner of the same person looks on from outside"""
        words = 'mount -t proc -o hidepid=2 proc /proc && exec "$0" view RMA-1 -- attack victim "$1" "$2"'
        seat = self.world.seat([*self.SPACES, "sh", "-c", words, self.world.bailee, self.world.inside_secret, self.world.marker], PERSON, unhidden=True)
        try:
            seat.sees("go on")
            seat.type(" ")
            seat.reports(r"victim \d+ \d+ \d+")
        except Ended:
            return False, self.refused(seat)
        done = self.run(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'victim /devices'"], unhidden=True, capture_output=True, text=True)
        seat.close()
        return int(done.stdout or 0) > 0, "nothing is seen of its arguments"

    def fake_control(self):
        """A place of one's own, with a /proc of its own: programs in it can be looked at"""
        words = 'mount -t proc proc /proc && cat /proc/1/cmdline'
        done = self.run(["unshare", "-Urpf", "--mount", "sh", "-c", words, "sh", self.world.marker], unhidden=True, capture_output=True)
        return self.marker in done.stdout, ""

    def fake_attempt(self):
        """The same, asking for a session from in there"""
        words = 'mount -t proc proc /proc && exec "$0" view RMA-1 -- less secret.txt'
        seat = self.world.seat([*self.SPACES, "sh", "-c", words, self.world.bailee], PERSON)
        try:
            seat.wait(lambda: "go on" in seat.shown(), "a session")
            return True, ""
        except Ended:
            return False, self.refused(seat)
        finally:
            seat.close()

    # ---- how it ends

    def code_control(self):
        return self.run([self.world.program, "exit", "77"], unhidden=True).returncode == 77, ""

    def code_attempt(self, arguments=("exit", "77")):
        seat = self.world.begun(["attack", *arguments])
        code = seat.all()
        return code not in (0, 1), "only %d" % code

    def death_control(self):
        return self.run([self.world.program, "die"], unhidden=True).returncode == -signal.SIGSEGV, ""

    def death_attempt(self):
        return self.code_attempt(("die",))

    @staticmethod
    def held(pids):
        fds = []
        for pid in pids:
            try:
                fds.append(os.pidfd_open(pid))
            except ProcessLookupError:  # it has gone meanwhile
                pass
        return fds

    def outlive(self, how):
        def control():
            seat = self.world.seat([self.world.program, "outlive", how], PERSON, unhidden=True)
            pid = int(seat.reports(r"left \d+").split()[1])
            pidfd = os.pidfd_open(pid)
            seat.close()
            is_there = not select.select([pidfd], [], [], 0)[0]
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)
            return is_there, ""

        def attempt():
            before = self.world.session_processes()
            seat = self.world.begun(["attack", "outlive", how])
            seat.reports(r"left \d+")
            # Of every process of it a descriptor, so that no other one is meant later.
            pidfds = self.held(pid for pid in self.world.session_processes() if pid not in before)
            seat.type("q\n")
            try:
                seat.all()
            except TimeoutError:
                return True, "it does not end"
            left = [fd for fd in pidfds if not select.select([fd], [], [], 0)[0]]
            for fd in pidfds:
                os.close(fd)
            return bool(left) or not pidfds, "killed with its session"

        return control, attempt

    def outlive_client(self, how):
        """The same, with the client killed instead of left"""
        control, attempt = self.outlive(how)

        def attempt_killed():
            before = self.world.session_processes()
            seat = self.world.begun(["attack", "outlive", how])
            seat.reports(r"left \d+")
            pidfds = self.held(pid for pid in self.world.session_processes() if pid not in before)
            seat.process.kill()
            seat.process.wait()
            # Each of them becomes readable when it is dead.
            left = [fd for fd in pidfds if not select.select([fd], [], [], 30)[0]]
            for fd in pidfds:
                os.close(fd)
            return bool(left) or not pidfds, "killed when its client was gone"

        return control, attempt_killed

    # ---- at the terminal

    def log(self, *words):
        done = subprocess.run([self.world.bailee, "log", "query", *words, "--json"], capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    BUDGET = 300 * 1024

    @staticmethod
    def text_in(data):
        """Bytes of text that came to a terminal: without sequences, controls and blanks at the ends of rows"""
        return len(re.sub(rb"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][0AB]|\x1b.|[\x00-\x1f]", b"", data))

    def scrape_control(self):
        """script takes down all that is shown"""
        path = self.drop()
        self.run(["script", "-qec", "cat %s/large.txt" % self.world.plain, path], unhidden=True, stdout=subprocess.DEVNULL)
        size = os.path.getsize(path)
        os.unlink(path)
        return size > 2 * self.BUDGET, "%d bytes" % size

    def counted(self, uid):
        return sum(event.get("bytes") or 0 for event in self.log("--uid", str(uid), "--op", "shown"))

    def over_budget(self, uid, seats):
        """What came to all these terminals, and what the log says of it"""
        came = sum(self.text_in(seat.raw) for seat in seats)
        return came, self.counted(uid)

    def scrape_attempt(self):
        path = self.drop()
        os.chown(os.path.dirname(path), 1005, 1005)
        seat = self.world.seat(["script", "-qec", "%s view RMA-1 -- attack flood" % self.world.bailee, path], 1005)
        seat.draws = False
        seat.wait(lambda: b"go on" in seat.raw, "the first screen")
        seat.type(" ")
        seat.all()
        with open(path, "rb") as file:
            taken = self.text_in(file.read())
        os.unlink(path)
        # The watermark and the first screen come on top; the log has counted whatever came.
        return taken > self.BUDGET + 15000 or self.counted(1005) < min(taken, self.BUDGET) * 0.9, "limits: shown (%d KB came)" % (taken // 1000)

    def again_attempt(self):
        """Once more, when all is used up"""
        seat = self.world.seat([self.world.bailee, "view", "RMA-1", "--", "attack", "flood"], 1005)
        try:
            seat.sees("go on")
        except Ended:
            return False, "limits: shown"
        seat.type(" ")
        seat.all()
        return self.marker in seat.raw or self.text_in(seat.raw) > 20000, "limits: shown"

    def parallel_control(self):
        """As many at once as there are terminals"""
        seats = [self.world.seat([self.world.program, "flood"], PERSON, unhidden=True) for _ in range(10)]
        for seat in seats:
            seat.draws = False
            seat.wait(lambda: len(seat.raw) > self.BUDGET / 9, "more than a share")
            seat.close()
        return sum(len(seat.raw) for seat in seats) > self.BUDGET, ""

    def parallel_attempt(self):
        seats = [self.world.seat([self.world.bailee, "view", "RMA-1", "--", "attack", "flood"], 1006) for _ in range(10)]
        for seat in seats:
            seat.draws = False
            try:
                seat.wait(lambda: b"go on" in seat.raw, "the first screen")
                seat.type(" ")
            except Ended:
                pass
        open_ones = list(seats)
        while open_ones:
            ready, _, _ = select.select([seat.master for seat in open_ones], [], [], 60)
            if not ready:
                return True, "they go on for ever"
            for seat in [seat for seat in open_ones if seat.master in ready]:
                if not seat.take(0):
                    open_ones.remove(seat)
        came = sum(self.text_in(seat.raw) for seat in seats)
        # Ten first screens and watermarks come on top.
        return came > self.BUDGET + 60000 or self.counted(1006) < min(came, self.BUDGET) * 0.9, "limits: shown, of all together (%d KB came)" % (came // 1000)

    def cut_control(self):
        """Whoever leaves in the middle has seen what came so far"""
        seat = self.world.seat([self.world.program, "flood"], PERSON, unhidden=True)
        seat.draws = False
        seat.wait(lambda: len(seat.raw) > 30000, "some of it")
        seat.close()
        return len(seat.raw) > 30000, ""

    def cut_attempt(self):
        """Killed in the middle, again and again, so that nothing would be counted"""
        came = 0
        for _ in range(3):
            seat = self.world.seat([self.world.bailee, "view", "RMA-1", "--", "attack", "flood"], 1007)
            seat.draws = False
            seat.wait(lambda: b"go on" in seat.raw, "the first screen")
            seat.type(" ")
            seat.wait(lambda: len(seat.raw) > 30000, "some of it")
            os.kill(seat.process.pid, signal.SIGKILL)
            seat.process.wait()
            came += self.text_in(seat.raw)
        return self.counted(1007) < came * 0.9, "the log, before it is shown (%d of %d KB)" % (self.counted(1007) // 1000, came // 1000)

    # ---- what is left

    def rest_control(self):
        return any(self.marker in read_all(self.world.work + "/" + name) for name in ("device.img", "plain/secret.txt")), ""

    def rest_attempt(self):
        """Anywhere in the store, the log, the daemon's words, the folders of everybody"""
        places = [self.world.work + "/store", self.world.work + "/daemon.err", "/dev/shm"]
        done = subprocess.run(["grep", "-rlaF", "-D", "skip", self.world.marker, *places], capture_output=True, text=True)
        return bool(done.stdout.strip()), "nowhere in store, log and messages"


def rows(table):
    it = Attempts
    named = (
        ("view-file", "the person", "a session's screen into a file", lambda a: a.less_out("file"), lambda a: a.view_out("file")),
        ("view-pipe", "the person", "a session's screen into a pipe", lambda a: a.less_out("pipe"), lambda a: a.view_out("pipe")),
        ("view-tee", "the person", "a session's screen into tee", lambda a: a.less_out("tee"), lambda a: a.view_out("tee")),
        ("view-no-terminal", "the person", "a session without a terminal", it.input_control, it.input_attempt),
        ("view-preload", "the person", "a library of one's own in a viewer (LD_PRELOAD)", it.preload_control, it.preload_attempt),
        ("view-lessopen", "the person", "a program that less starts ($LESSOPEN)", it.lessopen_control, it.lessopen_attempt),
        ("view-own-program", "the person", "a program of one's own as the viewer", it.program_control, it.program_attempt),
        ("view-exec-race", "the person", "a name that is now a viewer, now one's own program", it.race_control, it.race_attempt),
        ("view-visible-proc", "the person", "a session where everybody sees its arguments", it.visible_control, it.visible_attempt),
        ("view-covered-proc", "the person", "the client where /proc hides, a partner where it does not", it.visible_control, it.covered_attempt),
        ("view-fake-place", "the person", "a session asked for out of namespaces of one's own", it.fake_control, it.fake_attempt),
        ("out-terminal-type", "outside", "type into the person's terminal (TIOCSTI)", it.types_control, it.types_attempt),
        ("sessions-others", "another person", "who looks at what (bailee sessions, status, log)", it.told_control, it.told_attempt),
        ("exit-code", "inside", "its exit code", it.code_control, it.code_attempt),
        ("exit-signal", "inside", "the signal it dies of", it.death_control, it.death_attempt),
        ("socket-junk", "the service's socket", "requests that are none", it.junk_control, it.junk_attempt),
        ("socket-frames", "the service's socket", "frames that no client sends", it.frames_control, it.frames_attempt),
        ("socket-stranger", "the service's socket", "somebody whom the policy does not know", it.stranger_control, it.stranger_attempt),
        ("scrape-script", "its terminal", "script takes down all of a large file", it.scrape_control, it.scrape_attempt),
        ("scrape-again", "its terminal", "once more when the budget is used up", it.scrape_control, it.again_attempt),
        ("scrape-parallel", "its terminal", "ten sessions at once", it.parallel_control, it.parallel_attempt),
        ("scrape-cut", "its terminal", "kill the client before it is counted", it.cut_control, it.cut_attempt),
    )
    found = []
    for name, source, words, control, attempt in named:
        row = table.row(name, source, words)
        row.make = lambda a, control=control, attempt=attempt: (lambda: control(a), lambda: attempt(a))
        found.append(row)
    for name, words, make in (
            ("pipe", "a pipe", it.as_pipe), ("pair", "a pair of sockets", it.as_pair), ("file", "a file", it.as_file),
            ("null", "/dev/null", it.as_null), ("master", "the other side of a terminal", it.as_master), ("other", "somebody else's terminal", it.as_other),
            ("two", "two terminals", it.as_two), ("half", "a terminal and a pipe", it.as_half), ("path", "a terminal that is not open (O_PATH)", it.as_path),
            ("one", "one descriptor only", it.as_one), ("gone", "a terminal where nobody sits and a pipe", it.as_gone)):
        row = table.row("terminal-is-" + name, "the service's socket", words + " for a terminal")
        row.make = lambda a, make=make: a.terminal_as(lambda: make(a))
        found.append(row)
    for name, words, command, keys, sees in (
            ("less-shell", "less: a shell command", ["less", "%f/secret.txt"], ["!touch %s\r", "\r", "q"], "secret.txt"),
            ("less-pipe", "less: the file into a command", ["less", "%f/secret.txt"], ["|^tee %s\r", "\r", "q"], "secret.txt"),
            ("find-exec", "find: a command for each file", ["find", ".", "-name", "secret.txt", "-exec", "cp", "{}", "%s", ";"], [], None),
            ("find-print", "find: what it finds into a file", ["find", ".", "-name", "secret.txt", "-fprint", "%s"], [], None),
            ("tree-out", "tree: what it shows into a file", ["tree", "-o", "%s"], [], None),
            ("nnn-shell", "nnn: a shell command", ["nnn", "%f"], ["]", "touch %s\r", "\r", "q"], "secret.txt")):
        row = table.row("viewer-" + name, "inside, a real viewer", words)
        row.make = lambda a, command=command, keys=keys, sees=sees: a.by_viewer(command, keys, sees)
        found.append(row)
    for how in ("waiting", "stopped", "busy"):
        row = table.row("outlive-" + how, "inside", "a process of its own that ignores everything, " + how)
        row.make = lambda a, how=how: a.outlive(how)
        found.append(row)
    row = table.row("outlive-client", "inside", "the same, when the client is killed")
    row.make = lambda a: a.outlive_client("waiting")
    found.append(row)
    row = table.row("rest", "the store", "find the secret where it was not put")
    row.make = lambda a: (a.rest_control, a.rest_attempt)
    found.append(row)
    return [row for row in found if table.wants(row)]


def each(world, found, which):
    attempts = Attempts(world)
    for row in found:
        try:
            outcome = row.make(attempts)[which]()
        except (TimeoutError, Ended, OSError, subprocess.SubprocessError) as error:
            # What cannot be tried proves nothing; what hangs in a session is no success of the session's.
            outcome = (which == 1, "broke: %s" % " ".join(str(error).split())[:300])
        if which:
            row.outcome = outcome
        else:
            row.control = outcome
        world.close()


def controls(world, found):
    each(world, found, 0)


def attempts(world, found):
    each(world, found, 1)
