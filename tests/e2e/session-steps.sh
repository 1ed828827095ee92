# Every step of a sealed place, taken away in turn: the session is refused and the step is named; nothing of the device was shown, and nothing
# is left. The program is the real one but for one function, which fails the step that a file beside it names.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv unshare less /usr/bin/python3
hidden_proc "$0" "$@"
person="/usr/bin/python3 $BAILEE_ROOT/tests/tools/person.py"
cat >"$work/policy.yaml" <<'EOF'
bailee: 1
name: steps
serial: 1
timezone: UTC
uses: [builtin/baseline]
people: {'uid:61001': {roles: [looker]}}
roles: {looker: {}}
detect: {sets: [contact]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: lookers-read, permit: [list, read], who: [looker], why: Lookers look.}
EOF
mkdir "$work/source" "$work/bin"
echo 'a gooseberry' >"$work/source/notes.txt"
# A folder of our own, so that tests may run side by side.
for program in bailee bailee-session; do
	cp "$BAILEE_BUILD/test/sealed/$program" "$work/bin/$program"
done
ln -s "$BAILEE_BUILD/bailee-reader" "$work/bin/bailee-reader"
serve_program=$work/bin/bailee
start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk
steps=$("$work/bin/bailee-session" --steps)
[ "$(printf '%s\n' "$steps" | wc -l)" -ge 20 ] || fail "too few steps: $steps"
count=0
seen=
for step in $steps; do
	stop_daemon
	# EPERM, at the second time when a step of the zygote has the same name
	case " $seen " in
	*" $step "*) echo "$step 1 2" >"$work/bin/trial" ;;
	*) echo "$step 1" >"$work/bin/trial" ;;
	esac
	seen="$seen $step"
	start_daemon "$work/store" "$work/policy.yaml"
	$person 61001 24x160 sh -c "'$bailee' view D1 -- less notes.txt; echo \"code \$?\"" >"$work/screen" <<EOF || { cat "$work/screen"; fail "without $step there is a session"; }
either q: leave|code
key x
see code
see $step
not gooseberry
not code 0
end 0
EOF
	[ "$("$bailee" log query --op read --json | wc -l)" = 0 ] || fail "$step: something was read"
	"$bailee" sessions --json | jq -e '.sessions == []' >/dev/null || fail "$step: a session is left"
	count=$((count + 1))
done
stop_daemon
rm "$work/bin/trial"
start_daemon "$work/store" "$work/policy.yaml"
$person 61001 24x160 "$bailee" view D1 -- less notes.txt >"$work/screen" <<'EOF' || { cat "$work/screen"; fail "with every step there is none"; }
see q: leave
key x
see gooseberry
key q
end 0
EOF
echo "$count steps"
