"""Commands that change a state, and what may be there after one that did not come to its end."""

import functools
import hashlib
import http.server
import json
import re
import shutil
import signal
import threading

from harness import Fell, Device, ROOT, acknowledged, content

"""What changes a file system; the name of each system call that does."""
CHANGES = ["write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir",
           "mkdirat", "link", "linkat", "copy_file_range", "sendfile"]


STRACE = ["strace", "-f", "-q"]
"""Only the calls that are asked for stop the program. It injects no signal then."""
QUICK = [*STRACE, "--seccomp-bpf"]


class Operation:
    """`command` on a state that `before` made ready. Where it is `whole`, all of it is done or nothing. One that `erases` heads
    may leave such that are overwritten and not removed yet."""

    def __init__(self, name, command, before=None, whole=True, erases=False):
        self.name, self.command, self.before, self.whole, self.erases = name, command, before or (lambda device: None), whole, erases
        self.ends_in = ["samples", "head", "backbones", *(["heads", "erased"] if erases else [])]

    def start(self, template):
        """A device on which it can be run."""
        device = template.again()
        self.before(device)
        return device

    def check(self, device, views, done):
        """Raises where what is kept is neither what was before nor what was to be, or lacks what was acknowledged."""
        before, after = views
        now = device.view()
        self.check_samples(device, views, now, done)
        for key in ["head", "backbones"]:
            if now[key] not in (before[key], after[key]):
                raise Fell(f"{self.name}: {key} is {now[key]}, neither {before[key]} nor {after[key]}")
        if not set(now["heads"]) <= set(before["heads"]) | set(after["heads"]):
            raise Fell(f"{self.name}: a head that nobody made")
        if now["erased"] and not self.erases:
            raise Fell(f"{self.name}: {now['erased']} heads cannot be used")
        if succeeded(done) and self.whole and any(now[key] != after[key] for key in self.ends_in):
            raise Fell(f"{self.name}: ended well, and is not done")
        return now

    def check_samples(self, device, views, now, done):
        before, after = [view["samples"] for view in views]
        kept = now["samples"]
        if self.whole and kept not in (before, after):
            raise Fell(f"{self.name}: the samples are neither those of before nor those of after")
        for name in before.keys() | after.keys() | kept.keys():
            if kept.get(name) not in (before.get(name), after.get(name)):
                raise Fell(f"{self.name}: sample {name} is {kept.get(name)}, neither {before.get(name)} nor {after.get(name)}")
        lost = [path for path in acknowledged(done.stdout) if content(path) not in kept]
        if lost:
            raise Fell(f"{self.name}: acknowledged and lost: {lost}")

    def finish(self, device, views, now):
        """The same command again brings it to its end, and the head answers."""
        after = views[1]
        if any(now[key] != after[key] for key in self.ends_in):
            device.must(*self.command)
            again = device.view()
            for key in self.ends_in:
                if again[key] != after[key]:
                    raise Fell(f"{self.name}: run again, {key} is {difference(again[key], after[key])}")
        device.must("predict", "photos/ant/0000.png")


def difference(got, expected):
    """What of two states is not in both."""
    if not isinstance(got, dict):
        return f"{got}, expected {expected}"
    return {name: (got.get(name), expected.get(name)) for name in got.keys() | expected.keys() if got.get(name) != expected.get(name)}


def succeeded(done):
    return done.returncode == 0


def relabelled(device):
    device.must("samples", "relabel", "cup", "--id", "1,2,3")


def rearranged(device):
    """What `collect --sync` is to follow: pictures that moved to another class, are gone, are new."""
    photos = device.root / "photos"
    for path in sorted((photos / "ant").iterdir())[1:3]:
        path.rename(photos / "bee" / path.name)
    sorted((photos / "cup").iterdir())[0].unlink()
    shutil.copy(device.root / "more" / "ant" / "1000.png", photos / "ant")


def other_backbone():
    return ROOT / "tests/fixtures/backbone/two_stages.onnx"


def served(file):
    """The address of `file` on a server of this process, and its SHA-256."""
    handler = functools.partial(Quiet, directory=file.parent)
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/{file.name}", hashlib.sha256(file.read_bytes()).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """A client that is killed while it reads is why this runs."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def fetched():
    address, digest = served(other_backbone())
    return ["backbone", "fetch", address, "--sha256", digest, "--name", "other", "--size", "20x16"]


"""To add a command that writes: a line here. Labelling over HTTP belongs here once it is there."""
OPERATIONS = [
    Operation("collect", ["collect", "--json-lines", "more"], whole=False),
    Operation("fit-head", ["fit-head", "--head", "softmax", "--json"]),
    Operation("relabel", ["samples", "relabel", "cup", "--id", "1,2,3"]),
    Operation("undo", ["samples", "undo"], before=relabelled),
    Operation("forget", ["samples", "remove", "--id", "4,5", "--forget"], whole=False, erases=True),
    Operation("rollback", ["heads", "rollback", "--to", "000001"]),
    Operation("import", ["backbone", "import", other_backbone(), "--name", "other", "--size", "20x16"]),
    Operation("fetch", fetched()),
    Operation("sync", ["collect", "photos", "--sync", "--yes"], before=rearranged, whole=False),
    Operation("backup", ["backup", "device.tar"]),
]


def whole_backup(device):
    """A backup is there whole, or not at all."""
    if (device.root / "device.tar").exists():
        other = Device(device.edgetl)
        shutil.copy(device.root / "device.tar", other.root)
        other.must("restore", "device.tar")
        if other.view() != device.view():
            raise Fell("a backup that was cut short restores something else")
        other.remove()


def expected(operation, template):
    """What is kept before and after `operation`."""
    device = operation.start(template)
    before = device.view()
    device.must(*operation.command)
    return before, device.view()


def after_all(operation, device, views, done):
    """Every check of what was left by `operation`, which ended as `done` says."""
    if b"panicked" in done.stderr:
        raise Fell(f"{operation.name}: {done.stderr.decode(errors='replace')}")
    now = operation.check(device, views, done)
    if operation.name == "backup":
        whole_backup(device)
    operation.finish(device, views, now)


def calls(operation, template, names):
    """How often each system call of `names` is made, by the thread that makes it most often: strace counts by thread."""
    device = operation.start(template)
    log = device.root / "calls"
    device.run(*operation.command, before=[*QUICK, "-o", log, "-e", f"trace={','.join(names)}"])
    counts = {}
    for thread, name in re.findall(r"^(\d+) +(\w+)\(", log.read_text(errors="replace"), re.M):
        counts[thread, name] = counts.get((thread, name), 0) + 1
    most = {}
    for (_, name), count in counts.items():
        most[name] = max(most.get(name, 0), count)
    return most


def injected(operation, device, call, what, when):
    """Runs `operation` with `what` done to the `when`-th `call` of a thread; and whether that came about in the program, which
    begins with its `sigaltstack`, and not in the system's loader."""
    log = device.root / "calls"
    options = [*(QUICK if what.startswith("error") else STRACE), "-o", log, "-e", f"trace={call},sigaltstack", "-e", f"inject={call}:{what}:when={when}"]
    done = device.run(*operation.command, before=options)
    text = log.read_text(errors="replace") if log.exists() else ""
    begun = text.find("sigaltstack") >= 0
    killed = "killed by SIGKILL" in text or done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
    return done, begun and (killed or text.find("(INJECTED)") > text.find("sigaltstack"))


def report_of(done):
    """The object that `--json` or `--json-lines` ends with; none where there is none."""
    for line in reversed(done.stdout.splitlines()):
        try:
            return json.loads(line)
        except ValueError:
            continue
    return None
