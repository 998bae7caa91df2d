"""What the harnesses of `tools/long` share: a state to attack, what is in a state, and the table in docs/reliability.md."""

import argparse
import atexit
import datetime
import hashlib
import json
import os
import random
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools" / "bench"))
import markers  # noqa: E402

DOCUMENT = "docs/reliability.md"
BACKBONE = ROOT / "tests/fixtures/backbone/gap.onnx"
CLASSES = ["ant", "bee", "cup"]
"""Nothing here takes longer, except where it hangs."""
PATIENCE = 120
"""Kills need no disk: what a process wrote is there however slow that is."""
FAST = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Fell(Exception):
    """What was promised did not hold."""


def arguments(document):
    """The command line of a harness; its own options are added before `parse_args`."""
    parser = argparse.ArgumentParser(description=document, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edgetl", type=Path, default=ROOT / "target/release/edgetl", help="default: target/release/edgetl")
    parser.add_argument("--short", action="store_true", help="seconds, for CI; writes nothing")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    return parser


def free_ports(count):
    """Ports of loopback, one after another, that nobody has. The system gives them to no connection that goes out, so that a server
    which ends and comes back finds its own again."""
    first_given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(100):
        ports = list(range(first := random.randrange(10_000, first_given - count), first + count))
        if all(map(is_free, ports)):
            return ports
    raise SystemExit(f"expected {count} free ports below {first_given}, found none")


def is_free(port):
    try:
        socket.create_server(("", port)).close()
    except OSError:
        return False
    return True


def record(name, ran, survived):
    """Writes what the harness `name` did today into its row of the table."""
    table = (ROOT / DOCUMENT).read_text().split("tools/long/NAME -->\n")[1].split("<!-- end")[0].splitlines()
    mark = f"| `tools/long/{name}` |"
    rows = [line for line in table if mark in line]
    if len(rows) != 1:
        raise SystemExit(f"expected one row with `{mark}` in `{DOCUMENT}`, got {len(rows)}")
    promise = rows[0].split("|")[1].strip()
    row = f"| {promise} {mark} {datetime.date.today()}: {ran} | {survived} |"
    markers.write(DOCUMENT, "promises", "\n".join(row if line is rows[0] else line for line in table))


def ended(name, options, ran, survived):
    """Says what was done, and writes it down after a long run in which all held."""
    if Device.fallen:
        raise Fell(f"{name}: {ran}: {len(Device.fallen)} did not hold")
    print(f"{name}: {ran}: {survived}")
    if not options.short:
        record(name, ran, survived)


def png(seed, width=24, height=20):
    """A picture that no other seed has."""
    noise = random.Random(seed)
    colour = [noise.randrange(256) for _ in range(3)]
    rows = b"".join(
        b"\0" + bytes((colour[channel] + noise.randrange(40)) % 256 for _ in range(width) for channel in range(3))
        for _ in range(height)
    )
    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def draw(folder, per_class, first_seed):
    """Pictures in folders named after their classes."""
    for index, label in enumerate(CLASSES):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            seed = first_seed + number * len(CLASSES) + index
            (folder / label / f"{seed:04}.png").write_bytes(png(seed))


class Device:
    """A folder with pictures and a state, and the program that works on it."""

    made = []
    """What did not hold; the attack goes on."""
    fallen = []

    def __init__(self, edgetl, root=None):
        self.edgetl = Path(edgetl).resolve()
        self.root = Path(root or tempfile.mkdtemp(prefix="edgetl-long-", dir=FAST))
        self.state = self.root / "state"
        self.saved = Path(f"{self.root}-saved")
        Device.made.append(self)

    def environment(self, **more):
        kept = {name: os.environ[name] for name in ["PATH", "ASAN_OPTIONS"] if name in os.environ}
        return kept | {"EDGETL_STATE": str(self.state), "EDGETL_PROVIDER": "tract", "HOME": str(self.root), **more}

    def run(self, *command, before=(), **options):
        """The finished process; `before` stands before the program."""
        options.setdefault("timeout", PATIENCE)
        try:
            return subprocess.run([*map(str, before), str(self.edgetl), *map(str, command)], cwd=self.root,
                                  env=self.environment(), capture_output=True, **options)
        except subprocess.TimeoutExpired as error:
            raise Fell(f"`edgetl {' '.join(map(str, command))}` hangs") from error

    def fell(self, how):
        """Says what did not hold, and keeps the state that shows it."""
        Device.fallen.append(how)
        kept = Path(tempfile.mkdtemp(prefix="edgetl-fell-"))
        shutil.copytree(self.root, kept, dirs_exist_ok=True)
        print(f"FELL: {how}\n  left in {kept}", file=sys.stderr, flush=True)

    def must(self, *command):
        done = self.run(*command)
        if done.returncode != 0:
            raise Fell(f"`edgetl {' '.join(map(str, command))}` gave {done.returncode}: {done.stderr.decode()}")
        return done

    def json(self, *command):
        return [json.loads(line) for line in self.must(*command, "--json").stdout.splitlines()]

    def save(self):
        """Remembers all that is here, for `again`."""
        shutil.copytree(self.root, self.saved)
        return self

    def again(self):
        """Makes everything as it was when it was saved; under the same path, since the store knows where pictures lay."""
        for entry in self.root.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        shutil.copytree(self.saved, self.root, dirs_exist_ok=True)
        return self

    def remove(self):
        for folder in [self.root, self.saved]:
            shutil.rmtree(folder, ignore_errors=True)

    def view(self):
        """All that somebody was told is kept, as the program and SQLite itself see it after whatever happened."""
        samples = {row["hash"]: (row["label"], row["split"], row["source"]) for row in self.json("samples", "list")} \
            if (self.state / "samples.db").exists() else {}
        heads = self.json("heads", "list")[0] if (self.state / "heads").exists() else []
        names = [row["name"] for row in self.json("backbone", "list")[0]]
        if (self.state / "samples.db").exists():
            check_database(self.state / "samples.db")
        live = [head["hash"] for head in heads if head["current"]]
        usable = sorted(head["hash"] for head in heads if head["hash"])
        if None in live:
            raise Fell("the live head cannot be used")
        return {"samples": samples, "head": live[0] if live else None, "heads": usable, "erased": len(heads) - len(usable), "backbones": names}


def check_database(path):
    """SQLite's own check, of a copy: a look must change nothing."""
    with tempfile.TemporaryDirectory() as folder:
        for end in ["", "-wal"]:
            if Path(f"{path}{end}").exists():
                shutil.copy(f"{path}{end}", Path(folder) / f"samples.db{end}")
        database = sqlite3.connect(Path(folder) / "samples.db")
        found = database.execute("PRAGMA integrity_check").fetchall() + database.execute("PRAGMA foreign_key_check").fetchall()
        database.close()
    if found != [("ok",)]:
        raise Fell(f"the store is damaged: {found[:3]}")


def taught(edgetl, per_class=8):
    """A device with a backbone, pictures, two heads, and pictures that it has not seen."""
    device = Device(edgetl)
    draw(device.root / "photos", per_class, 0)
    draw(device.root / "more", 4, 1000)
    device.must("backbone", "import", BACKBONE, "--name", "gap", "--size", "20x16", "--use", "--trust")
    device.must("collect", "photos")
    device.must("fit-head", "--head", "ridge")
    device.must("fit-head", "--head", "lda")
    return device.save()


def acknowledged(stdout):
    """The paths of pictures of which `collect --json-lines` said that they are stored; a last line may be torn."""
    paths = set()
    for line in stdout.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("event") == "stored":
            paths.add(event["path"])
    return paths


def content(path):
    """A picture's name in the store."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def spawn(*command, **options):
    """A program that ends with the harness, whichever way that ends."""
    program = subprocess.Popen(command, **options)
    atexit.register(program.kill)
    return program


def main(run):
    """Ends with 1 where something fell."""
    try:
        run()
    except Fell as fell:
        sys.exit(f"FELL: {fell}")
    finally:
        for device in Device.made:
            device.remove()
