# Real images with a few bytes changed at random, by a seed: all that can be reached is asked for, and what is answered keeps its promises
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need xz
images=$BAILEE_ROOT/../shared/images/images
[ -d "$images" ] || skip "needs ../shared/images"
rounds=${SWEEP_ROUNDS:-6} seed=${SWEEP_SEED:-1} swept=0
for file in "$images"/*; do
	case $file in
	*.E0* | *.vmdk) continue ;; # containers: intake's business
	*.xz) xz -dc "$file" >"$work/$(basename "$file" .xz)" ;;
	*) cp "$file" "$work/" ;;
	esac
	name=$work/$(basename "$file" .xz)
	timeout $((60 + 10 * rounds)) "$BAILEE_BUILD/test/tools/image-sweep" "$BAILEE_BUILD/bailee-reader" "$rounds" "$seed" "$name" >"$work/out" 2>&1 || {
		cat "$work/out"
		fail "$(basename "$name"): a promise is broken, or no end of it"
	}
	cat "$work/out"
	rm -f "$name"
	swept=$((swept + 1))
done
[ "$swept" -gt 0 ] || skip "no image in ../shared/images"
echo "$swept images, $rounds rounds each"
