# Two views of one device, by every way a program has: what each gets is what its view gives when nobody else looks, whoever
# looked before; over somebody else's view there is nothing to get. Each first touch is an event. `leaks.sh --table` prints what was
# tried and what came of it (docs/serving.md, "The leak table").
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv unshare nsenter mke2fs debugfs
copy_ways=$BAILEE_BUILD/test/tools/copy-ways
leaks=$BAILEE_BUILD/test/tools/leaks

# A, 61002: mail unmasked where a copy was agreed on, the end of a card, and a folder of their own. B, 61003: everything masked.
cat >"$work/policy.yaml" <<'EOF'
bailee: 1
name: leaks
serial: 1
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61002: {roles: [officer]}
  uid:61003: {roles: [clerk]}
  uid:61004: {roles: [lead]}
roles: {officer: {}, clerk: {}, lead: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: looks, permit: [list, stat, read, request], who: [officer, clerk], why: They look at devices here.}
  - {id: clerks-copy, permit: [copy], who: [clerk], why: Masked contents are handed on.}
  - {id: officers-copy, permit: [copy], who: [officer], needs: {approvals: {count: 1, from: [lead], valid: 4h}}, why: What leaves is agreed on.}
  - {id: answers, permit: [approve], who: [lead], why: They answer.}
  - {id: mail-shown, permit: [unmask], who: [officer], what: {contains: [email]}, needs: {reason: required}, why: An answer goes to the address.}
  - {id: card-tail, mask: {card: keep-last-4}, who: [officer], why: Cards are matched to receipts.}
  - {id: folder, forbid: [list, stat, read, copy], who: [clerk], what: {paths: ['/only', '/only/**']}, why: That folder is the officers'.}
test_clock: 2026-11-02 10:00
tests:
  - {name: folder, as: 'uid:61003', do: list, device: disk, file: /only/a, kind: text, expect: forbid, rule: folder}
EOF
ways=$("$copy_ways" list all)
mkdir -p "$work/source/ways" "$work/source/only"
awk 'BEGIN { for (i = 0; i < 301; i++)
	printf "line %d of the gooseberry diary, mail kim%d@harbour-inn.example or 4111 1111 1111 1111\n", i, i }' >"$work/text"
for way in $ways given; do cp "$work/text" "$work/source/ways/$way.txt"; done
cp "$work/text" "$work/source/only/quince.txt"
ln -s ../ways/given.txt "$work/source/only/link"
ln -s ways/given.txt "$work/source/link"

start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk
ours=$work/view-61002
theirs=$work/view-61003
open_both() { view 61002 "$ours" --reason 'an answer' && view 61003 "$theirs"; }
# Agreed on before anybody looks.
mkdir "$work/first"
view 61002 "$work/first" --reason 'an answer'
code 0 as 61002 "$bailee" request copy D1 --reason 'an answer' --json
code 0 as 61004 "$bailee" approve "D1/$(jq .number "$work/out")"
code 0 as 61002 "$bailee" close "$work/first"

# row WAY WHO MOUNT RESULT EVENT
table=${1:-}
rows=0
row() {
	rows=$((rows + 1))
	[ "$table" != --table ] || printf '%-32s %-8s %-8s %-24s %s\n' "$@"
}
# asked FILTER...: how many such events there are, without those of our asking; the last query is in $work/events
asked() {
	"$bailee" log query "$@" --json >"$work/all" 2>"$work/err" || fail "log query $*: $(cat "$work/err")"
	grep -v '"op":"admin"' "$work/all" >"$work/events" || true
	wc -l <"$work/events"
}
# of UID OP: how many of them in $work/events are permitted, those that one record stands for counted
of() {
	awk -v uid="\"uid\":$1," -v op="\"op\":\"$2\"" 'index($0, op) && index($0, uid) && /"verdict":"permitted"/ {
		n++
		if (match($0, /"repeats":[0-9]+/)) n += substr($0, RSTART + 10, RLENGTH - 10)
	}
	END { print n + 0 }' "$work/events"
}
# tried COMMAND...: its exit code is $got, what it gives is $work/got
tried() {
	got=0
	"$@" >"$work/got" 2>"$work/err" || got=$?
}
gives() { # gives EXPECTED WHAT
	[ "$got" = 0 ] || fail "$2: refused ($got, $(cat "$work/err"))"
	cmp -s "$1" "$work/got" || fail "$2: other bytes than this view gives alone"
}
refused() { # refused ERRNO|ERRNO WHAT
	[ "$got" = 2 ] || fail "$2: ends with $got, $(cat "$work/err")"
	[ ! -s "$work/got" ] || fail "$2: gives something, and fails"
	grep -qE "$1" "$work/err" || fail "$2: refused otherwise: $(cat "$work/err")"
	error=$(sed -n 's/.*: \([A-Z]*\)$/\1/p' "$work/err" | tail -n 1)
}

