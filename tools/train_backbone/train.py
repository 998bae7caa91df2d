"""Trains the student; stops, resumes, and lets the learning rate reach zero when the given time or epochs are over.

    train.py --work DIR --run DIR/run --photographs DATA --minutes 100
    train.py --work DIR --run DIR/run --photographs DATA --epochs 200 --batch 512 --rate 0.4     with a GPU
    train.py --work DIR --run DIR/fine --start DIR/run/checkpoint.pt --epochs 12 --weights 0 2 0    on from another run

`--work` holds what data.py and teacher.py wrote. `--run` receives `checkpoint.pt` (everything needed to go on: repeat the
command) and `log.jsonl` (one line an epoch).

On a CPU, one-thread workers that average their gradients are faster than threads of one worker, above all when the machine
is shared: threads wait for each other in every layer, workers once a step.
"""

import argparse
import copy
import json
import math
import os
import time
from datetime import timedelta
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F

import augment
import probe
from network import Student, new_backbone

INPUT_SIZE = 128
EMA_DECAY = 0.996
WARM_UP = 0.01
TEMPERATURE = 2.0
CHECKPOINT_SECONDS = 180


@dataclass
class Teaching:
    """Arrays on disk, indexed by picture, and what turns a change of the teacher's feature into one of its logits."""

    images: np.ndarray
    labels: np.ndarray
    maps: np.ndarray
    logits: np.ndarray
    classifier: torch.Tensor
    rows: np.ndarray

    @classmethod
    def load(cls, work: Path, device: str) -> "Teaching":
        def array(name: str) -> np.ndarray:
            return np.load(work / f"{name}.npy", mmap_mode="r")

        classifier = torch.from_numpy(np.load(work / "teacher_basis.npz")["classifier"]).to(device)
        logits = array("teacher_logits")
        rows = np.flatnonzero(np.any(logits, axis=1))
        print(f"{len(rows)} of {len(logits)} pictures have a teacher's answer; the others are left out", flush=True)
        return cls(array("train_images"), np.load(work / "train_labels.npy"), array("teacher_map"), logits, classifier, rows)

    def batch(self, rows: np.ndarray, size: int, generator: torch.Generator, device: str):
        """Augmented pictures, labels, the teacher's feature of each crop and its logits."""
        rows = np.sort(rows)
        def send(array: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(array[rows]).to(device)

        windows = augment.random_windows(len(rows), generator).to(device)
        x = send(self.images).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
        x = augment.sharpness(augment.sample(x, windows, size), generator)
        x = augment.colour(x, generator)
        maps = send(self.maps).float()
        feature = augment.crop_features(maps, windows)
        logits = send(self.logits).float() + (feature - maps.mean((1, 2))) @ self.classifier
        return x.to(memory_format=torch.channels_last), send(self.labels), feature, logits


def loss(outputs, targets, weights: list[float]) -> torch.Tensor:
    """Cross-entropy, cosine distance to the teacher's feature and divergence from its logits, by their weights."""
    labels, feature, logits = targets
    classes, own_feature, own_logits = (o.float() for o in outputs)
    classified = F.cross_entropy(classes, labels, label_smoothing=0.1)
    alike = (1 - F.cosine_similarity(own_feature, feature)).mean()
    log_own = F.log_softmax(own_logits / TEMPERATURE, 1)
    log_teacher = F.log_softmax(logits / TEMPERATURE, 1)
    imitated = F.kl_div(log_own, log_teacher, reduction="batchmean", log_target=True) * TEMPERATURE**2
    return sum(weight * part for weight, part in zip(weights, (classified, alike, imitated)))


def input_size(sizes: list[str], progress: float) -> int:
    """The last `SIZE@START` whose start has been reached."""
    steps = [(float(start), int(size)) for size, start in (s.split("@") for s in sizes)]
    return [size for start, size in steps if progress >= start][-1]


def rate(peak: float, progress: float) -> float:
    warm = min(1.0, (progress + 1e-4) / WARM_UP)
    return peak * warm * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


class Run:
    """One worker's side of a training run; worker 0 measures, logs and saves."""

    def __init__(self, arguments: argparse.Namespace, worker: int = 0):
        self.arguments, self.worker = arguments, worker
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.narrow = self.device == "cuda" or torch.cpu._is_avx512_bf16_supported()
        torch.manual_seed(arguments.seed)
        self.teaching = Teaching.load(arguments.work, self.device)
        classes = int(self.teaching.labels.max()) + 1
        student = Student(new_backbone(), classes, *self.teaching.classifier.shape)
        if arguments.start:
            student.load_state_dict(torch.load(arguments.start, map_location="cpu", weights_only=True)["average"])
        self.student = student.to(self.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.student).eval()
        self.optimizer = self.make_optimizer()
        self.generator = torch.Generator()
        self.epoch, self.step, self.steps_done, self.seconds = 0, 0, 0, 0.0
        self.path = arguments.run / "checkpoint.pt"
        if self.path.exists():
            self.restore()
        self.clock = self.saved = time.monotonic()

    def make_optimizer(self) -> torch.optim.Optimizer:
        matrices = [p for p in self.student.parameters() if p.ndim > 1]
        vectors = [p for p in self.student.parameters() if p.ndim == 1]
        groups = [{"params": matrices, "weight_decay": self.arguments.decay}, {"params": vectors, "weight_decay": 0.0}]
        return torch.optim.SGD(groups, lr=0.0, momentum=0.9, nesterov=True)

    def restore(self) -> None:
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        self.student.load_state_dict(state["student"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.step, self.steps_done, self.seconds = state["position"]
        print(f"resumed at epoch {self.epoch}, step {self.step}, {self.seconds / 60:.1f} min", flush=True)

    def save(self) -> None:
        state = {
            "student": self.student.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "position": (self.epoch, self.step, self.steps_done, self.seconds),
        }
        temporary = self.path.with_suffix(".new")
        with open(temporary, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path)
        self.saved = time.monotonic()

    def steps_per_epoch(self) -> int:
        return len(self.teaching.rows) // self.arguments.batch

    def progress(self) -> float:
        """0 at the start, 1 when the budget is spent."""
        if self.arguments.minutes:
            return self.seconds / (60 * self.arguments.minutes)
        return self.steps_done / (self.arguments.epochs * self.steps_per_epoch())

    def update(self, rows: np.ndarray) -> float:
        """One step on this worker's share of `rows`."""
        progress, workers = self.progress(), self.arguments.workers
        rows = rows[self.worker::workers]
        self.generator.manual_seed((self.arguments.seed * 1_000_003 + self.steps_done) * workers + self.worker)
        size = input_size(self.arguments.sizes, progress)
        x, *targets = self.teaching.batch(rows, size, self.generator, self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.arguments.rate, progress)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.narrow):
            outputs = self.student(x)
        value = loss(outputs, targets, self.arguments.weights)
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()
        self.seconds += self.exchange(self.lap())
        self.optimizer.step()
        self.average_weights()
        self.step, self.steps_done = self.step + 1, self.steps_done + 1
        return value.item()

    def lap(self) -> float:
        """Seconds since the last call."""
        now = time.monotonic()
        elapsed, self.clock = now - self.clock, now
        return elapsed

    def exchange(self, elapsed: float) -> float:
        """Averages the workers' gradients and makes worker 0's clock everyone's."""
        workers = self.arguments.workers
        if workers == 1:
            return elapsed
        gradients = [p.grad for p in self.student.parameters()]
        flat = torch.cat([g.reshape(-1) for g in gradients] + [torch.tensor([elapsed * workers * (self.worker == 0)])])
        dist.all_reduce(flat)
        flat /= workers
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients] + [1])):
            gradient.copy_(part.view_as(gradient))
        return flat[-1].item()

    @torch.no_grad()
    def average_weights(self) -> None:
        decay = min(EMA_DECAY, (1 + self.steps_done) / (10 + self.steps_done))
        pairs = zip(self.average.state_dict().values(), self.student.state_dict().values())
        ours, theirs = zip(*((a, b) for a, b in pairs if a.is_floating_point()))
        torch._foreach_lerp_(list(ours), list(theirs), 1 - decay)

    def train_epoch(self) -> float:
        """The rest of the current epoch, or of the budget; returns the mean loss."""
        order = np.random.default_rng((self.arguments.seed, self.epoch)).permutation(self.teaching.rows)
        self.student.train()
        losses = []
        while self.step < self.steps_per_epoch() and self.progress() < 1:
            rows = order[self.step * self.arguments.batch:][:self.arguments.batch]
            losses.append(self.update(rows))
            if self.worker == 0 and self.steps_done % 50 == 0:
                print(f"epoch {self.epoch} step {self.step} loss {np.mean(losses[-100:]):.4f} "
                      f"progress {self.progress():.3f} minutes {self.seconds / 60:.1f}", flush=True)
            if self.worker == 0 and self.clock - self.saved > CHECKPOINT_SECONDS:
                self.save()
        return float(np.mean(losses)) if losses else float("nan")

    @torch.no_grad()
    def validate(self, size: int) -> float:
        """Top-1 accuracy of the averaged weights on every fifth validation picture, brought to `size`."""
        images = np.load(self.arguments.work / "val_images.npy", mmap_mode="r")[::5]
        labels = np.load(self.arguments.work / "val_labels.npy")[::5]
        right = 0
        for start in range(0, len(images), 128):
            x = torch.from_numpy(images[start:start + 128]).to(self.device).permute(0, 3, 1, 2).float() / 127.5 - 1
            x = F.interpolate(x, (size, size), mode="bilinear", antialias=True)
            guess = self.average(x.to(memory_format=torch.channels_last))[0].argmax(1).cpu().numpy()
            right += int((guess == labels[start:start + 128]).sum())
        return right / len(images)

    def measure(self, photographs: probe.Photographs) -> dict:
        extract = probe.torch_features(self.average.backbone, self.device)
        size = input_size(self.arguments.sizes, self.progress())
        return {"validation": round(self.validate(size), 4)} | probe.probe(extract, photographs)

    def run(self) -> None:
        photographs = None
        if self.worker == 0 and self.arguments.photographs:
            photographs = probe.load(self.arguments.photographs, INPUT_SIZE)
        while self.progress() < 1:
            size = input_size(self.arguments.sizes, self.progress())
            mean = self.train_epoch()
            self.epoch, self.step = self.epoch + 1, 0
            if self.worker == 0:
                self.save()
                self.report({"epoch": self.epoch, "size": size, "progress": round(self.progress(), 4),
                             "minutes": round(self.seconds / 60, 1), "loss": round(mean, 4)}, photographs)

    def report(self, line: dict, photographs: probe.Photographs | None) -> None:
        due = self.epoch % self.arguments.probe_every == 0 or self.epoch == 1 or self.progress() >= 1
        if photographs and due:
            line |= self.measure(photographs)
        with open(self.arguments.run / "log.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def work(worker: int, arguments: argparse.Namespace) -> None:
    torch.set_num_threads(arguments.threads)
    if arguments.workers > 1:
        meeting = f"file://{(arguments.run / 'meeting').resolve()}"
        hour = timedelta(hours=1)
        dist.init_process_group("gloo", meeting, hour, world_size=arguments.workers, rank=worker)
    Run(arguments, worker).run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--photographs", type=Path, help="folder for the linear probe; left out: no probe")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--minutes", type=float)
    budget.add_argument("--epochs", type=int)
    parser.add_argument("--sizes", nargs="+", default=["48@0", "64@0.75"], metavar="SIZE@START",
                        help="input size from each part of the budget on")
    parser.add_argument("--batch", type=int, default=96, help="of all workers together")
    parser.add_argument("--rate", type=float, default=0.1, help="peak learning rate")
    parser.add_argument("--weights", type=float, nargs=3, default=[0.5, 2, 0.5], metavar=("CLASS", "FEATURE", "LOGITS"),
                        help="of cross-entropy, the teacher's feature and the teacher's logits in the loss")
    parser.add_argument("--start", type=Path, help="checkpoint of another run to take the averaged weights of")
    parser.add_argument("--decay", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="processes; as many as idle cores, 1 with a GPU")
    parser.add_argument("--threads", type=int, default=1, help="of each worker")
    parser.add_argument("--probe-every", type=int, default=2)
    arguments = parser.parse_args()
    arguments.run.mkdir(parents=True, exist_ok=True)
    (arguments.run / "meeting").unlink(missing_ok=True)
    if arguments.workers == 1:
        work(0, arguments)
    else:
        mp.spawn(work, (arguments,), arguments.workers)


if __name__ == "__main__":
    main()
