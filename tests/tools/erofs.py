#!/usr/bin/python3
"""erofs.py KERNEL OURS: is every way to change something refused with the very errno of the kernel's own read-only mount?

Rows are system calls, each with what it is called on: a file, a folder, a link, one that leads nowhere, a name that is none, names below
none and below a file, names that are too long, paths that end in '/'. Whoever runs this is who asks. The two folders hold the same: a file
"file", a folder "folder" with "in" in it, a link "link" to "file", a link "lost" to "none", an empty folder "empty", a FIFO "fifo".

Prints what differs and exits 1; a row that the kernel does not refuse is a mistake of this list, but for those in READS.
"""
import ctypes
import errno
import os
import socket
import stat
import struct
import sys

theirs, ours = (os.fsencode(path) for path in sys.argv[1:3])
libc = ctypes.CDLL(None, use_errno=True)
FCHMODAT2, RENAMEAT2, OPENAT2, LINKAT, FALLOCATE, COPY_FILE_RANGE = 452, 316, 437, 265, 285, 326  # x86-64
if os.uname().machine != "x86_64":
    print("needs the system call numbers of this machine")
    sys.exit(77)
FS_IOC_GETFLAGS, FS_IOC_SETFLAGS = 0x80086601, 0x40086602
FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR = 0x801C581F, 0x401C5820
AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH, AT_REMOVEDIR = 0x100, 0x400, 0x1000, 0x200
NAMES = [b"file", b"folder", b"link", b"lost", b"none", b"none/x", b"file/x", b"fifo", b"empty", b"folder/in", b"folder/..", b".", b"",
         b"file/", b"folder/", b"link/", b"none/", b"lost/", b"n" * 255, b"n" * 256, b"d/" * 2048, b"folder/" + b"n" * 256]
# What changes nothing: what goes through a FIFO is not the filesystem's, O_CREAT of what is there creates nothing, a socket without a name is nowhere
READS = {(b"fifo", what) for what in ("open O_RDWR", "openat2", "open O_RDONLY|O_TRUNC", "access to write", "access to write by effective ids")} | {
    (b"", "bind")} | {(name, "open O_RDONLY|O_CREAT") for name in (b"file", b"link", b"folder/in", b"fifo")}
elsewhere = b"/tmp"


