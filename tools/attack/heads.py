#!/usr/bin/env python3
"""Attacks heads, rows and forgetting: flips bits, races fits against `samples remove --forget`, kills fits, and searches
the whole state for what was forgotten.

    python3 tools/attack/heads.py EDGETL [--rounds N] [--seed N]

Prints one row an attack and ends with 1 where one gets through. Python 3, standard library only.
"""

import argparse
import json
import math
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PER_CLASS = 12


class Device:
    """A state directory, and pictures of the shapes that `edgetl demo` draws."""

    def __init__(self, edgetl, folder):
        self.edgetl, self.folder, self.state = edgetl, folder, folder / "state"
        self.photos = folder / "photos"

    def command(self, *arguments):
        return [str(self.edgetl), "--state", str(self.state), *map(str, arguments)]

    def run(self, *arguments):
        return subprocess.run(self.command(*arguments), cwd=self.folder, capture_output=True, text=True)

    def start(self, *arguments):
        return subprocess.Popen(self.command(*arguments), cwd=self.folder, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True)

    def json(self, *arguments):
        done = self.run("--json", *arguments)
        if done.returncode != 0:
            sys.exit(f"edgetl {' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def sql(self):
        return sqlite3.connect(self.state / "samples.db")

    def ids(self):
        return [sample["id"] for sample in self.json("samples", "list")]

    def heads(self):
        return sorted((self.state / "heads").glob("*.safetensors"))

    def vector(self, sample):
        connection = self.sql()
        (blob,), = connection.execute("SELECT vector FROM features WHERE sample_id = ?", (sample,)).fetchall()
        connection.close()
        return struct.unpack(f"<{len(blob) // 4}f", blob)

    def files(self):
        for folder, _, names in os.walk(self.state):
            for name in names:
                yield Path(folder) / name, (Path(folder) / name).read_bytes()


def patterns(vector):
    """How a vector may stand in a file: single precision, double precision (sums of one sample), a bank of neighbours."""
    single = struct.pack(f"<{len(vector)}f", *vector)
    double = struct.pack(f"<{len(vector)}d", *vector)
    length = math.sqrt(sum(value * value for value in vector))
    to_single = lambda value: struct.unpack("<f", struct.pack("<f", value))[0]
    direction = [to_single(value * (1 / length)) for value in vector]
    largest = max(map(abs, direction))
    steps = [to_single(to_single(value / largest) * 127) for value in direction]
    bank = struct.pack(f"<{len(vector)}b", *(int(math.copysign(math.floor(abs(step) + 0.5), step)) for step in steps))
    return [single, double, bank]


def flip(data, place, bit):
    damaged = bytearray(data)
    damaged[place] ^= 1 << bit
    return bytes(damaged)


def flips_in_heads(device, chance, rounds):
    """A head with one bit flipped must be refused by name; half the flips are in its header, where the labels are."""
    path = device.heads()[-1]
    whole, through = path.read_bytes(), []
    header = 8 + struct.unpack("<Q", whole[:8])[0]
    for number in range(20 * rounds):
        place = chance.randrange(header if number % 2 else len(whole))
        path.write_bytes(flip(whole, place, chance.randrange(8)))
        if device.run("heads", "show").returncode == 0:
            through.append(f"byte {place}")
    path.write_bytes(whole)
    return 20 * rounds, through


def rollbacks(device, chance, rounds):
    """A damaged head must not go live."""
    device.json("fit-head", "--head", "ridge")
    older, live = device.heads()[-2:]
    whole, through = older.read_bytes(), []
    for _ in range(rounds):
        place = chance.randrange(len(whole))
        older.write_bytes(flip(whole, place, chance.randrange(8)))
        device.run("heads", "rollback", "--to", older.stem)
        if (device.state / "heads/current").read_text().strip() != live.stem:
            through.append(f"byte {place}")
            (device.state / "heads/current").write_text(live.stem + "\n")
    older.write_bytes(whole)
    return rounds, through


COLUMNS = [("samples", "id", "content_hash"), ("samples", "id", "label"), ("samples", "id", "split"),
           ("features", "sample_id", "vector")]


def flips_in_rows(device, chance, rounds):
    """A fit must not learn from a row with one bit flipped."""
    database, through, tries = device.state / "samples.db", [], 4 * rounds
    checkpoint(device)
    whole = database.read_bytes()
    for number in range(tries):
        table, key, column = COLUMNS[number % len(COLUMNS)]
        sample = chance.choice(device_ids(device))
        connection = device.sql()
        (value,), = connection.execute(f"SELECT CAST({column} AS BLOB) FROM {table} WHERE {key} = ?", (sample,))
        damaged = flip(value, chance.randrange(len(value)), chance.randrange(8))
        kind = "BLOB" if column == "vector" else "TEXT"
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(f"UPDATE {table} SET {column} = CAST(? AS {kind}) WHERE {key} = ?", (damaged, sample))
        connection.commit()
        connection.close()
        if device.run("fit-head", "--head", "prototype", "--dry-run").returncode == 0:
            through.append(f"{column} of sample {sample}")
        restore(device, whole)
    return tries, through


def device_ids(device):
    connection = device.sql()
    ids = [row[0] for row in connection.execute("SELECT id FROM samples")]
    connection.close()
    return ids


def checkpoint(device):
    connection = device.sql()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def restore(device, whole):
    for name in ["samples.db-wal", "samples.db-shm"]:
        (device.state / name).unlink(missing_ok=True)
    (device.state / "samples.db").write_bytes(whole)


def forget(device, sample, searched):
    """Removes a sample for good and notes what must not be found any more."""
    vector = patterns(device.vector(sample))
    removed = device.json("samples", "remove", "--id", sample, "--forget")[0]
    if not removed["erased"]:
        print(f"the log kept sample {sample}: another process was reading", file=sys.stderr)
    searched.extend(vector)


def stale_heads(device):
    """Heads that say that they learned from more samples than there are."""
    stored = len(device.ids())
    shown = [(path, device.json("heads", "show", path.stem)[0]["samples"]) for path in device.heads()]
    return [f"{path.name}: {samples} of {stored}" for path, samples in shown if samples > stored]


def races(device, chance, rounds, searched):
    """A fit beside forgetting must not publish what it learned from the forgotten picture."""
    flags = ["--head", "mlp", "--epochs", "400", "--patience", "0", "--width", "64"]
    start = time.monotonic()
    device.json("fit-head", *flags)
    usual, through, refused = time.monotonic() - start, [], 0
    for _ in range(rounds):
        # The head that forgetting fits again is quick, so that the slow one would come after it.
        device.json("fit-head", "--head", "ridge")
        fit = device.start("fit-head", *flags)
        time.sleep(chance.uniform(0, 0.9) * usual)
        forget(device, chance.choice(device.ids()), searched)
        refused += "samples were forgotten" in fit.communicate()[1]
        through += stale_heads(device)
    print(f"{refused} of {rounds} fits were refused", file=sys.stderr)
    return rounds, through


def kills(device, chance, rounds, searched):
    """What killed fits leave is gone after the next forgetting."""
    start = time.monotonic()
    device.json("fit-head", "--head", "ridge")
    usual, through = time.monotonic() - start, []
    for _ in range(4 * rounds):
        fit = device.start("fit-head", "--head", "ridge")
        time.sleep(chance.uniform(0.3, 1.05) * usual)
        fit.kill()
        fit.communicate()
    left = len(list((device.state / "heads").glob(".tmp-*")))
    # So that there is one, however the kills fell.
    sample = chance.choice(device.ids())
    (device.state / "heads/.tmp-killed").write_bytes(b"".join(patterns(device.vector(sample))))
    forget(device, sample, searched)
    through += [path.name for path in (device.state / "heads").glob(".tmp-*")] + stale_heads(device)
    print(f"{4 * rounds} kills left {left} files for forgetting to find", file=sys.stderr)
    return 4 * rounds + 1, through


def returns(device, chance, rounds):
    """`collect` must not bring back what was removed."""
    before = len(device.ids())
    again = device.json("collect", device.photos)[0]
    lost = PER_CLASS * 6 - before
    through = [] if (again["stored"], again.get("passed_over")) == (0, lost) else [f"{again['stored']} came back"]
    return lost, through


def search(device, searched):
    """No file of the state holds a forgotten vector."""
    through = []
    for path, data in device.files():
        through += [f"{path.name}: pattern {number}" for number, pattern in enumerate(searched) if pattern in data]
    return len(searched), through


def prepare(edgetl, folder):
    device = Device(edgetl, folder)
    subprocess.run([str(edgetl), "-q", "demo", "--keep", str(folder / "demo")], check=True, stdout=subprocess.DEVNULL)
    for label in sorted((folder / "demo/photos").iterdir()):
        (device.photos / label.name).mkdir(parents=True)
        for picture in sorted(label.iterdir())[:PER_CLASS]:
            shutil.copy(picture, device.photos / label.name)
    device.json("collect", device.photos)
    device.json("fit-head", "--head", "ridge")
    return device


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("edgetl", type=Path)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance, searched = random.Random(options.seed), []
    with tempfile.TemporaryDirectory() as folder:
        device = prepare(options.edgetl.resolve(), Path(folder))
        attacks = [
            ("a bit flipped in a head", lambda: flips_in_heads(device, chance, options.rounds)),
            ("a rollback to a damaged head", lambda: rollbacks(device, chance, options.rounds)),
            ("a bit flipped in a row", lambda: flips_in_rows(device, chance, options.rounds)),
            ("a fit beside forgetting", lambda: races(device, chance, options.rounds, searched)),
            ("fits killed, then forgetting", lambda: kills(device, chance, options.rounds, searched)),
            ("collect after forgetting", lambda: returns(device, chance, options.rounds)),
            ("forgotten vectors in the state", lambda: search(device, searched)),
        ]
        through_all = []
        print(f"{'attack':<40}{'tries':>8}{'got through':>14}")
        for name, attack in attacks:
            tries, through = attack()
            through_all += through
            print(f"{name:<40}{tries:>8}{len(through):>14}", flush=True)
            for what in through[:5]:
                print(f"    {what[:74]}")
    sys.exit(1 if through_all else 0)


if __name__ == "__main__":
    main()
