#!/usr/bin/env python3
"""How good `fit-head` is with few pictures, beside every single head and scikit-learn's logistic regression.

    python3 tools/bench/few.py [--draws 10] [--sizes 1,2,5,10,20,60,0]
    python3 tools/bench/few.py --taps [--draws 10]

The second compares what `fit-head` does with an earlier map beside the last with what it does on the last map alone, and says
what the earlier map costs; the first is on the last map alone.

Needs `../shared`, a release build with tools (`cargo build --release --workspace`) and the packages of
tools/bench/requirements.txt. Features are collected once a set and backbone, into target/bench/few. Writes the table into
docs/heads.md, between its markers, and every number into target/bench/few.json or taps.json.
"""

import argparse
import json
import os
import pathlib
import resource
import shutil
import sqlite3
import subprocess
import tempfile
import warnings

import numpy as np

from markers import ROOT, write

BACKBONES = {
    "MobileNetV2": ("mobilenet_v2_1.0_224.onnx", ["--preset", "inception", "--size", "224", "--resize", "256"]),
    "MobileNetV1 0.5": ("mobilenet_v1_0.5_160.onnx", ["--preset", "inception", "--size", "160", "--resize", "183"]),
    "MobileNetV1 0.25": ("mobilenet_v1_0.25_128.onnx", ["--preset", "inception", "--size", "128", "--resize", "146"]),
    "SqueezeNet": ("squeezenet_fp16.onnx", ["--mean", "104,117,123", "--bgr"]),
}
TAPPED = {**BACKBONES, "edgetl-tiny": (None, [])}
SETS = {"ants and bees": ("hymenoptera/train", "hymenoptera/val"), "flowers": ("flowers12/train", "flowers12/test")}
HEADS = ["prototype", "lda", "ridge", "softmax", "average"]
SCALES = ["own scale", "one scale", "length 1"]
SHARED = ROOT.parent / "shared"
WORK = ROOT / "target/bench/few"


def collect(folder, backbone, part, *flags):
    network, settings = TAPPED[backbone]
    named = ["--backbone", SHARED / "models" / network, *settings] if network else []
    command = [ROOT / "target/release/edgetl", "--state", folder, "-q", "collect", SHARED / "data" / part, *named, *flags]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def state(backbone, pictures, taps):
    """A state with the features of both splits; made once."""
    folder = WORK / f"{backbone} {pictures} {taps}".replace(" ", "_")
    if not (folder / "samples.db").exists():
        for part, split in zip(SETS[pictures], ["train", "test"]):
            collect(folder, backbone, part, "--split", split, "--taps", str(taps))
    return folder


def fitted(folder, options, *flags):
    """What the heads of every draw say."""
    command = [ROOT / "target/release/edgetl-tools", "few", folder, "--draws", str(options.draws), "--sizes", options.sizes]
    return json.loads(subprocess.run([*command, *flags], check=True, stdout=subprocess.PIPE, text=True).stdout)


def features(folder):
    """Sample to vector and label."""
    rows = sqlite3.connect(folder / "samples.db").execute(
        "SELECT samples.id, label, vector FROM samples JOIN features ON sample_id = samples.id")
    return {id: (np.frombuffer(vector, "<f4").astype(np.float64), label) for id, label, vector in rows}


def scaled(train, test, scale):
    if scale == "length 1":
        unit = lambda rows: rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit(train), unit(test)
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    if scale == "one scale":
        deviation = np.full_like(deviation, np.sqrt((deviation**2).mean()))
    deviation[deviation == 0] = 1
    return (train - mean) / deviation, (test - mean) / deviation


def logistic(cell, vectors, asked):
    """Accuracy of scikit-learn's default logistic regression on each scale."""
    from sklearn.linear_model import LogisticRegression

    take = lambda ids: (np.stack([vectors[id][0] for id in ids]), np.array([vectors[id][1] for id in ids]))
    (train, labels), (test, truth) = take(cell["ids"]), take(asked)
    found = {}
    for scale in SCALES:
        a, b = scaled(train, test, scale)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = LogisticRegression(max_iter=2000, C=10.0 if scale == "length 1" else 1.0).fit(a, labels)
        found[scale] = float((model.predict(b) == truth).mean())
    return found


def measure(options):
    cells = []
    for pictures in SETS:
        for backbone in BACKBONES:
            folder = state(backbone, pictures, 0)
            found = fitted(folder, options)
            vectors = features(folder)
            for cell in found["cells"]:
                cell |= {"pictures": pictures, "backbone": backbone}
                cell["logistic"] = {} if options.no_peer else logistic(cell, vectors, found["asked"])
                del cell["ids"]
                cells.append(cell)
            print(pictures, backbone, flush=True)
    return cells


