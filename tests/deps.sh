#!/bin/sh
# Install those of the named Debian packages that are missing. Says nothing when there is nothing to do.
set -eu

missing=
for package in "$@"; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null; then
	as_root=sudo
else
	echo "error: deps: packages are missing and there is no sudo (as root: apt-get install$missing)" >&2
	exit 1
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # the list is meant to split
if ! { $as_root apt-get update && $as_root env DEBIAN_FRONTEND=noninteractive \
	apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
	tail -20 "$log" >&2
	echo "error: deps: cannot install packages (is the network to Debian's mirrors there?)" >&2
	exit 1
fi
