#!/usr/bin/env python3
"""How long a first teach of two classes takes, from an empty state to right answers, by a browser at the pace of a person (the pauses
stand in tests/it/page/story.rs), with the program as tests build it, which is slower than a release. Needs Chromium and chromedriver. Three times, medians.

    python3 tools/bench/first_teach.py        writes the table of docs/service.md
"""

import json
import subprocess
from pathlib import Path
from statistics import median

import markers

ROOT = Path(__file__).resolve().parent.parent.parent
RUNS = 3
TEST = "page::story::a_first_teach_of_two_classes_at_the_pace_of_a_person"
OTHERS = """| Teachable Machine | hold to record, four seconds a class, then seconds of training | a network and its page; what it exports is a file for another program | [a course](https://creatorshub.app/docs/summer-ai-camp/stage2), [what it trains](https://thecodeforge.io/ml-ai/no-code-image-classifier-teachable-machine/) |
| Frigate | 1 to 3 minutes a training run, after pictures were chosen from those that it kept | a CPU with AVX; no numbers of how good it is | [its documentation](https://docs.frigate.video/configuration/custom_classification/object_classification) |
| Geti | an installation of 40 GB first; 10 to 20 pictures to begin | 8 threads, 16 GB of memory, 40 GB of disk; exports for the device | [its requirements](https://github.com/open-edge-platform/geti/wiki) |"""


def once():
    command = ["cargo", "test", "--test", "it", "--", "--ignored", "--exact", "--nocapture", TEST]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    line = next((line for line in done.stdout.splitlines() if "first teach: " in line), None)
    if done.returncode or line is None:
        raise SystemExit(f"it failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    return json.loads(line.split("first teach: ")[1])


def run():
    runs = [once() for _ in range(RUNS)]
    whole, teach = (median(run[key] for run in runs) for key in ("seconds", "teach_seconds"))
    paint = median(run["first_paint_ms"] for run in runs)
    stars, rings = (round(median(run["pictures"][at] for run in runs)) for at in (0, 1))
    print(json.dumps(runs, indent=1))
    row = (f"| edgetl | **{whole:.0f} s** in all, from the empty page to right answers: {stars} and {rings} pictures; *Teach* itself {teach:.1f} s | "
           f"this one program, no network | this script; first paint after {paint:.0f} ms |")
    header = "| | Two classes taught | What it needs | Source |\n|---|---|---|---|"
    markers.write("docs/service.md", "first-teach", f"{header}\n{row}\n{OTHERS}")


if __name__ == "__main__":
    run()
