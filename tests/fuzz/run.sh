#!/bin/sh
# Run every libFuzzer target for some seconds on its corpus; a crash stops with its file named.
#
#   run.sh BUILD SECONDS
set -eu

build=${1:?use: run.sh BUILD SECONDS}
seconds=${2:?use: run.sh BUILD SECONDS}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for source in "$here"/*.c; do
	name=$(basename "$source" .c)
	[ "$name" = replay ] && continue
	mkdir -p "$work/$name" "$build/fuzz/crashes"
	echo "fuzz: $name, $seconds s"
	set -- "$here/corpus/$name"
	[ "$name" != policy ] || set -- "$@" "$here/../policies/good" "$here/../policies/broken"
	[ ! -f "$here/$name.dict" ] || set -- -dict="$here/$name.dict" "$@"
	# What ends libtsk or libext2fs there ends a sealed child here (tests/unit/fs/image/broken.c): it is kept, and the run goes on.
	[ "$name" != reader ] || set -- -fork=1 -ignore_crashes=1 -ignore_timeouts=1 -ignore_ooms=1 "$@"
	"$build/fuzz/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
		-artifact_prefix="$build/fuzz/crashes/$name-" "$work/$name" "$@"
done
