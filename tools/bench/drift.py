"""How often an unshifted day of photographs is noticed, and how soon the night and another camera are.

    python3 tools/bench/drift.py

Runs the test that measures it, which needs `../shared`, and writes its table into docs/drift.md.
"""

import subprocess

import markers

TEST = ["cargo", "test", "--test", "it", "--", "--ignored", "--nocapture", "--exact", "drifting::photographs::measured_for_the_documentation"]
HEADER = """\
| Pictures taught | Held out | False alarms, at 1 in 100 and at 1 in 10 | Looks a day | Night: looks until noticed, median and 9 of 10 | Another camera |
|---|---|---|---|---|---|
"""


def main():
    said = subprocess.run(TEST, cwd=markers.ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = [line for line in said.splitlines() if line.startswith("| ")]
    markers.write("docs/drift.md", "drift", HEADER + "\n".join(rows))


if __name__ == "__main__":
    main()
