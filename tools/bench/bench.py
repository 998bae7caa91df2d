"""Measures edgetl beside Python pipelines and scikit-learn, in one run. Start it with `tools/bench/run`."""

import argparse
import json
import os
import platform
import shutil
import sys
from pathlib import Path

import markers
import report
from processes import alternate, run

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
ALPHAS = [10, 100, 1000, 10000, 100000]


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    shared = REPOSITORY.parent / "shared"
    photographs = shared / "data"
    parser.add_argument("--photos", type=Path, nargs="+", help="folders of label/image to collect",
                        default=[photographs / "hymenoptera/train", photographs / "hymenoptera/val"])
    parser.add_argument("--flowers", type=Path, default=photographs / "flowers12/train",
                        help="folder of label/image, three classes or more, to fit heads on")
    parser.add_argument("--model", type=Path, default=shared / "models/mobilenet_v2_1.0_224.onnx")
    parser.add_argument("--resize", type=int, default=256)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--penalty", type=float, default=100, help="of the softmax head: scikit-learn's 1 / C")
    parser.add_argument("--synthetic", type=int, nargs=3, metavar=("N", "C", "K"), default=[10000, 1280, 102])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--binaries", type=Path, help="folder of edgetl and edgetl-tools",
                        default=Path(os.environ.get("EDGETL_BENCH_BINARIES", REPOSITORY / "target/release")))
    parser.add_argument("--onnxruntime", type=Path, default=wheel_library(), help="the library for edgetl")
    parser.add_argument("--work", type=Path, default=REPOSITORY / "target/bench")
    options = parser.parse_args(arguments)
    for path in [*options.photos, options.flowers, options.model]:
        if not path.exists():
            parser.error(f"`{path}` is missing; name other photographs and models with the options")
    return options


def wheel_library():
    """ONNX Runtime's library inside the wheel, so that both sides run the same one."""
    packages = Path(sys.prefix, "lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")
    return next(iter(sorted(packages.glob("onnxruntime/capi/libonnxruntime.so*"))), None)


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = options.work
        self.work.mkdir(parents=True, exist_ok=True)
        self.environment = {"EDGETL_ONNXRUNTIME": str(options.onnxruntime)}
        self.cut_model = self.work / "backbone.onnx"
        self.peer("cut_model.py", options.model, self.cut_model)

    def edgetl(self, *arguments):
        return run([self.options.binaries / "edgetl", "--quiet", *arguments], self.environment)

    def tool(self, *arguments):
        return run([self.options.binaries / "edgetl-tools", *arguments], self.environment)

    def peer(self, script, *arguments):
        return run([sys.executable, HERE / "peers" / script, *arguments])

    def backbone(self):
        options = self.options
        # The peers take the last map alone.
        return ["--backbone", options.model, "--taps", "0", "--preset", "inception",
                "--size", options.size, "--resize", options.resize]

    def collect(self, state, sources, provider="cpu"):
        """Into a state folder that is empty at the start."""
        shutil.rmtree(state, ignore_errors=True)
        return self.edgetl("collect", "--state", state, "--provider", provider, "--json", *self.backbone(), *sources)

    def extract(self, processes, batch):
        options = self.options
        return self.peer("extract.py", *options.photos, "--model", self.cut_model, "--resize", options.resize,
                         "--size", options.size, "--processes", processes, "--batch", batch,
                         "--out", self.work / "features.npy")


def collect(bench):
    """`collect` against its floor and against the Python pipeline."""
    cores = len(os.sched_getaffinity(0))
    options = bench.options
    floor = lambda: bench.tool("stages", "--backbone", options.model, "--resize", options.resize,
                               "--size", options.size, *options.photos).last_json()
    results = alternate(options.rounds, {
        "edgetl": lambda: bench.collect(bench.work / "collect", options.photos),
        "stages": floor,
        "one": lambda: bench.extract(1, 1),
        "each": lambda: bench.extract(cores, 1),
    })
    images = results["each"][0].last_json()["images"]
    stages = ["decode", "resize", "quality", "thumbnail", "session"]
    per_image = lambda measured: sum(measured[stage] for stage in stages) / cores
    floor_seconds = [per_image(stage) * images for stage in results["stages"]]
    whole = lambda name: [run.seconds for run in results[name]]
    reported = [run.last_json()["seconds"] for run in results["edgetl"]]
    peers = {"Pillow + onnxruntime, one process": whole("one"),
             f"Pillow + onnxruntime, {cores} processes": whole("each")}
    return [
        report.row(f"collect {images} photographs, whole process", "s", whole("edgetl"), peers),
        report.row(f"collect {images} photographs, without start, against the floor", "s", reported,
                   {f"floor, ({' + '.join(stages)}) / {cores} cores": floor_seconds}),
    ]


