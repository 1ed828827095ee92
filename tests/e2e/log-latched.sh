# A disk without room for the log, on ext4 and on xfs: nothing is shown, what is due is destroyed all the same, and an admin takes the log up
# again when there is room. Every refusal is counted, nothing acknowledged is missing, and the log proves it.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mkfs.ext4 mkfs.xfs jq setpriv python3
mkdir "$work/files"
for name in a b c d; do seq 3000 >"$work/files/$name.txt"; done
truncate -s 8M "$work/one.img"
mke2fs -q -d "$work/files" "$work/one.img"
loop_fs "$work/images" 64M
printf 'received: %s\n' "$(date -u -d '-30 days' +%Y-%m-%d)" >"$work/old.yaml"

# Read byte by byte until a read fails, then ask for more, which is refused and counted.
cat >"$work/reader.py" <<'PYTHON'
import os, sys, threading
os.setgroups([]); os.setgid(61002); os.setuid(61002)
folder = sys.argv[1] + "/KEPT/p1-ext2"
files = [os.open("%s/%s.txt" % (folder, name), os.O_RDONLY | os.O_DIRECT) for name in "abcd"]
answered = [0] * len(files)
def go(i):
    try:
        while answered[i] < 400000:
            if len(os.pread(files[i], 1, answered[i] % 12000)) != 1:
                return
            answered[i] += 1
    except OSError:
        pass
threads = [threading.Thread(target=go, args=(i,)) for i in range(len(files))]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sum(answered))
PYTHON

other_clock
in_state() { # STATE COUNT: waits until so many devices are in it
	until [ "$("$bailee" status --json | jq -r --arg state "$1" '[.devices[] | select(.state == $state)] | length')" = "$2" ]; do
		[ -d "/proc/$daemon" ] || fail "the daemon ended: $(tail -n 3 "$work/daemon.err")"
	done
}
on() { # FILESYSTEM SIZE
	clock 0 0
	disk=$work/$1
	store=$disk/store
	loop_fs "$disk" "$2" "$1"
	sed 's/intake: 90d/intake: 40d/' "$BAILEE_ROOT/examples/policies/shop.yaml" >"$work/policy.yaml"
	chmod 644 "$work/policy.yaml"
	cp --sparse=never "$work/one.img" "$work/images/given-$1.img"
	cp "$work/one.img" "$work/images/kept-$1.img"
	code 0 "$bailee" init --store "$store" --kit "$work/kit-$1"
	start_daemon "$store" "$work/policy.yaml"
	code 0 "$bailee" enroll "$work/images/given-$1.img" --device GIVEN --kind laptop --record "$work/old.yaml" --destroy-when-due
	code 0 "$bailee" intake "$work/one.img" --device SEALED --kind laptop --record "$work/old.yaml"
	code 0 "$bailee" enroll "$work/images/kept-$1.img" --device KEPT --kind laptop
	code 2 "$bailee" log unlatch --reason 'there is nothing to mend'
	code 3 as 61001 "$bailee" log unlatch --reason 'let me'
	view 61002 "$work/view-$1"
	dd if=/dev/zero of="$disk/filler" bs=64k status=none 2>/dev/null || true
	dd if=/dev/zero of="$disk/filler-2" bs=1k status=none 2>/dev/null || true
	answered=$(python3 "$work/reader.py" "$work/view-$1")
	[ "$answered" -gt 0 ] || fail "$1: nothing was read at all"
	code 12 "$bailee" status
	says 'log unlatch'
	[ "$("$bailee" status --json | jq -r .log.mode)" = reserve ] || fail "$1: the log is in mode $("$bailee" status --json | jq -r .log.mode)"
	# Views are gone, new ones are refused, and so is every question; that is counted.
	! as 61002 ls "$work/view-$1/KEPT" >/dev/null 2>&1 || fail "$1: a view is still there"
	mkdir "$work/again-$1"
	chown 61002 "$work/again-$1"
	code 12 as 61002 "$bailee" open "$work/again-$1"
	code 12 "$bailee" log query
	[ "$("$bailee" status --json | jq .log.refused)" -ge 2 ] || fail "$1: refusals are not counted"

	# What becomes due is destroyed on the full disk, with its certificate.
	sed 's/intake: 90d/intake: 20d/; s/^serial: 1 /serial: 2 /' "$BAILEE_ROOT/examples/policies/shop.yaml" >"$work/next.yaml"
	chmod 644 "$work/next.yaml"
	mv "$work/next.yaml" "$work/policy.yaml"
	in_state due 2
	# It has its grace; a day later the next look, which saving the file brings about, destroys.
	clock 86460 86460
	sed 's/^serial: 2 /serial: 3 /' "$work/policy.yaml" >"$work/next.yaml"
	mv "$work/next.yaml" "$work/policy.yaml"
	in_state shredded 2
	[ ! -e "$store/devices/SEALED/image" ] || fail "$1: the sealed image is still there"
	code 0 "$bailee" certificate verify "$store/certificates/SEALED.json" --key "$(public_key)"
	says 'cryptographic erase'
	[ ! -e "$work/images/given-$1.img" ] || fail "$1: the image is still there"
	[ -s "$store/certificates/GIVEN.json" ] || fail "$1: no certificate"
	code 0 "$bailee" certificate verify "$store/certificates/GIVEN.json" --key "$(public_key)"

	# Room again: still nothing, until somebody says so.
	rm -f "$disk/filler" "$disk/filler-2"
	code 12 as 61002 "$bailee" open "$work/again-$1"
	code 3 as 61001 "$bailee" log unlatch --reason 'let me'
	code 2 "$bailee" log unlatch
	refused=$("$bailee" status --json | jq .log.refused)
	code 0 "$bailee" log unlatch --reason 'made room'
	code 0 "$bailee" status
	code 0 as 61002 "$bailee" open "$work/again-$1"
	as 61002 cat "$work/again-$1/KEPT/p1-ext2/a.txt" >/dev/null || fail "$1: nothing is shown after the unlatch"
	code 0 "$bailee" log query --op latched --json
	[ "$(wc -l <"$work/out")" = 1 ] || fail "$1: $(wc -l <"$work/out") events say that the log latched"
	code 0 "$bailee" log query --op unlatched --json
	[ "$(jq .bytes "$work/out")" = "$refused" ] || fail "$1: $(jq .bytes "$work/out") refusals told, $refused counted"
	"$bailee" log query --uid 61002 --op read --verdict permitted --json | jq -s 'length' >"$work/out"
	[ "$(cat "$work/out")" -ge "$answered" ] || fail "$1: $answered reads answered, $(cat "$work/out") in the log"
	stop_daemon
	[ "$stopped" = 0 ] || fail "$1: the daemon ended with $stopped"
	code 13 "$bailee" log verify --log "$store/log" --kit "$work/kit-$1"
}
on ext4 48M
on xfs 320M
