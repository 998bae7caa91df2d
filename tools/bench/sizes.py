"""What the program weighs: what each feature adds to it, and which crates its code is of.

    python3 tools/bench/sizes.py [--profile release]

Builds the program with `cli` alone and with each further default feature after it, counts bytes and crates, links it once more with its
symbols, and writes both tables into docs/device.md. Some minutes for each feature.
"""

import argparse
import json
import os
import re
import subprocess
from collections import Counter

import markers

SHOWN = 12


def run(*command, **more):
    return subprocess.run([str(word) for word in command], cwd=markers.ROOT, check=True, text=True, stdout=subprocess.PIPE, **more).stdout


def default_features():
    packages = json.loads(run("cargo", "metadata", "--no-deps", "--format-version", "1"))["packages"]
    features = next(package for package in packages if package["name"] == "edgetl")["features"]["default"]
    return ["cli", *(feature for feature in features if feature != "cli")]


def build(profile, features, *rustc):
    flags = ["--locked", "--profile", profile, "--bin", "edgetl", "--no-default-features", "--features", ",".join(features)]
    run("cargo", "rustc", *flags, "--", *rustc)
    target = os.environ.get("CARGO_TARGET_DIR", markers.ROOT / "target")
    return f"{target}/{'debug' if profile == 'dev' else profile}/edgetl"


def crates(features):
    flags = ["--edges", "normal", "--prefix", "none", "--no-default-features", "--features", ",".join(features)]
    return len({line.split(" (")[0] for line in run("cargo", "tree", "--locked", "--package", "edgetl", *flags).splitlines() if line})


def of_features(profile):
    names = default_features()
    lines, before = ["| Features | Program | More | Crates | More |", "|---|---|---|---|---|"], None
    for count in range(1, len(names) + 1):
        program, number = os.stat(build(profile, names[:count])).st_size / 1e6, crates(names[:count])
        more = ("", "") if before is None else (f"{program - before[0]:+.1f} MB", f"{number - before[1]:+d}")
        name = f"`{names[0]}` alone" if count == 1 else f"and `{names[count - 1]}`"
        lines.append(f"| {name} | {program:.1f} MB | {more[0]} | {number} | {more[1]} |")
        before = (program, number)
    return "\n".join(lines), names


def crate_of(symbol):
    named = re.match(r"[<&(\[*]*(?:dyn |mut |const )*([a-z_][a-z0-9_]*)(?:\[[0-9a-f]+\])?::", symbol)
    if named:
        return named[1].replace("_", "-")
    return "SQLite, and what else is C"


def of_crates(program):
    """Bytes of machine code by crate, from the symbols of the linked program."""
    found = Counter()
    symbols = run("nm", "--print-size", "--demangle=rust", program)
    for size, symbol in re.findall(r"^[0-9a-f]+ ([0-9a-f]+) [tTwW] (.*)$", symbols, re.M):
        found[crate_of(symbol)] += int(size, 16)
    sections = dict(re.findall(r"^(\.\S+)\s+(\d+)", run("size", "-A", program), re.M))
    part = lambda *names: sum(int(sections.get(name, 0)) for name in names) / 1e6
    whole = sum(found.values())
    lines = ["| Of | Code | Share |", "|---|---|---|"]
    families = Counter()
    for name, size in found.items():
        families["tract" if name.startswith("tract") else name] += size
    for name, size in families.most_common(SHOWN):
        lines.append(f"| {name} | {size / 1e6:.1f} MB | {100 * size / whole:.0f} % |")
    rest = whole - sum(size for _, size in families.most_common(SHOWN))
    lines.append(f"| all else | {rest / 1e6:.1f} MB | {100 * rest / whole:.0f} % |")
    lines.append("")
    lines.append(f"Code {part('.text'):.1f} MB, constants {part('.rodata'):.1f} MB, tables for unwinding "
                 f"{part('.eh_frame', '.eh_frame_hdr', '.gcc_except_table'):.1f} MB, addresses to relocate "
                 f"{part('.rela.dyn', '.data.rel.ro', '.got'):.1f} MB.")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--profile", default="release")
    profile = parser.parse_args().profile
    features, names = of_features(profile)
    markers.write("docs/device.md", "features", features)
    markers.write("docs/device.md", "code", of_crates(build(profile, names, "-C", "strip=none")))


if __name__ == "__main__":
    main()
