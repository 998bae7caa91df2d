#!/usr/bin/env python3
"""How many photographs `collect` calls poor, as they are and once spoilt, and what each way of spoiling does to the accuracy.

    python3 tools/bench/quality.py [--binaries target/release] [--only cost good spoilt]

Needs `../shared`, a release build with tools (`cargo build --release --workspace`), ONNX Runtime (`EDGETL_ONNXRUNTIME`) and the
packages of tools/bench/requirements.txt. Writes three tables into docs/cameras.md, between their markers.
"""

import argparse
import json
import subprocess
import tarfile
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from accuracy import BACKBONES, SETS, SHARED, edgetl
from markers import ROOT, write
from PIL import Image, ImageFilter, ImageOps

NETWORKS = {"edgetl-tiny, 128 pixels": "edgetl-tiny, in the box, 128 pixels", "MobileNetV2, 224 pixels": "MobileNetV2 1.0, 224 pixels"}
FAULTS = ["too-small", "too-dark", "too-bright", "blurred"]
DATA = SHARED / "data"
# Larger photographs are reduced first: a camera's frame has no more.
SIDE = 480


def moved(picture, length, angle):
    """A mean over a straight way of so many pixels; edges go on."""
    pixels, steps = np.asarray(picture, np.float32), np.linspace(-0.5, 0.5, length) * length
    wide = np.pad(pixels, ((length, length), (length, length), (0, 0)), "edge")
    height, width = pixels.shape[:2]
    ways = [(round(length + step * np.sin(angle)), round(length + step * np.cos(angle))) for step in steps]
    return Image.fromarray((sum(wide[y:y + height, x:x + width] for y, x in ways) / length).round().astype(np.uint8))


def lit(picture, gain, noise, random):
    pixels = np.asarray(picture, np.float32) * gain
    return Image.fromarray((pixels + random.normal(0, noise, pixels.shape)).clip(0, 255).round().astype(np.uint8))


def scaled(picture, side):
    factor = side / min(picture.size)
    return picture.resize([max(1, round(length * factor)) for length in picture.size], Image.Resampling.BILINEAR)


def blur(share, gain=1, noise=0):
    def spoil(picture, random):
        blurred = picture.filter(ImageFilter.GaussianBlur(share * min(picture.size)))
        return lit(blurred, gain, noise, random) if noise else blurred
    return spoil


def motion(share):
    return lambda picture, random: moved(picture, max(2, round(share * min(picture.size))), random.uniform(0, np.pi))


def light(gain, noise=0):
    return lambda picture, random: lit(picture, gain, noise, random)


def small(side):
    return lambda picture, random: scaled(picture, side)


def enlarged(side):
    return lambda picture, random: scaled(scaled(picture, side), min(picture.size))


SPOILT = {
    "as they are": lambda picture, random: picture,
    "22 pixels": small(22), "32 pixels": small(32), "40 pixels": small(40), "64 pixels": small(64),
    "22 pixels, enlarged before": enlarged(22), "48 pixels, enlarged before": enlarged(48),
    "Gaussian blur, 0.5 % of the side": blur(0.005), "1 %": blur(0.01), "1.5 %": blur(0.015), "2 %": blur(0.02), "4 %": blur(0.04),
    "2 %, and noise of 10 levels": blur(0.02, 1, 10),
    "motion, 3 % of the side": motion(0.03), "motion, 6 %": motion(0.06), "motion, 12 %": motion(0.12),
    "night: 0.2 of the light, noise of 5 levels": light(0.2, 5), "0.1": light(0.1, 5), "0.05": light(0.05, 5),
    "overexposed: 2 times the light": light(2), "4 times": light(4), "8 times": light(8),
}


def write_spoilt(source, folder, spoil):
    random = np.random.default_rng(0)
    for path in sorted(source.rglob("*.*")):
        to = (folder / path.relative_to(source)).with_suffix(".jpg")
        to.parent.mkdir(parents=True, exist_ok=True)
        picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        picture = scaled(picture, SIDE) if min(picture.size) > SIDE else picture
        spoil(picture, random).save(to, quality=90)


