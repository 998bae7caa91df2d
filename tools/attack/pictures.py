#!/usr/bin/env python3
"""Attacks `edgetl` with small pictures that take much memory or time: python3 tools/attack/pictures.py EDGETL [ONLY…]

`predict` of each must stay within memory and time and end with an answer or an error of its own; `collect` of ordinary
pictures with all of them beside must store every ordinary one. Exit code 1 where a bound is broken. EDGETL is built for
release, or for debugging with optimisation: seconds are measured. Standard library only.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import hostile

PEAK_MB, SECONDS = 450, 10
COLLECT_PEAK_MB = 1000


def run(command, cwd):
    """Exit code, seconds of the processor, peak memory in MB (10^6 bytes), stdout and stderr."""
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as answers:
        child = subprocess.Popen(command, cwd=cwd, stdout=answers, stderr=errors, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        answers.seek(0)
        errors.seek(0)
        said = errors.read().decode(errors="replace")
        answer = answers.read().decode(errors="replace")
    return child.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6, answer, said


def lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def broken_bounds(code, seconds, peak, said, most):
    broken = []
    if code not in (0, 1):
        broken.append(f"exit code {code}")
    if peak > most:
        broken.append(f"more than {most} MB")
    if seconds > SECONDS:
        broken.append(f"more than {SECONDS} s")
    if "panicked" in said:
        broken.append("a panic is printed")
    return broken


def row(name, kib, seconds, peak, outcome):
    return f"{name[:27]:<27} {kib:>7} {seconds:>6} {peak:>6}  {outcome[:29]}"


def predict(edgetl, folder, names):
    faults = 0
    print(row("predict", "KiB", "s", "MB", "outcome"))
    for name in names:
        path = folder / "hostile" / name
        code, seconds, peak, answer, said = run([edgetl, "--state", "state", "predict", "--json", path], folder)
        broken = broken_bounds(code, seconds, peak, said, PEAK_MB)
        answers = lines(answer)
        if not answers:
            broken.append("no answer")
        faults += bool(broken)
        error = answers[0].get("error", "") if answers else ""
        outcome = "BROKEN: " + ", ".join(broken) if broken else error.split("`: ")[-1] or "answered"
        print(row(name, path.stat().st_size // 1024, f"{seconds:.1f}", f"{peak:.0f}", outcome), flush=True)
    return faults


def collect(edgetl, folder, names):
    """Ordinary pictures, with the hostile ones among them."""
    mixed = folder / "mixed"
    ordinary = sorted((folder / "photos").glob("*/*"))
    for path in ordinary:
        target = mixed / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path)
    for number, name in enumerate(names):
        label = ordinary[number % len(ordinary)].parent.name
        (mixed / label / f"hostile_{name}").symlink_to(folder / "hostile" / name)
    code, seconds, peak, answer, said = run([edgetl, "--state", "fresh", "collect", "--json", mixed], folder)
    broken = broken_bounds(code, 0, peak, said, COLLECT_PEAK_MB)
    summary = (lines(answer) or [{}])[-1]
    missing = {path.name for path in ordinary} & {Path(failed["path"]).name for failed in summary.get("failed", [])}
    kept = summary.get("stored", 0) + summary.get("duplicates", 0) + len(summary.get("failed", []))
    if missing or kept != len(ordinary) + len(names):
        broken.append(f"{kept} of {len(ordinary) + len(names)} accounted for")
    counts = f"{summary.get('stored')} stored, {len(summary.get('failed', []))} failed"
    outcome = "BROKEN: " + ", ".join(broken) if broken else counts
    print(row(f"collect {len(ordinary)} + {len(names)}", "", f"{seconds:.1f}", f"{peak:.0f}", outcome))
    return bool(broken)


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    edgetl = Path(sys.argv[1]).resolve()
    names = [name for name in hostile.ALL if not sys.argv[2:] or name in sys.argv[2:]]
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        (folder / "hostile").mkdir()
        # In a process of its own: what this one took would count as taken by whatever it starts.
        subprocess.run([sys.executable, hostile.__file__, folder / "hostile", *names], check=True)
        code, *_, said = run([edgetl, "-q", "demo", "--keep", folder], folder)
        if code != 0:
            raise SystemExit(f"the demonstration failed: {said}")
        faults = predict(edgetl, folder, names) + collect(edgetl, folder, names)
    print(f"{faults} broken" if faults else "every bound holds")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
