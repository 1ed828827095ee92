#!/usr/bin/python3
"""What bailee-session builds and starts, seen by one that acts as its daemon: session-tree.py PROGRAM FOLDER

FOLDER holds programs that must not be taken (tests/e2e/session-tree.sh makes them). Ends with 1 and what failed."""
import ctypes
import os
import select
import signal
import socket
import stat
import subprocess
import sys

PROGRAM, FOLDER = sys.argv[1:3]
KINDS = {1: "ready", 2: "started", 3: "mounted", 4: "sealed", 5: "failed", 6: "ended"}
VIEWERS = "less nnn ls find file tree grep hexdump mc".split()
REFUSED = "script writable foreign setuid broad/other link-foreign".split()
WAIT_MS = 30000
UID = 0x60000001


class Request(ctypes.Structure):
    """struct launch_request"""

    _fields_ = [
        ("version", ctypes.c_uint32),
        ("uid", ctypes.c_uint32),
        ("rows", ctypes.c_uint16),
        ("columns", ctypes.c_uint16),
        ("argc", ctypes.c_uint16),
        ("length", ctypes.c_uint16),
        ("term", ctypes.c_uint8 * 32),
        ("device", ctypes.c_uint8 * 32),
        ("args", ctypes.c_uint8 * 8192),
    ]


class Report(ctypes.Structure):
    """struct launch_report"""

    _fields_ = [("kind", ctypes.c_uint32), ("error", ctypes.c_int32), ("status", ctypes.c_uint32), ("text", ctypes.c_char * 256)]


def check(is_so, what):
    if not is_so:
        sys.exit("failed: " + str(what))


def wait(fd, what):
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    check(poller.poll(WAIT_MS), "nothing happened: " + what)


def report(channel):
    """(kind, error, status, text, descriptors), or None at the end"""
    wait(channel, "report")
    data, fds, _, _ = socket.recv_fds(channel, 4096, 4)
    if not data:
        return None
    check(len(data) == ctypes.sizeof(Report), "size of a report")
    told = Report.from_buffer_copy(data)
    return KINDS[told.kind], told.error, told.status, told.text.decode(), fds


def request(args=b"/usr/bin/less\0/etc/passwd\0", term=b"xterm\0", device=b"D1\0", **fields):
    made = Request(version=1, uid=UID, rows=24, columns=80, argc=args.count(b"\0"), length=len(args))
    for field, value in (("term", term), ("device", device), ("args", args)):
        ctypes.memmove(getattr(made, field), value, len(value))
    for field, value in fields.items():
        setattr(made, field, value)
    return bytes(made)


class Zygote:
    def __init__(self, viewers):
        self.socket, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen([PROGRAM, str(far.fileno())] + viewers, pass_fds=[far.fileno()], stdin=subprocess.DEVNULL, extra_groups=[4, 24])
        far.close()
        self.ready = report(self.socket)
        self.pid = self.process.pid
        self.root = f"/proc/{self.pid}/root/image"

    def ask(self, data, fds=None):
        channel, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        socket.send_fds(self.socket, [data], [far.fileno()] if fds is None else fds)
        far.close()
        return channel

    def start(self, uid=UID, kept=None):
        """(channel, pidfd, pid) of a session that is mounted; @kept: its mount and terminal are added there, or else closed"""
        channel = self.ask(request(uid=uid))
        first, second = report(channel), report(channel)
        check(first[0] == "started" and second[0] == "mounted", (first, second))
        for fd in second[4] if kept is None else []:
            os.close(fd)
        if kept is not None:
            kept += second[4]
        pid = next(int(l.split()[1]) for l in open(f"/proc/self/fdinfo/{first[4][0]}") if l.startswith("Pid:"))
        return channel, first[4][0], pid

    def fds(self):
        return sorted(os.listdir(f"/proc/{self.pid}/fd"))

    def end(self):
        self.socket.close()
        check(self.process.wait(WAIT_MS / 1000) == 0, "end of file: exit code")


def entries(root):
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            yield os.path.join(folder, name)[len(root) :]


def check_ready(zygote):
    missing = sorted(["nosuch"] + [f"{FOLDER}/{name}" for name in REFUSED])
    check(zygote.ready[:2] == ("ready", 0), zygote.ready)
    check(sorted(zygote.ready[3].split()) == missing, "missing: " + zygote.ready[3])


