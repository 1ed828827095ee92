# Editors and the parser take and refuse the same policies: tests/tools/schema-check.py says how that is held.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
# The packages are Debian's; another python3 may come first in PATH.
python=
for one in python3 /usr/bin/python3; do
	"$one" -c 'import yaml, jsonschema' 2>/dev/null && python=$one && break
done
[ -n "$python" ] || skip "needs python3 with yaml and jsonschema"
check() { "$python" "$BAILEE_ROOT/tests/tools/schema-check.py" "$1" "$BAILEE_ROOT" "$work"; }
code 0 check "$bailee"

# The check has teeth: a schema that lacks a key, a word or a bound is found out.
cat >"$work/bailee" <<'SH'
#!/bin/sh
[ "$1 $2" = "policy schema" ] || exec "$REAL" "$@"
"$REAL" "$@" | sed "$CHANGE"
SH
chmod 755 "$work/bailee"
export REAL="$bailee"
for CHANGE in 's/"never_with": /"never_wiht": /' 's/, "insurance"\]/]/' 's/"bounded": false/"bounded": true/' 's/"usb-stick", //'; do
	export CHANGE
	code 1 check "$work/bailee"
done