def flags(network):
    file, settings = BACKBONES[NETWORKS[network]]
    return ["--backbone", SHARED / "models" / file, *settings] if file else []


def spoilt_table(binaries):
    """Rows of each way: for every network and set, the share that is called poor and the accuracy."""
    program, cells = binaries / "edgetl", {name: [] for name in SPOILT}
    for network in NETWORKS:
        for train, test in SETS.values():
            with tempfile.TemporaryDirectory() as root:
                state = Path(root, "state")
                state.mkdir()
                edgetl(program, state, "collect", train, *flags(network))
                edgetl(program, state, "fit-head")
                for name, spoil in SPOILT.items():
                    folder, other = Path(root, name), Path(root, f"{name} state")
                    write_spoilt(test, folder, spoil)
                    other.mkdir()
                    collected = edgetl(program, other, "collect", folder, *flags(network))
                    accuracy = edgetl(program, state, "eval", folder)["accuracy"]
                    poor = len(collected["poor"]) / collected["seen"]
                    cells[name].append(f"{100 * poor:.0f} %, {100 * accuracy:.0f} %")
    heads = [f"{network.split(',')[0]}, {pictures}" for network in NETWORKS for pictures in SETS]
    rows = [f"| {name} | " + " | ".join(row) + " |" for name, row in cells.items()]
    return "\n".join([f"| Called poor, and accuracy | {' | '.join(heads)} |", "|---" * (1 + len(heads)) + "|", *rows])


def good_table(binaries):
    lines = ["| Photographs | Network | Pictures | Called poor | Of these |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as tiny, tarfile.open(DATA / "tiny-imagenet-64.tar") as tar:
        tar.extractall(tiny, filter="data")
        folders = {"ants and bees, both halves": DATA / "hymenoptera", "twelve flowers, both halves": DATA / "flowers12",
                   "cats, dogs and hot dogs": DATA / "coral_imprinting", "202 classes of 64 pixels": tiny}
        lines += [good_row(binaries / "edgetl", name, folders[name], network) for name in folders for network in NETWORKS]
    return "\n".join(lines)


def good_row(program, name, folder, network):
    with tempfile.TemporaryDirectory() as state:
        report = edgetl(program, state, "collect", "--label", "any", folder, *flags(network))
    counts = Counter(poor["fault"] for poor in report["poor"])
    faults = ", ".join(f"{counts[fault]} {fault.replace('-', ' ')}" for fault in FAULTS if counts[fault])
    share = 100 * len(report["poor"]) / report["seen"]
    return f"| {name} | {network} | {report['seen']} | {share:.2f} % | {faults} |"


def cost_table(binaries):
    lines = ["| Input | Decoding | Resizing | Quality | Network, one core |", "|---|---|---|---|---|"]
    for network in ["MobileNetV1 0.25, 128 pixels", "MobileNetV2 1.0, 224 pixels"]:
        file, settings = BACKBONES[network]
        command = [binaries / "edgetl-tools", "stages", "--backbone", SHARED / "models" / file, *settings[2:], DATA / "hymenoptera/val"]
        times = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        cells = [f"{1e3 * times[stage]:.2f} ms" for stage in ["decode", "resize", "quality", "session"]]
        lines.append(f"| {network} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


TABLES = {"cost": cost_table, "good": good_table, "spoilt": spoilt_table}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", type=Path, default=ROOT / "target/release", help="folder of edgetl and edgetl-tools")
    parser.add_argument("--only", nargs="+", choices=TABLES, default=TABLES)
    options = parser.parse_args()
    for name in options.only:
        write("docs/cameras.md", f"quality-{name}", TABLES[name](options.binaries.resolve()))


if __name__ == "__main__":
    main()
