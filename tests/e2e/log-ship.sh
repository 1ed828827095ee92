# The log sent on, to a real rsyslogd by datagrams, TCP and TLS, and to a file, while each of the three programs goes and comes: every
# event is there at least once and the same to the byte. Then receivers that misbehave, disks that are full, and who is not who he says.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv python3 rsyslogd openssl mke2fs
tools=$BAILEE_ROOT/tests/tools
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
store=$work/store
export STATE_DIRECTORY="$work/state"

# ship NAME TARGET [OPTIONS...]: in the background, its pid is $ship
ship() {
	name=$1 target=$2
	shift 2
	"$bailee" log ship --store "$store" --to "$target" "$@" >>"$work/$name.err" 2>&1 &
	ship=$!
	at_end "kill -9 $ship"
}
once() { code 0 "$bailee" log ship --store "$store" --once "$@"; }
# refused N: so many events, each a refusal of uid 61001
refused() {
	for _ in $(seq "$1"); do code 3 as 61001 "$bailee" people --store "$store"; done
}
newest() { "$bailee" status --store "$store" --json | jq .log.durable_sequence; }
confirmed() { jq .sequence "$1"; }
# until_has FILE TEXT: the test's own time limit ends what never comes
until_has() {
	until grep -qsF -- "$2" "$1"; do sleep .05; done
}
# check FORMAT FILE FIRST LAST [once]: against the folder of the log, read by another way
check() {
	format=$1 file=$2
	shift 2
	"$bailee" log query --log "$store/log" --json >"$work/events" 2>"$work/out" || fail "no events to compare with: $(cat "$work/out")"
	python3 "$tools/ship-check.py" "$format" "$file" "$work/events" "$@" >"$work/out" 2>&1 || fail "$file: $(cat "$work/out")"
}

# A log with a name in it: somebody reads a file.
mkdir "$work/files"
echo nothing >"$work/files/divorce papers.txt"
truncate -s 4M "$work/one.img"
mke2fs -q -d "$work/files" "$work/one.img"
code 0 "$bailee" auditor keygen "$work/ann"
code 0 "$bailee" init --store "$store" --auditor "$work/ann.pub" --kit "$work/kit"
start_daemon "$store" "$work/shop.yaml"
code 0 "$bailee" enroll "$work/one.img" --device RMA-1 --kind laptop
view 61002 "$work/view" --purpose repair
as 61002 cat "$work/view/RMA-1/p1-ext2/divorce papers.txt" >/dev/null
code 0 "$bailee" close "$work/view"

# ---- certificates that are good for this test, and ports nobody has
certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/$1.key" -out "$work/$1.pem" -days 2 \
		-subj "/CN=$1" -addext "subjectAltName=$2" ${3:+-CA "$work/ca.pem" -CAkey "$work/ca.key"} 2>>"$work/openssl.err" ||
		{ cat "$work/openssl.err"; fail "no certificate for $1"; }
}
certificate ca DNS:ca
certificate other-ca DNS:ca
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/here.key" -out "$work/here.csr" -subj /CN=here 2>/dev/null
echo subjectAltName=DNS:localhost >"$work/here.ext"
openssl x509 -req -in "$work/here.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 2 -extfile "$work/here.ext" \
	-out "$work/here.pem" 2>/dev/null
set -- $(python3 -c 'import socket
all = [socket.socket() for _ in range(2)]
for one in all: one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in all))')
tcp=tcp:127.0.0.1:$1 tls=tls:localhost:$2 unix=unix:$work/datagrams

cat >"$work/rsyslog.conf" <<CONF
global(maxMessageSize="64k" workDirectory="$work" defaultNetstreamDriverCAFile="$work/ca.pem"
	defaultNetstreamDriverCertFile="$work/here.pem" defaultNetstreamDriverKeyFile="$work/here.key")
main_queue(queue.type="LinkedList" queue.filename="main" queue.saveonshutdown="on" queue.timeoutshutdown="20000")
module(load="imptcp")
module(load="imtcp" streamdriver.name="ossl" streamdriver.mode="1" streamdriver.authmode="x509/certvalid")
module(load="imuxsock" sysSock.use="off")
template(name="line" type="string" string="%rawmsg%\n")
ruleset(name="unix") { action(type="omfile" file="$work/unix" template="line") }
ruleset(name="tcp") { action(type="omfile" file="$work/tcp" template="line") }
ruleset(name="tls") { action(type="omfile" file="$work/tls" template="line") }
input(type="imptcp" address="127.0.0.1" port="$1" ruleset="tcp")
input(type="imtcp" address="127.0.0.1" port="$2" ruleset="tls")
input(type="imuxsock" socket="$work/datagrams" useSpecialParser="off" parseHostname="on" rateLimit.interval="0" ruleset="unix")
CONF
start_rsyslog() {
	rsyslogd -n -f "$work/rsyslog.conf" -i "$work/rsyslog.pid" 2>>"$work/rsyslog.err" &
	rsyslog=$!
	at_end "kill -9 $rsyslog"
}
stop_rsyslog() {
	kill "$rsyslog"
	wait "$rsyslog" || true
	rm -f "$work/rsyslog.pid" "$work/datagrams"
}
ship_unix() { ship ship-unix "$unix" --format rfc5424 && ship_unix=$ship; }
ship_tcp() { ship ship-tcp "$tcp" --format rfc5424 && ship_tcp=$ship; }
ship_tls() { ship ship-tls "$tls" --format rfc5424 --ca "$work/ca.pem" --cert "$work/here.pem" --cert-key "$work/here.key" && ship_tls=$ship; }
all_have() {
	last=$(newest)
	for way in unix tcp tls; do until_has "$work/$way" "sequence=\"$last\""; done
}

