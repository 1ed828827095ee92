# What `make install` puts where, with which rights whatever the umask is; `make uninstall` takes all of it away again.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need make install
root=$work/root
# What is built is built: -o all.
run_make() {
	(umask 077 && make -s -C "$BAILEE_ROOT" -o all "$1" B="$BAILEE_BUILD" DESTDIR="$root" PREFIX=/usr SBIN=/sbin) >"$work/out" 2>&1 ||
		fail "make $1: $(cat "$work/out")"
}
is_mode() {
	[ "$(stat -c %a "$root$2")" = "$1" ] || fail "$2 has the mode $(stat -c %a "$root$2"), not $1"
}
run_make install
for path in $(cd "$root" && find . ! -type l | sed 's/^\.//'); do
	case $path in
	*/bin/* | */libexec/bailee/*) is_mode 755 "$path" ;;
	*) if [ -d "$root$path" ]; then is_mode 755 "$path"; else is_mode 644 "$path"; fi ;;
	esac
done
for type in bailee fuse.bailee; do
	[ "$(readlink "$root/sbin/mount.$type")" = /usr/bin/bailee ] || fail "mount(8) would not find mount.$type"
done
for unit in bailee bailee-ship; do
	grep -q '^ExecStart=/usr/bin/bailee ' "$root/usr/lib/systemd/system/$unit.service" || fail "$unit.service starts something else"
done
for name in reader session container-ewf container-qcow container-vmdk container-vhd container-split; do
	[ -x "$root/usr/libexec/bailee/bailee-$name" ] || fail "bailee-$name is not there"
done
code 0 "$root/usr/bin/bailee" --help

run_make uninstall
left=$(find "$root" ! -type d)
[ -z "$left" ] || fail "uninstall leaves: $left"