def fit(bench):
    """`fit-head` and its two solvers against scikit-learn."""
    options = bench.options
    flowers, synthetic = bench.work / "flowers", bench.work / "synthetic"
    bench.collect(flowers, [options.flowers])
    shutil.rmtree(synthetic, ignore_errors=True)
    samples, dim, classes = options.synthetic
    bench.tool("synthesize", "--state", synthetic, "--samples", samples, "--dim", dim, "--classes", classes)
    whole = alternate(options.rounds, {
        "edgetl": lambda: bench.edgetl("fit-head", "--state", flowers, "--json").seconds,
        "peer": lambda: bench.peer("fit.py", flowers / "samples.db", "--head", "cross-validated").seconds,
    })
    peer = "LogisticRegressionCV, 4 penalties x 5 folds"
    rows = [report.row("fit-head on flowers12, cross-validation included, whole process", "s", whole["edgetl"],
                       {peer: whole["peer"]})]
    for name, state in [("flowers12", flowers), (f"synthetic {samples} x {dim}, {classes} classes", synthetic)]:
        rows += [softmax(bench, name, state), ridge(bench, name, state)]
    return rows


def softmax(bench, name, state):
    penalty = bench.options.penalty
    ours = lambda: bench.tool("fit", "--state", state, "--head", "softmax", "--penalty", penalty).last_json()
    peer = lambda: bench.peer("fit.py", state / "samples.db", "--head", "softmax", "--penalty", penalty).last_json()
    results = alternate(bench.options.rounds, {"edgetl": ours, "peer": peer})
    objectives = {side: runs[0]["objective"] for side, runs in results.items()}
    excess = objectives["edgetl"] / objectives["peer"] - 1
    seconds = lambda side: [run["seconds"] for run in results[side]]
    line = report.row(f"softmax, {name}; objective {excess:+.1e} of the peer's", "s", seconds("edgetl"),
                      {"LogisticRegression": seconds("peer")}, digits=3)
    return {**line, "objectives": objectives}


def ridge(bench, name, state):
    ours = lambda: bench.tool("fit", "--state", state, "--head", "ridge", "--alphas", *ALPHAS).last_json()
    peer = lambda: bench.peer("fit.py", state / "samples.db", "--head", "ridge", "--alphas", *ALPHAS).last_json()
    results = alternate(bench.options.rounds, {"edgetl": ours, "peer": peer})
    chosen = {side: runs[0]["alpha"] for side, runs in results.items()}
    seconds = lambda side: [run["seconds"] for run in results[side]]
    line = report.row(f"ridge, {len(ALPHAS)} penalties by leave-one-out, {name}", "s", seconds("edgetl"),
                      {"RidgeClassifierCV": seconds("peer")}, digits=3)
    return {**line, "alphas": chosen}


def start(bench):
    """Time to the first prediction and peak memory, from a cold start."""
    options = bench.options
    state, head = bench.work / "start", bench.work / "head.npz"
    bench.collect(state, options.photos)
    bench.edgetl("fit-head", "--state", state, "--json")
    bench.peer("save_head.py", state / "samples.db", head)
    photograph = next(path for path in sorted(options.photos[0].rglob("*.jpg")))
    predict = lambda provider: lambda: bench.edgetl(
        "predict", "--state", state, "--provider", provider, "--json", photograph)
    results = alternate(options.rounds, {
        "cpu": predict("cpu"),
        "tract": predict("tract"),
        "python": lambda: bench.peer("predict.py", bench.cut_model, head, options.resize, options.size, photograph),
    })
    seconds = lambda name: [run.first_line_seconds for run in results[name]]
    memory = lambda name: [run.peak_mib for run in results[name]]
    engines = [("ONNX Runtime", "cpu"), ("tract", "tract")]
    peer = "NumPy + Pillow + onnxruntime"
    return [
        *[report.row(f"start to first prediction, {name}", "s", seconds(side), {peer: seconds("python")})
          for name, side in engines],
        *[report.row(f"peak memory of predict, {name}", "MiB", memory(side), {peer: memory("python")}, 0)
          for name, side in engines],
    ]


def memory(bench):
    """Peak memory of bulk extraction."""
    options = bench.options
    results = alternate(1, {
        "cpu": lambda: bench.collect(bench.work / "collect", options.photos),
        "tract": lambda: bench.collect(bench.work / "collect", options.photos, "tract"),
        "python": lambda: bench.extract(1, 1),
    })
    peak = lambda name: [run.peak_mib for run in results[name]]
    return [report.row(f"peak memory of collect, {name}", "MiB", peak(side),
                       {"Pillow + onnxruntime, one process": peak("python")}, 0)
            for name, side in [("ONNX Runtime", "cpu"), ("tract", "tract")]]


PARTS = {"collect": collect, "fit": fit, "start": start, "memory": memory}


def main():
    bench = Bench(parse())
    rows = [row for name in bench.options.only for row in PARTS[name](bench)]
    table = report.markdown(rows)
    machine = {"machine": platform.machine(), "cores": len(os.sched_getaffinity(0)), "rounds": bench.options.rounds}
    target = bench.work / "results.json"
    target.write_text(json.dumps({**machine, "rows": rows}, indent=1) + "\n")
    (bench.work / "results.md").write_text(table + "\n")
    print(table)
    if list(bench.options.only) == list(PARTS):
        markers.write("README.md", "speed", table)
    print(f"\n{machine['machine']}, {machine['cores']} cores, median of {machine['rounds']} rounds; details: {target}")


if __name__ == "__main__":
    main()
