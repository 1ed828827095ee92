#!/usr/bin/python3
"""manifest-facts.py PLAIN FOLDER WORK: is what a MANIFEST.tsv says of real images, raw and in containers, what is shown of them?

Each file that a row names, by its size and SHA-256, in some partition; partitions that cannot be read are folders without rights.
Names no file and shows no contents, since they are somebody's. Exits 1 when something differs.
"""
import csv
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import sys

plain, folder, work = sys.argv[1:]
FACT = re.compile(r"\{(.*?) inode=\S+ size=(\d+) sha256=([0-9a-f]{64})\}")
image, mount = os.path.join(work, "real.image"), os.path.join(work, "real")
os.mkdir(mount)
wrong = images = facts = 0


def is_shown(path, size, digest):
    for root in [mount] + [os.path.join(mount, name) for name in os.listdir(mount)]:
        whole = os.path.join(root, path)
        if not os.path.isfile(whole) or os.path.getsize(whole) != size:
            continue
        with open(whole, "rb") as f:
            if hashlib.file_digest(f, "sha256").hexdigest() == digest:
                return True
    return False


with open(os.path.join(folder, "MANIFEST.tsv"), newline="", encoding="utf-8") as manifest:
    rows = [row for row in csv.DictReader(manifest, delimiter="\t", quoting=csv.QUOTE_NONE) if FACT.search(row["expected_facts"] or "")]
for row in rows:
    path = os.path.join(folder, row["file"])
    # What is packed for storing is unpacked; all else is looked at where it lies, with its further files beside it.
    if path.endswith(".xz"):
        with lzma.open(path, "rb") as source, open(image, "wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
        path = image
    images += 1
    if subprocess.run([plain, path, mount], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False).returncode:
        print(f"{row['file']}: not mounted")
        wrong += 1
        continue
    try:
        for number, (name, size, digest) in enumerate(FACT.findall(row["expected_facts"]), 1):
            facts += 1
            if not is_shown(name, int(size), digest):
                print(f"{row['file']}: fact {number} does not hold")
                wrong += 1
    finally:
        subprocess.run(["umount", mount], check=True)
print(f"{images} images, {facts} facts, {wrong} do not hold")
sys.exit(1 if wrong else 0)
