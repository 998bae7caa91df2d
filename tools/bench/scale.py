"""Measures edgetl on large stores: peak memory and seconds of a fit by the number of samples, of each command at one number,
with many classes, and the bytes that collecting and fitting write. Start it with `tools/bench/scale`.

Standard library only, for the reason that `processes.py` gives.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import markers
import processes

ROOT = markers.ROOT
SHARED = ROOT.parent / "shared"


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", type=Path, default=ROOT / "target/release")
    parser.add_argument("--work", type=Path, default=ROOT / "target/scale", help="where the stores are made: 3 GB")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 50_000, 200_000, 1_000_000])
    parser.add_argument("--samples", type=int, default=200_000, help="of the store on which every command is run")
    parser.add_argument("--classes", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--pictures", type=int, default=10_000, help="that are collected while writes are counted")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--document", default="docs/benchmarks.md")
    return parser.parse_args()


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = options.work
        self.work.mkdir(parents=True, exist_ok=True)

    def edgetl(self, state, *arguments, **how):
        command = [self.options.binaries / "edgetl", "--state", state, "--quiet", *arguments]
        return processes.run(command, **how)

    def tool(self, *arguments):
        return processes.run([self.options.binaries / "edgetl-tools", *arguments])

    def store(self, samples, classes=20):
        """A state folder with so many samples; made once."""
        state = self.work / f"{samples}-{classes}"
        if not (state / "made").exists():
            shutil.rmtree(state, ignore_errors=True)
            self.tool("large", "--state", state, "--samples", samples, "--classes", classes)
            (state / "made").touch()
        return state

    def pictures(self, name, count, first):
        """A folder with at least so many drawn pictures of six classes."""
        folder = self.work / name
        if not folder.exists():
            self.tool("pictures", "--folder", folder, "--each", -(-count // 6), "--first", first)
        return folder


def number(value):
    return f"{value:,}".replace(",", " ")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def cost(run):
    """Seconds, seconds of all cores, and peak memory."""
    return [f"{run.seconds:.1f} s", f"{run.cpu_seconds:.1f} s", f"{run.peak_mib:.0f} MiB"]


def left_out(report):
    return ", ".join(left["head"] for left in report["left_out"]) or "-"


def fit(bench):
    """A fit by the number of samples, and where its time goes."""
    rows, shares = [], []
    for samples in bench.options.sizes:
        run = bench.edgetl(bench.store(samples), "fit-head", "--dry-run", "--json")
        report = run.last_json()
        rows.append([number(samples), *cost(run), report["head"], f"{100 * report['cv']['accuracy']:.1f} %",
                     left_out(report)])
        tried = {candidate["head"]: candidate["seconds"] for candidate in report["candidates"]}
        rest = report["seconds"] - sum(tried.values())
        order = ["prototype", "lda", "ridge", "softmax", "average"]
        cells = [f"{tried[head]:.1f} s" if head in tried else "-" for head in order]
        shares.append([number(samples), *cells, f"{rest:.1f} s"])
        print(rows[-1], flush=True)
    head = ["samples x 512, 20 classes", "time", "of all cores", "peak memory", "head", "accuracy", "left out"]
    names = ["samples", "prototype", "lda", "ridge", "softmax", "average", "reading, fitting what is kept, unknown rule"]
    markers.write(bench.options.document, "scale", table(head, rows) + "\n\n" + table(names, shares))


def commands(bench):
    """Every command on a large store, a copy of it, since they change it."""
    with tempfile.TemporaryDirectory(dir=bench.work) as folder:
        run_commands(bench, copied(bench.store(bench.options.samples), Path(folder, "copy")))


def run_commands(bench, state):
    more, again = bench.pictures("more", 300, 1), bench.pictures("test", 60, 10_001)
    rows = []

    def row(name, run):
        command = name.split(" of ")[0].split(" until ")[0]
        rows.append([f"`{command}`{name[len(command):]}", *cost(run)])
        print(rows[-1], flush=True)

    row("fit-head", bench.edgetl(state, "fit-head", "--json"))
    row("collect of 300 pictures", bench.edgetl(state, "collect", more, "--json"))
    row("collect of the same again", bench.edgetl(state, "collect", more, "--json"))
    picture = next(iter(sorted(again.rglob("*.png"))))
    row("predict of one picture", bench.edgetl(state, "predict", picture, "--json"))
    row("eval of 60 pictures", bench.edgetl(state, "eval", again, "--json", fails=True))
    row("samples list", bench.edgetl(state, "samples", "list", keep=False))
    row("samples list --count", bench.edgetl(state, "samples", "list", "--count"))
    row("samples list --id 7", bench.edgetl(state, "samples", "list", "--id", "7"))
    row("samples doctor", bench.edgetl(state, "samples", "doctor", "--json", keep=False))
    row("advise", bench.edgetl(state, "advise", "--json", keep=False))
    row("doctor", bench.edgetl(state, "doctor", "--json", fails=True))
    row("serve until it is ready", serve(bench, state))
    head = [f"on {number(bench.options.samples)} samples", "time", "of all cores", "peak memory"]
    markers.write(bench.options.document, "commands", table(head, rows))


def serve(bench, state):
    """From its start to the first `200` of `/health/ready`."""
    port = 18_437
    command = [bench.options.binaries / "edgetl", "--state", state, "--quiet", "serve", "--address", f"127.0.0.1:{port}"]
    start = time.perf_counter()
    child = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while time.perf_counter() - start < 60:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1) as answer:
                if answer.status == 200:
                    break
        except OSError:
            time.sleep(0.005)
    seconds = time.perf_counter() - start
    child.send_signal(signal.SIGTERM)
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    return processes.Run(seconds, seconds, usage.ru_maxrss / 1024, "", usage.ru_utime + usage.ru_stime, 0)


def classes(bench):
    """Many classes."""
    rows = []
    for count in bench.options.classes:
        state = bench.store(bench.options.samples, count)
        for memory in ([], ["--memory", "2G"]):
            run = bench.edgetl(state, "fit-head", "--dry-run", "--json", *memory, fails=True)
            allowed = memory[1] if memory else "half of the machine's"
            if run.code == 0:
                report = run.last_json()
                size = f"{report['head']}, {100 * report['cv']['accuracy']:.1f} %"
                rows.append([number(count), allowed, *cost(run), size, left_out(report)])
            else:
                rows.append([number(count), allowed, *cost(run), "refused: " + run.errors.strip().splitlines()[0], "-"])
            print(rows[-1], flush=True)
    head = ["classes", "memory allowed", "time", "of all cores", "peak memory", "head", "left out"]
    markers.write(bench.options.document, "classes", table(head, rows))


class LongestLog(threading.Thread):
    """Watches how long the write-ahead log of a store gets."""

    def __init__(self, state):
        super().__init__(daemon=True)
        self.path, self.length, self.ended = Path(state, "samples.db-wal"), 0, threading.Event()

    def run(self):
        while not self.ended.wait(0.01):
            try:
                self.length = max(self.length, self.path.stat().st_size)
            except OSError:
                pass


def writes(bench):
    """Bytes that reach the disk."""
    count = bench.options.pictures
    folder = bench.pictures("pictures", count, 100_000)
    rows = []
    with tempfile.TemporaryDirectory(dir=bench.work) as empty:
        for name, state in [("an empty store", Path(empty)), (f"{number(bench.options.samples)} samples",
                                                             copied(bench.store(bench.options.samples), Path(empty, "copy")))]:
            log = LongestLog(state)
            log.start()
            run = bench.edgetl(state, "collect", folder, "--json")
            log.ended.set()
            stored = run.last_json()["stored"]
            rows.append([f"`collect` of {number(stored)} pictures into {name}", f"{run.written_bytes / 1e6:.0f} MB",
                         f"{run.written_bytes / stored / 1e3:.1f} kB a picture", f"{log.length / 1e6:.1f} MB"])
            print(rows[-1], flush=True)
        fitted = bench.edgetl(empty, "fit-head", "--json")
        rows.append([f"`fit-head` on {number(count)}", f"{fitted.written_bytes / 1e6:.1f} MB", "-", "-"])
    head = ["what", "written", "each", "longest write-ahead log"]
    markers.write(bench.options.document, "writes", table(head, rows))


def copied(state, target):
    shutil.copytree(state, target)
    return target


def start(bench):
    """From the start of the process to the first answer, and the memory of the backbone in the box on tract."""
    rows = []
    model = SHARED / "models/mobilenet_v2_1.0_224.onnx"
    photographs = SHARED / "data/hymenoptera/train"
    if not model.exists():
        print(f"`{model}` is missing: start to first answer is not measured")
        return
    picture = next(iter(sorted(photographs.rglob("*.jpg"))))
    large = ["--backbone", model, "--preset", "inception", "--size", "224", "--resize", "256"]
    for name, backbone in [("MobileNetV2 at 224 pixels", large), ("edgetl-tiny", [])]:
        with tempfile.TemporaryDirectory(dir=bench.work) as state:
            bench.edgetl(state, "collect", photographs, "--json", *backbone)
            bench.edgetl(state, "fit-head", "--json")
            for engine in ["cpu", "tract"]:
                runs = [bench.edgetl(state, "predict", "--provider", engine, "--json", picture) for _ in range(7)]
                runs.sort(key=lambda run: run.first_line_seconds)
                middle = runs[len(runs) // 2]
                library = "ONNX Runtime" if engine == "cpu" else "tract"
                rows.append([f"{name}, {library}", f"{1000 * runs[0].first_line_seconds:.0f} ms",
                             f"{1000 * middle.first_line_seconds:.0f} ms", f"{middle.peak_mib:.0f} MiB"])
                print(rows[-1], flush=True)
    head = ["start to first answer of `predict`", "fastest of 7", "median", "peak memory"]
    markers.write(bench.options.document, "start", table(head, rows))


PARTS = {"fit": fit, "commands": commands, "classes": classes, "writes": writes, "start": start}


def main():
    options = parse()
    for variable in ["EDGETL_STATE", "EDGETL_PROVIDER"]:
        os.environ.pop(variable, None)
    bench = Bench(options)
    for part in options.only:
        PARTS[part](bench)


if __name__ == "__main__":
    main()
