#!/usr/bin/env python3
"""How often `fit-head --unless-worse` publishes what is worse and keeps what is better.

    python3 tools/bench/careful.py [--draws 8] [--rules]

Needs `../shared` and a release build with tools (`cargo build --release --workspace`). Features are collected once a set and
backbone, into target/bench/few. Writes the table into docs/teaching.md, between its markers, and every comparison into
target/bench/careful.json. With --rules it prints instead what other rules would have done with these.
"""

import argparse
import json
import subprocess

from few import WORK, state
from markers import ROOT, write

CASES = [("MobileNetV1 0.25", "ants and bees", "5+5,10+10,30+15,30+30")]
SCENES = ["good", "two in ten wrong", "four in ten wrong", "one class called another"]
# Within so much of each other neither is better: the accuracy of 150 pictures has an error of two to three points.
SAME = 0.01
FAR = 0.05


def measure(draws):
    cells = []
    for backbone, pictures, sizes in CASES:
        command = [ROOT / "target/release/edgetl-tools", "careful", state(backbone, pictures, 0), "--draws", str(draws), "--sizes", sizes]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        cells += [row | row.pop("cell") | {"pictures": pictures} for row in found["cells"]]
        print(pictures, flush=True)
    (WORK.parent / "careful.json").write_text(json.dumps(cells))
    return cells


def truth(cell):
    gain = cell["new"] - cell["old"]
    return "better" if gain > SAME else "worse" if gain < -SAME else "same"


def row(cells, kept):
    """Of the truly better, the same, the worse and the far worse: how many there are and how many were kept."""
    found = []
    for wanted in ["better", "same", "worse"]:
        found.append([cell for cell in cells if truth(cell) == wanted])
    found.append([cell for cell in cells if cell["old"] - cell["new"] >= FAR])
    return [f"{sum(map(kept, own))} of {len(own)}" if own else "-" for own in found]


def table(cells, kept):
    lines = ["| New pictures | Set | old + new a class | kept of the truly better | of the same within a point | of the truly worse | of these, by 5 points or more |", "|---|---|---|---|---|---|---|"]
    for scene in SCENES:
        for pictures, size in dict.fromkeys((cell["pictures"], cell["size"]) for cell in cells):
            own = [cell for cell in cells if (cell["scene"], cell["pictures"], cell["size"]) == (scene, pictures, size)]
            lines.append(f"| {scene} | {pictures} | {size.replace('+', ' + ')} | {' | '.join(row(own, kept))} |")
    lines.append(f"| all | | | {' | '.join(row(cells, kept))} |")
    return "\n".join(lines)


def behind(compared, errors):
    return compared is not None and -compared["gain"] > 1.001 * errors * compared["error"] and compared["gain"] < 0


def rules(cells):
    for all_errors in [0.0, 0.5, 1.0, 1.28, 1.64, 2.0, 99]:
        for known_errors in [0.5, 1.0, 1.28, 1.64, 2.0, 99]:
            kept = lambda cell: behind(cell["all"], all_errors) or behind(cell["known"], known_errors)
            good = [cell for cell in cells if cell["scene"] == "good"]
            print(all_errors, known_errors, "kept of better, same, worse, far worse:", row(cells, kept), "of good:", row(good, kept), sep="\t")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--rules", action="store_true", help="judge what was measured last by other rules")
    options = parser.parse_args()
    if options.rules:
        return rules(json.loads((WORK.parent / "careful.json").read_text()))
    cells = measure(options.draws)
    write("docs/teaching.md", "careful", table(cells, lambda cell: cell["verdict"] == "worse"))


if __name__ == "__main__":
    main()
