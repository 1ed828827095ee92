#!/usr/bin/env python3
"""Ask verifiers about the cases of log-tamper.py, and hold them to what is expected and to one another.

    log-compare.py second LIST VERIFY-LOG JOBS    what tests/tools/verify-log.py says of each: lines of JSON
    log-compare.py first LIST BAILEE JOBS         the same from `bailee log verify` for the cases without edits
    log-compare.py compare EXPECTED FILE FILE...  every disagreement with what is expected, or with one another
    log-compare.py odd LOGS OUT BAILEE VERIFY-LOG what stands there is no file: both refuse it, and neither waits for it
"""
import concurrent.futures
import importlib.util
import json
import os
import shutil
import subprocess
import sys

from log_model import Log, Store

GOOD, ANCHORED, BROKEN, FOREIGN = 13, 0, 12, 2
WHOLE = ".whole"


# ---- the verifiers ----------------------------------------------------------------------------------------------------


def read_list(path):
    with open(path) as file:
        for line in file:
            name, log, key, kit, anchors, edits = line.rstrip("\n").split("\t")
            yield {"case": name, "log": log, "key": key, "kit": None if kit == "-" else kit,
                   "anchors": [] if anchors == "-" else anchors.split(","), "edits": [] if edits == "-" else edits.split(",")}


