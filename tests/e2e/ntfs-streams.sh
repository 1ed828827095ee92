# NTFS, and all of it: streams beside their files, under names that can be undone, with the contents that ntfs-3g and The Sleuth Kit read;
# packed, sparse and resident files, links, names that no driver writes; what a gate shows of a stream is masked and counted.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mkntfs ntfs-3g fls icat jq /usr/bin/python3
plain=$BAILEE_BUILD/test/bailee-plain
tools=$BAILEE_ROOT/tests/tools
mkdir "$work/theirs" "$work/ours"
at_end "umount '$work/theirs' || umount -l '$work/theirs'"
at_end "umount '$work/ours' || umount -l '$work/ours'"
theirs() { ntfs-3g -o "$1" "$2" "$work/theirs" || skip "ntfs-3g cannot mount here"; }
ours() { "$plain" "$@" "$work/ours" >"$work/said" 2>&1 || fail "no mount: $(cat "$work/said")"; }
gone() { umount "$work/$1" || fail "$1 cannot be unmounted"; }

truncate -s 64M "$work/image"
mkntfs -q -F "$work/image" >"$work/out" 2>&1 || fail "mkntfs: $(cat "$work/out")"
theirs compression,streams_interface=windows "$work/image"
/usr/bin/python3 "$tools/ntfs-make.py" fill "$work/theirs" >"$work/out" 2>&1 || skip "ntfs-3g cannot make that here: $(tail -1 "$work/out")"
gone theirs

# As ntfs-3g shows it, with its streams, and as icat reads it.
theirs ro,streams_interface=windows "$work/image"
ours "$work/image"
/usr/bin/python3 - "$work/theirs" "$work/ours" <<'COMPARE' || fail "NTFS is not shown as ntfs-3g shows it"
import hashlib, os, re, sys
theirs, ours = (os.fsencode(path) for path in sys.argv[1:])
undo = lambda name: re.sub(rb"%(2F|00|25|3A)", lambda code: bytes([int(code[1], 16)]), name)
wrong = compared = streams = links = 0
def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").digest()
for folder, folders, files in os.walk(ours):
    below = b"/".join(undo(name) for name in os.path.relpath(folder, ours).split(b"/"))
    plain = {undo(name) for name in folders + files if b":" not in name}
    if plain != set(os.listdir(os.path.join(theirs, below))):
        print("names differ in", below)
        wrong += 1
    for name in files + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
        path, other = os.path.join(folder, name), os.path.join(theirs, below, undo(name))
        # a name cut because it is too long cannot be undone; ntfs-3g makes other targets of Windows' links, and links of all reparse points
        if b"%~" in name:
            continue
        if os.path.islink(path) or os.path.islink(other):
            links += 1
            continue
        compared += 1
        streams += b":" in name
        if os.path.getsize(path) != os.path.getsize(other) or digest(path) != digest(other):
            print("contents differ:", os.path.join(below, name))
            wrong += 1
print(compared, "files, among them", streams, "streams;", links, "links")
sys.exit(bool(wrong) or compared < 4200 or streams < 2600)
COMPARE
/usr/bin/python3 "$tools/ntfs-icat.py" "$work/ours" "$work/image" folder >"$work/out" 2>&1 || {
	sed 's/^/  | /' "$work/out"
	fail "icat reads otherwise"
}
tail -1 "$work/out"
gone ours
gone theirs

