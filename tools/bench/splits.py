#!/usr/bin/env python3
"""Held-out accuracy, likelihood and calibration of every head over random splits.

    python3 tools/bench/splits.py [--splits 10] [--share 0.25]

One test set is a few hundred pictures, whose accuracy has an error of a point or two: what `auto` loses shows over many splits
only. All pictures of a set are pooled and split anew each time, near-twins on one side. Needs `../shared` and a release build
with tools (`cargo build --release --workspace`); features are collected once, into target/bench/few. Writes the table into
docs/heads.md, between its markers.
"""

import argparse
import json
import subprocess

from few import ROOT, SETS, state
from markers import write

BACKBONES = ["MobileNetV2", "MobileNetV1 0.25"]
HEADS = ["prototype", "lda", "ridge", "softmax", "average", "auto"]


def measure(folder, options):
    command = [ROOT / "target/release/edgetl-tools", "splits", folder, "--splits", str(options.splits), "--share", str(options.share)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)["splits"]


def mean(runs, head, key):
    return sum(run["heads"][head][key] for run in runs) / len(runs)


def line(name, runs):
    cell = lambda head: (f"{100 * mean(runs, head, 'accuracy'):.1f} / {100 * mean(runs, head, 'cv'):.1f} / "
                         f"{mean(runs, head, 'nll'):.3f} / {mean(runs, head, 'ece'):.3f}").replace(" 0.", " .")
    return f"| {name} | " + " | ".join(cell(head) for head in HEADS) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--share", type=float, default=0.25)
    options = parser.parse_args()
    lines = [f"| | {' | '.join(HEADS)} |", "|---" * (len(HEADS) + 1) + "|"]
    for backbone in BACKBONES:
        for pictures in SETS:
            lines.append(line(f"{backbone}, {pictures}", measure(state(backbone, pictures, 0), options)))
            print(lines[-1], flush=True)
    write("docs/heads.md", "splits", "\n".join(lines))


if __name__ == "__main__":
    main()
