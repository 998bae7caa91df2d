"""Held-out accuracy and calibration of `fit-head` by itself beside every head that it chooses from, over random splits.

    python3 tools/bench/splits.py --backbone NET.onnx --size 224 --resize 256 --test-share 0.25 FOLDER...

One test set is a few hundred pictures, whose accuracy has an error of a point or two: what `--head auto` loses shows over
many splits only. The folders hold one folder a class; all their pictures are pooled and drawn anew for every split.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import tempfile

HEADS = ["prototype", "lda", "ridge", "softmax", "average", "auto"]


def pictures(folders):
    """Class to files."""
    classes = {}
    for folder in folders:
        for file in sorted(pathlib.Path(folder).glob("*/*")):
            classes.setdefault(file.parent.name, []).append(file.resolve())
    return classes


def link(files, folder):
    folder.mkdir(parents=True)
    for number, file in enumerate(files):
        os.symlink(file, folder / f"{number:05}{file.suffix}")


def split(classes, share, seed, root):
    for label, files in classes.items():
        files = random.Random(f"{seed} {label}").sample(files, len(files))
        count = round(share * len(files))
        link(files[:count], root / "test" / label)
        link(files[count:], root / "train" / label)


def edgetl(options, root, *arguments):
    command = [options.edgetl, "--state", root / "state", "--quiet", *arguments]
    environment = {**os.environ, "EDGETL_PROVIDER": options.provider}
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    return json.loads(output.splitlines()[-1])


def measure(options, root):
    backbone = ["--backbone", options.backbone, "--preset", "inception", "--size", options.size, "--resize", options.resize]
    edgetl(options, root, "collect", "--json", *(backbone if options.backbone else []), root / "train")
    results = {}
    for head in HEADS:
        fitted = edgetl(options, root, "fit-head", "--head", head, "--json")
        tested = edgetl(options, root, "eval", "--json", root / "test")
        results[head] = {"kind": fitted["head"], "accuracy": tested["accuracy"], "ece": tested["ece"],
                         "cv": fitted["cv"]["accuracy"]}
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--edgetl", default="target/release/edgetl")
    parser.add_argument("--backbone", help="an ONNX file, scaled by x / 127.5 - 1; without, the one in the program")
    parser.add_argument("--size", default="224")
    parser.add_argument("--resize", default="256")
    parser.add_argument("--provider", default="auto")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--test-share", type=float, default=0.25)
    options = parser.parse_args()
    classes, runs = pictures(options.folders), []
    for seed in range(options.splits):
        with tempfile.TemporaryDirectory() as root:
            root = pathlib.Path(root)
            split(classes, options.test_share, seed, root)
            runs.append(measure(options, root))
    mean = lambda head, key: sum(run[head][key] for run in runs) / len(runs)
    print("| Head | held out | cross-validated | calibration error |\n|---|---|---|---|")
    for head in HEADS:
        print(f"| {head} | {mean(head, 'accuracy'):.1%} | {mean(head, 'cv'):.1%} | {mean(head, 'ece'):.3f} |")
    best = max((mean(head, "accuracy"), head) for head in HEADS if head not in ("average", "auto"))
    print(f"\nauto chose {', '.join(run['auto']['kind'] for run in runs)}; "
          f"{100 * (best[0] - mean('auto', 'accuracy')):+.1f} points behind {best[1]}, the best single one on average")


if __name__ == "__main__":
    main()