def check(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(number, *arguments):
    ctypes.set_errno(0)
    return check(libc.syscall(number, *arguments))


def close(fd):
    os.close(fd)


def with_fd(path, call, flags=os.O_RDONLY):
    """A descriptor that may read: what cannot be opened is a row by itself"""
    fd = os.open(path, flags | os.O_NONBLOCK)
    try:
        return call(fd)
    finally:
        os.close(fd)


def bind(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)


def access(path, flags, **how):
    if not os.access(path, flags, **how):
        raise OSError(ctypes.get_errno() or errno.EACCES, "")


def raw_access(path, mode, flags):
    ctypes.set_errno(0)
    check(libc.faccessat(-100, path, mode, flags))


def openat2(path, flags, mode, resolve):
    how = struct.pack("=QQQ", flags, mode, resolve)
    close(syscall(OPENAT2, -100, path, how, len(how)))


def in_folder(root, call):
    """The *at variants, from a descriptor of the mount's root"""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return call(fd)
    finally:
        os.close(fd)


def rows_of(root, name):
    at = root + b"/" + name if name else b""
    to = root + b"/new"
    W = os.O_WRONLY
    yield "chmod", lambda: os.chmod(at, 0o600)
    yield "fchmodat", lambda: in_folder(root, lambda fd: os.chmod(name, 0o600, dir_fd=fd))
    yield "fchmodat2 nofollow", lambda: syscall(FCHMODAT2, -100, at, 0o600, AT_SYMLINK_NOFOLLOW)
    yield "chown", lambda: os.chown(at, 1, 1)
    yield "chown to nobody else", lambda: os.chown(at, -1, -1)
    yield "lchown", lambda: os.lchown(at, 1, 1)
    yield "fchownat", lambda: in_folder(root, lambda fd: os.chown(name, 1, 1, dir_fd=fd))
    yield "truncate", lambda: os.truncate(at, 0)
    yield "truncate longer", lambda: os.truncate(at, 1 << 20)
    yield "truncate below 0", lambda: check(libc.truncate(at, ctypes.c_long(-1)))
    for flags in ("O_WRONLY", "O_RDWR", "O_WRONLY|O_APPEND", "O_RDONLY|O_TRUNC", "O_WRONLY|O_TRUNC", "O_RDONLY|O_CREAT", "O_WRONLY|O_CREAT",
                  "O_RDWR|O_CREAT|O_EXCL", "O_RDONLY|O_CREAT|O_EXCL", "O_WRONLY|O_NOFOLLOW", "O_WRONLY|O_DIRECTORY", "O_RDWR|O_TMPFILE",
                  "O_WRONLY|O_TMPFILE", "O_RDONLY|O_DIRECTORY|O_CREAT"):
        value = 0
        for flag in flags.split("|"):
            value |= getattr(os, flag)
        yield f"open {flags}", lambda value=value: close(os.open(at, value | os.O_NONBLOCK, 0o600))
    yield "openat", lambda: in_folder(root, lambda fd: close(os.open(name, W | os.O_CREAT | os.O_NONBLOCK, 0o600, dir_fd=fd)))
    yield "openat2", lambda: openat2(at, os.O_RDWR | os.O_NONBLOCK, 0, 0)
    yield "openat2 no links", lambda: openat2(at, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK, 0o600, 4)
    yield "creat", lambda: close(os.open(at, W | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK, 0o600))
    yield "mkdir", lambda: os.mkdir(at)
    yield "mkdirat", lambda: in_folder(root, lambda fd: os.mkdir(name, dir_fd=fd))
    for kind in ("S_IFREG", "S_IFIFO", "S_IFSOCK", "S_IFCHR", "S_IFBLK"):
        yield f"mknod {kind}", lambda kind=kind: os.mknod(at, getattr(stat, kind) | 0o600, os.makedev(1, 3))
    yield "mknod of no kind", lambda: os.mknod(at, 0o160600)
    yield "mknodat", lambda: in_folder(root, lambda fd: os.mknod(name, stat.S_IFREG | 0o600, dir_fd=fd))
    yield "mkfifo", lambda: os.mkfifo(at)
    yield "bind", lambda: bind(at)
    yield "link from", lambda: os.link(at, to)
    yield "link to", lambda: os.link(root + b"/file", at)
    yield "link of a folder to", lambda: os.link(root + b"/folder", at)
    yield "link elsewhere", lambda: os.link(at, elsewhere + b"/erofs-none")
    yield "link from elsewhere", lambda: os.link(b"/proc/self/exe", at)
    yield "linkat follow", lambda: syscall(LINKAT, -100, at, -100, to, AT_SYMLINK_FOLLOW)
    yield "symlink", lambda: os.symlink(b"x", at)
    yield "symlinkat", lambda: in_folder(root, lambda fd: os.symlink(b"x", name, dir_fd=fd))
    yield "symlink of nothing", lambda: os.symlink(b"", at)
    yield "unlink", lambda: os.unlink(at)
    yield "unlinkat", lambda: in_folder(root, lambda fd: os.unlink(name, dir_fd=fd))
    yield "rmdir", lambda: os.rmdir(at)
    yield "unlinkat of a folder", lambda: in_folder(root, lambda fd: check(libc.unlinkat(fd, name, AT_REMOVEDIR)))
    yield "unlinkat with wrong flags", lambda: in_folder(root, lambda fd: check(libc.unlinkat(fd, name, 1)))
    yield "rename from", lambda: os.rename(at, to)
    yield "rename to", lambda: os.rename(root + b"/file", at)
    yield "rename of a folder to", lambda: os.rename(root + b"/empty", at)
    yield "rename into itself", lambda: os.rename(root + b"/folder", root + b"/folder/" + name)
    yield "rename elsewhere", lambda: os.rename(at, elsewhere + b"/erofs-none")
    yield "rename from elsewhere", lambda: os.rename(b"/proc/self", at)
    yield "renameat", lambda: in_folder(root, lambda fd: os.rename(name, b"new", src_dir_fd=fd, dst_dir_fd=fd))
    for flags, what in ((1, "no replace"), (2, "exchange"), (4, "whiteout"), (3, "wrong flags")):
        yield f"renameat2 {what}", lambda flags=flags: syscall(RENAMEAT2, -100, root + b"/file", -100, at, flags)
    yield "utimensat", lambda: os.utime(at, (0, 0))
    yield "utimensat now", lambda: os.utime(at)
    yield "utimensat nofollow", lambda: os.utime(at, (0, 0), follow_symlinks=False)
    yield "utimes", lambda: check(libc.utimes(at, None))
    yield "utime", lambda: check(libc.utime(at, None))
    yield "access to write", lambda: raw_access(at, os.W_OK, 0)
    yield "access to write by effective ids", lambda: raw_access(at, os.W_OK, 0x200)
    for name_ in ("user.x", "trusted.x", "security.x", "system.posix_acl_access", "none.x", "user."):
        yield f"setxattr {name_}", lambda name_=name_: os.setxattr(at, name_, b"x")
        yield f"lsetxattr {name_}", lambda name_=name_: os.setxattr(at, name_, b"x", follow_symlinks=False)
        yield f"removexattr {name_}", lambda name_=name_: os.removexattr(at, name_)
    # With a descriptor that reads, also one that the caller may have from before.
    yield "fchmod", lambda: with_fd(at, lambda fd: os.fchmod(fd, 0o600))
    yield "fchmod of O_PATH", lambda: with_fd(at, lambda fd: os.fchmod(fd, 0o600), os.O_PATH)
    yield "fchown", lambda: with_fd(at, lambda fd: os.fchown(fd, 1, 1))
    yield "ftruncate", lambda: with_fd(at, lambda fd: os.ftruncate(fd, 0))
    yield "futimens", lambda: with_fd(at, lambda fd: os.utime(fd, (0, 0)))
    yield "fallocate", lambda: with_fd(at, lambda fd: syscall(FALLOCATE, fd, 0, ctypes.c_long(0), ctypes.c_long(1)))
    yield "posix_fallocate", lambda: with_fd(at, lambda fd: os.posix_fallocate(fd, 0, 1))
    yield "fsetxattr", lambda: with_fd(at, lambda fd: os.setxattr(fd, "user.x", b"x"))
    yield "write", lambda: with_fd(at, lambda fd: os.write(fd, b"x"))
    yield "pwrite", lambda: with_fd(at, lambda fd: os.pwrite(fd, b"x", 0))
    yield "copy_file_range", lambda: with_fd(at, lambda fd: syscall(COPY_FILE_RANGE, fd, None, fd, None, ctypes.c_long(1), 0))
    yield "linkat of a descriptor", lambda: with_fd(at, lambda fd: syscall(LINKAT, fd, b"", -100, to, AT_EMPTY_PATH))
    yield "a flag (chattr)", lambda: with_fd(at, lambda fd: set_flags(fd, FS_IOC_SETFLAGS, struct.pack("=I", 0x10)))
    yield "project (chattr -p)", lambda: with_fd(at, lambda fd: set_flags(fd, FS_IOC_FSSETXATTR, bytes(28)))
    yield "openat below it", lambda: with_fd(at, lambda fd: close(os.open(b"new", W | os.O_CREAT, 0o600, dir_fd=fd)), os.O_PATH)
    yield "mkdirat below it", lambda: with_fd(at, lambda fd: os.mkdir(b"new", dir_fd=fd), os.O_PATH)


def set_flags(fd, request, data):
    import fcntl
    fcntl.ioctl(fd, request, bytearray(data))


def error_of(call):
    try:
        call()
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e.errno))
    except ValueError as e:
        return f"not a call: {e}"
    return "done"


compared, refused, wrong = 0, 0, []
for name in NAMES:
    for (what, theirs_call), (_, ours_call) in zip(rows_of(theirs, name), rows_of(ours, name)):
        wants, says = error_of(theirs_call), error_of(ours_call)
        compared += 1
        refused += wants == "EROFS"
        shown = os.fsdecode(name if len(name) < 30 else name[:8] + b"..." + str(len(name)).encode())
        if wants == "done" and says == "done" and (name, what) in READS:
            continue
        if wants == "done":
            wrong.append(f"{what} of {shown!r}: the kernel does not refuse it")
        elif wants != says:
            wrong.append(f"{what} of {shown!r}: the kernel says {wants}, we say {says}")
for line in wrong[:40]:
    print(line)
print(f"{compared} calls compared, {refused} of them EROFS, {len(wrong)} differ")
sys.exit(1 if wrong or refused < 300 else 0)
