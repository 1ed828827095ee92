# Wrong use of every command: one line that names the thing, the right exit code, and nothing changed.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs jq setpriv iconv
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
mkdir "$work/files" "$work/view" "$work/full"
echo hello >"$work/files/a.txt"
: >"$work/full/taken"
truncate -s 4M "$work/one.img"
mke2fs -q -d "$work/files" "$work/one.img"
store=$work/store

# refused CODE COMMAND...: that exit code, one line on stderr that begins with "error:", nothing on stdout.
refused() {
	want=$1
	shift
	got=0
	"$@" >"$work/stdout" 2>"$work/out" </dev/null || got=$?
	[ "$got" = "$want" ] || { sed 's/^/  | /' "$work/out"; fail "exit code $got, wanted $want: $*"; }
	[ "$(wc -l <"$work/out")" = 1 ] || { sed 's/^/  | /' "$work/out"; fail "not one line on stderr: $*"; }
	grep -q '^error: ' "$work/out" || { cat "$work/out"; fail "no 'error:' on stderr: $*"; }
	[ ! -s "$work/stdout" ] || { cat "$work/stdout"; fail "something on stdout: $*"; }
	if LC_ALL=C grep -q '[[:cntrl:]]' "$work/out"; then fail "control characters on stderr: $*"; fi
}

code 2 "$bailee"
code 0 "$bailee" --help
code 0 "$bailee" --version
refused 2 "$bailee" dance
refused 2 "$bailee" "$(printf 'da\033[31mnce')"
for command in serve mount umount enroll open close status why 'policy check' 'policy test' 'policy explain' 'policy load' 'log verify' 'log query' hold shred certificate; do
	code 0 "$bailee" $command --help
	says "use: bailee $command"
	refused 2 "$bailee" $command --no-such-option
	refused 2 "$bailee" $command --store
	refused 2 "$bailee" $command one two three four five --dance
done
for command in policy log; do
	refused 2 "$bailee" $command
	refused 2 "$bailee" $command dance
done
for command in mount umount enroll why 'policy check' 'policy test' 'policy explain' 'policy load' hold certificate shred; do
	refused 2 "$bailee" $command
done

# No daemon.
for command in status 'log query' 'shred --due' 'hold add RMA-1 --reason x' 'certificate show RMA-1' "open $work/view" "close $work/view" "enroll $work/one.img --device RMA-1 --kind laptop" "policy load $work/shop.yaml"; do
	refused 10 "$bailee" $command --store "$work/none"
done
[ ! -e "$work/none" ] || fail "a client made a store"

# A store that is none, or not ours, or newer, or of others.
: >"$work/file"
refused 2 "$bailee" serve --store "$work/file" --policy "$work/shop.yaml"
refused 2 "$bailee" serve --store "$work/full" --policy "$work/shop.yaml"
[ "$(ls "$work/full")" = taken ] || fail "a foreign folder was changed"
# No policy at all: nothing to enforce, so no service.
refused 2 "$bailee" serve --store "$work/store-without-policy"
for policy in "$work/absent.yaml" "$work/file" "$work/files"; do
	refused 2 "$bailee" serve --store "$work/store-2" --policy "$policy"
done
cp "$work/shop.yaml" "$work/open.yaml"
chmod 666 "$work/open.yaml"
refused 2 "$bailee" serve --store "$work/store-2" --policy "$work/open.yaml"
head -c 70000 /dev/urandom >"$work/binary.yaml"
refused 2 "$bailee" serve --store "$work/store-2" --policy "$work/binary.yaml"
{ cat "$work/shop.yaml"; head -c 5000000 /dev/zero | tr '\0' '#'; } >"$work/huge.yaml"
refused 2 "$bailee" serve --store "$work/store-2" --policy "$work/huge.yaml"

start_daemon "$store" "$work/shop.yaml"
refused 11 "$bailee" serve --store "$store" --policy "$work/shop.yaml"
refused 11 "$bailee" mount --store "$store" "$work/one.img" "$work/view"
code 0 "$bailee" enroll "$work/one.img" --device RMA-1 --kind laptop
before=$("$bailee" status --json | jq -c '[.devices, .views, .policy_serial]')

# Enrolling.
enroll() { want=$1; shift; refused "$want" "$bailee" enroll "$@"; }
enroll 2 "$work/absent.img" --device RMA-2 --kind laptop
says absent.img
enroll 2 "$work/one.img" --device RMA-2
enroll 2 "$work/one.img" --kind laptop
enroll 2 "$work/one.img" --device RMA-2 --kind spaceship
enroll 2 "$work/one.img" --device RMA-1 --kind laptop
says RMA-1
for id in '' . .. a/b 'a b' ../x -x "$(printf 'a\nb')" 0123456789012345678901234567890123456789 äöü; do
	enroll 2 "$work/one.img" "--device=$id" --kind laptop
