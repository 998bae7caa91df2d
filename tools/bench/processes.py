"""Runs a program and measures it: wall time, time to its first line, peak memory.

Standard library only: the kernel counts the peak memory of the process that starts a program as the program's own, so
the harness must stay smaller than what it measures.
"""

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass


@dataclass
class Run:
    seconds: float
    first_line_seconds: float
    peak_mib: float
    output: str
    cpu_seconds: float
    written_bytes: int
    code: int = 0
    errors: str = ""

    def last_json(self):
        """The object on the last line of the output."""
        return json.loads(self.output.strip().splitlines()[-1])


def run(command, env=None, fails=False, keep=True):
    """Runs `command` to its end; raises when it fails, unless it may: then what it says is kept. Long output need
    not be kept."""
    start = time.perf_counter()
    quiet = subprocess.DEVNULL if os.environ.get("EDGETL_BENCH_QUIET") else None
    kept = tempfile.TemporaryFile("w+") if fails else None
    child = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=kept or quiet,
        env={**os.environ, **(env or {})},
        text=True,
    )
    # One line may be all of a long output.
    first = child.stdout.readline() if keep else child.stdout.read(1)
    first_line_seconds = time.perf_counter() - start
    output = first + (child.stdout.read() if keep else drained(child.stdout))
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stdout.close()
    if child.returncode != 0 and not fails:
        raise SystemExit(f"failed with exit code {child.returncode}: {' '.join(map(str, command))}")
    errors = ""
    if kept:
        kept.seek(0)
        errors = kept.read()
    # The kernel counts what reached the disk in blocks of 512 bytes.
    cpu_seconds, written_bytes = usage.ru_utime + usage.ru_stime, usage.ru_oublock * 512
    return Run(seconds, first_line_seconds, usage.ru_maxrss / 1024, output, cpu_seconds, written_bytes,
               child.returncode, errors)


def drained(stream):
    """Reads to the end."""
    while stream.read(1 << 16):
        pass
    return ""


def alternate(rounds, contenders):
    """Runs every contender once a round, in an order that turns with the rounds.

    `contenders` maps names to functions without arguments; gives a list of results, one a round, for each name.
    """
    names = list(contenders)
    results = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            results[name].append(contenders[name]())
    return results