def table(cells):
    lines = ["| Set, backbone | a class | auto | best single head | logistic regression | gap | NLL of auto | NLL of the best |", "|---|---|---|---|---|---|---|---|"]
    gaps, beyond = [], 0
    keys = sorted({(c["pictures"], c["backbone"], c["size"] or 10**6) for c in cells})
    for pictures, backbone, size in keys:
        own = [c for c in cells if (c["pictures"], c["backbone"], c["size"] or 10**6) == (pictures, backbone, size)]
        accuracy = {head: np.array([c["heads"][head]["accuracy"] for c in own]) for head in HEADS}
        auto = np.array([c["heads"]["auto"]["accuracy"] for c in own])
        peers = {scale: np.array([c["logistic"][scale] for c in own]) for scale in SCALES if own[0]["logistic"]}
        head = max(HEADS, key=lambda head: accuracy[head].mean())
        peer = max(peers, key=lambda scale: peers[scale].mean(), default=None)
        best = max([accuracy[head], *([peers[peer]] if peer else [])], key=lambda values: values.mean())
        difference = 100 * (best - auto)
        error = difference.std(ddof=1) / len(own) ** 0.5 if len(own) > 1 else 0.0
        gaps.append(difference.mean())
        far = difference.mean() > max(1.5, 2 * error)
        beyond += far
        nll = lambda head: np.mean([c["heads"][head]["nll"] for c in own])
        least = min(HEADS, key=nll)
        lines.append(
            f"| {pictures}, {backbone} | {'all' if size == 10**6 else size} | {100 * auto.mean():.1f} | {100 * accuracy[head].mean():.1f} ({head}) | "
            + (f"{100 * peers[peer].mean():.1f} ({peer})" if peer else "-")
            + f" | {difference.mean():+.1f} ± {error:.1f}{' !' if far else ''} | {nll('auto'):.2f} | {nll(least):.2f} ({least}) |")
    lines.append("")
    lines.append(f"Mean gap of `auto` to the best of them: {np.mean(gaps):.2f} points; cells where it is beyond 1.5 points and two standard "
                 f"errors, marked `!`: {beyond} of {len(gaps)}.")
    return "\n".join(lines)


def measure_taps(options):
    """Of every draw, the head on the last map alone and the one that may take an earlier map as well."""
    cells = []
    for pictures in SETS:
        for backbone in ["MobileNetV2", "MobileNetV1 0.25", "edgetl-tiny"]:
            folder = state(backbone, pictures, 1)
            both, alone = (fitted(folder, options, "--heads", "auto", *flags) for flags in ([], ["--last-map"]))
            for own, last in zip(both["cells"], alone["cells"]):
                assert own["ids"] == last["ids"]
                cells.append({"pictures": pictures, "backbone": backbone, "size": own["size"],
                              "both": own["heads"]["auto"], "last": last["heads"]["auto"]})
            print(pictures, backbone, flush=True)
    return cells


def processor_seconds(work):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


ROUNDS = 5


def cost(backbone):
    """Processor seconds of collecting 240 photographs, and bytes of a feature, without and with the earlier map."""
    seconds, widths = {0: [], 1: []}, {}
    for _ in range(ROUNDS):
        for taps in seconds:
            folder = pathlib.Path(tempfile.mkdtemp())
            work = lambda: collect(folder, backbone, "flowers12/test", "--threads", "1", "--taps", str(taps))
            seconds[taps].append(processor_seconds(work))
            row = sqlite3.connect(folder / "samples.db").execute("SELECT length(vector) FROM features").fetchone()
            widths[taps] = row[0]
            shutil.rmtree(folder)
    return [min(seconds[taps]) for taps in (0, 1)], [widths[taps] for taps in (0, 1)]


def taps_table(cells, costs):
    lines = ["| Set, backbone | a class | last map | with an earlier map | gain | taken | NLL | NLL with |", "|---|---|---|---|---|---|---|---|"]
    order = lambda key: (key[0], list(TAPPED).index(key[1]), key[2])
    for pictures, backbone, size in sorted({(c["pictures"], c["backbone"], c["size"] or 10**6) for c in cells}, key=order):
        own = [c for c in cells if (c["pictures"], c["backbone"], c["size"] or 10**6) == (pictures, backbone, size)]
        of = lambda arm, what: np.array([c[arm][what] for c in own])
        gain = 100 * (of("both", "accuracy") - of("last", "accuracy"))
        error = gain.std(ddof=1) / len(own) ** 0.5 if len(own) > 1 else 0.0
        lines.append(f"| {pictures}, {backbone} | {'all' if size == 10**6 else size} | {100 * of('last', 'accuracy').mean():.1f} | "
                     f"{100 * of('both', 'accuracy').mean():.1f} | {gain.mean():+.1f} ± {error:.1f} | "
                     f"{of('both', 'earlier_maps').sum()} of {len(own)} | {of('last', 'nll').mean():.2f} | {of('both', 'nll').mean():.2f} |")
    for backbone, ((without, with_it), (few, many)) in costs.items():
        lines += ["", f"{backbone}: collecting takes {100 * (with_it / without - 1):+.1f} % of processor time (decoding included, one thread, the "
                      f"least of {ROUNDS} runs each), and a feature {many} bytes where it took {few}."]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--sizes", default="1,2,5,10,20,60,0")
    parser.add_argument("--taps", action="store_true", help="compare the last map alone with an earlier one beside it")
    parser.add_argument("--no-peer", action="store_true", help="without scikit-learn, and without writing the table")
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    if options.taps:
        options.sizes = "5,10,20,40,0"
        cells = measure_taps(options)
        (WORK.parent / "taps.json").write_text(json.dumps(cells, indent=1))
        text = taps_table(cells, {backbone: cost(backbone) for backbone in ["MobileNetV2", "edgetl-tiny"]})
        print(text)
        write("docs/heads.md", "taps", text)
        return
    cells = measure(options)
    (WORK.parent / "few.json").write_text(json.dumps(cells, indent=1))
    text = table(cells)
    print(text)
    if not options.no_peer:
        write("docs/heads.md", "few", text)


if __name__ == "__main__":
    main()
