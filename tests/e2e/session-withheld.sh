# What is withheld in a session: a viewer says little of it, so the last row counts it, the notice in /devices tells why, and so does the end.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need unshare setpriv nnn less /usr/bin/python3
hidden_proc "$0" "$@"
person="/usr/bin/python3 $BAILEE_ROOT/tests/tools/person.py"

cat >"$work/policy.yaml" <<'EOF'
bailee: 1
name: withheld
serial: 1
timezone: Europe/Dublin
uses: [builtin/baseline]
people: {uid:61001: {roles: [looker]}}
roles: {looker: {}}
detect: {sets: [contact]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: lookers-read, permit: [list, read], who: [looker], why: Lookers look.}
  - {id: pictures-stay-closed, withhold: [image], who: everyone, why: Nobody here needs pictures.}
sessions: {viewers: [nnn, less]}
EOF
mkdir -p "$work/source"
printf '\377\330\377\340\000\020JFIF\000\001\001\000\000\001\000\001\000\000\377\331' >"$work/source/photo.jpg"
start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk

# ---- in the browser: nothing but the last row says it; in another session it begins anew
$person 61001 24x90 "$bailee" view D1 >"$work/screen" <<'EOF' || { cat "$work/screen"; fail "in the browser"; }
see Refused?
see q: leave
key x
see photo.jpg
key \r
last 1 refused: /devices/READ ME.txt
key \x1d
end 0
EOF

# ---- the notice: rule, words
$person 61001 24x90 "$bailee" view D1 -- less photo.jpg '../READ ME.txt' >"$work/screen" <<'EOF' || { cat "$work/screen"; fail "the notice"; }
see Refused?
see q: leave
key x
last 1 refused
key \r
see What was refused here
see pictures-stay-closed
see outside this session
key q
end 0
EOF

# ---- at the end, for whoever saw nothing else; a name is none of it
$person 61001 24x90 "$bailee" view D1 -- less photo.jpg >"$work/screen" <<'EOF' || { cat "$work/screen"; fail "at the end"; }
see Refused?
see q: leave
key x
see what was refused last: contents are withheld by rule
end any
EOF
grep -q photo "$work/screen" && fail "a name stays on the person's own screen"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
exit 0
