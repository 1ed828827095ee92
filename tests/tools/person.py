#!/usr/bin/python3
"""A person at a terminal: runs a command on a pty of their own, types, and looks at the screen as a terminal emulator shows it.

    person.py UID ROWSxCOLUMNS COMMAND... < SCRIPT

SCRIPT has one step a line; what a step waits for is an event on the screen (or the command's end), never time:
    see TEXT       until TEXT stands somewhere on the screen
    either A|B     until one of them does
    last TEXT      until TEXT stands in the last row
    gone TEXT      until TEXT stands nowhere on it any more
    not TEXT       TEXT was never on the screen, nor in any byte so far
    key TEXT       type it; \\r, \\x03 and the like as in Python
    size ROWSxCOLUMNS   the terminal gets another size
    run COMMAND    a shell command of the test, which has to end with 0; the person waits for it
    show           print the screen
    end CODE       until the command has ended, with that exit code (any: with whichever)
Prints what failed and the screen; exit 1. Steps wait at most PERSON_SECONDS (60), so that a hanging test ends.
"""
import codecs, fcntl, os, pty, select, signal, struct, subprocess, sys, termios, time

import pyte

LIMIT = float(os.environ.get("PERSON_SECONDS", "60"))


def size_of(text):
    rows, columns = text.split("x")
    return int(rows), int(columns)


class Person:
    def __init__(self, uid, size, command):
        self.rows, self.columns = size
        self.screen = pyte.Screen(self.columns, self.rows)
        self.stream = pyte.ByteStream(self.screen)
        self.bytes = b""
        self.code = None
        self.master, slave = pty.openpty()
        self.resize(size)
        os.fchown(slave, uid, -1)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, close_fds=True,
                                        preexec_fn=lambda: self.become(uid, slave))
        os.close(slave)

    @staticmethod
    def become(uid, slave):
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        if uid:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)

    def resize(self, size):
        self.rows, self.columns = size
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))
        self.screen.resize(self.rows, self.columns)

    def take(self, until):
        """Whatever the command writes next; False: it has ended and said everything, or the time is up."""
        ready, _, _ = select.select([self.master], [], [], max(0, until - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b""
        if not data:
            return False
        self.bytes += data
        self.stream.feed(data)
        return True

    def shown(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def wait(self, what, is_so):
        until = time.monotonic() + LIMIT
        while not is_so():
            if not self.take(until):
                if not is_so():
                    self.fail(what)
                return

    def fail(self, what):
        sys.stdout.write("person: failed: %s\n%s\n%s\n%s\n" % (what, "-" * self.columns, self.shown(), "-" * self.columns))
        self.process.send_signal(signal.SIGHUP)
        os.close(self.master)
        self.process.wait()
        sys.exit(1)

    def step(self, line):
        verb, _, rest = line.partition(" ")
        if verb == "see":
            self.wait("never saw '%s'" % rest, lambda: rest in self.shown())
        elif verb == "either":
            self.wait("saw none of '%s'" % rest, lambda: any(text in self.shown() for text in rest.split("|")))
        elif verb == "last":
            self.wait("'%s' is not in the last row" % rest, lambda: rest in self.screen.display[-1])
        elif verb == "gone":
            self.wait("'%s' stays on the screen" % rest, lambda: rest not in self.shown())
        elif verb == "not":
            if rest in self.shown() or rest.encode() in self.bytes:
                self.fail("'%s' was shown" % rest)
        elif verb == "key":
            os.write(self.master, codecs.decode(rest, "unicode_escape").encode("latin-1"))
        elif verb == "size":
            self.resize(size_of(rest))
        elif verb == "run":
            if subprocess.call(rest, shell=True):
                self.fail("'%s' failed" % rest)
        elif verb == "show":
            print(self.shown())
        elif verb == "end":
            until = time.monotonic() + LIMIT
            while self.take(until):
                pass
            try:
                code = self.process.wait(max(1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.fail("does not end")
            print(self.shown())
            if rest != "any" and code != int(rest):
                self.fail("ended with %d, wanted %s" % (code, rest))
        else:
            self.fail("no such step: " + line)


def main():
    person = Person(int(sys.argv[1]), size_of(sys.argv[2]), sys.argv[3:])
    for line in sys.stdin.read().splitlines():
        if line.strip() and not line.startswith("#"):
            person.step(line)


main()