def check_tree(zygote):
    host = {line.split()[2] for line in open("/proc/self/mountinfo")}
    check(sorted(os.listdir(zygote.root + "/usr/bin")) == sorted(VIEWERS + ["own"]), os.listdir(zygote.root + "/usr/bin"))
    for path in entries(zygote.root):
        found = os.lstat(zygote.root + path)
        mode = stat.S_IMODE(found.st_mode)
        check(f"{os.major(found.st_dev)}:{os.minor(found.st_dev)}" not in host, path + " is on a filesystem of the host")
        check((found.st_uid, found.st_gid) == (0, 0), path + ": owner")
        check(found.st_mtime == 0 and found.st_atime == 0, path + ": times")
        if stat.S_ISCHR(found.st_mode):
            check(path in [f"/dev/{n}" for n in "null zero full random urandom tty".split()] and mode == 0o666, path)
        elif stat.S_ISDIR(found.st_mode):
            check(mode == 0o755, f"{path}: {mode:o}")
        elif stat.S_ISREG(found.st_mode):
            wanted = 0o111 if path.startswith("/usr/bin/") else 0o555 if "/ld-linux" in path else 0o444
            check(mode == wanted, f"{path}: {mode:o}")
        else:
            check(stat.S_ISLNK(found.st_mode) and not os.readlink(zygote.root + path).startswith("/"), path)


def check_read_only(zygote):
    held = next(int(l.split()[1], 16) for l in open(f"/proc/{zygote.pid}/status") if l.startswith("CapEff:"))
    check(held == 1 << 6 | 1 << 7, f"capabilities that stay: {held:x}")
    for path in ("/etc/passwd", "/tmp/new"):
        try:
            os.open(zygote.root + path, os.O_WRONLY | os.O_CREAT)
            check(False, path + " can be written")
        except OSError as error:
            check(error.strerror == "Read-only file system", error)
    mounts = [line.split() for line in open(f"/proc/{zygote.pid}/mountinfo")]
    check([m[4] for m in mounts] == ["/", "/setup/proc"], mounts)
    check("ro" in mounts[0][5].split(",") and "ro" in mounts[0][-1].split(","), mounts[0])


