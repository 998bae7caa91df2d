"""Compares our preprocessing with Pillow's on real photographs, before normalisation.

    python tools/preprocess/parity.py FOLDER…

Needs Pillow and NumPy, and builds the comparison program with cargo. Prints, for each folder and setting, the mean
and the maximum absolute difference in 8-bit levels over all pictures, the worst pictures by name, and what only one
of the two could read.
"""

import json
import pathlib
import subprocess
import sys

import numpy as np

import reference

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
PLAIN = {"range": 255.0, "mean": [0.0] * 3, "std": [1.0] * 3}
SETTINGS = [
    {"width": 224, "height": 224, "resize": "shortest-side", "shortest_side": 256},
    {"width": 224, "height": 224, "resize": "shortest-side", "shortest_side": 256, "filter": "bicubic"},
    {"width": 128, "height": 128, "resize": "shortest-side", "shortest_side": 146},
    {"width": 320, "height": 288, "resize": "squash", "filter": "bicubic"},
    {"width": 640, "height": 600, "resize": "letterbox"},
]


def ours(paths, settings):
    """One [height, width, 3] array a path, None where it could not be read."""
    command = ["cargo", "run", "--quiet", "--example", "preprocess", "--", "levels", json.dumps(settings | PLAIN)]
    listed = "".join(f"{path}\n" for path in paths).encode()
    data = subprocess.run(command, cwd=ROOT, input=listed, stdout=subprocess.PIPE, check=True).stdout
    shape, at, pictures = (settings["height"], settings["width"], 3), 0, []
    for _ in paths:
        found = data[at]
        size = int(np.prod(shape)) * found
        pictures.append(np.frombuffer(data, np.uint8, size, at + 1).reshape(shape) if found else None)
        at += 1 + size
    return pictures


def theirs(path, settings):
    try:
        return np.asarray(reference.resized(reference.upright_rgb(path, (0, 0, 0)), settings))
    except OSError as error:
        print("Pillow:", path, error)
        return None


def compare(folder, settings):
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in EXTENSIONS)
    rows = []
    for path, our in zip(paths, ours(paths, settings)):
        their = theirs(path, settings)
        if our is None or their is None:
            print("unread by", [who for who, read in (("us", our), ("Pillow", their)) if read is None], path)
            continue
        apart = np.abs(our.astype(int) - their)
        rows.append((apart.max(), apart.mean(), (apart > 3).mean(), path))
    rows.sort(reverse=True)
    worst, means = rows[0][0], [row[1] for row in rows]
    over = sum(row[0] > 3 for row in rows)
    print(f"{folder.name} {json.dumps(settings)}: {len(rows)} pictures")
    print(f"  mean {np.mean(means):.4f}, worst mean {max(means):.4f}, maximum {worst}, pictures over 3: {over}")
    for most, mean, share, path in rows[: min(over, 5)]:
        print(f"    maximum {most}, mean {mean:.3f}, {share:.2e} of the values over 3: {path.relative_to(folder)}")


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        for chosen in SETTINGS:
            compare(pathlib.Path(folder), chosen)
