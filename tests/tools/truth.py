#!/usr/bin/python3
"""truth.py [--foreign] KERNEL OURS: is every file of two read-only mounts the same?

Names, numbers, types, modes, owners, sizes, blocks, times, links, targets, extended attributes, device numbers, contents read at once and
in odd pieces, where holes begin and end, errnos of what is refused. --foreign: only what filesystems without POSIX attributes have in common with another driver of them: names, types,
sizes, times to two seconds and contents.

Prints what differs (the first twenty) and exits 1. What differs on purpose is written down here, each with its check: DIFFERS.
"""
import ctypes
import errno
import hashlib
import os
import stat
import sys

DIFFERS = """
holes    behind inline data (mke2fs -d makes such files) are ENOENT to the kernel: its reads find zeros, its lseek nothing
statfs   says nothing of the volume: no sizes, no counts (docs/serving.md, "Settings of a mount")
"""

foreign = sys.argv[1] == "--foreign"
theirs, ours = (os.fsencode(path) for path in sys.argv[-2:])
libc = ctypes.CDLL(None, use_errno=True)
wrong = []
seen = {"entries": 0, "bytes": 0, "links": 0, "xattrs": 0, "holes": 0, "special": 0, "refusals": 0}


def differ(path, what, theirs_says, ours_says):
    wrong.append(f"{os.fsdecode(path)!r}: {what}: the kernel says {theirs_says!r}, we say {ours_says!r}")


def error_of(call):
    try:
        call()
    except OSError as e:
        return errno.errorcode[e.errno]
    return "done"


def digest(path):
    h = hashlib.blake2b()
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        while piece := os.read(fd, 1 << 20):
            h.update(piece)
            seen["bytes"] += len(piece)
    finally:
        os.close(fd)
    return h.hexdigest()


