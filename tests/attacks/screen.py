"""What a program inside makes its terminal show: sequences that the person's terminal must never get."""
import base64, re

ROWS = (  # name, what it tries, what is written, what must not come out: bytes; None: anything of what was written
    ("screen-clipboard", "the clipboard (OSC 52)", lambda m: b"\033]52;c;" + base64.b64encode(m) + b"\a", rb"\]52;|%(b64)s"),
    ("screen-clipboard-st", "the same, ended by ST", lambda m: b"\033]52;c;" + base64.b64encode(m) + b"\033\\", rb"\]52;|%(b64)s"),
    ("screen-clipboard-c1", "the same with an 8-bit control", lambda m: b"\x9d52;c;" + base64.b64encode(m) + b"\x9c", rb"\x9d"),
    ("screen-clipboard-utf8", "the same with a control of UTF-8", lambda m: b"\xc2\x9d52;c;" + base64.b64encode(m) + b"\xc2\x9c", rb"\xc2\x9d"),
    ("screen-title", "the window's title (OSC 0)", lambda m: b"\033]0;" + m + b"\a", rb"\]0;|%(m)s"),
    ("screen-link", "a link that is opened (OSC 8)", lambda m: b"\033]8;;http://x.example/" + m + b"\033\\x\033]8;;\033\\", rb"\]8;|%(m)s"),
    ("screen-download", "a file for the terminal (OSC 1337)", lambda m: b"\033]1337;File=name=eA==:" + base64.b64encode(m) + b"\a", rb"1337|%(b64)s"),
    ("screen-passthrough", "past a multiplexer (DCS tmux)", lambda m: b"\033Ptmux;\033\033]52;c;" + base64.b64encode(m) + b"\a\033\\", rb"\033P|%(b64)s"),
    ("screen-sixel", "a picture (DCS q)", lambda m: b"\033Pq#0;2;0;0;0~~" + m + b"\033\\", rb"\033P|%(m)s"),
    ("screen-picture", "a picture (APC G)", lambda m: b"\033_Gf=24,s=1,v=1;" + base64.b64encode(m) + b"\033\\", rb"\033_|%(b64)s"),
    ("screen-apc", "an application's command (APC)", lambda m: b"\033_" + m + b"\033\\", rb"\033_|%(m)s"),
    ("screen-pm", "a private message (PM)", lambda m: b"\033^" + m + b"\033\\", rb"\033\^|%(m)s"),
    ("screen-sos", "a string (SOS)", lambda m: b"\033X" + m + b"\033\\", rb"\033X|%(m)s"),
    ("screen-decrqss", "ask for settings (DECRQSS)", lambda m: b"\033P$qm\033\\", rb"\033P"),
    ("screen-define-keys", "keys that type something (DECUDK)", lambda m: b"\033P0;1|17/" + m.hex().encode() + b"\033\\", rb"\033P"),
    ("screen-answerback", "ask who it is (ENQ)", lambda m: b"\005", rb"\005"),
    ("screen-attributes", "ask what it is (DA)", lambda m: b"\033[c\033[>c\033[=c", rb"\033\[[>=]?c"),
    ("screen-status", "ask where the cursor is (DSR)", lambda m: b"\033[6n\033[?6n\033[5n", rb"\033\[\??[56]n"),
    ("screen-title-back", "ask for the title", lambda m: b"\033[21t\033[20t", rb"\033\[2[01]t"),
    ("screen-window", "the window's size and place", lambda m: b"\033[8;50;150t\033[3;0;0t", rb"\033\[[38];[0-9;]*t"),
    ("screen-print", "print what comes (media copy)", lambda m: b"\033[5i" + b"x" + b"\033[4i", rb"\033\[[45]i"),
    ("screen-print-auto", "print each line", lambda m: b"\033[?5i\033[?4i\033[i", rb"\033\[\??[45]?i"),
    ("screen-mouse", "what the mouse does", lambda m: b"\033[?1000h\033[?1003h\033[?1006h\033[?1000l\033[?1003l", rb"\033\[\?100"),
    ("screen-focus", "whether somebody looks", lambda m: b"\033[?1004h\033[?1004l", rb"\033\[\?1004"),
    ("screen-paste", "how it is pasted", lambda m: b"\033[?2004h\033[?2004l", rb"\033\[\?2004"),
    ("screen-keys", "how keys are told", lambda m: b"\033[>4;2m\033[>4;0m\033[?66h\033[?66l", rb"\033\[>4|\033\[\?66"),
    ("screen-reset", "reset the terminal", lambda m: b"\033c", rb"\033c"),
    ("screen-soft-reset", "reset the terminal softly", lambda m: b"\033[!p", rb"\033\[!p"),
    ("screen-normal", "leave what is cleared for what stays", lambda m: b"\033[?1049l" + m + b"\033[?1049h", rb"\033\[\?(1049|47|1047)l"),
    ("screen-scrollback", "erase or fill what can be scrolled back", lambda m: b"\033[3J", rb"\033\[3J"),
    ("screen-charset", "another coding of characters", lambda m: b"\033%@\033%G", rb"\033%"),
    ("screen-bell", "the bell", lambda m: b"\a", rb"\a"),
    ("screen-hidden", "text that nobody sees, by zero widths", lambda m: b"\xe2\x80\x8b\xe2\x80\x8d\xef\xbb\xbf", rb"\xe2\x80[\x8b\x8d]|\xef\xbb\xbf"),
    ("screen-bidi", "text that stands the other way round", lambda m: b"a\xe2\x80\xaeb\xe2\x80\xac", rb"\xe2\x80[\xae\xac]"),
    ("screen-tags", "text in tag characters", lambda m: b"\xf3\xa0\x81\xa1", rb"\xf3\xa0\x81\xa1"),
    ("screen-macro", "define and call a macro", lambda m: b"\033P1;0;0!z41\033\\\033[1*z", rb"\033P|\*z"),
    ("screen-rectangle", "ask for a sum of what is shown (DECRQCRA)", lambda m: b"\033[1;1;1;1;5;5*y", rb"\*y"),
    ("screen-hex-name", "ask by name (XTGETTCAP)", lambda m: b"\033P+q544e\033\\", rb"\033P"),
    ("screen-overlong", "a control in more bytes than it needs", lambda m: b"\xc0\x9b]52;c;" + base64.b64encode(m) + b"\xc0\x87", rb"\xc0[\x9b\x87]"),
    ("screen-half-character", "a command behind half a character", lambda m: b"\xe2\x1b]52;c;" + base64.b64encode(m) + b"\a", rb"\x1b\]"),
    ("screen-double-escape", "a command behind two escapes", lambda m: b"\033\033]52;c;" + base64.b64encode(m) + b"\a", rb"\x1b\]"),
    ("screen-nul-inside", "a command with a NUL in it", lambda m: b"\033\0]52;c;" + base64.b64encode(m) + b"\a", rb"\x1b\x00*\]"),
    ("screen-delete-inside", "a command with a DEL in it", lambda m: b"\033\x7f]52;c;" + base64.b64encode(m) + b"\a", rb"\x1b\x7f*\]"),
    ("screen-inside-sequence", "a command inside another sequence", lambda m: b"\033[12\033]52;c;" + base64.b64encode(m) + b"\a", rb"\x1b\]"),
    ("screen-cancelled", "a command behind one that was cancelled", lambda m: b"\033]0;x\030\033]52;c;" + base64.b64encode(m) + b"\a", rb"\x1b\]"),
    ("screen-control-inside", "a control inside a sequence", lambda m: b"\033[1\a;1\005H", rb"[\a\005]"),
    ("screen-long-string", "a command after a very long string", lambda m: b"\033]0;" + b"x" * 20000 + b"\033]52;c;" + base64.b64encode(m) + b"\a", rb"\x1b\]"),
    ("screen-intermediate", "sequences with further bytes", lambda m: b"\033[2 q\033[?12$p\033[1 p\033[4:3m", rb"\x1b\[[0-9?:]*([ $]|[0-9]:)"),
    ("screen-many-numbers", "a sequence of very many numbers", lambda m: b"\033[" + b"1;" * 1000 + b"6n", rb"6n"),
    ("screen-line-colour", "letters of double size", lambda m: b"\033#3\033#8", rb"\x1b#"),
    ("screen-tab-stops", "keep something in the tab stops", lambda m: b"\033H\033[3g\033[2W", rb"\x1bH|\x1b\[3g|\x1b\[2W"),
    ("screen-bracket-end", "the end of a paste", lambda m: b"\033[201~", rb"\x1b\[201~"),
    ("screen-colour-back", "ask for a colour (OSC 4, 10)", lambda m: b"\033]4;1;?\a\033]10;?\a", rb"\]4;|\]10;"),
)

