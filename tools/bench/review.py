#!/usr/bin/env python3
"""Whether labelling what `edgetl review` names first teaches more than labelling as many frames at random.

    python3 tools/bench/review.py [--draws 24]

Needs `../shared`. Runs the test that measures it, and writes its numbers into docs/review.md, between their markers.
"""

import argparse
import os
import subprocess

from markers import ROOT, write


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=24)
    arguments = parser.parse_args()
    command = ["cargo", "test", "--lib", "--", "watch::queue_tests", "--nocapture"]
    variables = {**os.environ, "REVIEW_DRAWS": str(arguments.draws)}
    printed = subprocess.run(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True, check=True).stdout
    rows = [line.split("|")[1:] for line in printed.splitlines() if line.startswith("measured|")]
    if len(rows) != 2:
        raise SystemExit(f"expected two measurements, got {len(rows)}: is ../shared there?")
    table = ["| The day | Before | 20 at random | The first 20 of the list | More |", "|---|---|---|---|---|"]
    for name, draws, *shares in rows:
        before, random, queue, gain, error = (100 * float(share) for share in shares)
        table.append(f"| {name} | {before:.1f} % | {random:.1f} % | {queue:.1f} % | {gain:+.1f} ± {error:.1f} |")
    table += ["", f"Means over {draws} draws of the first pictures and of the day; `More` is in points, with its standard error."]
    write("docs/review.md", "review", "\n".join(table))
    print("\n".join(table))


if __name__ == "__main__":
    main()
