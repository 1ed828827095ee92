# A hundred writers of the log killed without warning: no acknowledged record is missing, and the log verifies with the kit.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
TMPDIR=$work "$BAILEE_BUILD/test/tools/log-kill" "${ROUNDS:-100}" ${SEED:-}