# ---- alone -------------------------------------------------------------------------------------------------
# What each view gives while the other is not there.
alone() {
	as "$1" "$copy_ways" read "$2/D1/ways/given.txt" >"$work/$3"
	for what in $("$leaks" list tell); do
		as "$1" "$leaks" tell "$what" "$2/D1/link" >"$work/$3.link.$what" 2>&1 || true
		as "$1" "$leaks" tell "$what" "$2/D1/ways/given.txt" >"$work/$3.file.$what" 2>&1 || true
		as "$1" "$leaks" tell "$what" "$2/D1" 2>&1 | sort >"$work/$3.folder.$what" || true
	done
	code 0 as "$1" "$bailee" close "$2"
}
view 61003 "$theirs"
alone 61003 "$theirs" B
view 61002 "$ours" --reason 'an answer'
alone 61002 "$ours" A
[ "$(grep -c 'mail kim[0-9]*@harbour-inn.example or \*\*\*\* \*\*\*\* \*\*\*\* 1111$' "$work/A")" = 301 ] || fail "A does not see what A may: $(head -n 1 "$work/A")"
[ "$(grep -c 'gooseberry diary, mail \*\** or \*\**$' "$work/B")" = 301 ] || fail "B does not see what B may: $(head -n 1 "$work/B")"
grep -q only "$work/A.folder.readdir" || fail "A does not see a folder of A's"
if grep -q only "$work"/B.folder.*; then fail "B sees a folder of A's"; fi

# ---- contents -----------------------------------------------------------------------------------------------
open_both
absent=
for way in $ways; do
	path=ways/$way.txt
	[ "$(asked --device D1 --path "/$path")" = 0 ] || fail "$way: not the first touch"
	tried as 61002 "$copy_ways" "$way" "$ours/D1/$path"
	if [ "$got" = 3 ]; then
		[ ! -s "$work/got" ] || fail "$way gives something, and is not there"
		absent="$absent $way"
		row "$way" 'A, B' own 'not here' -
		continue
	fi
	gives "$work/A" "A, $way, first"
	asked --device D1 --path "/$path" >/dev/null
	[ "$(of 61002 open)" -gt 0 ] && [ "$(of 61002 read)" -gt 0 ] || fail "A, $way: no event of the first touch"
	[ "$(of 61003 read)" = 0 ] || fail "B, $way: an event of nobody's"
	first="open, $(of 61002 read) read"
	tried as 61003 "$copy_ways" "$way" "$theirs/D1/$path"
	gives "$work/B" "B after A, $way"
	asked --device D1 --path "/$path" >/dev/null
	[ "$(of 61003 open)" -gt 0 ] && [ "$(of 61003 read)" -gt 0 ] || fail "B, $way: no event of the first touch"
	row "$way" A own "A's bytes" "$first"
	row "$way" 'B after A' own "B's bytes" "open, $(of 61003 read) read"
	tried as 61002 "$copy_ways" "$way" "$ours/D1/$path"
	gives "$work/A" "A after B, $way"
	tried as 61003 "$copy_ways" "$way" "$theirs/D1/$path"
	gives "$work/B" "B again, $way"
	opens=$(of 61002 open)
	asked --device D1 --path "/$path" >/dev/null
	[ "$(of 61002 open)" -gt "$opens" ] || fail "A after B, $way: the second open is no event"
	row "$way" 'A after B' own "A's bytes" 'open'
	before=$(asked --device D1)
	for uid in 61003 0; do
		tried as "$uid" "$copy_ways" "$way" "$ours/D1/$path"
		refused EACCES "$way by $uid over A's mount"
	done
	row "$way" 'B, root' "A's" EACCES 'none: the kernel refuses'
	tried as 61002 "$copy_ways" "$way" "$theirs/D1/$path"
	refused EACCES "$way by A over B's mount"
	[ "$(asked --device D1)" = "$before" ] || fail "$way: $(tail -n 2 "$work/events") the kernel let somebody else ask"
