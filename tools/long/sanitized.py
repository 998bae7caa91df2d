"""Builds what `fuzz/` holds: fuzzers and the program itself, under the address sanitizer. Needs a nightly toolchain."""

import os
import subprocess

from harness import ROOT

FUZZ = ROOT / "fuzz"
WORK = ROOT / "target" / "fuzz"
TRIPLE = "x86_64-unknown-linux-gnu"
FLAGS = [
    "--cfg=fuzzing", "-Zsanitizer=address", "-Cpasses=sancov-module", "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters", "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
]


def build():
    environment = os.environ | {"RUSTFLAGS": " ".join(FLAGS), "CARGO_TARGET_DIR": str(WORK / "build")}
    command = ["cargo", "+nightly", "build", "--release", "--quiet", "--target", TRIPLE]
    subprocess.run(command, cwd=FUZZ, env=environment, check=True)


def program(name):
    return WORK / "build" / TRIPLE / "release" / name