# What no driver writes.
theirs streams_interface=none "$work/image"
/usr/bin/python3 "$tools/ntfs-make.py" posix "$work/theirs"
gone theirs
/usr/bin/python3 "$tools/ntfs-make.py" bend "$work/image"
ours "$work/image"
cd "$work/ours"
# is NAME CONTENTS
is() { [ "$(cat "./$1" | tr '\007' '#')" = "$2" ] || fail "'$1' is not '$2'"; }
is 'slash%2Fname' 'slash#name'
is 'zero%00name' 'zero#name'
is 'half%uD83Dname' 'half#name'
is 'other%uDE00half' 'other#half'
is '%25uD800' '%uD800'
is 'a%252Fb' 'a%2Fb'
is 'a%253Ab' 'a%3Ab'
is '%25-' '%-'
is 'colon%3Aname' 'no stream'
is 'report.docx' 'a report'
is 'report.docx%3AZone.Identifier' 'a file that is called like a stream'
is 'twins:slash%2Fstream' 'slash#stream'
is "$(printf 'bell\007name')" 'bell#name'
is 'folder:beside a folder' 'stream of a folder'
[ "$(cat twin-a 'twin-a%~2' | tr -d '\n' | fold -w 6 | sort | tr '\n' ' ')" = 'twin-a twin-b ' ] || fail "a name twice"
is 'twins:same-a' 'same-a'
is 'twins:same-a%~2' 'same-b'
[ "$(cat -- l*%~*:s* | tr -d '\n')" = 'long streamother stream' ] || [ "$(cat -- l*%~*:s*)" = 'other streamlong stream' ] || fail "long names of streams"
for name in 'written less' 'packed/written less'; do
	[ "$(stat -c %s "$name")" = 400000 ] || fail "the size of '$name'"
	[ "$(tail -c 299999 "$name" | tr -d '\0' | wc -c)" = 0 ] || fail "'$name' shows what was never written"
	[ "$(head -c 100001 "$name" | tail -c 1000 | tr -d '\0' | wc -c)" -gt 900 ] || fail "'$name' lacks what was written"
done
[ "$(stat -c %h:%s report.docx:Zone.Identifier)" = "2:$(stat -c %s folder/linked.docx:Zone.Identifier)" ] || fail "streams of hard links"
[ "$(stat -c %i report.docx:Zone.Identifier)" = "$(stat -c %i folder/linked.docx:Zone.Identifier)" ] || fail "numbers of streams"
[ "$(stat -c %i report.docx:Zone.Identifier)" != "$(stat -c %i report.docx)" ] || fail "a stream has the number of its file"
# The same numbers, whoever reads: a new mount has a new reader.
stat -c '%i %n' *:* >"$work/numbers"
cd /
gone ours
ours "$work/image"
cd "$work/ours"
stat -c '%i %n' *:* | diff "$work/numbers" - || fail "streams have other numbers in another reader"
# Links, and contents that are elsewhere.
for link in 'junction C:/Users/kim' 'relative folder/linked.docx' 'absolute D:/a/b' 'wsl ../etc/passwd' 'interix folder/linked.docx'; do
	[ "$(readlink "${link%% *}")" = "${link#* }" ] || fail "link $link"
done
is relative 'a report'
[ -L 'broken link' ] || fail "a broken link is none"
code 1 readlink 'broken link'
for name in 'dedup' 'cloud' 'unknown'; do
	[ "$(wc -c <"$name here")" = 30000 ] || fail "'$name here' cannot be read"
	code 1 cat "$name gone"
done
code 1 cat wof
code 1 cat locked
[ ! -e wof:WofCompressedData ] || fail "packed contents are shown as a stream"
cd /
gone ours

# By the gate: masked, and counted.
mkdir "$work/view"
at_end "'$bailee' umount '$work/view'"
code 0 "$bailee" mount --store "$work/store" "$work/image=N1" "$work/view"
code 0 cat "$work/view/N1/p1-ntfs/report.docx:Zone.Identifier"
says 'ZoneId=3'
hides 'kim@'
code 0 "$bailee" umount "$work/view"
wait_store_free "$work/store"
# 13: what is encrypted or elsewhere cannot be read, and is told.
code 13 "$bailee" scan "$work/image" --paths
grep -q 'report.docx:Zone.Identifier  1 email' "$work/out" || fail "scan does not look into streams"
hides 'kim@'
code 13 "$bailee" scan "$work/image" --json
[ "$(jq .classes.email.files "$work/out")" -ge 1 ] || fail "scan does not count what is in a stream"

# Real volumes, where they are: as icat reads them.
real=$BAILEE_ROOT/../shared/images/images
if [ -e "$real/ntfsrs-testfs1" ]; then
	ours "$real/ntfsrs-testfs1"
	code 0 /usr/bin/python3 "$tools/ntfs-icat.py" "$work/ours" "$real/ntfsrs-testfs1"
	gone ours
fi
if [ -e "$real/fsamples-fs.multiple.xz" ] && command -v xz >/dev/null; then
	xz -dc "$real/fsamples-fs.multiple.xz" | tail -c +200278017 | head -c 61865984 >"$work/other"
	ours "$work/other"
	code 0 /usr/bin/python3 "$tools/ntfs-icat.py" "$work/ours" "$work/other"
	gone ours
fi