# Ways to write into the last row, which says whose screen it is.
LAST_ROW = (
    ("last-row-address", "write into the last row by its number", b"\033[999;1H%s"),
    ("last-row-down", "the same by going down", b"\033[999B\r%s"),
    ("last-row-line", "the same by line (VPA)", b"\033[999d\r%s"),
    ("last-row-region", "the same with a region of all rows", b"\033[1;999r\033[999;1H\n\n%s"),
    ("last-row-origin", "the same by origin mode", b"\033[r\033[?6l\033[999;1f%s\033[?6l"),
    ("last-row-wrap", "the same by a text that goes on", b"\033[29;1H" + b" " * 200 + b"%s"),
    ("last-row-scroll", "scroll into it", b"\033[H%s\033[H\033[29L"),
    ("last-row-saved", "go there by a saved place", b"\033[999;1H\0337\033[H\0338%s"),
)
MEND = b"\030\033\\\033[r\033[?6l\033[?7h\033[m\033[2J\033[H"


def rows(table):
    found = []
    for name, words, write, pattern in ROWS:
        row = table.row(name, "its screen", words)
        row.write, row.pattern = write, pattern
        found.append(row)
    for name, words, write in LAST_ROW:
        row = table.row(name, "its screen", words)
        row.write, row.pattern = (lambda m, write=write: write.replace(b"%s", m) + b"\033[H"), None
        found.append(row)
    return [row for row in found if table.wants(row)]


