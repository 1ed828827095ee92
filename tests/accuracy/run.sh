# What `make accuracy` runs: a corpus of synthetic values is written (SEED, EACH), masked as a view would see it, and scored against the floors.
#
# MISSED=3 shows three misses of each kind. The corpus comes from the standards of each number (values.py) and from sentences of our own (corpus.py), not from
# what the detectors look for.
set -eu
build=$1
here=$(dirname "$0")
work=$(mktemp -d "${TMPDIR:-/tmp}/bailee-accuracy.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/out"
/usr/bin/python3 -B "$here/corpus.py" "$work/corpus" --seed "${SEED:-1}" --each "${EACH:-85}"
"$build/test/tools/mask-files" "$work/corpus/in" "$work/out" --known "$work/corpus/known"
/usr/bin/python3 -B "$here/score.py" "$work/corpus" "$work/out" --floors "$here/floors" --missed "${MISSED:-0}" ${JSON:+--json "$JSON"}