done
# Before Linux 6.6 there is no shared map of a file that is read directly, a read that never waits finds nothing, two filesystems have no
# copy_file_range between them; io_uring may be switched off.
for way in $absent; do
	case $way in mmap-shared | nowait | copy-file-range | uring*) ;; *) fail "there is no $way here" ;; esac
done
case " $absent " in *' uring '*) ;; *) case $absent in *uring*) fail "some io_uring is not there: $absent" ;; esac ;; esac

# ---- names and facts ----------------------------------------------------------------------------------------
told() { # told UID OP: permitted events of it so far
	asked --device D1 >/dev/null
	of "$1" "$2"
}
for what in $("$leaks" list tell); do
	case $what in
	readlink) op=readlink ;;
	readdir | walk) op=list ;;
	getxattr) op=why ;;
	*) op=lookup ;;
	esac
	case $op in list) on=D1 kind=folder ;; why) on=D1/ways/given.txt kind=file ;; *) on=D1/link kind=link ;; esac
	code 0 as 61002 "$bailee" close "$ours"
	code 0 as 61003 "$bailee" close "$theirs"
	open_both
	last=
	for who in A B A; do
		case $who in A) uid=61002 mount=$ours ;; B) uid=61003 mount=$theirs ;; esac
		before=$(told "$uid" "$op")
		tried sh -c 'setpriv --reuid="$1" --regid="$1" --clear-groups "$2" tell "$3" "$4" 2>&1 | sort' sh "$uid" "$leaks" "$what" "$mount/$on"
		cmp -s "$work/$who.$kind.$what" "$work/got" || sort "$work/$who.$kind.$what" | cmp -s - "$work/got" || fail "$who, $what: another answer than alone"
		[ "$last" = B ] || [ "$(told "$uid" "$op")" -gt "$before" ] || fail "$who, $what: no event '$op' of the first touch"
		last=$who
	done
	row "$what" 'A, B, A' own 'each their own' "$op"
	# What is A's alone is not there for B, also when A has just looked at it.
	place=only/quince.txt
	[ "$what" != readlink ] || place=only/link
	for place in only "$place"; do
		as 61002 "$leaks" tell "$what" "$ours/D1/$place" >"$work/got" 2>&1 || grep -qE 'EINVAL|ENOTDIR' "$work/got" || fail "A, $what: $(cat "$work/got")"
		before=$(asked --uid 61003 --op lookup --verdict denied)
		tried as 61003 "$leaks" tell "$what" "$theirs/D1/$place"
		refused ENOENT "B, $what of what is A's"
		[ "$place" != only ] || [ "$(asked --uid 61003 --op lookup --verdict denied)" -gt "$before" ] || fail "B, $what: a refused look is no event"
		tried as 61003 "$leaks" tell "$what" "$ours/D1/$place"
		refused EACCES "B, $what over A's mount"
		tried "$leaks" tell "$what" "$ours/D1/$place"
		refused EACCES "root, $what over A's mount"
	done
	row "$what" B own "A's folder: ENOENT" 'lookup, denied'
	row "$what" 'B, root' "A's" EACCES 'none: the kernel refuses'
done