def check_programs(zygote):
    for name in VIEWERS + ["own"]:
        run = ["/usr/sbin/chroot", "--userspec=1000:1000", zygote.root, "/usr/bin/" + name]
        run += {"nnn": ["-V"]}.get(name, ["--version"])
        done = subprocess.run(run, env={"LANG": "C.UTF-8"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        check(done.returncode == 0, f"{name} in the tree: {done.stdout!r}")


def check_junk(zygote):
    good = request()
    long_name = b"/usr/bin/" + b"a" * 5000 + b"\0"
    for data in (
        b"x", good[:-1], good + b"x", request(version=2), request(uid=0), request(uid=UID - 2), request(uid=0x70000000),
        request(rows=0), request(columns=0), request(rows=65535), request(argc=0), request(argc=1), request(argc=3),
        request(b"/usr/bin/less\0" + b"\0" * 64), request(length=0), request(length=13), request(length=15), request(length=65535),
        request(b"/usr/bin/../bin/less\0"), request(b"/bin/less\0"), request(b"less\0"), request(b"/usr/bin/nosuch\0"),
        request(b"/usr/bin/\0"), request(b"/usr/bin/.\0"), request(b"/usr/lib64/ld-linux-x86-64.so.2\0"), request(b"/etc/passwd\0"),
        request(b"/usr/bin/less\0abc"), request(b"\0"), request(long_name), request(device=b"\0"), request(device=b"../D1\0"), request(device=b"D" * 32),
        request(device=b"a/b\0"), request(term=b"x" * 32),
    ):
        channel = zygote.ask(data)
        told = report(channel)
        check(told and told[:2] == ("failed", 22) and told[3] == "request", (told, data[:80]))
        check(report(channel)[:3] == ("ended", 0, 1) and report(channel) is None, "end of a bad request")
    for term in (b"\0", b"../x\0", b"nosuch\0", b"XTERM\0"):
        channel = zygote.ask(request(term=term))
        check(report(channel)[0] == "started", "a terminal we do not have becomes xterm")


def check_no_channel(zygote):
    """Without one channel there is nobody to tell; what came is closed."""
    good = request()
    zygote.socket.send(good)
    ours, theirs = os.pipe()
    zygote.ask(good, [theirs])
    os.close(theirs)
    wait(ours, "a pipe is closed")
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    zygote.ask(good, [far.fileno()])
    far.close()
    check(near.recv(1) == b"", "a stream is closed")
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]
    zygote.ask(good, [far.fileno() for _, far in pairs])
    for near, far in pairs:
        far.close()
        check(report(near) is None, "two channels are closed")


def open_files(pid):
    """It may just be closing what it has sent."""
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            pass
    return found


def check_sessions(zygote, before):
    kept = []
    sessions = [zygote.start(UID + i, kept if i == 1 else None) for i in range(5)]
    for i, (_, _, pid) in enumerate(sessions):
        lines = dict(l.rstrip("\n").split(":\t", 1) for l in open(f"/proc/{pid}/status") if ":\t" in l)
        check(lines["Uid"].split() == [str(UID + i)] * 4 and lines["Gid"].split() == [str(UID + i)] * 4, lines["Uid"])
        check(not lines["Groups"].split(), "groups: " + lines["Groups"])
        for name in "user pid mnt net ipc uts cgroup".split():
            check(os.readlink(f"/proc/{pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}"), name)
        links = open_files(pid)
        check(sum(l.startswith("socket:") for l in links) == 1, links)
        check(not any("pidfd" in l or "signalfd" in l or l.startswith("pipe:") for l in links), links)
        check(open(f"/proc/{pid}/uid_map").read().split() == ["1000", str(UID + i), "1"], "map")
        check(open(f"/proc/{pid}/setgroups").read() == "deny\n", "setgroups")
        check(open(f"/proc/{pid}/oom_score_adj").read() == "1000\n", "a session goes first when memory is short")
        name = subprocess.run(["nsenter", f"--uts=/proc/{pid}/ns/uts", "uname", "-n"], stdout=subprocess.PIPE, check=True).stdout
        check(name == b"sealed\n" != os.uname().nodename.encode() + b"\n", name)
    channel, pidfd, _ = sessions[0]
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    check(report(channel)[:3] == ("ended", 0, 1) and report(channel) is None, "a killed one has ended")
    # It goes, and looks at a mount that nobody serves: it cannot see by itself that its channel is closed.
    sessions[1][0].send(b"g")
    sessions[1][0].close()
    wait(sessions[1][1], "one without its channel is killed")
    for fd in kept:
        os.close(fd)
    for channel, pidfd, _ in sessions[2:]:
        channel.close()
        wait(pidfd, "so is each")
    # It reaps before it answers, so some answers later those are reaped as well.
    for _ in range(100):
        channel = zygote.ask(b"x")
        while report(channel):
            pass
        if zygote.fds() == before:
            return
    check(False, ("descriptors stay", before, zygote.fds()))


def check_ends():
    zygote = Zygote(["less"])
    sessions = [zygote.start(UID + i) for i in range(3)]
    zygote.end()
    for channel, pidfd, _ in sessions:
        wait(pidfd, "the end of its socket ends all")
        check(report(channel)[0] == "ended", "ended")
    zygote = Zygote(["less"])
    sessions = [zygote.start(UID + i) for i in range(3)]
    zygote.process.kill()
    zygote.process.wait()
    for _, pidfd, _ in sessions:
        wait(pidfd, "its own death ends all")


def check_orphan():
    """Its parent is killed, while somebody else (we) still holds the daemon's end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        zygote = Zygote(["less"])
        channel, pidfd, _ = zygote.start()
        fds = [zygote.socket.fileno(), channel.fileno(), os.pidfd_open(zygote.pid), pidfd]
        socket.send_fds(theirs, [b"x"], fds)
        signal.pause()
    wait(ours, "a child started it")
    _, held, _, _ = socket.recv_fds(ours, 1, 4)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for pidfd in held[2:]:
        wait(pidfd, "the death of its parent ends all")


def check_use():
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    for args in ([], ["3"], [str(far.fileno()), "less"], ["1", "less"], ["x", "less"], ["1000", "less"], ["-1", "less"]):
        done = subprocess.run([PROGRAM] + args, pass_fds=[far.fileno()], stderr=subprocess.PIPE)
        check(done.returncode == 2 and done.stderr.count(b"\n") == 1, (args, done))
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    done = subprocess.run([PROGRAM, str(far.fileno()), "less"], pass_fds=[far.fileno()], stderr=subprocess.PIPE, user=65534, group=65534, extra_groups=[])
    check(done.returncode == 2 and b"root" in done.stderr, done)
    steps = subprocess.run([PROGRAM, "--steps"], stdout=subprocess.PIPE, check=True).stdout.split()
    check(steps[:8] == b"namespace tree nodes read-only pivot calls clone maps".split() and len(steps) > 15, steps)


def main():
    mounts = open("/proc/self/mountinfo").read()
    check_use()
    zygote = Zygote(VIEWERS + ["nosuch", FOLDER + "/own"] + [f"{FOLDER}/{name}" for name in REFUSED])
    check_ready(zygote)
    fds = zygote.fds()
    check_tree(zygote)
    check_read_only(zygote)
    check_programs(zygote)
    check_junk(zygote)
    check_no_channel(zygote)
    check_sessions(zygote, fds)
    zygote.end()
    check_ends()
    check_orphan()
    check(open("/proc/self/mountinfo").read() == mounts, "a mount of the host's is another")


main()
