#!/usr/bin/env python3
"""What watching costs: frames a second and core, from a frame to its event, and the processor while nothing moves. Writes the table
`watch` in docs/cameras.md.

    tools/bench/watch.py [--edgetl PATH] [--seconds N]

Needs ffmpeg, ../shared/data, ../shared/models and ONNX Runtime (EDGETL_ONNXRUNTIME). Processor time is that of edgetl alone, from
/proc; ffmpeg's own is told apart.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

import markers
from accuracy import BACKBONES

ROOT = Path(__file__).resolve().parent.parent.parent
SHARED = ROOT.parent / "shared"
PHOTOS = SHARED / "data/hymenoptera"
FRAME = "scale=1280:720:force_original_aspect_ratio=increase,crop=1280:720"


def ticks(pid):
    """Processor time so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid):
    return [int(child) for child in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()]


class Bench:
    def __init__(self, edgetl, seconds, root):
        self.edgetl, self.seconds, self.root = edgetl, seconds, Path(root)

    def run(self, state, provider, *command):
        environment = os.environ | {"EDGETL_STATE": str(self.root / state), "EDGETL_PROVIDER": provider, "EDGETL_THREADS": "1"}
        subprocess.run([self.edgetl, *command], cwd=self.root, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def frames(self):
        """Photographs of both classes in turn, 1280x720, as one file; and a video in which nothing moves but noise."""
        (self.root / "sequence").mkdir()
        both = zip(sorted((PHOTOS / "val/ants").iterdir()), sorted((PHOTOS / "val/bees").iterdir()))
        for number, picture in enumerate([picture for pair in both for picture in pair][:48]):
            (self.root / f"sequence/{number:03}.jpg").symlink_to(picture)
        def ffmpeg(*words):
            subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", *words], cwd=self.root, check=True)
        ffmpeg("-framerate", "10", "-i", "sequence/%03d.jpg", "-vf", FRAME, "-q:v", "4", "-f", "mjpeg", "frames.mjpeg")
        ffmpeg("-loop", "1", "-framerate", "15", "-i", "sequence/000.jpg", "-vf", f"{FRAME},noise=alls=6:allf=t", "-t", "4", "-pix_fmt", "yuv420p",
               "-c:v", "libx264", "-preset", "veryfast", "still.mp4")
        ffmpeg("-i", "still.mp4", "-vf", "fps=5", "-q:v", "4", "-f", "mjpeg", "still.mjpeg")

    def settings(self, source, **more):
        lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in more.items())
        (self.root / "edgetl.toml").write_text(f'[camera.bench]\nsource = {json.dumps("command:" + source)}\n{lines}')

    def watch(self, state, provider):
        """Events, looks a second of processor, processor a second, the same of the camera's program."""
        environment = os.environ | {"EDGETL_STATE": str(self.root / state), "EDGETL_PROVIDER": provider, "EDGETL_THREADS": "1"}
        log = self.root / "looks.jsonl"
        log.unlink(missing_ok=True)
        watcher = subprocess.Popen([self.edgetl, "watch", "--json", "--log", log], cwd=self.root, env=environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True)
        for line in watcher.stdout:
            if json.loads(line)["event"] == "camera":
                break
        time.sleep(4)
        program = children(watcher.pid)[0]
        def looks():
            return log.read_text().count("\n") if log.exists() else 0
        start, before, before_program, before_looks = time.monotonic(), ticks(watcher.pid), ticks(program), looks()
        time.sleep(self.seconds)
        wall, used, used_program = time.monotonic() - start, ticks(watcher.pid) - before, ticks(program) - before_program
        looked = looks() - before_looks
        watcher.terminate()
        events = [json.loads(line) for line in watcher.stdout]
        watcher.wait()
        return [event for event in events if event["event"] != "camera"], looked / used if used else 0, used / wall, used_program / wall


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edgetl", type=Path, default=ROOT / "target/release/edgetl")
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as root:
        bench = Bench(options.edgetl.resolve(), options.seconds, root)
        bench.frames()
        loop = "ffmpeg -nostdin -loglevel error -stream_loop -1"
        for index, name in enumerate(["edgetl-tiny, in the box, 128 pixels", "MobileNetV2 1.0, 224 pixels"]):
            state, (file, flags) = f"state-{index}", BACKBONES[name]
            extra = ["--backbone", SHARED / "models" / file, *flags] if file else []
            bench.run(state, "cpu", "collect", PHOTOS / "train", *extra)
            bench.run(state, "cpu", "fit-head")
            for provider, called in [("cpu", "ONNX Runtime"), ("tract", "tract")]:
                # As fast as the program goes, of which the newest frame is taken.
                bench.settings(f"{loop} -re -f mjpeg -framerate 60 -i frames.mjpeg -c copy -f mjpeg -", fps=60, gate="always")
                _, speed, _, _ = bench.watch(state, provider)
                # Ten frames a second, each of another class than the one before, as far as the head sees it.
                bench.settings(f"{loop} -re -f mjpeg -framerate 10 -i frames.mjpeg -c copy -f mjpeg -", fps=12, gate="always", in_a_row=1, threshold=0.0)
                events, _, _, _ = bench.watch(state, provider)
                times = sorted(1000 * event["seconds"] for event in events)
                late = quantiles(times, n=100)[98]
                rows.append(f"| {name}, {called} | {speed:.0f} | {median(times):.0f} ms | {late:.0f} ms |")
        bench.settings(f"{loop} -re -i still.mp4 -an -vf fps=5 -q:v 4 -f mjpeg -", fps=5)
        _, _, decoded, ffmpeg = bench.watch("state-0", "cpu")
        bench.settings(f"{loop} -re -f mjpeg -framerate 5 -i still.mjpeg -c copy -f mjpeg -", fps=5)
        _, _, plain, copying = bench.watch("state-0", "cpu")
    table = ["| 1280x720 | Frames a second and core | Frame to event, median | 99 of 100 within |", "|---|---|---|---|", *rows, "",
             f"While nothing moves, 5 frames a second: {100 * plain:.1f} % of a core (its program {100 * copying:.1f} %) where the camera sends JPEG files; "
             f"{100 * decoded:.1f} % where ffmpeg decodes H.264 at 15 frames a second for it, which takes ffmpeg {100 * ffmpeg:.1f} %."]
    markers.write("docs/cameras.md", "watch", "\n".join(table))
    print("\n".join(table))


if __name__ == "__main__":
    main()
