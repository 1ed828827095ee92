# Containers with bytes changed at random, through `bailee intake`: each ends by itself with one line at most on stderr, and nothing of
# what was there before is another. MUTANTS says how many of each kind (6), SEED which.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs qemu-img ewfacquire jq python3
mkdir "$work/files"
head -c 300000 /dev/urandom >"$work/files/random.bin"
truncate -s 3M "$work/raw.img"
mke2fs -q -t ext4 -d "$work/files" "$work/raw.img"
digest=$(sha256sum "$work/raw.img" | cut -d' ' -f1)
mkdir "$work/whole"
for format in qcow2 vmdk vhdx; do
	qemu-img convert -f raw -O $format "$work/raw.img" "$work/whole/$format"
done
ewfacquire -q -u -c fast -t "$work/whole/e" "$work/raw.img" >/dev/null 2>&1 </dev/null || fail "ewfacquire"
mv "$work/whole/e.E01" "$work/whole/E01"
loop_fs "$work/disk" 900M
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
chmod 644 "$work/shop.yaml"
start_daemon "$work/disk/store" "$work/shop.yaml"
code 0 "$bailee" intake "$work/raw.img" --device BYSTANDER --kind laptop --json

# A few bytes here, a block of zeros or a cut there; the first 512 bytes, where the magic is, are often hit.
cat >"$work/mutate.py" <<'EOF'
import random, sys
source, target, seed = sys.argv[1:]
dice = random.Random(seed)
data = bytearray(open(source, "rb").read())
reach = dice.choice([512, 4096, 65536 * 5, len(data)])
for _ in range(dice.choice([1, 4, 32])):
    data[dice.randrange(8, min(reach, len(data)))] = dice.choice([0, 1, 127, 128, 255, dice.randrange(256)])
if dice.random() < .2:
    at = dice.randrange(len(data))
    data[at:at + 4096] = bytes(min(4096, len(data) - at))
if dice.random() < .2:
    del data[dice.randrange(len(data)):]
open(target, "wb").write(data)
EOF
taken=0
refused=0
for kind in qcow2 vmdk vhdx E01; do
	name=$work/bad.$kind
	for seed in $(seq 1 "${MUTANTS:-6}"); do
		python3 "$work/mutate.py" "$work/whole/$kind" "$name" "${SEED:-}$kind$seed"
		status=0
		timeout 120 "$bailee" intake "$name" --device "M-$kind-$seed" --kind laptop --json >"$work/out" 2>"$work/err" || status=$?
		case $status in
		0) taken=$((taken + 1)) ;;
		1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 1[0-9]) refused=$((refused + 1)) ;;
		*) fail "$kind $seed: exit $status: $(cat "$work/err")" ;;
		esac
		[ "$(wc -l <"$work/err")" -le 1 ] || fail "$kind $seed: $(cat "$work/err")"
		[ $status = 0 ] || [ -s "$work/err" ] || fail "$kind $seed: refused without words"
		kill -0 "$daemon" 2>/dev/null || fail "$kind $seed: the service is gone"
	done
done
echo "$taken taken in, $refused refused"
[ "$refused" -gt 0 ] || fail "no mutant was refused"
code 0 "$bailee" certificate show BYSTANDER --intake
says "$digest"
code 0 "$bailee" intake "$work/raw.img" --device AFTER --kind laptop --json
[ "$(tail -1 "$work/out" | jq -r .digest)" = "$digest" ] || fail "another digest afterwards"
