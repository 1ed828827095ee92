# Who may not copy gets nothing out of an open mount, by whatever way a program tries, and every try is an event; who may
# copy gets the same masked bytes by every way. A descriptor, a path or a handle of somebody else's view gives nothing.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq rsync setpriv nsenter
tool=$BAILEE_BUILD/test/tools/copy-ways

cat >"$work/policy.yaml" <<'EOF'
bailee: 1
name: copying
serial: 1
timezone: Europe/Dublin
uses: [builtin/baseline]
people:
  uid:61001: {roles: [looker]}
  uid:61002: {roles: [copier]}
roles: {looker: {}, copier: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: all-look, permit: [list, read], who: [looker, copier], why: Everybody here looks at devices.}
  - {id: copiers-copy, permit: [copy], who: [copier], why: Copiers hand masked contents on.}
test_clock: 2026-11-02 10:00
tests:
  - {name: copies, as: 'uid:61002', do: copy, device: disk, file: /a, kind: text, expect: permit, rule: copiers-copy}
  - {name: only looks, as: 'uid:61001', do: copy, device: disk, file: /a, kind: text, expect: forbid, rule: default}
EOF
mkdir "$work/source" "$work/source/folder"
# About 190 KB, no multiple of a block; a value in every few lines; one word to look for that is no personal data.
awk 'BEGIN { for (i = 0; i < 3001; i++)
	printf "line %d of the gooseberry diary, mail kim%d@harbour-inn.example or 4111 1111 1111 1111\n", i, i }' \
	>"$work/source/folder/notes.txt"
printf 'a short gooseberry one\n' >"$work/source/short.txt"

start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk
look=$work/view-61001
copy=$work/view-61002
view 61001 "$look"
view 61002 "$copy"
file=D1/folder/notes.txt
mkdir -m 777 "$work/got"
cd "$work/got"

# events FILTER...: how many such events there are
events() { "$bailee" log query "$@" --json | wc -l; }
denied_opens() { events --uid 61001 --op open --verdict denied; }

