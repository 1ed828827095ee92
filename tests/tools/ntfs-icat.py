#!/usr/bin/python3
"""ntfs-icat.py OURS IMAGE [FOLDER]: does The Sleuth Kit's icat read the same of every NTFS file and stream that a mount shows?

OURS is bailee-plain's mount of the NTFS volume IMAGE; FOLDER, where there are many small files, is left out. A file's number there is
that of its MFT record, a stream's has its place above bit 48. Names no file and shows no contents, since they may be somebody's. Exits 1 when
something differs. Not compared: files of more than 200 streams, of which libtsk knows 256 attributes only, those whose streams have
names that had to be cut, and what we refuse or do not show (the packed contents of WOF).
"""
import hashlib
import os
import re
import stat
import subprocess
import sys

ours, image = (os.fsencode(path) for path in sys.argv[1:3])
without = os.fsencode(sys.argv[3]) if len(sys.argv) > 3 else None
LINE = re.compile(rb"^[rd]/[rd] (\d+)-128-(\d+):\t(.*)$")

theirs = {}
for line in subprocess.run(["fls", "-f", "ntfs", "-r", "-p", image], stdout=subprocess.PIPE, check=True).stdout.split(b"\n"):
    found = LINE.match(line)
    if found:
        name = found[3].rsplit(b"/", 1)[-1]
        theirs.setdefault(int(found[1]), {})[name.partition(b":")[2]] = found[2].decode()

shown, seen = {}, set()
for folder, folders, files in os.walk(ours):
    folders[:] = [name for name in folders if name != without]
    for name in files:
        path = os.path.join(folder, name)
        about = os.lstat(path)
        if stat.S_ISREG(about.st_mode) and about.st_ino not in seen:
            seen.add(about.st_ino)
            shown.setdefault(about.st_ino & (1 << 48) - 1, []).append((name.partition(b":")[2], path))

compared = wrong = refused = skipped = 0
for number, streams in shown.items():
    if len(streams) > 200 or any(b"%~" in path for _, path in streams):
        skipped += 1
        continue
    for stream, path in streams:
        identity = theirs.get(number, {}).get(stream)
        if identity is None:
            print(f"record {number}: libtsk has no such stream")
            wrong += 1
            continue
        try:
            with open(path, "rb") as f:
                digest = hashlib.file_digest(f, "sha256").digest()
        except OSError:
            refused += 1
            continue
        said = subprocess.run(["icat", "-f", "ntfs", image, f"{number}-128-{identity}"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False)
        compared += 1
        if said.returncode or hashlib.sha256(said.stdout).digest() != digest:
            print(f"record {number}, attribute {identity}: other contents")
            wrong += 1
    missing = set(theirs.get(number, {})) - {stream for stream, _ in streams} - {b"WofCompressedData"}
    if missing:
        print(f"record {number}: {len(missing)} streams are not shown")
        wrong += 1
print(f"{compared} streams compared, {refused} refused, {skipped} files skipped, {wrong} differ")
sys.exit(1 if wrong or not compared else 0)
