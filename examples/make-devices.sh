#!/bin/sh
# Make the sample devices: small, realistic, synthetic, without root and without mounting anything.
#
#   make-devices.sh OUT
#
# OUT/laptop.img  GPT: p1 FAT32 (boot), p2 ext4 (a home folder), p3 NTFS (a data partition)
# OUT/stick.img   FAT32 without a partition table
# OUT/record-laptop.yaml, OUT/record-stick.yaml  what the desk wrote down
#
# Nobody here exists: names are made up, cards are the schemes' published test numbers, phones and
# addresses are from ranges reserved for fiction and documentation.
set -eu

out=${1:?use: make-devices.sh OUT}
PATH=$PATH:/usr/sbin:/sbin
mkdir -p "$out"
work=$(mktemp -d "$out/making.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

home=$work/home
mkdir -p "$home/Users/Shared/Documents" "$home/Users/Shared/Mail" "$home/Users/Shared/Pictures" "$home/var/log"
docs=$home/Users/Shared/Documents

cat >"$docs/notes.txt" <<'TEXT'
Things to do before the trip
- call the travel agency, +1 202-555-0143, ask for the late check-in
- pay the deposit with the blue card 4111 1111 1111 1111, NOT the other one (5555-5555-5555-4444)
- send Marta Quill's passport copy to bookings@harbour-inn.example
- refund goes to DE89 3704 0044 0532 0130 00
- the printer is still out of toner, model LX-2040
TEXT
cat >"$docs/customers.csv" <<'TEXT'
id,name,email,phone,card,total
1,Orla Penhallow,orla.penhallow@post.example,+44 20 7946 0018,4012888888881881,120.50
2,Tomas Ibarra,tomas@ibarra.example,(202) 555-0171,378282246310005,88.00
3,Marta Quill,marta.quill@post.example,202-555-0188,6011111111111117,19.99
TEXT
cat >"$docs/Marta Quill - CV.txt" <<'TEXT'
Marta Quill
marta.quill@post.example
Born to fix printers. SSN: 219-09-9999
TEXT
cat >"$docs/contacts.vcf" <<'TEXT'
BEGIN:VCARD
VERSION:3.0
FN:Orla Penhallow
TEL;TYPE=CELL:+44 20 7946 0018
EMAIL:orla.penhallow@post.example
END:VCARD
TEXT
cat >"$home/Users/Shared/Mail/1.eml" <<'TEXT'
From: Orla Penhallow <orla.penhallow@post.example>
To: Marta Quill <marta.quill@post.example>
Subject: keys
Date: Mon, 05 Oct 2026 09:12:00 +0000
Content-Type: text/plain; charset=utf-8

Dear Marta, the spare key is with the neighbour, ring 202-555-0199 first.
TEXT
printf 'Card for the deposit: 4111 1111 1111 1111\n' | iconv -t UTF-16 >"$docs/windows-note.txt"
sqlite3 "$docs/messages.db" "create table message(id integer primary key, who text, body text);
insert into message(who, body) values ('Orla Penhallow', 'my new number is +44 20 7946 0018');"
# A photo: the smallest JPEG there is.
printf '\377\330\377\340\000\020JFIF\000\001\001\000\000\001\000\001\000\000\377\331' >"$home/Users/Shared/Pictures/beach.jpg"
# Not a key: the letters of this block say so, its shape is what counts.
cat >"$docs/id_demo.pem.txt" <<'TEXT'
the server wants this:
-----BEGIN RSA PRIVATE KEY-----
Tm90QVJlYWxLZXlKdXN0VGhlTGV0dGVyc09mQW5FeGFtcGxlTm90QVJlYWxLZXkx
Tm90QVJlYWxLZXlKdXN0VGhlTGV0dGVyc09mQW5FeGFtcGxlTm90QVJlYWxLZXky
-----END RSA PRIVATE KEY-----
TEXT
i=0
while [ $i -lt 200 ]; do
	echo "2026-10-05T09:$((i % 60 / 10))$((i % 10)):00Z spooler: job $i finished in $((i * 7 % 90)) ms, 0 errors"
	i=$((i + 1))
done >"$home/var/log/spooler.log"

mib() { echo $(($1 * 1024 * 1024)); }
# A partition's image, then its place in the disk: nothing is mounted.
put() { dd if="$1" of="$out/laptop.img" bs=1M seek="$2" conv=notrunc status=none; }

truncate -s "$(mib 34)" "$work/boot"
mkfs.vfat -F 32 -n BOOT "$work/boot" >/dev/null
printf 'title laptop\nroot /dev/sda2\n' >"$work/boot.cfg"
mcopy -i "$work/boot" "$work/boot.cfg" ::boot.cfg
truncate -s "$(mib 24)" "$work/ext4"
mke2fs -q -t ext4 -d "$home" "$work/ext4"
truncate -s "$(mib 12)" "$work/ntfs"
mkntfs -q -F -L DATA "$work/ntfs" >/dev/null 2>&1
printf 'invoice 77, pay to GB82 WEST 1234 5698 7654 32, questions: billing@quill.example\r\n' >"$work/invoice.txt"
ntfscp -q "$work/ntfs" "$work/invoice.txt" invoice.txt >/dev/null

rm -f "$out/laptop.img"
truncate -s "$(mib 72)" "$out/laptop.img"
sfdisk --quiet "$out/laptop.img" >/dev/null <<'TABLE'
label: gpt
start=1MiB, size=34MiB, type=uefi
start=35MiB, size=24MiB, type=linux
start=59MiB, size=12MiB, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7
TABLE
put "$work/boot" 1
put "$work/ext4" 35
put "$work/ntfs" 59

rm -f "$out/stick.img"
# Written, not a hole: what is to be overwritten has to be there.
dd if=/dev/zero of="$out/stick.img" bs=1M count=34 status=none
mkfs.vfat -F 32 -n STICK "$out/stick.img" >/dev/null
mcopy -i "$out/stick.img" "$docs/notes.txt" ::notes.txt

# Dates count from today, so that the laptop is always young and the stick always old.
cat >"$out/record-laptop.yaml" <<YAML
received: $(date -u -d '-20 days' +%Y-%m-%d) 09:30
maker: Quillbook
model: Fourteen
serial: QB14-000317
customer:
  name: Marta Quill
  email: marta.quill@post.example
  phone: 202-555-0188
  address: [12 Harbour Row, 20001 Washington]
YAML
cat >"$out/record-stick.yaml" <<YAML
received: $(date -u -d '-60 days' +%Y-%m-%d)
maker: Stickwell
model: S32
serial: SW-88120
customer:
  name: Marta Quill
YAML