done
enroll 2 /dev/null --device RMA-2 --kind laptop
mkfifo "$work/pipe"
enroll 2 "$work/pipe" --device RMA-2 --kind laptop
: >"$work/empty.img"
record() {
	cat >"$work/record.yaml"
	enroll 2 "$work/one.img" --device RMA-2 --kind laptop --record "$work/record.yaml"
	hides Zebulon
}
enroll 2 "$work/one.img" --device RMA-2 --kind laptop --record "$work/absent.yaml"
enroll 2 "$work/one.img" --device RMA-2 --kind laptop --record "$work/files"
record <"$work/binary.yaml"
head -c 70000 "$work/huge.yaml" | record
printf 'customer: {name: Zebulon, shoe: 43}\n' | record
printf 'colour: Zebulon\n' | record
printf 'received: 2026-02-30\ncustomer: {name: Zebulon}\n' | record
printf 'received: 2026-13-01\ncustomer: {name: Zebulon}\n' | record
printf 'received: Zebulon\n' | record
printf 'maker: A\nmaker: Zebulon\n' | record
printf 'maker: [Zebulon, B]\n' | record
printf 'customer: Zebulon\n' | record
printf 'customer: {name: {first: Zebulon}}\n' | record
printf -- '- Zebulon\n' | record
printf 'maker: "Zebulon\n' | record
printf 'maker: Zebulon\n---\nmaker: B\n' | record
printf 'maker: &a Zebulon\nmodel: *a\n' | record
printf 'maker: Zebulon\0\n' | record
printf 'maker: Zebulon\n' | iconv -t UTF-16 | record
printf 'maker: "Zebu\033lon"\n' | record

# Views.
open_as() { want=$1; uid=$2; shift 2; chown "$uid" "$work/view"; refused "$want" as "$uid" "$bailee" open "$@"; }
open_as 2 61002 "$work/absent"
open_as 2 61002 "$work/file"
open_as 3 61099 "$work/view"
open_as 3 61004 "$work/view"
open_as 3 61002 "$work/files"
chown 61002 "$work/full"
open_as 2 61002 "$work/full"
open_as 2 61002 --for nobody-of-that-name "$work/view"
open_as 3 61002 --for uid:61001 "$work/view"
open_as 2 61002 --for uid:-1 "$work/view"
open_as 2 61002 --purpose "$(printf %0100d 1)" "$work/view"
refused 10 as 61002 "$bailee" close "$work/view"
refused 10 as 61002 "$bailee" close --view 99
refused 2 as 61002 "$bailee" close
refused 2 as 61002 "$bailee" close --view x
refused 10 "$bailee" umount "$work/files"
refused 10 "$bailee" umount "$work/absent"
refused 10 "$bailee" umount /proc
refused 10 "$bailee" why "$work/files/a.txt"
refused 10 "$bailee" why /proc/self/status

# Holds, shreds, certificates, policies.
refused 1 "$bailee" hold add RMA-404 --reason x
refused 2 "$bailee" hold add RMA-1
refused 2 "$bailee" hold add RMA-1 --reason ''
refused 2 "$bailee" hold add 'a b' --reason x
refused 2 "$bailee" hold keep RMA-1 --reason x
refused 2 "$bailee" hold release RMA-1 --reason x
refused 2 "$bailee" hold release RMA-1 --reason x --hold many
refused 2 "$bailee" hold add RMA-1 --reason x --hold 3
refused 2 "$bailee" shred
refused 1 "$bailee" certificate show RMA-1
refused 1 "$bailee" certificate show RMA-404
refused 2 "$bailee" certificate verify "$work/absent" --key "$(public_key)"
refused 2 "$bailee" certificate verify "$work/shop.yaml"
refused 2 "$bailee" certificate verify "$work/shop.yaml" --key nonsense
for policy in absent.yaml binary.yaml huge.yaml open.yaml files file; do
	for verb in check test load; do
		code 2 timeout 20 "$bailee" policy $verb "$work/$policy"
		grep -q . "$work/out" || fail "policy $verb $policy says nothing"
	done
done
sed 's/Repair shop/Another shop/' "$work/shop.yaml" >"$work/same-serial.yaml"
refused 2 "$bailee" policy load "$work/same-serial.yaml"
says serial
sed 's/^serial: 1 /serial: 2 /; s/expect: ask/expect: permit/' "$work/shop.yaml" >"$work/failing.yaml"
refused 2 "$bailee" policy load "$work/failing.yaml"

after=$("$bailee" status --json | jq -c '[.devices, .views, .policy_serial]')
[ "$before" = "$after" ] || fail "something changed: $before became $after"
[ "$(ls "$store/devices")" = RMA-1 ] || fail "devices: $(ls "$store/devices")"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"

# The store itself, spoilt.
chmod 755 "$store"
refused 2 "$bailee" serve --store "$store" --policy "$work/shop.yaml"
chmod 711 "$store"
chmod 644 "$store/keys"
refused 2 "$bailee" serve --store "$store" --policy "$work/shop.yaml"
chmod 600 "$store/keys"
cp "$store/bailee.store" "$work/good"
printf 'FOREIGN!' | dd of="$store/bailee.store" conv=notrunc status=none
refused 2 "$bailee" serve --store "$store" --policy "$work/shop.yaml"
cat "$work/good" >"$store/bailee.store"
printf '\002' | dd of="$store/bailee.store" bs=1 seek=8 conv=notrunc status=none
refused 2 "$bailee" serve --store "$store" --policy "$work/shop.yaml"
cat "$work/good" >"$store/bailee.store"
chown 61002 "$store"
refused 2 "$bailee" serve --store "$store" --policy "$work/shop.yaml"
chown 0 "$store"
start_daemon "$store" "$work/shop.yaml"
[ "$("$bailee" status --json | jq -c '[.devices, .views, .policy_serial]')" = "$before" ] || fail "the store is not what it was"

# A policy that belongs to somebody else is theirs to change, whatever its mode.
if [ "$(id -u)" = 0 ]; then
	install -m 644 -o 61005 "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/theirs.yaml"
	code 2 "$bailee" serve --store "$work/of-theirs" --policy "$work/theirs.yaml"
	says 'belongs to uid 61005'
fi
