"""Held-out accuracy of every backbone at hand and of every head, on the photographs of `../shared`.

    python3 tools/bench/accuracy.py [--edgetl target/release/edgetl] [--only backbones heads]

Collects the training pictures, fits without flags (and, for `heads`, every head by itself), asks about the test pictures. Writes
the tables into README.md and docs/heads.md.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import markers

SHARED = markers.ROOT.parent / "shared"
SETS = {
    "ants and bees": (SHARED / "data/hymenoptera/train", SHARED / "data/hymenoptera/val"),
    "twelve flowers": (SHARED / "data/flowers12/train", SHARED / "data/flowers12/test"),
}
MOBILENET = ["--preset", "inception"]
BACKBONES = {
    "MobileNetV2 1.0, 224 pixels": ("mobilenet_v2_1.0_224.onnx", [*MOBILENET, "--size", "224", "--resize", "256"]),
    "MobileNetV1 0.5, 160 pixels": ("mobilenet_v1_0.5_160.onnx", [*MOBILENET, "--size", "160", "--resize", "182"]),
    "MobileNetV1 0.25, 128 pixels": ("mobilenet_v1_0.25_128.onnx", [*MOBILENET, "--size", "128", "--resize", "146"]),
    "SqueezeNet 1.1 float16, 224 pixels": ("squeezenet_fp16.onnx", ["--mean", "104,117,123", "--bgr"]),
    "edgetl-tiny, in the box, 128 pixels": (None, []),
}
HEADS = ["prototype", "lda", "ridge", "softmax", "average"]
# What docs/heads.md shows head by head.
SHOWN = ["MobileNetV2 1.0, 224 pixels", "MobileNetV1 0.25, 128 pixels"]


def edgetl(program, state, *arguments):
    command = [program, "--state", state, "--quiet", *arguments, "--json"]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=state).stdout
    return json.loads(output.splitlines()[-1])


def measured(program, state, test, head):
    fitted = edgetl(program, state, "fit-head", "--head", head)
    tested = edgetl(program, state, "eval", test)
    return {"kind": fitted["head"], "accuracy": tested["accuracy"], "ece": tested["ece"], "cv": fitted["cv"]["accuracy"]}


def measure(program, name, heads):
    """Set to head to numbers."""
    file, flags = BACKBONES[name]
    results = {}
    for kind, (train, test) in SETS.items():
        with tempfile.TemporaryDirectory() as state:
            backbone = ["--backbone", SHARED / "models" / file, *flags] if file else []
            edgetl(program, state, "collect", train, *backbone)
            results[kind] = {head: measured(program, state, test, head) for head in heads}
    return results


def backbones_table(results):
    lines = ["| Backbone | Ants and bees, 245 to learn from, 153 asked | Twelve flowers, 720 to learn from, 240 asked |",
             "|---|---|---|"]
    for name, sets in results.items():
        cells = [f"{sets[kind]['auto']['accuracy']:.1%}".replace("%", " %") for kind in SETS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def heads_table(results):
    lines = ["| | " + " | ".join([*HEADS, "auto"]) + " |", "|---" * (len(HEADS) + 2) + "|"]
    for name in SHOWN:
        for kind in SETS:
            heads = results[name][kind]
            number = lambda head: f"{100 * heads[head]['accuracy']:.1f} / {100 * heads[head]['cv']:.1f} / " + (
                f"{heads[head]['ece']:.3f}".lstrip("0"))
            cells = [*(number(head) for head in HEADS), heads["auto"]["kind"]]
            lines.append(f"| {name.split(',')[0]}, {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edgetl", default=markers.ROOT / "target/release/edgetl", type=Path)
    parser.add_argument("--only", nargs="+", choices=["backbones", "heads"], default=["backbones", "heads"])
    options = parser.parse_args()
    program = options.edgetl.resolve()
    if not SHARED.is_dir():
        raise SystemExit(f"`{SHARED}` is missing: the photographs and backbones are not part of the repository")
    os.environ.pop("EDGETL_STATE", None)
    results = {}
    for name in BACKBONES:
        heads = [*HEADS, "auto"] if "heads" in options.only and name in SHOWN else ["auto"]
        if "backbones" in options.only or len(heads) > 1:
            results[name] = measure(program, name, heads)
            print(name, json.dumps(results[name]), flush=True)
    if "backbones" in options.only:
        markers.write("README.md", "accuracy", backbones_table(results))
    if "heads" in options.only:
        markers.write("docs/heads.md", "heads", heads_table(results))


if __name__ == "__main__":
    main()