# ---- extended attributes -------------------------------------------------------------------------------------
# Values of an image: contents, so each as its own view masks them, and gone with the permit.
value='kim7@harbour-inn.example or 4111 1111 1111 1111 on a gooseberry'
mkdir "$work/tree"
cp "$work/text" "$work/tree/given.txt"
code 0 mke2fs -q -t ext4 -d "$work/tree" "$work/disk.img" 8M
code 0 debugfs -w -R "ea_set /given.txt user.origin \"$value\"" "$work/disk.img"
code 0 debugfs -w -R "ea_set /given.txt trusted.origin \"$value\"" "$work/disk.img"
code 0 "$bailee" enroll "$work/disk.img" --device D2 --kind disk
code 0 as 61002 "$bailee" request copy D2 --reason 'an answer' --json
code 0 as 61004 "$bailee" approve "D2/$(jq .number "$work/out")"
# value UID MOUNT NAME
value() { tried as "$1" "$leaks" value "$3" "$2/D2/p1-ext4/given.txt"; }
values() { "$bailee" log query --device D2 --uid "$1" --op read --verdict permitted --json | grep -c 'an extended attribute' || true; }
printf '%s' '************************ or **** **** **** 1111 on a gooseberry' >"$work/A.value"
printf '%s' '************************ or ******************* on a gooseberry' >"$work/B.value"
for who in A B A B; do
	case $who in A) uid=61002 mount=$ours ;; B) uid=61003 mount=$theirs ;; esac
	before=$(values "$uid")
	value "$uid" "$mount" user.origin
	gives "$work/$who.value" "$who, a value"
	[ "$(wc -c <"$work/got")" = ${#value} ] || fail "$who: a masked value of another length"
	[ "$(values "$uid")" = $((before + 1)) ] || fail "$who: a value is no event"
	value "$uid" "$mount" trusted.origin
	refused ENODATA "$who, what is trusted"
	tried as "$uid" "$leaks" tell listxattr "$mount/D2/p1-ext4/given.txt"
	[ "$(cat "$work/got")" = "$(printf 'user.bailee.why\nuser.origin')" ] || fail "$who: other names: $(cat "$work/got")"
done
row 'getxattr, of the file' 'A, B, A' own 'each their own' read
before=$(values 61002)
for uid in 61003 0; do
	value "$uid" "$ours" user.origin
	refused EACCES "uid $uid, a value over A's mount"
done
[ "$(values 61002)" = "$before" ] || fail "the kernel let somebody else ask for a value"
row 'getxattr, of the file' 'B, root' "A's" EACCES 'none: the kernel refuses'
sed 's/^serial: 1/serial: 2/; /id: clerks-copy/d' "$work/policy.yaml" >"$work/less.yaml"
code 0 "$bailee" policy load "$work/less.yaml"
value 61003 "$theirs" user.origin
refused EACCES "B, a value after the permit is gone"
row 'getxattr, of the file' 'B, not A' own 'EACCES, once revoked' 'read, denied'
sed 's/^serial: 1/serial: 3/' "$work/policy.yaml" >"$work/again.yaml"
code 0 "$bailee" policy load "$work/again.yaml"
value 61003 "$theirs" user.origin
gives "$work/B.value" "B, a value again"

# ---- the filesystem as a whole -----------------------------------------------------------------------------------
# The same numbers for whoever asks of whatever, read or not, image or directory: df(1) and stat(1) take them for a full, fixed one.
nothing='type 65735546, blocks of 4096: 0, 0, 0 free; 0 files, 0 free; names 255'
"$bailee" enroll "$work/disk.img" --device D3 --kind disk >/dev/null
for who in A B; do
	case $who in A) uid=61002 mount=$ours ;; B) uid=61003 mount=$theirs ;; esac
	for place in '' /D1 /D1/link /D2/p1-ext4/given.txt /D3; do
		tried as "$uid" "$leaks" tell statfs "$mount$place"
		[ "$(cat "$work/got")" = "$nothing" ] || fail "$who, statfs: $(cat "$work/got" "$work/err")"
	done
	code 0 as "$uid" df "$mount/D1"
	code 0 as "$uid" stat -f "$mount/D1"
done
row statfs 'A, B, A' own 'the same for all' lookup

# ---- handed on, taken, reached round the side ------------------------------------------------------------------
# With the same rights to copy; what B may not reach this way is A's view, and B's own is no help.
fresh() {
	code 0 as 61002 "$bailee" close "$ours"
	view 61002 "$ours" --reason 'an answer'
}
foreign() { asked --uid "${1:-61003}" --rule builtin/one-view-one-person; }
# not_ours WHO-UID WHO WHAT HOW COMMAND...: asked in their own name, refused, and an event of theirs
not_ours() {
	uid=$1 who=$2 what=$3 how=$4
	shift 4
	before=$(foreign "$uid")
	tried "$@"
	[ "$got" != 3 ] || { row "$how, $what" "$who" "A's" 'not here' -; return 0; }
	refused 'EACCES|EFAULT|EIO' "$how, $what by $who"
	[ "$(foreign "$uid")" -gt "$before" ] || fail "$how, $what by $who: no event"
	row "$how, $what" "$who" "A's" "$error" 'read, denied'
}
given=$ours/D1/ways/given.txt
for way in $ways; do
	[ "$way" != uring-open ] || continue
	fresh
	not_ours 61003 B "$way" 'passed' "$copy_ways" passed 61002 61003 "$way" "$given"
	not_ours 61003 B "$way" 'inherited' "$copy_ways" inherited 61002 61003 "$way" "$given"
	not_ours 0 root "$way" 'passed' "$copy_ways" passed 61002 0 "$way" "$given"
	# What A has pulled into the cache, and then hands on.
	before=$(foreign)
	tried "$copy_ways" warm 61002 61003 "$way" "$given"
	case $way:$got in
	splice:* | sendfile:*)
		gives "$work/A" "passed warm, $way"
		row "passed after A's splice, $way" B "A's" "A's bytes, from the cache" "A's open and read"
		;;
	*:3) ;;
	*)
		refused 'EACCES|EFAULT' "passed warm, $way"
		[ "$(foreign)" -gt "$before" ] || fail "passed warm, $way: no event"
		row "passed after A's splice, $way" B "A's" "$error" 'read, denied'
		;;
	esac
