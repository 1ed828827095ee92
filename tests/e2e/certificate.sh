# A certificate is checked as it lies in the store, byte for byte, without the store and without root.
. "$BAILEE_ROOT/tests/e2e/lib.sh"

# Of a synthetic device, signed by a key that was thrown away.
key=f918b7ffa50dccb9d6b67d0eac699da2b1e236cf25649a2835f01b52c432711c
cat >"$work/RMA-1.json" <<'JSON'
{"exceptions":[],"how":{"category":"clear","keys":"overwritten in place (256-bit)","passes":1,"pattern":"random (XChaCha20 stream of a key used once)","technique":"overwrite","then":["punch","truncate","unlink"]},"log":{"intent_sequence":0},"public_key":"f918b7ffa50dccb9d6b67d0eac699da2b1e236cf25649a2835f01b52c432711c","scope":["the device itself: only its image was destroyed","copies, backups and snapshots of the image made elsewhere","what the medium keeps out of reach of its interface (wear levelling, remapped sectors)","what lies below the block device (the backing file of a virtual or loop disk)"],"signature":"6ebbf305884faa38c4de4a2647f0e0ded612565a3bc29716c69e4cd9378bcd81e09b7f7f7579fb7369cd329025f31c372764a9126b43c7de77a8a7f6185cf407","status":"ERASED","storage":{"block_device":"loop0","extents":0,"filesystem":"ext2/3/4"},"store":"159683a750caf6269e015f960f523564","type":"bailee-certificate","verification":{"bytes":4096,"keys":"raw","share_percent":100,"type":"raw device"},"version":1,"what":{"device":"RMA-1","digest":{"algorithm":"BLAKE2b-256","value":"0000000000000000000000000000000000000000000000000000000000000000"},"kind":"usb-stick","maker":"Examplo","media":"plain image file","model":"","serial":"","size_bytes":4096},"when":{"begun":"1970-01-01T00:00:00Z","clock":"wall clock of the host, not corroborated","done":"2023-11-14T22:13:20Z"},"who":{"operator":"keeper","program":"bailee 0.1.0","verifier":"the same daemon"},"why":{"due":"1970-01-01T00:00:00Z","entry":"thirty-days","policy_digest":"0000000000000000000000000000000000000000000000000000000000000000","policy_serial":0,"received":"2020-09-13T12:26:40Z"}}
JSON

code 0 "$bailee" certificate verify "$work/RMA-1.json" --key $key
says 'genuine: signed by this key'
says 'RMA-1'
code 0 "$bailee" certificate verify "$work/RMA-1.json" --key $key --json
cmp "$work/out" "$work/RMA-1.json" || fail 'what is shown is not the certificate'

# Any other bytes are not it: a newline more or less, a word, a key.
printf '%s' "$(cat "$work/RMA-1.json")" >"$work/cut.json"
code 13 "$bailee" certificate verify "$work/cut.json" --key $key
{ cat "$work/RMA-1.json" && echo; } >"$work/longer.json"
code 13 "$bailee" certificate verify "$work/longer.json" --key $key
sed 's/"RMA-1"/"RMA-2"/' "$work/RMA-1.json" >"$work/other.json"
code 13 "$bailee" certificate verify "$work/other.json" --key $key
hides genuine
code 13 "$bailee" certificate verify "$work/RMA-1.json" --key "$(printf '%s' $key | tr 0-9a-f 1-9a-f0)"