# ---- everybody goes and comes, in turn, while events come
start_rsyslog
until [ -S "$work/datagrams" ]; do sleep .05; done
ship_unix; ship_tcp; ship_tls
sh -c "while :; do setpriv --reuid=61001 --regid=61001 --clear-groups '$bailee' people --store '$store'; done" >"$work/noise" 2>&1 &
noise=$!
at_end "kill $noise"
all_have
for round in 1 2; do
	stop_rsyslog
	start_rsyslog
	all_have
	kill -9 "$ship_unix" "$ship_tcp" "$ship_tls"
	for one in $ship_unix $ship_tcp $ship_tls; do wait "$one" && fail "killed, and all is well?" || true; done
	ship_unix; ship_tcp; ship_tls
	all_have
	stop_daemon
	[ "$stopped" = 0 ] || fail "those who follow hold up the stop"
	start_daemon "$store" "$work/shop.yaml"
	all_have
	kill "$ship_unix" "$ship_tcp" "$ship_tls"
	for one in $ship_unix $ship_tcp $ship_tls; do wait "$one" || fail "SIGTERM is no orderly end: $?"; done
	for cursor in "$STATE_DIRECTORY"/*.cursor; do
		[ "$(confirmed "$cursor")" -ge "$last" ] || fail "an orderly end confirms what the receiver has: $(cat "$cursor")"
	done
	ship_unix; ship_tcp; ship_tls
done
all_have
kill "$noise"
wait "$noise" || true
for one in $ship_unix $ship_tcp $ship_tls; do kill "$one" && wait "$one" || fail "SIGTERM is no orderly end"; done
once --to "$unix" --format rfc5424
once --to "$tcp" --format rfc5424
once --to "$tls" --format rfc5424 --ca "$work/ca.pem" --cert "$work/here.pem" --cert-key "$work/here.key"
[ "$(ls "$STATE_DIRECTORY"/*.cursor | wc -l)" = 3 ] || fail "not a cursor for each target"

# ---- who it is: another authority, another name, nobody's certificate; the cursor stays where it is
before=$(cat "$STATE_DIRECTORY"/tls*.cursor)
code 3 "$bailee" log ship --store "$store" --once --to "$tls" --format rfc5424 --ca "$work/other-ca.pem"
says "not who it should be"
code 3 "$bailee" log ship --store "$store" --once --to "tls:127.0.0.1:${tls##*:}" --format rfc5424 --ca "$work/ca.pem" --cursor "$work/c-name"
says "not who it should be"
code 1 "$bailee" log ship --store "$store" --once --to "$tls" --format rfc5424 --ca "$work/ca.pem" --cursor "$work/c-name"
says "the receiver"
[ "$before" = "$(cat "$STATE_DIRECTORY"/tls*.cursor)" ] || fail "who is refused moves the cursor"
[ ! -e "$work/c-name" ] || fail "who is refused gets a cursor"

# rsyslogd writes what it has when it ends
stop_rsyslog
for way in unix tcp tls; do check rfc5424 "$work/$way" 1 "$(jq .sequence "$STATE_DIRECTORY/$way"*.cursor)"; done
code 1 "$bailee" log ship --store "$store" --once --to "$tcp" --format rfc5424
says "cannot reach"

# ---- files: each format, once and in order; from an event on; names for who has the key
for format in jsonl ocsf rfc5424; do
	once --to "file:$work/$format" --format $format
	refused 2
	once --to "file:$work/$format" --format $format
	check $format "$work/$format" 1 "$(confirmed "$STATE_DIRECTORY"/file*"$format"-*.cursor)" once
done
jq -es 'all(.sequence > 0 and (.op | type) == "string")' "$work/jsonl" >/dev/null || fail "jsonl"
jq -es 'all(.class_uid == 1001 and .file.name != "" and .metadata.version == "1.1.0")' "$work/ocsf" >/dev/null || fail "ocsf"
once --to "file:$work/from" --from 7 --format jsonl --cursor "$work/c-from"
check jsonl "$work/from" 7 "$(confirmed "$work/c-from")" once
for format in jsonl ocsf rfc5424; do
	grep -q divorce "$work/$format" && fail "names without a key"
	once --to "file:$work/named-$format" --format $format --names "$work/ann" --cursor "$work/c-named-$format"
	grep -q 'divorce papers.txt' "$work/named-$format" || fail "no names with a key: $format"
	check $format "$work/named-$format" 1 "$(confirmed "$work/c-named-$format")" once
done

# ---- cursors: of another target, another log, no cursor, one that is moved by another
code 2 "$bailee" log ship --store "$store" --once --to "file:$work/else" --cursor "$work/c-from"
says "another target"
jq -c '.log = "00112233445566778899aabbccddeeff"' "$work/c-from" >"$work/c-log"
code 2 "$bailee" log ship --store "$store" --once --to "file:$work/from" --cursor "$work/c-log"
says "another log"
echo '{"format": "bailee.cursor/v1"' >"$work/c-half"
code 2 "$bailee" log ship --store "$store" --once --to "file:$work/from" --cursor "$work/c-half"
says "no cursor"
install -d -o 61001 -m 700 "$work/home"
code 3 as 61001 env STATE_DIRECTORY= HOME="$work/home" "$bailee" log ship --store "$store" --once --to "file:$work/home/mine"
says "review is forbidden"
code 2 "$bailee" log ship --store "$store" --once --to "tcp:127.0.0.1:0"
code 2 "$bailee" log ship --store "$store" --once --to "$tcp" --ca "$work/ca.pem"
code 10 "$bailee" log ship --store "$work" --once --to "file:$work/from"

# ---- a disk that is full: what did not fit is there in no part, and goes on when there is room
mkdir "$work/small"
mount -t tmpfs -o size=64k,mode=700 none "$work/small"
at_end "umount '$work/small'"
dd if=/dev/zero of="$work/small/filler" bs=4k count=15 2>/dev/null
ship ship-full "file:$work/small/log" --format jsonl --cursor "$work/c-full"
full=$ship
until_has "$work/ship-full.err" "cannot write"
code 2 "$bailee" log ship --store "$store" --once --to "file:$work/small/log" --cursor "$work/c-full"
says "another bailee log ship"
rm "$work/small/filler"
mount -o remount,size=16m "$work/small"
last=$(newest)
until_has "$work/small/log" "\"sequence\":$last,"
kill "$full"
wait "$full" || fail "SIGTERM is no orderly end"
check jsonl "$work/small/log" 1 "$(confirmed "$work/c-full")" once
[ "$(confirmed "$work/c-full")" -ge "$last" ] || fail "what is in the file is not confirmed"

# ---- receivers that misbehave. receiver NAME WAY...: its port is $port; a line into $work/NAME.in goes to it
receiver() {
	name=$1
	shift
	mkfifo "$work/$name.in"
	python3 "$tools/ship-receiver.py" "$work/$name.port" "$work/$name.got" "$@" <>"$work/$name.in" >"$work/$name.said" 2>&1 &
	at_end "kill -9 $!"
	until [ -e "$work/$name.port" ]; do sleep .05; done
	port=$(cat "$work/$name.port")
}

# who ends before us, or breaks off, has confirmed nothing, and is asked again
receiver rude close reset close read
ship ship-rude "tcp:127.0.0.1:$port" --format jsonl --cursor "$work/c-rude" --once
wait "$ship" && fail "confirmed by one who closed" || [ $? = 1 ] || fail "closed early is 1"
[ ! -e "$work/c-rude" ] || fail "closed early, and the cursor moved"
ship ship-rude "tcp:127.0.0.1:$port" --format jsonl --cursor "$work/c-rude" --once
wait "$ship" && fail "confirmed by one who broke off" || [ $? = 1 ] || fail "a reset is 1"
[ ! -e "$work/c-rude" ] || fail "a reset, and the cursor moved"
: >"$work/rude.got"
ship ship-rude "tcp:127.0.0.1:$port" --format jsonl --cursor "$work/c-rude"
until [ "$(grep -c open "$work/rude.said")" = 3 ]; do sleep .05; done
until [ "$(grep -c open "$work/rude.said")" = 4 ] || ! kill -0 "$ship"; do refused 1; done
until_has "$work/rude.got" "\"sequence\":$(newest),"
kill "$ship"
wait "$ship" || fail "SIGTERM is no orderly end"
sed -i 1d "$work/rude.got"
check jsonl "$work/rude.got" 1 "$(confirmed "$work/c-rude")"

# signals while the confirmation waits: it is waited for, and counts when it comes
receiver slow hold
ship ship-slow "tcp:127.0.0.1:$port" --format jsonl --cursor "$work/c-slow"
until_has "$work/slow.got" "\"sequence\":$(newest),"
kill "$ship"
until_has "$work/slow.said" end
kill "$ship"
kill -HUP "$ship"
[ ! -e "$work/c-slow" ] || fail "the cursor is ahead of the receiver"
echo >"$work/slow.in"
wait "$ship" || fail "signals break a confirmation"
check jsonl "$work/slow.got" 1 "$(confirmed "$work/c-slow")" once

# who never reads: a signal ends it, nothing is confirmed
receiver deaf deaf
ship ship-deaf "tcp:127.0.0.1:$port" --format jsonl --cursor "$work/c-deaf"
until_has "$work/deaf.said" open
kill "$ship"
wait "$ship" || fail "a receiver that does not read holds up the end"
[ ! -e "$work/c-deaf" ] || fail "what nobody read is confirmed"
stop_daemon
[ "$stopped" = 0 ] || fail "the service does not stop"
