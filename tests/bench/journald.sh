#!/bin/sh
# The log against journald: a journald of our own, in a mount namespace of its own (an empty /run, its journal on the disk of /tmp,
# where our store is as well). Nothing of it is left behind, and a journald that runs here is not touched. What counts in its favour:
#   - no sealing, no rate limit, synced every five minutes as by default: nothing is durable when it took an event over
#   - a queue of 512 datagrams, as systemd sets it at boot, where this kernel has fewer
#
#   journald.sh BUILD      (run.sh does it)
set -eu

skip() {
	echo "bench: skipped: audit.durable_events_s_64_vs_journald: $*"
	exit 0
}
program=/lib/systemd/systemd-journald

# In the namespace: whatever is mounted here is gone with the last process.
if [ "$1" = inside ]; then
	mount -t tmpfs tmpfs /run
	mkdir -p /run/systemd/journald.conf.d /run/systemd/journal
	cat >/run/systemd/journald.conf.d/bench.conf <<-'CONF'
		[Journal]
		Storage=persistent
		Seal=no
		RateLimitIntervalSec=0
		RateLimitBurst=0
		ReadKMsg=no
		Audit=no
	CONF
	# It was flushed to the disk: with this journald writes there from the start.
	: >/run/systemd/journal/flushed
	mount -t tmpfs tmpfs /var/log
	mkdir /var/log/journal
	mount --bind "$3/journal" /var/log/journal
	echo 512 >/proc/sys/net/unix/max_dgram_qlen || true
	exec "$2/bench/journald" "$program"
fi

[ "$(id -u)" = 0 ] || skip "it needs root"
[ -x "$program" ] && command -v journalctl >/dev/null || skip "journald is not installed (package systemd)"
[ -s /etc/machine-id ] || skip "this machine has no /etc/machine-id (systemd-machine-id-setup makes one)"
unshare --mount --net true 2>/dev/null || skip "no namespaces can be made here"
work=$(mktemp -d /tmp/bailee-journald.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
mkdir "$work/journal"
unshare --mount --net sh "$0" inside "$1" "$work"