def spread(path, jobs, work, argument):
    """Rows in runs of one folder, over some processes; the answers in the order of the list."""
    rows = list(read_list(path))
    size = max(1, min(400, len(rows) // jobs // 4))
    parts = [rows[at:at + size] for at in range(0, len(rows), size)]
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        for lines in pool.map(work, parts, [argument] * len(parts)):
            sys.stdout.write("".join(json.dumps(line) + "\n" for line in lines))


class Edited:
    """A log with edits made in place, in a copy of this process's own; taken back when it is left."""

    def __init__(self, row, copies):
        self.folder, self.edits, self.undo = row["log"], row["edits"], []
        if self.edits:
            if row["log"] not in copies:
                copies[row["log"]] = "%s.%d" % (row["log"], os.getpid())
                if not os.path.exists(copies[row["log"]]):
                    Log.load(row["log"] + WHOLE).store(copies[row["log"]])
            self.folder = copies[row["log"]]

    def __enter__(self):
        for edit in self.edits:
            at_sign = min(i for i in (edit.find("="), edit.find("<")) if i >= 0)
            path, rest = os.path.join(self.folder, edit[:at_sign]), edit[at_sign + 1:]
            with open(path, "r+b") as file:
                data = file.read()
                if edit[at_sign] == "<":
                    file.truncate(int(rest))
                    self.undo.append((path, int(rest), data[int(rest):], len(data)))
                else:
                    at, new = int(rest.split(":")[0]), bytes.fromhex(rest.split(":")[1])
                    self.undo.append((path, at, data[at:at + len(new)], len(data)))
                    file.seek(at)
                    file.write(new)
        return self.folder

    def __exit__(self, *_):
        for path, at, data, length in reversed(self.undo):
            with open(path, "r+b") as file:
                file.seek(at)
                file.write(data.rstrip(b"\0") if at + len(data) == length else data)
                file.truncate(length)


def second_part(rows, path):
    spec = importlib.util.spec_from_file_location("verify_log", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    copies, lines = {}, []
    for row in rows:
        if row["key"] == "-":
            key = [line for line in open(row["kit"]) if line.startswith("key ")][0].split()[1]
        else:
            key = open(row["key"]).read().strip()
        with Edited(row, copies) as folder:
            code, result, _ = module.verify(folder, bytes.fromhex(key), row["kit"], row["anchors"])
        lines.append(dict(result, case=row["case"], exit=code))
    for folder in copies.values():
        shutil.rmtree(folder)
    return lines


def first_part(rows, bailee):
    lines = []
    for row in rows:
        if row["edits"]:
            continue
        command = [bailee, "log", "verify", "--log", row["log"], "--json"]
        command += ["--key", row["key"]] if row["key"] != "-" else []
        command += ["--kit", row["kit"]] if row["kit"] else []
        command += [word for path in row["anchors"] for word in ("--anchor", path)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
        try:
            result = json.loads(run.stdout)
        except ValueError:
            result = {"problem": (run.stdout + run.stderr).strip()}
        lines.append(dict(result, case=row["case"], exit=run.returncode))
    return lines


SAME = ("records", "frames", "segments", "names", "checkpoints", "trimmed_segments", "first_sequence", "last_sequence",
        "checkpointed_sequence", "anchored_sequence", "chain")


def wrong_with(row, answer):
    """What one verifier says against what is expected."""
    if answer["exit"] not in row["exits"]:
        return "exit %s, expected %s" % (answer["exit"], row["exits"])
    if answer["exit"] == BROKEN and row["looks"] and answer.get("looks") != row["looks"]:
        return "looks %s, expected %s" % (answer.get("looks"), row["looks"])
    if answer["exit"] == BROKEN and row["bad"] and answer.get("bad_sequence") != row["bad"]:
        return "first bad sequence %s, expected %s" % (answer.get("bad_sequence"), row["bad"])
    if answer["exit"] in (GOOD, ANCHORED) and answer.get("scanned", answer["records"]) != answer["records"]:
        return "%s records, and %s for readers" % (answer["records"], answer["scanned"])
    if row["window"] and "windows" in answer and not any(
            w["first_sequence"] <= row["window"] <= w["last_sequence"] for w in answer["windows"]):
        return "the window that was forged in is not named"
    return None


def in_segment(answer):
    """Where records are told apart from notes, keys and names: there the first bad one is a fact."""
    return str(answer.get("bad_file")).startswith("seg.")


def differ(row, first, other):
    """What two verifiers do not agree on."""
    if first["exit"] != other["exit"]:
        return "exit %s and %s" % (first["exit"], other["exit"])
    if first["exit"] in (GOOD, ANCHORED) and first["records"]:
        for name in SAME:
            if name in first and name in other and (first[name] or 0) != (other[name] or 0):
                return "%s %s and %s" % (name, first[name], other[name])
    if first["exit"] == BROKEN and not row["is_rough"] and in_segment(first) and in_segment(other):
        if first.get("bad_sequence") != other.get("bad_sequence"):
            return "first bad sequence %s and %s" % (first.get("bad_sequence"), other.get("bad_sequence"))
    return None


def compare(expected, paths):
    answers = []
    for path in paths:
        with open(path) as file:
            answers.append({line["case"]: line for line in map(json.loads, file)})
    troubles = 0
    with open(expected) as file:
        rows = [json.loads(line) for line in file]
    for row in rows:
        mine = [(path, a[row["case"]]) for path, a in zip(paths, answers) if row["case"] in a]
        found = [(os.path.basename(p), wrong_with(row, a)) for p, a in mine]
        found += [("%s and %s" % (os.path.basename(mine[0][0]), os.path.basename(p)), differ(row, mine[0][1], a))
                  for p, a in mine[1:]]
        if len(mine) < (2 if row["edits"] != "-" else len(paths)):
            found.append(("all", "only %d answers" % len(mine)))
        found = [(who, what) for who, what in found if what]
        if found:
            troubles += 1
            print(row["case"])
            for who, what in found:
                print("    %s: %s" % (who, what))
            for path, answer in mine:
                print("    %s says %s %s at %s: %s" % (os.path.basename(path), answer["exit"], answer.get("looks") or "",
                                                     answer.get("bad_sequence"), answer.get("problem")))
    counts = {code: sum(a["exit"] == code for a in answers[0].values()) for code in (ANCHORED, GOOD, BROKEN, FOREIGN)}
    print("%d cases, %d disagreements; %s" % (len(rows), troubles, counts))
    return 1 if troubles else 0


def odd(logs, out, bailee, second):
    """Pipes, folders and links where files belong: not good, and answered at once."""
    store = Store(logs, "trimmed", None)
    log = store.log()
    targets = ["log.id", "key", log.names()[0], log.names()[-1], log.names("tomb.")[-1], log.names("checkpoints/")[-1]]
    wrong, count = 0, 0

    def pipe(path):
        os.mkfifo(path)

    def folder(path):
        os.mkdir(path)

    def dangling(path):
        os.symlink("/nonexistent/elsewhere", path)

    def circle(path):
        os.symlink(os.path.basename(path), path)

    for target in targets:
        for make in (pipe, folder, dangling, circle):
            count += 1
            place = os.path.join(out, "odd", "%s-%s" % (make.__name__, target.replace("/", "-")))
            log.store(place)
            os.unlink(os.path.join(place, target))
            make(os.path.join(place, target))
            mine = [bailee, "log", "verify", "--log", place, "--key", store.key_file, "--kit", store.kit_file]
            other = [sys.executable, second, place, "--key", store.public.hex(), "--kit", store.kit_file]
            for name, command in (("bailee", mine), ("second", other)):
                try:
                    code = subprocess.run(command, capture_output=True, timeout=20).returncode
                except subprocess.TimeoutExpired:
                    code = "no answer"
                if code not in (1, FOREIGN, BROKEN):
                    wrong += 1
                    print("%s for %s: %s says %s" % (make.__name__, target, name, code))
    print("%d odd things, %d not refused" % (count, wrong))
    return 1 if wrong else 0


def main(argv):
    if len(argv) == 5 and argv[1] in ("second", "first"):
        return spread(argv[2], int(argv[4]), second_part if argv[1] == "second" else first_part, argv[3])
    if len(argv) >= 4 and argv[1] == "compare":
        return compare(argv[2], argv[3:])
    if len(argv) == 6 and argv[1] == "odd":
        return odd(*argv[2:6])
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv))