def pieces(path, size):
    """What lies at odd places, across blocks and across the end"""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        return [os.pread(fd, length, max(0, at)) for at, length in (
            (1, 1), (511, 1026), (4095, 4098), (size // 2 - 7, 70001), (size - 3, 10), (size, 1), (size + 5, 9))]
    finally:
        os.close(fd)


def compare_attributes(path, a, b):
    fields = ["st_ino", "st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_blocks", "st_mtime_ns", "st_atime_ns", "st_ctime_ns"]
    if foreign:
        if stat.S_IFMT(a.st_mode) != stat.S_IFMT(b.st_mode):
            differ(path, "type", a.st_mode, b.st_mode)
        if stat.S_ISREG(a.st_mode) and a.st_size != b.st_size:
            differ(path, "size", a.st_size, b.st_size)
        if path != b"" and abs(a.st_mtime - b.st_mtime) > 2:
            differ(path, "mtime", a.st_mtime, b.st_mtime)
        return
    for field in fields:
        x, y = getattr(a, field), getattr(b, field)
        if x != y:
            differ(path, field, x, y)


def extents(path, size):
    """Where data and holes begin, from the start on and from some places within; what is said at the end and behind it"""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)

    def seek(at, whence):
        try:
            return os.lseek(fd, at, whence)
        except OSError as e:
            return errno.errorcode[e.errno]
    try:
        told = [seek(at, whence) for at in (size // 2, size // 3 + 1, size - 1, size, size + 4096) for whence in (os.SEEK_DATA, os.SEEK_HOLE)]
        at, whence = 0, os.SEEK_DATA
        while isinstance(at, int) and at < size and len(told) < 5000:
            at = seek(at, whence)
            told.append(at)
            whence = os.SEEK_HOLE if whence == os.SEEK_DATA else os.SEEK_DATA
        return told
    finally:
        os.close(fd)


def compare_holes(path, size):
    a, b = extents(theirs + b"/" + path, size), extents(ours + b"/" + path, size)
    seen["holes"] += len(a) > 12
    if a != b and "ENOENT" not in a:  # DIFFERS
        at = next((i for i, pair in enumerate(zip(a, b)) if pair[0] != pair[1]), min(len(a), len(b)))
        differ(path, f"holes of {size}", a[at:at + 4], b[at:at + 4])


def compare_xattrs(path):
    a, b = theirs + b"/" + path, ours + b"/" + path
    names, told = (os.listxattr(place, follow_symlinks=False) for place in (a, b))
    seen["xattrs"] += len(names)
    if sorted(names) != sorted(told):
        differ(path, "xattrs", sorted(names), sorted(told))
        return
    for name in names + ["user.none", "trusted.none", "security.none"]:
        says = []
        for place in (a, b):
            try:
                says.append(os.getxattr(place, name, follow_symlinks=False))
            except OSError as e:
                says.append(errno.errorcode[e.errno])
        if says[0] != says[1]:
            differ(path, "xattr " + name, *says)


def compare(path):
    a_path, b_path = theirs + b"/" + path, ours + b"/" + path
    a, b = os.lstat(a_path), os.lstat(b_path)
    seen["entries"] += 1
    compare_attributes(path, a, b)
    if stat.S_ISREG(a.st_mode):
        a_says, b_says = error_of(lambda: os.close(os.open(a_path, os.O_RDONLY))), error_of(lambda: os.close(os.open(b_path, os.O_RDONLY)))
        if a_says != b_says:
            differ(path, "open", a_says, b_says)
        elif a_says == "done":
            if digest(a_path) != digest(b_path):
                differ(path, "contents", "...", "others")
            if a.st_size < 1 << 33 and pieces(a_path, a.st_size) != pieces(b_path, a.st_size):
                differ(path, "a piece of the contents", "...", "others")
            if not foreign:
                compare_holes(path, a.st_size)
    elif stat.S_ISLNK(a.st_mode):
        seen["links"] += 1
        if os.readlink(a_path) != os.readlink(b_path):
            differ(path, "target", os.readlink(a_path), os.readlink(b_path))
    elif stat.S_ISDIR(a.st_mode):
        x, y = sorted(os.listdir(a_path)), sorted(os.listdir(b_path))
        if x != y:
            differ(path, "names", sorted(set(x) - set(y))[:3], sorted(set(y) - set(x))[:3])
        if len(set(y)) != len(y):
            differ(path, "names", "each once", "one twice")
    else:
        seen["special"] += 1
        says = error_of(lambda: os.close(os.open(b_path, os.O_RDONLY | os.O_NONBLOCK)))
        wants = error_of(lambda: os.close(os.open(a_path, os.O_RDONLY | os.O_NONBLOCK)))
        if says != wants:
            differ(path, "open of a special file", wants, says)
        if a.st_rdev != b.st_rdev:
            differ(path, "device number", a.st_rdev, b.st_rdev)
    if not foreign:
        compare_xattrs(path)


def refusals(root, file, folder, link):
    """What every way to change something, and every wrong way to look, is answered"""
    at = lambda name: root + b"/" + name
    write = os.O_WRONLY
    yield "mkdir", lambda: os.mkdir(at(b"new"))
    yield "mkdir there", lambda: os.mkdir(at(folder))
    yield "mknod", lambda: os.mknod(at(b"new"), stat.S_IFREG | 0o600)
    yield "mkfifo", lambda: os.mkfifo(at(b"new"))
    yield "mknod device", lambda: os.mknod(at(b"new"), stat.S_IFCHR | 0o600, os.makedev(1, 3))
    yield "symlink", lambda: os.symlink(b"x", at(b"new"))
    yield "symlink there", lambda: os.symlink(b"x", at(file))
    yield "link", lambda: os.link(at(file), at(b"new"))
    yield "link there", lambda: os.link(at(file), at(folder))
    yield "link of none", lambda: os.link(at(b"none"), at(b"new"))
    yield "unlink", lambda: os.unlink(at(file))
    yield "unlink none", lambda: os.unlink(at(b"none"))
    yield "unlink folder", lambda: os.unlink(at(folder))
    yield "rmdir", lambda: os.rmdir(at(folder))
    yield "rmdir file", lambda: os.rmdir(at(file))
    yield "rmdir none", lambda: os.rmdir(at(b"none"))
    yield "rename", lambda: os.rename(at(file), at(b"new"))
    yield "rename onto", lambda: os.rename(at(file), at(link))
    yield "rename none", lambda: os.rename(at(b"none"), at(b"new"))
    yield "rename folder into itself", lambda: os.rename(at(folder), at(folder) + b"/in")
    yield "chmod", lambda: os.chmod(at(file), 0o600)
    yield "chmod folder", lambda: os.chmod(at(folder), 0o700)
    yield "chmod none", lambda: os.chmod(at(b"none"), 0o700)
    yield "chown", lambda: os.chown(at(file), 1, 1)
    yield "lchown link", lambda: os.lchown(at(link), 1, 1)
    yield "truncate", lambda: os.truncate(at(file), 0)
    yield "truncate folder", lambda: os.truncate(at(folder), 0)
    yield "truncate none", lambda: os.truncate(at(b"none"), 0)
    yield "utime", lambda: os.utime(at(file), (0, 0))
    yield "utime now", lambda: os.utime(at(file))
    yield "utime link", lambda: os.utime(at(link), (0, 0), follow_symlinks=False)
    yield "open to write", lambda: os.close(os.open(at(file), write))
    yield "open to read and write", lambda: os.close(os.open(at(file), os.O_RDWR))
    yield "open to append", lambda: os.close(os.open(at(file), write | os.O_APPEND))
    yield "open to truncate", lambda: os.close(os.open(at(file), os.O_RDONLY | os.O_TRUNC))
    yield "create", lambda: os.close(os.open(at(b"new"), write | os.O_CREAT, 0o600))
    yield "create new there", lambda: os.close(os.open(at(file), write | os.O_CREAT | os.O_EXCL, 0o600))
    yield "create below a file", lambda: os.close(os.open(at(file) + b"/new", write | os.O_CREAT, 0o600))
    yield "unnamed file", lambda: os.close(os.open(at(folder), os.O_RDWR | os.O_TMPFILE, 0o600))
    yield "open folder to write", lambda: os.close(os.open(at(folder), write))
    yield "setxattr", lambda: os.setxattr(at(file), "user.new", b"x")
    yield "setxattr of the kernel's", lambda: os.setxattr(at(file), "trusted.new", b"x")
    yield "removexattr", lambda: os.removexattr(at(file), "user.none")
    yield "access to write", lambda: (os.access(at(file), os.W_OK) or (_ for _ in ()).throw(OSError(errno.EROFS, "")))
    yield "open none", lambda: os.open(at(b"none"), os.O_RDONLY)
    yield "open below a file", lambda: os.open(at(file) + b"/none", os.O_RDONLY)
    yield "open link itself", lambda: os.open(at(link), os.O_RDONLY | os.O_NOFOLLOW)
    yield "open file as folder", lambda: os.open(at(file), os.O_RDONLY | os.O_DIRECTORY)
    yield "list a file", lambda: os.listdir(at(file))
    yield "read a folder", lambda: os.read(os.open(at(folder), os.O_RDONLY), 1)
    yield "readlink of a file", lambda: os.readlink(at(file))
    yield "a name too long", lambda: os.stat(at(b"m" * 256))
    yield "a name of 255", lambda: os.stat(at(b"m" * 255))
    yield "a path too long", lambda: os.stat(at(b"m/" * 2048))
    yield "read before the start", lambda: os.pread(os.open(at(file), os.O_RDONLY), 1, -1)


def compare_refusals(file, folder, link):
    for (name, theirs_call), (_, ours_call) in zip(refusals(theirs, file, folder, link), refusals(ours, file, folder, link)):
        seen["refusals"] += 1
        wants, says = error_of(theirs_call), error_of(ours_call)
        if wants == "done":
            differ(b"", name, "a refusal (so the test is wrong)", says)
        elif wants != says:
            differ(b"", name, wants, says)


first = {}
todo = [b""]
compare(b"")
while todo:
    folder = todo.pop()
    for entry in os.scandir(theirs + (b"/" + folder if folder else b"")):
        path = folder + b"/" + entry.name if folder else entry.name
        try:
            compare(path)
        except OSError as e:
            differ(path, "cannot be compared", "", str(e))
            continue
        if entry.is_dir(follow_symlinks=False):
            todo.append(path)
        kind = "folder" if entry.is_dir(follow_symlinks=False) else "link" if entry.is_symlink() else "file"
        if not folder and (kind != "file" or entry.is_file(follow_symlinks=False)):
            if entry.name != b"lost+found":
                first.setdefault(kind, path)
if not foreign:
    compare_refusals(first["file"], first["folder"], first["link"])
    told = os.statvfs(ours)
    if any((told.f_blocks, told.f_bfree, told.f_bavail, told.f_files, told.f_ffree)) or not told.f_flag & os.ST_RDONLY or told.f_namemax != 255:
        differ(b"", "statfs", "nothing but read-only and 255 (DIFFERS)", told)
for line in wrong[:20]:
    print(line)
print(", ".join(f"{count} {name}" for name, count in seen.items()), f"compared, {len(wrong)} differ")
sys.exit(1 if wrong else 0)
