"""`edgetl backbone compare` of the networks of `../shared` and the one in the box, on twelve flowers.

    python3 tools/bench/compare.py [--edgetl target/release/edgetl]

Collects the training pictures, imports the networks, compares twice (the second time nothing is extracted) and writes the table into
README.md. The engine is ONNX Runtime (EDGETL_ONNXRUNTIME).
"""

import argparse
import os
import tempfile
from pathlib import Path

import markers
from accuracy import BACKBONES, SETS, SHARED, edgetl

FLOWERS = SETS["twelve flowers"][0]


def compare(program):
    """What it says first, with every feature to extract, and again."""
    with tempfile.TemporaryDirectory() as state:
        edgetl(program, state, "collect", FLOWERS)
        for file, flags in BACKBONES.values():
            if file:
                edgetl(program, state, "backbone", "import", SHARED / "models" / file, *flags)
        return [edgetl(program, state, "backbone", "compare") for _ in range(2)]


def table(first, again):
    lines = ["| Backbone | Held-out accuracy | To the best | A picture | Size |", "|---|---|---|---|---|"]
    for row in again["backbones"]:
        name = f"{row['name']}{', in the box' if row['name'] == 'edgetl-tiny' else ''}, {row['width']} pixels"
        share = f"{100 * row['accuracy']:.1f} % ({100 * row['low']:.0f}-{100 * row['high']:.0f})"
        behind = "best" if row["difference"] is None else (
            f"{100 * row['difference']:+.1f} ± {100 * row['error']:.1f}{'' if row['clear'] else ', not clear'}")
        time, size = 1000 * row["seconds_a_picture"], row["bytes"] / 1e6
        lines.append(f"| {name} | {share} | {behind} | {time:.1f} ms | {size:.1f} MB |")
    extracted = sum(row["extracted"] for row in first["backbones"])
    quicker = f"; quicker and not clearly worse: `{again['quicker']}`" if again["quicker"] else ""
    lines.append("")
    lines.append(f"{again['asked']} pictures; recommended: `{again['recommended']}`{quicker}. {first['seconds']:.0f} s the first "
                 f"time, with {extracted} features to extract, {again['seconds']:.0f} s from then on.")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--edgetl", type=Path, default=markers.ROOT / "target/release/edgetl")
    arguments = parser.parse_args()
    os.environ["EDGETL_PROVIDER"] = "cpu"
    markers.write("README.md", "compare", table(*compare(arguments.edgetl.resolve())))


if __name__ == "__main__":
    main()
