"""A person's seat: a terminal of their own, a program on it, and what a terminal emulator shows of it."""
import fcntl, os, pty, re, select, signal, struct, subprocess, termios, time

import pyte

LIMIT = float(os.environ.get("ATTACK_SECONDS", "60"))
ROWS, COLUMNS = 30, 200


class Ended(Exception):
    pass


def setpriv(uid):
    return ["setpriv", "--reuid=%d" % uid, "--regid=%d" % uid, "--clear-groups"] if uid else []


# The namespace where nothing is hidden: descriptor 9 (run.sh).
UNHIDDEN = ["nsenter", "--mount=/proc/self/fd/9"]


class Seat:
    def __init__(self, command, uid, environment=None, extra=None, keep=()):
        """@extra: a descriptor to be left open in the program, as 40"""
        self.raw = b""
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.draws = True
        self.master, slave = pty.openpty()
        self.slave_name = os.ttyname(slave)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        os.fchown(slave, uid, -1)
        os.fchmod(slave, 0o620)
        env = dict(os.environ, TERM="xterm", **(environment or {}))

        def become():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        if extra is not None:
            os.dup2(extra, 40)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, preexec_fn=become,
                                        pass_fds=tuple(keep) + ((40,) if extra is not None else ()))
        os.close(slave)
        if extra is not None:
            os.close(40)

    def take(self, seconds):
        ready, _, _ = select.select([self.master], [], [], max(0, seconds))
        if not ready:
            return None
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b""
        self.raw += data
        if self.draws and data:
            try:
                self.stream.feed(data)
            except Exception:  # what the emulator does not know is no matter here
                pass
        return data

    def wait(self, is_so, what):
        until = time.monotonic() + LIMIT
        while True:
            found = is_so()
            if found:
                return found
            data = self.take(until - time.monotonic())
            if data is None:
                raise TimeoutError("never came: %s; on the screen: %s" % (what, self.shown()[-1500:]))
            if not data:
                found = is_so()
                if found:
                    return found
                raise Ended("ended before: %s: %s" % (what, self.shown()[-1500:]))

    def shown(self):
        return "\n".join(line.rstrip() for line in self.screen.display if line.strip())

    def sees(self, text):
        return self.wait(lambda: text in self.shown(), text)

    def reports(self, pattern):
        """A line [[...]] on the screen"""
        found = self.wait(lambda: re.search(r"\[\[(%s)\]\]" % pattern, self.shown()), pattern)
        return found.group(1)

    def type(self, text):
        data = text.encode() if isinstance(text, str) else text
        while data:
            data = data[os.write(self.master, data):]

    def ask(self, line, pattern):
        self.screen.erase_in_display(2)
        self.type(line + "\n")
        return self.reports(pattern)

    def all(self):
        """Until the program has ended"""
        until = time.monotonic() + LIMIT
        while True:
            data = self.take(until - time.monotonic())
            if data is None:
                raise TimeoutError("does not end: " + self.shown()[-1500:])
            if not data:
                return self.process.wait()

    def close(self):
        """Hang up, and wait until the program has gone"""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1
        if self.process.poll() is None:
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