def show(seat, row, marker):
    """(did it come out?, how)"""
    start = len(seat.raw)

    def synchronised(start):
        seat.type("ping\n")
        seat.wait(lambda: b"[[what]]" in seat.raw[start:], "[[what]] after " + row.name)

    # What is typed in a session waits in a small queue: no long lines.
    line = re.sub(rb"(.)\1{99,}", lambda run: b"\0RUN%02x%d\0" % (run.group(1)[0], len(run.group(0))), row.write(marker), flags=re.S).hex()
    line = re.sub("0052554e((?:3.|6.){2})((?:3.)+)00", lambda run: "%s*%s," % tuple(bytes.fromhex(part).decode() for part in run.groups()), line)
    seat.type("show " + line + "\n")
    synchronised(start)
    out = seat.raw[start:]
    last = seat.screen.display[-1]
    seat.type("show " + MEND.hex() + "\n")
    synchronised(len(seat.raw))
    if row.pattern is None:
        is_there = marker.decode()[:8] in last
        return is_there, "" if is_there else "the row stays as it is"
    pattern = row.pattern.replace(b"%(m)s", marker).replace(b"%(b64)s", re.escape(base64.b64encode(marker)))
    is_there = re.search(pattern, out) is not None
    return is_there, "" if is_there else "swallowed"


def both(world, found, sit, which):
    """What is to be swallowed may confuse the emulator here, which the last row must not suffer from: two seats"""
    for is_last in (False, True):
        seat = sit()
        seat.reports("start ok")
        for row in found:
            if (row.pattern is None) == is_last:
                setattr(row, which, show(seat, row, world.marker.encode()))
        world.close()


def controls(world, found):
    both(world, found, lambda: world.seat([world.program, "inside", world.secret], 1001, unhidden=True), "control")


def attempts(world, found):
    both(world, found, lambda: world.begun(["attack", "inside", world.inside_secret]), "outcome")
