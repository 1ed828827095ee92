# Completion knows every command that --help knows, and every option that the commands' own --help names.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need bash
cat >"$work/complete.bash" <<'BASH'
. "$BAILEE_ROOT/contrib/bailee.bash"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_bailee
printf '%s\n' "${COMPREPLY[@]}"
BASH
code 0 bash "$work/complete.bash" bailee ''
cp "$work/out" "$work/commands"
code 0 "$bailee" --help
for command in $(sed -n 's/^  \([a-z-]*\)  *[a-z].*/\1/p' "$work/out"); do
	grep -qx -- "$command" "$work/commands" || fail "completion does not know the command '$command'"
done
code 0 "$bailee" policy --help
verbs=$(sed 's/^use: bailee policy \([a-z|]*\).*/\1/; s/|/ /g' "$work/out")
bash "$work/complete.bash" bailee policy '' >"$work/words"
for verb in $verbs; do
	grep -qx -- "$verb" "$work/words" || fail "completion does not know 'policy $verb'"
done
policy=$(for verb in $verbs; do echo "policy:$verb"; done)
for command in serve mount enroll view sessions open close may why consent caller request requests approve refuse people reload hold shred $policy \
	init auditor:keygen log:verify log:query log:export log:ship log:unlatch certificate; do
	command=$(echo "$command" | tr : ' ')
	# shellcheck disable=SC2086 # two words are two arguments
	code 0 "$bailee" $command --help
	options=$(grep -o -- '--[a-z][a-z-]*' "$work/out" | sort -u)
	# shellcheck disable=SC2086
	bash "$work/complete.bash" bailee $command x -- >"$work/words"
	for option in $options; do
		grep -qx -- "$option" "$work/words" || fail "completion of '$command' does not know '$option'"
	done
done

# Words that are no options.
while read -r words wanted; do
	# shellcheck disable=SC2046 # one word an argument, ':' between
	bash "$work/complete.bash" bailee $(echo "$words" | tr : ' ') '' >"$work/words"
	grep -qx -- "$wanted" "$work/words" || fail "completion does not offer '$wanted' behind '$words'"
done <<'WORDS'
consent:RMA-1 withdraw
caller:RMA-1 verified
caller:RMA-1:verified:--by two-factor
request unmask
request:unmask:RMA-1:--class email
policy:explain:shop.yaml:--device usb-stick
hold release
log query
view:RMA-1 --reason
view:RMA-1:-- less
view:--purpose:repair:RMA-1:-- nnn
sessions end
sessions:end:7 --reason
log:query:--op session-ended
WORDS

# A viewer's arguments are the device's: nothing of ours, and no file of this host.
(cd "$BAILEE_ROOT" && bash "$work/complete.bash" bailee view RMA-1 -- less '') >"$work/words"
[ -z "$(cat "$work/words")" ] || fail "completion offers $(tr '\n' ' ' <"$work/words")behind a viewer"