done
fresh
# A kernel that asks how long the file is, before it makes a disk of it, is not told; an older one does not get to read it.
tried "$copy_ways" passed 61002 0 loop "$given"
[ ! -s "$work/got" ] || fail "a loop device gives something"
case $got in
0) row 'passed, loop' root "A's" 'an empty disk' 'none: the kernel refuses' ;;
3) row 'passed, loop' root "A's" 'not here' - ;;
*) refused EIO "passed, loop"; row 'passed, loop' root "A's" EIO 'read, denied' ;;
esac
# A ring is who made it, or who registered with it: handed on, it reads in A's name, and the events are A's.
not_ours 61003 B plain "A's ring" "$copy_ways" ring 61002 61003 plain "$given"
for kind in sqpoll personality; do
	before=$(asked --uid 61002 --op read --verdict permitted)
	tried "$copy_ways" ring 61002 61003 "$kind" "$given"
	[ "$got" != 3 ] || { row "A's ring, $kind" B "A's" 'not here' -; continue; }
	gives "$work/A" "A's ring, $kind"
	[ "$(asked --uid 61002 --op read --verdict permitted)" -gt "$before" ] || fail "A's ring, $kind: no event"
	row "A's ring, $kind" B "A's" "A's bytes, in A's name" 'read, as A'
done
# A filesystem uid alone makes nobody A.
for way in read stat; do
	tried "$copy_ways" fsuid 61002 read "$given"
	refused EACCES "root with A's filesystem uid"
done
row 'fsuid of A' root "A's" EACCES 'none: the kernel refuses'

# stays UID: a process of theirs has a file of its own view open and stands in it; $pid, $fd
mkfifo "$work/stay" "$work/said"
as 61002 "$copy_ways" hold "$given" <"$work/stay" >"$work/said" &
holder=$!
at_end "kill $holder"
exec 9>"$work/stay"
read -r pid fd <"$work/said"
mkdir "$work/bound"
mount --bind "$ours" "$work/bound" || fail "no bind mount of A's mount"
at_end "umount -l '$work/bound'"
reach() { # reach WAY PATH
	tried as 61002 "$copy_ways" read "$2"
	gives "$work/A" "A, $1"
	before=$(asked --device D1)
	for uid in 61003 61004 0; do
		for how in read splice mmap-private; do
			tried as "$uid" "$copy_ways" $how "$2"
			refused EACCES "uid $uid, $1, $how"
		done
		tried as "$uid" "$leaks" tell stat "$2"
		case $1 in /proc/PID/fd) ;; *) refused EACCES "uid $uid, $1, stat" ;; esac
	done
	[ "$(asked --device D1)" = "$before" ] || fail "$1: the kernel let somebody else ask"
	row "$1" A own "A's bytes" 'read'
	row "$1" 'B, root' "A's" EACCES 'none: the kernel refuses'
}
reach 'a bind mount' "$work/bound/D1/ways/given.txt"
reach /proc/PID/root "/proc/$pid/root$given"
reach /proc/PID/fd "/proc/$pid/fd/$fd"
umount "$work/bound"
not_ours 0 root read pidfd_getfd "$copy_ways" getfd "$pid" "$fd" read
tried as 61003 "$copy_ways" getfd "$pid" "$fd" read
refused EPERM "B, pidfd_getfd"
row pidfd_getfd B "A's" EPERM 'none: the kernel refuses'