# refuses NAME COMMAND...: fails, shows nothing of the file, leaves nothing of it behind, and is in the log.
refuses() {
	name=$1
	shift
	before=$(denied_opens)
	if as 61001 "$@" >"$work/out" 2>&1; then fail "$name is not refused"; fi
	if grep -rqaE 'gooseberry|harbour|4111 1' "$work/out" "$work/got"; then fail "$name shows contents"; fi
	find "$work/got" -type f -size +0 ! -name '*.tar' | grep -q . && fail "$name leaves a file with something in it"
	[ "$(denied_opens)" -gt "$before" ] || fail "$name is not in the log"
	rm -rf "$work/got"/*
}
code 0 as 61001 ls -l "$look/D1/folder"
says notes.txt
says "$(stat -c %s "$work/source/folder/notes.txt")"
refuses cat cat "$look/$file"
refuses cp cp "$look/$file" .
refuses 'cp -a' cp -a "$look/D1" .
refuses 'cp --reflink' cp --reflink=auto "$look/$file" .
refuses rsync rsync -a "$look/D1/" rsynced/
refuses tar tar -cf all.tar -C "$look" D1
refuses dd dd if="$look/$file" of=out bs=4096
refuses 'dd iflag=direct' dd if="$look/$file" of=out bs=4096 iflag=direct
refuses grep grep -r gooseberry "$look"
refuses head head -c 1 "$look/$file"
ways=$("$tool" list all)
for way in $ways; do refuses "$way" "$tool" "$way" "$look/$file"; done

# The same for who may copy: the masked bytes, the same by every way.
as 61002 cat "$copy/$file" >"$work/masked"
[ "$(stat -c %s "$work/masked")" = "$(stat -c %s "$work/source/folder/notes.txt")" ] || fail "the length changes"
[ "$(grep -c gooseberry "$work/masked")" = 3001 ] || fail "what is no personal data is hidden"
if grep -qE 'harbour|kim|4111 1|1111 1' "$work/masked"; then fail "a planted value is shown"; fi
gives() {
	name=$1
	shift
	as 61002 "$@" >"$work/taken" 2>"$work/out" || { cat "$work/out"; fail "$name fails for who may copy"; }
	same "$name" "$work/taken"
}
same() { cmp "$work/masked" "$2" || fail "$1 gives other bytes"; }
gives cat cat "$copy/$file"
gives dd dd if="$copy/$file" bs=4096 iflag=direct status=none
gives 'dd bs=777' dd if="$copy/$file" bs=777 status=none
as 61002 cp "$copy/$file" cp-copy && same cp cp-copy
as 61002 rsync -a "$copy/D1/" rsynced/ && same rsync rsynced/folder/notes.txt
as 61002 tar -cf all.tar -C "$copy" D1 && tar -xOf all.tar "$file" >tarred && same tar tarred
absent=
for way in $ways; do
	got=0
	as 61002 "$tool" "$way" "$copy/$file" >"$work/taken" 2>"$work/out" || got=$?
	case $got in
	0) same "$way" "$work/taken" ;;
	3)
		[ ! -s "$work/taken" ] || fail "$way gives something and fails"
		absent="$absent $way"
		;;
	*) cat "$work/out"; fail "$way fails for who may copy ($got)" ;;
	esac
done
# Two file systems have no copy_file_range between them; a shared map and a read that never waits are not offered.
for way in $absent; do
	case $way in copy-file-range | nowait | mmap-shared | uring-sqpoll) ;; *) fail "there is no $way here" ;; esac
done
rm -rf "$work/got"/*

# Other users and root do not even get in.
for uid in 0 61001 61003; do
	code 2 as "$uid" ls "$copy"
	says 'Permission denied'
	code 1 as "$uid" cat "$copy/$file"
	says 'Permission denied'
	code 1 as "$uid" stat "$copy/$file"
	code 2 as "$uid" sh -c "cd '$copy'"
done

# taken UID NAME COMMAND...: somebody else's descriptor is refused at the first read, and logged as theirs.
taken() {
	uid=$1
	name=$2
	shift 2
	before=$(events --uid "$uid" --rule builtin/one-view-one-person)
	got=0
	"$@" >"$work/taken" 2>"$work/out" || got=$?
	case $got in
	2) grep -qE 'EACCES|EFAULT' "$work/out" || { cat "$work/out"; fail "$name: refused otherwise"; } ;;
	3) return 0 ;;
	*) cat "$work/out"; fail "$name is not refused ($got)" ;;
	esac
	[ ! -s "$work/taken" ] || fail "$name gives bytes"
	[ "$(events --uid "$uid" --rule builtin/one-view-one-person)" -gt "$before" ] || fail "$name is not in the log"
}
for way in $ways; do
	[ "$way" != uring-open ] || continue
	taken 61001 "passed, then $way" "$tool" passed 61002 61001 "$way" "$copy/$file"
	taken 0 "passed to root, then $way" "$tool" passed 61002 0 "$way" "$copy/$file"
	taken 61001 "inherited, then $way" "$tool" inherited 61002 61001 "$way" "$copy/$file"
done
# What the owner has pulled through the page cache before: direct reads ask all the same.
for way in read preadv2 direct aio uring mmap-private; do
	taken 61001 "passed warm, then $way" "$tool" warm 61002 61001 "$way" "$copy/$file"
done

# A running process of the owner: its root, its descriptors.
mkfifo "$work/stay" "$work/said"
as 61002 "$tool" hold "$copy/$file" <"$work/stay" >"$work/said" &
holder=$!
at_end "kill $holder"
exec 9>"$work/stay"
read -r pid fd <"$work/said"
for uid in 0 61001 61003; do
	for path in "/proc/$pid/root$copy/$file" "/proc/$pid/fd/$fd" "/proc/$pid/root$copy"; do
		code 1 as "$uid" cat "$path"
		says 'Permission denied'
	done
done
taken 0 'pidfd_getfd by root' "$tool" getfd "$pid" "$fd" read
code 2 as 61001 "$tool" getfd "$pid" "$fd" read
says EPERM
# A mount namespace of the owner's process, entered by root: the same mount, the same refusal.
code 1 nsenter -m -t "$pid" cat "$copy/$file"
says 'Permission denied'
exec 9>&-
wait "$holder" || fail "the holder ended with $?"

# File handles: the owner's own kernel refuses to open them without a capability; root's attempt ends at the mount.
: >"$work/handle"
chown 61002 "$work/handle"
if as 61002 "$tool" handle "$copy/$file" "$work/handle" 2>"$work/out"; then
	code 2 as 61002 "$tool" by-handle "$copy" "$work/handle" read
	says EPERM
	code 2 "$tool" by-handle "$copy" "$work/handle" read
	grep -qE 'EACCES|ESTALE' "$work/out" || { cat "$work/out"; fail "root's handle is refused otherwise"; }
else
	says EOPNOTSUPP
fi
code 2 "$tool" handle "$copy/$file" "$work/handle"
says EACCES

# A user namespace makes nobody root of a view, nor another.
code 1 as 61001 unshare -Urm cat "$copy/$file"
says 'Permission denied'
code 1 as 61001 unshare -Urm cat "$look/$file"
says 'Permission denied'
code 1 unshare -m cat "$copy/$file"
says 'Permission denied'

# All of it is in one good log, and none of it in the clear.
key=$(public_key)
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --store "$work/store" --key "$key"
if grep -rqaE 'gooseberry|harbour|notes\.txt|folder' "$work/store"; then fail "the store holds a name or contents"; fi
