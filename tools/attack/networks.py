#!/usr/bin/env python3
"""Networks that ask for far more than their file is long, given to `edgetl` as a user would.

    tools/attack/networks.py EDGETL [--only WORD]

Each network goes through `backbone import`, `backbone inspect` and `collect --backbone`, on tract and, where
EDGETL_ONNXRUNTIME names the library, on ONNX Runtime. What counts is the peak of resident memory of the command and of
what it starts, the seconds that they compute (so that a busy machine changes nothing) and how it ends. The exit code is 1
where one takes more than 1.5 GB or 20 s, takes two minutes until it ends, or ends by a signal or a panic.
"""

import os
import struct
import subprocess
import sys
import tempfile
import time
import zlib

MOST_MB, MOST_SECONDS, MOST_WAITING = 1500, 20.0, 120.0
FLOAT, INT64, BOOL = 1, 7, 9


# ONNX, written by hand: a message is its fields, a field its number, its kind and its value.

def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def part(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def tensor(name, dims, data, kind=FLOAT, external=None):
    fields = b"".join(number(1, dim) for dim in dims) + number(2, kind) + part(8, name)
    if external is None:
        return fields + part(9, data)
    entries = {"location": external, "offset": "0"}
    return fields + b"".join(part(13, part(1, key) + part(2, value)) for key, value in entries.items()) + number(14, 1)


def floats(name, dims, values):
    return tensor(name, dims, struct.pack(f"<{len(values)}f", *values))


def integers(name, values, scalar=False):
    return tensor(name, [] if scalar else [len(values)], struct.pack(f"<{len(values)}q", *values), INT64)


def truth(name, value):
    return tensor(name, [], bytes([value]), BOOL)


def attribute(name, value):
    if isinstance(value, float):
        return part(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + number(20, 1)
    if isinstance(value, int):
        return part(1, name) + number(3, value) + number(20, 2)
    if isinstance(value, str):
        return part(1, name) + part(4, value) + number(20, 3)
    if isinstance(value, list):
        return part(1, name) + b"".join(number(8, item) for item in value) + number(20, 7)
    kind, content = value
    return part(1, name) + part({"tensor": 5, "graph": 6}[kind], content) + number(20, {"tensor": 4, "graph": 5}[kind])


def node(op, inputs, outputs, domain="", **attributes):
    fields = b"".join(part(1, name) for name in inputs) + b"".join(part(2, name) for name in outputs)
    fields += part(3, f"n_{outputs[0]}") + part(4, op) + (part(7, domain) if domain else b"")
    return fields + b"".join(part(5, attribute(name, value)) for name, value in attributes.items())


def value(name, dims, kind=FLOAT):
    shape = b"".join(part(1, part(2, dim) if isinstance(dim, str) else number(1, dim)) for dim in dims)
    return part(1, name) + part(2, part(1, number(1, kind) + part(2, shape)))


def untyped(name, kind=FLOAT):
    return part(1, name) + part(2, part(1, number(1, kind)))


def graph(nodes, tensors, inputs, outputs):
    fields = b"".join(part(1, item) for item in nodes) + part(2, "g") + b"".join(part(5, item) for item in tensors)
    return fields + b"".join(part(11, item) for item in inputs) + b"".join(part(12, item) for item in outputs)


def model(whole, functions=(), opset=17):
    sets = part(8, part(1, "") + number(2, opset)) + (part(8, part(1, "local") + number(2, 1)) if functions else b"")
    return number(1, 8) + part(7, whole) + sets + b"".join(part(25, function) for function in functions)


def classifier(middle, tensors=(), channels=4, functions=(), size=32):
    """A convolution, `middle` from `c` to `m`, global average pooling, a linear layer of ten classes."""
    weights = [((i * 37) % 19 - 9) / 20 for i in range(channels * 3 * 9)]
    nodes = [node("Conv", ["image", "w"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]), *middle,
             node("GlobalAveragePool", ["m"], ["p"]), node("Flatten", ["p"], ["f"], axis=1),
             node("Gemm", ["f", "k"], ["scores"])]
    own = [floats("w", [channels, 3, 3, 3], weights), floats("k", [channels, 10], [0.1] * channels * 10)]
    ends = [value("image", ["batch", 3, size, size])], [value("scores", ["batch", 10])]
    return model(graph(nodes, [*own, *tensors], *ends), functions)


# The networks. Each gives its file, and files beside it.

def doubling(op_of, levels):
    names = ["c", *(f"d{level}" for level in range(levels))]
    return [op_of(names[level], names[level + 1]) for level in range(levels)], names[-1]


def concat(levels, axis=2):
    nodes, last = doubling(lambda one, other: node("Concat", [one, one], [other], axis=axis), levels)
    return classifier([*nodes, node("ReduceMean", [last], ["m"], axes=[axis], keepdims=1)])


def padded():
    """The same, with nodes that make the file 22 kB."""
    chain, last = doubling(lambda one, other: node("Concat", [one, one], [other], axis=2), 30)
    filler = [node("Identity", ["c" if i == 0 else f"i{i - 1}"], [f"i{i}"]) for i in range(600)]
    return classifier([*filler, *chain, node("ReduceMean", [last], ["m"], axes=[2], keepdims=1)])


def outer(op, dims_left, dims_right):
    middle = [node("Reshape", ["c", "left"], ["l"]), node("Reshape", ["c", "right"], ["r"]), node(op, ["l", "r"], ["x"]),
              node("ReduceMax", ["x"], ["y"], keepdims=1), node("Reshape", ["y", "one"], ["z"]), node("Add", ["c", "z"], ["m"])]
    return classifier(middle, [integers("left", dims_left), integers("right", dims_right), integers("one", [1])], size=1024)


def tile(times):
    return classifier([node("Tile", ["c", "times"], ["t"]), node("ReduceMean", ["t"], ["m"], axes=[2, 3], keepdims=1)],
                      [integers("times", [1, 1, times, times])])


def expand(to):
    return classifier([node("ReduceMean", ["c"], ["a"], axes=[2, 3], keepdims=1), node("Expand", ["a", "to"], ["m"])],
                      [integers("to", [1, 4, to, to])])


def resize(scale):
    return classifier([node("Resize", ["c", "", "scales"], ["m"], mode="nearest")],
                      [floats("scales", [4], [1.0, 1.0, scale, scale])])


def pad(by):
    return classifier([node("Pad", ["c", "by"], ["m"])], [integers("by", [0, 0, 0, 0, 0, 0, by, by])])


def constant_of_shape(side):
    """A constant that an optimiser computes before any run."""
    return classifier([node("ConstantOfShape", ["s"], ["z"]), node("ReduceSum", ["z"], ["q"], keepdims=0),
                       node("Add", ["c", "q"], ["m"])], [integers("s", [side, side])])


def folded(levels):
    """Constants that double, folded by an optimiser."""
    names = ["one", *(f"k{level}" for level in range(levels))]
    nodes = [node("Concat", [names[i], names[i]], [names[i + 1]], axis=0) for i in range(levels)]
    return classifier([*nodes, node("ReduceSum", [names[-1]], ["q"], keepdims=0), node("Add", ["c", "q"], ["m"])],
                      [floats("one", [1], [1e-9])])


def spread(limit):
    return classifier([node("Range", ["from", "to", "by"], ["r"]), node("Cast", ["r"], ["x"], to=FLOAT),
                       node("ReduceMax", ["x"], ["q"], keepdims=0), node("Add", ["c", "q"], ["m"])],
                      [integers("from", [0], True), integers("to", [limit], True), integers("by", [1], True)])


def onehot(depth):
    return classifier([node("Shape", ["c"], ["s"]), node("OneHot", ["s", "depth", "values"], ["x"]),
                       node("ReduceMax", ["x"], ["q"], keepdims=0), node("Add", ["c", "q"], ["m"])],
                      [integers("depth", [depth]), floats("values", [2], [0.0, 1.0])])


def einsum():
    middle = [node("Reshape", ["c", "flat"], ["l"]), node("Einsum", ["l", "l", "l"], ["x"], equation="i,j,k->ijk"),
              node("ReduceMax", ["x"], ["q"], keepdims=0), node("Add", ["c", "q"], ["m"])]
    return classifier(middle, [integers("flat", [-1])], size=64)


def loop(rounds, grows):
    """A body that runs very often, or doubles what it carries."""
    step = node("Concat", ["v", "v"], ["v2"], axis=2) if grows else node("Sin", ["v"], ["v2"])
    body = graph([node("Identity", ["go"], ["go2"]), step], [],
                 [value("i", [], INT64), value("go", [], BOOL), untyped("v")], [value("go2", [], BOOL), untyped("v2")])
    return classifier([node("Loop", ["rounds", "yes", "c"], ["x"], body=("graph", body)),
                       node("ReduceMean", ["x"], ["m"], axes=[2], keepdims=1)],
                      [integers("rounds", [rounds], True), truth("yes", 1)])


def branch(levels):
    """The growth inside a branch of an If."""
    names = ["c", *(f"b{level}" for level in range(levels))]
    chain = [node("Concat", [names[i], names[i]], [names[i + 1]], axis=2) for i in range(levels)]
    then = graph(chain, [], [], [untyped(names[-1])])
    other = graph([node("Identity", ["c"], ["e"])], [], [], [untyped("e")])
    return classifier([node("If", ["yes"], ["x"], then_branch=("graph", then), else_branch=("graph", other)),
                       node("ReduceMean", ["x"], ["m"], axes=[2], keepdims=1)], [truth("yes", 1)])


def laughs(levels):
    """Functions that call each other twice."""
    def function(name, nodes):
        return (part(1, name) + part(4, "a") + part(5, "b") + b"".join(part(7, item) for item in nodes)
                + part(9, part(1, "") + number(2, 17)) + part(9, part(1, "local") + number(2, 1)) + part(10, "local"))
    first = function("f0", [node("Relu", ["a"], ["b"])])
    rest = [function(f"f{level}", [node(f"f{level - 1}", ["a"], ["t"], "local"), node(f"f{level - 1}", ["t"], ["b"], "local")])
            for level in range(1, levels)]
    return classifier([node(f"f{levels - 1}", ["c"], ["m"], "local")], functions=[first, *rest])


def chain(op, count):
    names = ["c", *(f"x{i}" for i in range(count - 1)), "m"]
    return classifier([node(op, [names[i]], [names[i + 1]]) for i in range(count)])


def empty(megabytes):
    """Nodes of two bytes each, which take a hundred times that once they are read."""
    return number(1, 8) + part(7, part(1, b"") * (megabytes * 500_000)) + part(8, part(1, "") + number(2, 17))


def convolution(side):
    """Few weights and very many multiplications."""
    return classifier([node("Resize", ["c", "", "scales"], ["b"], mode="nearest"),
                       node("Conv", ["b", "v"], ["x"], kernel_shape=[7, 7]), node("Conv", ["x", "v"], ["y"], kernel_shape=[7, 7]),
                       node("Conv", ["y", "v"], ["m"], kernel_shape=[7, 7])],
                      [floats("scales", [4], [1.0, 1.0, side / 16, side / 16]), floats("v", [4, 4, 7, 7], [0.01] * 784)])


def external():
    """Weights of 1.9 GB in a file with a hole in place of content."""
    rows = 480_000_000
    middle = [node("ReduceSum", ["far"], ["q"], keepdims=0), node("Add", ["c", "q"], ["m"])]
    return classifier(middle, [tensor("far", [rows], b"", external="far.bin")]), {"far.bin": rows * 4}


NETWORKS = {
    "30 Concats": lambda: padded(),
    "18 Concats": lambda: concat(18),
    "Concats of channels": lambda: concat(30, 1),
    "Mul of outer shapes": lambda: outer("Mul", [-1, 1], [1, -1]),
    "MatMul of outer shapes": lambda: outer("MatMul", [-1, 1], [1, -1]),
    "Tile": lambda: tile(4000),
    "Expand": lambda: expand(60_000),
    "Resize": lambda: resize(3000.0),
    "Pad": lambda: pad(70_000),
    "ConstantOfShape": lambda: constant_of_shape(100_000),
    "constants folded": lambda: folded(33),
    "Range": lambda: spread(4_000_000_000),
    "OneHot": lambda: onehot(1_000_000_000),
    "Einsum": lambda: einsum(),
    "Loop that grows": lambda: loop(40, True),
    "Loop that never ends": lambda: loop(1 << 60, False),
    "If with growth inside": lambda: branch(30),
    "functions called twice": lambda: laughs(30),
    "100,000 nodes": lambda: chain("Relu", 100_000),
    "19,000 nodes": lambda: chain("Sin", 19_000),
    "empty nodes, 40 MB": lambda: empty(40),
    "very many products": lambda: convolution(2500),
    "data beside, 1.9 GB": external,
}


def png(path, shade):
    """A grey square."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes([shade, x * 4 % 256, 90] * 64) for x in range(64))
    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + content)


def run(command, folder):
    """The exit code (below 0: a signal), stderr, seconds computed, seconds waited and peak of resident memory in MB."""
    environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    with open(os.path.join(folder, "stderr"), "w+b") as stderr:
        start = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=stderr)
        _, status, usage = os.wait4(process.pid, 0)
        waited = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        stderr.seek(0)
        text = stderr.read().decode(errors="replace")
    return process.returncode, text, usage.ru_utime + usage.ru_stime, waited, usage.ru_maxrss / 1024


def fault(code, text, seconds, waited, peak):
    if code < 0:
        return f"signal {-code}"
    if "panicked" in text or code == 101:
        return "panic"
    if peak > MOST_MB:
        return "memory"
    if seconds > MOST_SECONDS or waited > MOST_WAITING:
        return "time"
    return "" if code in (0, 1) else f"exit {code}"


def attack(program, name, make, engines, folder):
    """Prints a line for each command; gives the number of faults."""
    made = make()
    content, beside = made if isinstance(made, tuple) else (made, {})
    path = os.path.join(folder, "network.onnx")
    with open(path, "wb") as file:
        file.write(content)
    for other, size in beside.items():
        with open(os.path.join(folder, other), "wb") as file:
            file.truncate(size)
    faults = 0
    for engine, flags in engines.items():
        state = tempfile.mkdtemp(dir=folder)
        commands = {
            "import": ["backbone", "import", path, "--preset", "raw", *flags],
            "inspect": ["backbone", "inspect", path, "--preset", "raw", *flags],
            "collect": ["collect", "photos", "--backbone", path, "--preset", "raw", *flags],
        }
        for command, arguments in commands.items():
            code, text, seconds, waited, peak = run([program, "--state", state, *arguments], folder)
            found = fault(code, text, seconds, waited, peak)
            faults += bool(found)
            print(f"{name:<24}{engine:<8}{command:<9}{code:>4}{seconds:>8.1f} s{peak:>8.0f} MB  {found}", flush=True)
    os.remove(path)
    for other in beside:
        os.remove(os.path.join(folder, other))
    return faults


def main(arguments):
    if not arguments or arguments[0].startswith("-"):
        sys.exit(__doc__)
    program = os.path.abspath(arguments[0])
    only = arguments[arguments.index("--only") + 1] if "--only" in arguments else ""
    engines = {"tract": ["--provider", "tract"]}
    library = os.environ.get("EDGETL_ONNXRUNTIME")
    if library:
        engines["cpu"] = ["--provider", "cpu", "--onnxruntime", os.path.abspath(library)]
    faults = 0
    print(f"{'network':<24}{'engine':<8}{'command':<9}{'exit':>4}{'time':>10}{'memory':>11}  fault")
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "photos", "a"))
        for number_of, shade in enumerate((10, 120, 240)):
            png(os.path.join(folder, "photos", "a", f"{number_of}.png"), shade)
        for name, make in NETWORKS.items():
            if only in name:
                faults += attack(program, name, make, engines, folder)
    print(f"{faults} faults (more than {MOST_MB} MB or {MOST_SECONDS:.0f} s, a signal, a panic)")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
