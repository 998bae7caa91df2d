"""How many pictures `fit-head` holds out together because they are near-twins, and what that does to the accuracy.

    python3 tools/bench/twins.py [--edgetl target/release/edgetl]

Photographs that are merely of one kind must not be grouped, the frames of bursts must. Writes the table into docs/heads.md.
"""

import argparse
import subprocess
import tarfile
import tempfile
from pathlib import Path

import markers
from accuracy import BACKBONES, SHARED, edgetl

USED = ["MobileNetV2 1.0, 224 pixels", "MobileNetV1 0.25, 128 pixels", "edgetl-tiny, in the box, 128 pixels"]
SETS = {
    "ants and bees": SHARED / "data/hymenoptera/train",
    "twelve flowers": SHARED / "data/flowers12/train",
    "202 classes of 64 pixels": SHARED / "data/tiny-imagenet-64.tar",
    "bursts, labels by coin toss": SHARED / "cases/sets/burst_coin/train",
}


def fitted(program, folder, flags, state):
    subprocess.run([program, "--state", state, "--quiet", "collect", folder, "--split", "train", *flags], check=True,
                   stdout=subprocess.DEVNULL)
    return edgetl(program, state, "fit-head", "--head", "ridge", "--dry-run")


def cell(report):
    twins = report.get("near_twins") or {"pictures": 0}
    share = f"{twins['pictures']} of {report['samples']}"
    without = twins.get("accuracy_without")
    return f"{share}; {100 * report['cv']['accuracy']:.1f} %" + (f" ({100 * without:.1f} %)" if without else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edgetl", type=Path, default=markers.ROOT / "target/release/edgetl")
    program = parser.parse_args().edgetl.resolve()
    lines = ["| `--head ridge` | " + " | ".join(name.split(",")[0] for name in USED) + " |", "|---" * (len(USED) + 1) + "|"]
    with tempfile.TemporaryDirectory() as root:
        for number, (name, folder) in enumerate(SETS.items()):
            if folder.suffix == ".tar":
                with tarfile.open(folder) as tar:
                    members = [member for member in tar if member.name.startswith("val/")]
                    tar.extractall(Path(root, "tar"), members, filter="data")
                folder = Path(root, "tar/val")
            cells = []
            for backbone in USED:
                file, flags = BACKBONES[backbone]
                flags = ["--backbone", SHARED / "models" / file, *flags] if file else []
                state = Path(root, f"{number}-{backbone.split()[0]}")
                state.mkdir()
                cells.append(cell(fitted(program, folder, flags, state)))
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    markers.write("docs/heads.md", "twins", "\n".join(lines))


if __name__ == "__main__":
    main()
