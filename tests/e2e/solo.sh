# The newcomer's one command: an image seen masked, by an ordinary user's rights, and every line of it logged.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_fuse
need mke2fs mcopy sfdisk jq
sh "$BAILEE_ROOT/examples/make-devices.sh" "$work/devices"
mkdir "$work/view"
at_end "'$bailee' umount '$work/view'"

code 0 "$bailee" mount --store "$work/store" "$work/devices/laptop.img=RMA-1" "$work/devices/stick.img" "$work/view"
code 0 ls "$work/view"
says RMA-1
says stick.img
code 0 ls "$work/view/RMA-1"
says p1-fat32
says p2-ext4
says p3-ntfs

docs=$work/view/RMA-1/p2-ext4/Users/Shared/Documents
code 0 cat "$docs/notes.txt"
says 'the printer is still out of toner'
# (No record here: her mail tells who she is.)
for value in 'Marta Quill' 4111 5555-5555 555-0143 harbour-inn 'DE89 3704'; do hides "$value"; done
code 0 cat "$work/view/RMA-1/p3-ntfs/invoice.txt"
hides 'GB82 WEST'
says 'invoice 77'

# UTF-16 is text like any other.
code 0 cat "$docs/windows-note.txt"
iconv -f utf-16 -t utf-8 "$work/out" >"$work/note"
grep -q 'Card for the deposit: \*\*' "$work/note" || fail "UTF-16 is not masked"

# What nobody has looked into yet is withheld, with the reason.
code 1 cat "$docs/messages.db"
code 0 "$bailee" why "$docs/messages.db"
says withheld
code 1 cat "$work/view/RMA-1/p2-ext4/Users/Shared/Pictures/beach.jpg"

# Read-only, whoever asks.
code 1 touch "$docs/new.txt"
code 1 rm "$docs/notes.txt"

# A second daemon on the same store is refused: there is one writer of the log.
mkdir "$work/other"
code 11 "$bailee" mount --store "$work/store" "$work/devices/stick.img=RMA-2" "$work/other"

key=$("$bailee" status --store "$work/store" --json | jq -r .public_key)
code 0 "$bailee" log query --store "$work/store" --op read
says permitted
code 0 "$bailee" umount "$work/view"
wait_store_free "$work/store"
code 13 "$bailee" log verify --store "$work/store" --key "$key"

# Nothing of the image is in the store in the clear.
if grep -rqaE 'Marta|Quill|harbour|notes\.txt' "$work/store"; then fail "a name or a value is in the store"; fi

# The same store again, the same device: known already. The other one was not asked for, and is not there: no folder, no word, no event.
code 0 "$bailee" mount --store "$work/store" "$work/devices/laptop.img=RMA-1" "$work/view"
code 0 ls "$work/view"
says RMA-1
hides stick.img
code 2 ls "$work/view/stick.img"
code 0 cat "$work/view/READ ME.txt"
says RMA-1
hides stick.img
code 0 cat "$docs/notes.txt"
code 0 "$bailee" log query --store "$work/store" --op read
says permitted
code 0 "$bailee" umount "$work/view"
wait_store_free "$work/store"