# Namespaces: A stays A in one of A's own; nobody becomes A in one of theirs, and root who enters A's is root.
tried as 61002 unshare -Urm "$copy_ways" read "$given"
gives "$work/A" "A in a user namespace"
row 'a user namespace of theirs' A own "A's bytes" 'read'
tried as 61003 unshare -Urm "$copy_ways" read "$theirs/D1/ways/given.txt"
gives "$work/B" "B in a user namespace"
for uid in 61003 0; do
	tried as "$uid" unshare -Urm "$copy_ways" read "$given"
	refused EACCES "uid $uid in a user namespace"
	tried as "$uid" unshare -Urm sh -c 'mount --bind "$1" "$2" && exec "$3" read "$2/D1/ways/given.txt"' sh "$ours" "$work/bound" "$copy_ways"
	case $got in 0) fail "uid $uid binds A's mount in a namespace" ;; esac
	[ ! -s "$work/got" ] || fail "uid $uid gets something by a bind mount in a namespace"
done
row 'a user namespace of theirs' 'B, root' "A's" EACCES 'none: the kernel refuses'
setpriv --reuid=61002 --regid=61002 --clear-groups unshare -Urm --propagation private "$copy_ways" hold "$given" <"$work/stay" >"$work/said" 9>&- &
inside=$!
at_end "kill $inside"
read -r pid fd <"$work/said"
tried nsenter -t "$pid" -U --preserve-credentials -m "$copy_ways" read "$given"
refused EACCES "root in A's namespaces"
row "A's namespaces, entered" root "A's" EACCES 'none: the kernel refuses'
tried as 61003 nsenter -t "$pid" -U --preserve-credentials -m "$copy_ways" read "$given"
[ "$got" = 1 ] && [ ! -s "$work/got" ] || fail "B enters A's namespaces"
row "A's namespaces, entered" B "A's" EPERM 'none: the kernel refuses'
exec 9>&-
wait "$holder" || fail "the holder ended with $?"
wait "$inside" || fail "the holder in a namespace ended with $?"

# An overlay asks in its mounter's name, who is not A.
mkdir "$work/upper" "$work/worker" "$work/over"
if mount -t overlay -o "lowerdir=$ours,upperdir=$work/upper,workdir=$work/worker" overlay "$work/over" 2>"$work/err"; then
	at_end "umount -l '$work/over'"
	for uid in 61002 61003 0; do
		tried as "$uid" "$copy_ways" read "$work/over/D1/ways/given.txt"
		[ "$got" = 2 ] && [ ! -s "$work/got" ] || fail "an overlay of A's mount gives uid $uid something"
	done
	umount "$work/over"
fi
row 'an overlay over it' root "A's" EACCES 'none: the kernel refuses'

# A handle is a number of A's connection. It needs a capability to open it, and B's mount knows it not, or as a file of B's own.
: >"$work/handle"
chown 61002 "$work/handle"
tried as 61002 "$copy_ways" handle "$given" "$work/handle"
if [ "$got" = 0 ]; then
	tried "$copy_ways" able 61002 "$ours" "$work/handle" read
	gives "$work/A" "A's handle, A with the capability"
	row open_by_handle_at 'A, able' own "A's bytes" 'read'
	tried as 61003 "$copy_ways" by-handle "$theirs" "$work/handle" read
	refused EPERM "A's handle, B"
	tried "$copy_ways" able 61003 "$ours" "$work/handle" read
	refused EACCES "A's handle on A's mount, B with the capability"
	tried "$copy_ways" by-handle "$ours" "$work/handle" read
	refused EACCES "A's handle on A's mount, root"
	row open_by_handle_at 'B, root' "A's" EACCES 'none: the kernel refuses'
	for file in ways/given.txt only/quince.txt; do
		as 61002 "$copy_ways" handle "$ours/D1/$file" "$work/handle" || fail "no handle of $file"
		tried "$copy_ways" able 61003 "$theirs" "$work/handle" read
		if [ "$got" = 0 ]; then
			gives "$work/B" "A's handle of $file on B's mount"
			error="B's bytes"
		else
			refused 'ESTALE|EACCES|EISDIR' "A's handle of $file on B's mount"
		fi
		row "A's handle of $file" 'B, able' own "$error" -
	done
else
	row open_by_handle_at A own 'not here' -
fi

# ---- the log -----------------------------------------------------------------------------------------------------
[ "$rows" -gt 100 ] || fail "only $rows rows"
key=$(public_key)
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --store "$work/store" --key "$key"
if grep -rqaE 'gooseberry|harbour|quince|given\.txt' "$work/store"; then fail "the store holds a name or contents"; fi
