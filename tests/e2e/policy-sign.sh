# Signatures go both ways between bailee and Debian's minisign; what is not signed by the key is told with 13.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need minisign jq script
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
chmod 644 "$work/shop.yaml"
cd "$work"

# -- bailee's keys and signatures, minisign's eyes
code 0 "$bailee" policy keygen desk --no-password
[ "$(stat -c %a desk.key)" = 600 ] || fail "the secret key is open to others"
[ "$(stat -c %a desk.pub)" = 644 ] || fail "the public key is closed"
code 0 "$bailee" policy sign shop.yaml --key desk.key
code 0 "$bailee" policy verify shop.yaml --key desk.pub
says verified
code 0 "$bailee" policy verify shop.yaml --key "$(tail -n 1 desk.pub)" --json
says '"verified":true'
code 0 minisign -Vm shop.yaml -p desk.pub
code 0 minisign -S -s desk.key -m shop.yaml -t 'by the other program'
code 0 "$bailee" policy verify shop.yaml --key desk.pub
says 'by the other program'

# -- minisign's keys and signatures, bailee's eyes; the old algorithm too
code 0 minisign -G -W -p other.pub -s other.key
for algorithm in -H -l; do
	code 0 minisign -S "$algorithm" -s other.key -m shop.yaml
	code 0 "$bailee" policy verify shop.yaml --key other.pub
done
code 0 "$bailee" policy sign shop.yaml --key other.key
code 0 minisign -Vm shop.yaml -p other.pub

# -- not verified is 13: another key, another file, no signature; what is no key and no signature is 2
code 13 "$bailee" policy verify shop.yaml --key desk.pub
says 'none of those trusted here'
cp shop.yaml changed.yaml
cp shop.yaml.minisig changed.yaml.minisig
echo '# more' >>changed.yaml
code 13 "$bailee" policy verify changed.yaml --key other.pub
rm changed.yaml.minisig
code 13 "$bailee" policy verify changed.yaml --key other.pub
echo 'no signature' >changed.yaml.minisig
code 2 "$bailee" policy verify changed.yaml --key other.pub
code 2 "$bailee" policy verify shop.yaml --key other.key
code 2 "$bailee" policy verify shop.yaml
code 2 "$bailee" policy sign shop.yaml --key other.pub

# -- nobody signs a policy that is refused, and a signature that is there stays
sed 's/^rules:/rulez:/' shop.yaml >broken.yaml
echo before >broken.yaml.minisig
code 2 "$bailee" policy sign broken.yaml --key other.key
says rulez
[ "$(cat broken.yaml.minisig)" = before ] || fail "a refused policy got a signature"

# -- keys are never overwritten, neither half
code 2 "$bailee" policy keygen desk --no-password
rm desk.key
code 2 "$bailee" policy keygen desk --no-password
[ ! -e desk.key ] || fail "half a pair was made"
code 2 "$bailee" policy keygen none/such --no-password

# -- passwords: bailee's key in minisign, minisign's key in bailee
printf 'correct horse\n' >password
keygen() { "$bailee" policy keygen locked --password-stdin <password; }
sign() { "$bailee" policy sign shop.yaml --key "$1" --password-stdin <"$2"; }
code 0 keygen
printf 'another horse\n' >wrong
code 3 sign locked.key wrong
hides horse
: >none
code 2 sign locked.key none
code 0 sign locked.key password
code 0 minisign -Vm shop.yaml -p locked.pub
rm shop.yaml.minisig
minisign_signs() { minisign -S -s locked.key -m shop.yaml <password; }
code 0 minisign_signs
code 0 "$bailee" policy verify shop.yaml --key locked.pub
printf 'minisign horse\nminisign horse\n' >twice
minisign_makes() { minisign -G -p theirs.pub -s theirs.key <twice; }
code 0 minisign_makes
head -n 1 twice >theirs.password
code 0 sign theirs.key theirs.password
code 0 minisign -Vm shop.yaml -p theirs.pub

# -- on a terminal the password is asked for, not shown, and the echo is back afterwards
code 1 setsid -w "$bailee" policy sign shop.yaml --key locked.key
says password-stdin
typed() { # what is typed once the prompt is there: a pty of script(1)
	mkfifo keys
	: >shown.out
	script -qec "'$bailee' policy sign shop.yaml --key locked.key; echo code \$?; stty -a" shown <keys >shown.out 2>&1 &
	terminal=$!
	exec 9>keys
	until grep -q 'Password of the key' shown.out; do kill -0 $terminal && sleep 0.05 || break; done
	printf '%b' "$1" >&9
	until grep -q 'code' shown.out; do kill -0 $terminal && sleep 0.05 || break; done
	exec 9>&-
	wait $terminal || true
	rm keys
	cp shown.out out
}
rm shop.yaml.minisig
typed 'worng\025correct horsf\177e\n'
says 'code 0'
hides horse
says ' echo '
code 0 "$bailee" policy verify shop.yaml --key locked.pub
typed 'correct\003'
says 'code 1'
hides correct
says ' echo '
