# What is found and what is not, on a corpus of twenty thousand values of every kind: no floor of tests/accuracy/floors is undercut, and another seed
# holds them too.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need /usr/bin/python3
for seed in 1 20261122; do
	code 0 env SEED=$seed TMPDIR="$work" sh "$BAILEE_ROOT/tests/accuracy/run.sh" "$BAILEE_BUILD"
	says 'recall:'
done
