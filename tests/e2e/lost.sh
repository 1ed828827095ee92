# What a view loses by a reload is gone wherever the kernel or a program kept it: open files, mapped pages, names, attributes, the
# folder somebody stands in; and what is still permitted stays. The reason is told.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv python3

# policy SERIAL COPIERS LISTERS
policy() {
	cat <<EOF
bailee: 1
name: lost
serial: $1
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61002: {roles: [supervisor]}
  uid:61003: {roles: [officer]}
roles:
  supervisor: {}
  officer: {}
detect: {sets: [payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: looks, permit: [list, read], who: [$3], why: They look at devices here.}
  - {id: copies, permit: [copy], who: [$2], why: They hand masked contents on.}
  - {id: no-more, forbid: [${4:-administer}], who: [supervisor], why: The audit of this week wants it shut.}
EOF
}
serial=0
load() {
	serial=$((serial + 1))
	policy "$serial" "$@" >"$work/$serial.yaml"
	code 0 "$bailee" policy load "$work/$serial.yaml"
}
mkdir -p "$work/source/sub/deep"
for i in $(seq 3000); do echo "line $i of many that a page holds, card 4111 1111 1111 1111"; done >"$work/source/a.txt"
cp "$work/source/a.txt" "$work/source/sub/deep/b.txt"
all='supervisor, officer'
serial=1
policy 1 "$all" "$all" >"$work/1.yaml"
start_daemon "$work/store" "$work/1.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk
view 61002 "$work/61002"
view 61003 "$work/61003"

# Everything that a program can keep of a view, and what of it is left when a line comes. A page that is gone is a SIGBUS: asked
# for by the kernel (process_vm_readv of ourselves), it is an error instead.
cat >"$work/keeper.py" <<'PYTHON'
import ctypes, errno, mmap, os, sys
view, = sys.argv[1:]
os.setgroups([]); os.setgid(61002); os.setuid(61002)
libc = ctypes.CDLL(None, use_errno=True)

class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

def page(mapped, at):
    address = ctypes.addressof(ctypes.c_char.from_buffer(mapped, at))
    room = ctypes.create_string_buffer(4096)
    here, there = Part(ctypes.addressof(room), 4096), Part(address, 4096)
    got = libc.process_vm_readv(os.getpid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    if got < 0:
        raise OSError(ctypes.get_errno(), "page")
    return room.raw[:got]

def tell(name, what):
    try:
        left = what()
        print(name, "left" if left else "empty")
    except OSError as error:
        print(name, errno.errorcode[error.errno])

path, below = view + "/D1/a.txt", view + "/D1/sub/deep"
fd = os.open(path, os.O_RDONLY)
direct = os.open(path, os.O_RDONLY | os.O_DIRECT)
mapped = mmap.mmap(fd, 65536, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
assert b"line" in page(mapped, 0) and b"line" in page(mapped, 4096)
never = mmap.mmap(os.open(below + "/b.txt", os.O_RDONLY), 65536, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
folder = os.open(below, os.O_RDONLY | os.O_DIRECTORY)
path_only = os.open(below + "/b.txt", os.O_PATH)
os.chdir(below)
assert os.listdir(folder) == ["b.txt"] and os.read(fd, 10) and os.pread(direct, 4096, 0)
assert os.stat("b.txt").st_size and os.stat(path).st_size
print("ready", flush=True)
while sys.stdin.readline():
    tell("read", lambda: os.pread(fd, 4096, 0))
    tell("read-further", lambda: os.pread(fd, 4096, 8192))
    tell("direct", lambda: os.pread(direct, 4096, 0))
    tell("page", lambda: page(mapped, 0))
    tell("page-new", lambda: page(mapped, 32768))
    tell("page-other", lambda: page(never, 0))
    tell("open", lambda: os.close(os.open(path, os.O_RDONLY)) or True)
    tell("reopen", lambda: os.close(os.open("/proc/self/fd/%d" % path_only, os.O_RDONLY)) or True)
    tell("relative", lambda: os.close(os.open("b.txt", os.O_RDONLY)) or True)
    tell("stat", lambda: os.stat(path).st_size)
    tell("fstat", lambda: os.fstat(fd).st_size)
    tell("stat-relative", lambda: os.stat("b.txt").st_size)
    tell("list", lambda: os.listdir(view + "/D1"))
    tell("list-kept", lambda: os.lseek(folder, 0, 0) or os.listdir(folder))
    tell("list-here", lambda: os.listdir("."))
    tell("names", lambda: [name for name in os.listdir(view) if name != "READ ME.txt"])
    tell("xattr", lambda: os.getxattr(path, "user.bailee.why"))
    print("end", flush=True)
PYTHON
mkfifo "$work/go" "$work/said"
python3 "$work/keeper.py" "$work/61002" <"$work/go" >"$work/said" 2>"$work/trouble" &
keeper=$!
exec 9>"$work/go" 8<"$work/said"
read -r line <&8 || true
[ "$line" = ready ] || fail "the program did not get that far: $(cat "$work/trouble")"
# left: what of it there is now, into $work/left
left() {
	: >"$work/left"
	echo >&9
	while read -r line <&8 && [ "$line" != end ]; do echo "$line" >>"$work/left"; done
	[ "$line" = end ] || fail "the program ended: $(cat "$work/trouble")"
}
# is WHAT WORD...: one of the words
is() {
	what=$1
	shift
	found=$(sed -n "s/^$what //p" "$work/left")
	for word; do [ "$found" != "$word" ] || return 0; done
	fail "after serial $serial, $what is $found, wanted $*"
}
# What the keeper thread of a mount takes back, it takes back a moment after the load was answered: asked for again until it is
# so. No number of questions makes what stays behind go away.
until_is() {
	for _ in $(seq 300); do
		left
		[ "$(sed -n "s/^$1 //p" "$work/left")" = left ] || return 0
	done
}
left
for what in $(cut -d' ' -f1 "$work/left"); do is "$what" left; done

# A reload that says the same takes nothing away.
load "$all" "$all"
left
for what in $(cut -d' ' -f1 "$work/left"); do is "$what" left; done

# Copy is taken away: contents are gone, names stay.
load officer "$all"
left
for what in read read-further direct; do is $what ESTALE; done
for what in open reopen relative; do is $what EACCES ESTALE; done
is page-new EFAULT
is page-other EFAULT
until_is page
is page EFAULT
for what in stat stat-relative list list-here names xattr; do is $what left; done
code 1 as 61002 cat "$work/61002/D1/a.txt"
says 'Permission denied'
code 0 as 61002 "$bailee" why "$work/61002/D1/a.txt"
says 'copy is forbidden'
code 0 as 61002 "$bailee" may
hides 'copy is permitted'
code 0 as 61003 cat "$work/61003/D1/a.txt"

# Given back: what is opened anew is there; what was open stays ended.
load "$all" "$all"
left
for what in read read-further direct; do is $what ESTALE; done
for what in open relative stat list; do is $what left; done
code 0 as 61002 cat "$work/61002/D1/a.txt"

# Everything is taken away, by a rule that says why.
load "$all" "$all" 'list, stat, read, copy'
left
for what in read direct; do is $what ESTALE; done
until_is names
is names empty
until_is stat
until_is stat-relative
until_is list-here
for what in open stat xattr; do is $what ENOENT; done
is list ENOENT ESTALE
for what in reopen relative stat-relative list-kept list-here; do is $what ENOENT ESTALE EACCES empty; done
for what in page page-new page-other; do is $what EFAULT; done
[ "$(as 61002 ls "$work/61002")" = 'READ ME.txt' ] || fail "ls shows: $(as 61002 ls "$work/61002")"
code 1 as 61002 cat "$work/61002/D1/a.txt"
says 'No such file'
code 0 as 61002 cat "$work/61002/READ ME.txt"
hides D1
code 0 as 61002 "$bailee" may
hides D1
mkdir "$work/again"
chown 61002 "$work/again"
code 3 as 61002 "$bailee" open "$work/again"
says "no-more"
says 'The audit of this week wants it shut.'
code 0 as 61003 cat "$work/61003/D1/sub/deep/b.txt"
cmp -s "$work/out" "$work/source/a.txt" && fail "cards are shown"

# And comes back.
load "$all" "$all"
code 0 as 61002 cat "$work/61002/D1/a.txt"
left
for what in open stat list names; do is $what left; done
exec 9>&-
wait "$keeper" || fail "the program: $(cat "$work/trouble")"
exec 8<&-
[ "$("$bailee" status --json | jq '.views | length')" = 2 ] || fail "a view was cut"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
