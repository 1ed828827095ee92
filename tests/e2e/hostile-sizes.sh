# What costs an image nothing and would cost us days: files and sources of many TiB that are holes. Reads anywhere, scan, inspect, enroll.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs debugfs jq setpriv python3
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"

# Texts with a hole in the middle, and texts that end in one; a small hole and one of 15 TiB.
texts() {
	mkdir "$work/$1"
	for name in plain.txt rows.csv; do
		for part in $(seq 6000); do echo "line $part, card 4111 1111 1111 1111,"; done >"$work/$1/$name"
		cp "$work/$1/$name" "$work/$1/ends.$name"
		truncate -s "$2" "$work/$1/$name" "$work/$1/ends.$name"
		for part in $(seq 6000); do echo "and $part, card 4012 8888 8888 1881,"; done >>"$work/$1/$name"
	done
	truncate -s 24M "$work/$1.img"
	mke2fs -q -t ext4 -b 4096 -F -d "$work/$1" "$work/$1.img"
	rm -r "${work:?}/$1"
}
texts small 8M
texts large 15T
start_daemon "$work/store" "$work/shop.yaml"
for id in small large; do code 0 "$bailee" enroll "$work/$id.img" --device $id --kind laptop; done
view 61002 "$work/view"

# A read at any place comes back: with what is there, or as a refusal.
cat >"$work/anywhere.py" <<'PYTHON'
import errno, os, sys
os.setgroups([]); os.setgid(61002); os.setuid(61002)
folder = sys.argv[1]
for name in sorted(os.listdir(folder)):
    if name == "lost+found":
        continue
    fd = os.open(folder + "/" + name, os.O_RDONLY)
    size = os.fstat(fd).st_size
    places = [0, 4095, 100000, 1 << 20, size, 1 << 62]
    if "rows" not in name:  # else all in front is looked at first, for ten seconds at most
        places += [1 << 33, size // 2, size - 200000, size - 4096, size - 1]
    for at in places:
        try:
            got = os.pread(fd, 4096, max(at, 0))
        except OSError as error:
            if error.errno != errno.EACCES:
                raise
            got = b"refused"
        if b"4111" in got or b"4012" in got:
            sys.exit("%s at %d: not masked" % (name, at))
        if at < 100000 and b"card" not in got:
            sys.exit("%s at %d: not what is there" % (name, at))
    os.close(fd)
PYTHON
for id in small large; do timeout 60 python3 "$work/anywhere.py" "$work/view/$id/p1-ext4" || fail "reads of $id"; done

# What is found does not depend on how long a hole is. Rows of a table, which are looked at in order, are not looked for behind a long one.
for id in small large; do
	timeout 60 "$bailee" scan $id --paths --json --reason test >"$work/$id.json" || fail "the scan of $id did not end: $(cat "$work/$id.json")"
	jq -rs --arg id $id '[.. | objects | select(.path? and .classes?)] | sort_by(.path)[] | select(.path | endswith(".txt")) | [(.path | ltrimstr($id)), .state, .classes.card] | @tsv' "$work/$id.json" >"$work/$id.txt"
	[ "$(wc -l <"$work/$id.txt")" = 2 ] || fail "texts of $id: $(cat "$work/$id.txt" "$work/$id.json")"
done
cmp "$work/small.txt" "$work/large.txt" || fail "a longer hole has other findings: $(cat "$work/small.txt" "$work/large.txt")"
cat "$work/large.txt"
[ "$(jq -rs '[.. | objects | select(.path? and .classes?) | select((.path | endswith("rows.csv")) and (.state | test("withheld")))] | length' "$work/large.json")" = 2 ] ||
	fail "tables that are not looked through are not told: $(cat "$work/large.json")"

# A source that is one: what lies in it is there, and looking through it ends.
truncate -s 15T "$work/small.img"
code 0 timeout 60 "$bailee" enroll "$work/small.img" --device source --kind laptop
timeout 60 python3 "$work/anywhere.py" "$work/view/source/p1-ext4" || fail "reads of a long source"
code 13 timeout 60 "$bailee" inspect "$work/small.img" --json
says '"allocated":36000'
