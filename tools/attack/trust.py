#!/usr/bin/env python3
"""Attacks a built edgetl by the ways in which a stranger's files, names and settings come in; says what got through.

    python3 tools/attack/trust.py EDGETL [ONNX]

EDGETL is the program, ONNX a network that `backbone import` takes (default: a fixture of this repository). Needs Python
3.8 or newer and nothing else; as root it also tries files of other owners and a limit of threads, and a C compiler lets
it see whether a library was loaded. Everything happens in a temporary folder. Ends with 1 where an attack gets through.
"""

import os
import pty
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

STRANGER = 54_321
ESCAPES = "a\x1b]52;c;ZXZpbA==\x07\x1b]0;title\x07\x9b2J\u202eb\u200bc\nerror: forged"
COLOURS = re.compile(r"\x1b\[[0-9;]*m|\x1b\[[0-9]*[ABCDGKJ]|\x1b\[\?25[hl]")
PATHS = ["../../out1", "/tmp/out1", "..", ".", "", ".hidden", "-flag", "current", "a/b", "a\\b", "a\nb", "x" * 300]


class Machine:
    """A state directory, pictures and a network in a folder of their own."""

    def __init__(self, program, network):
        self.folder = tempfile.TemporaryDirectory(prefix="edgetl-attack-")
        self.root = Path(self.folder.name)
        self.program, self.network = program, network
        self.run("demo", "--keep", "demo").check_returncode()
        self.state = self.root / "demo/state"
        self.picture = next(self.root.glob("demo/test/*/*.png"))

    def run(self, *arguments, environment=None, prepare=None, program=None):
        settings = {"PATH": os.environ.get("PATH", ""), "EDGETL_PROVIDER": "tract", **(environment or {})}
        command = [program or self.program, *map(str, arguments)]
        return subprocess.run(
            command, cwd=self.root, env=settings, capture_output=True, preexec_fn=prepare, timeout=600, check=False
        )

    def imported(self, *more):
        return self.run("--state", self.state, "backbone", "import", self.network, *more)

    def on_a_terminal(self, *arguments):
        """All that the command sends to a terminal."""
        seen = bytearray()
        parent, child = pty.openpty()
        settings = {"PATH": os.environ.get("PATH", ""), "EDGETL_PROVIDER": "tract", "TERM": "xterm"}
        process = subprocess.Popen(
            [self.program, *map(str, arguments)], cwd=self.root, env=settings, stdin=child, stdout=child, stderr=child
        )
        os.close(child)
        try:
            while data := os.read(parent, 65536):
                seen += data
        except OSError:
            pass  # Linux says so when the last one has closed the terminal.
        os.close(parent)
        process.wait()
        return seen.decode("utf-8", "replace")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def import_over_a_folder(machine):
    """`backbone import --out` on what is no package deletes it"""
    precious = machine.root / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("years of work")
    (machine.root / "file").write_text("years of work")
    package = machine.root / "package"
    machine.imported("--out", package).check_returncode()
    shutil.copy(precious / "thesis.tex", package)
    tried = 0
    for place in [precious, machine.root / "file", package, machine.root, machine.state]:
        tried += 1
        if machine.imported("--out", place, "--size", "64").returncode == 0:
            return tried, f"--out {place.name} was taken"
    kept = [precious / "thesis.tex", machine.root / "file", package / "thesis.tex"]
    lost = [path.name for path in kept if not path.is_file() or path.read_text() != "years of work"]
    return tried, f"lost: {lost}" if lost else None


def names_as_paths(machine):
    """a backbone's name is a path (flag, command, manifest, store)"""
    before, tried = names(machine.root), 0
    for name in PATHS:
        for arguments in [["import", machine.network, f"--name={name}"], ["use", "--", name], ["remove", "--force", "--", name]]:
            tried += 1
            if machine.run("--state", machine.state, "backbone", *arguments).returncode == 0:
                return tried, f"{arguments[0]} took {name!r}"
    package = machine.root / "foreign"
    machine.imported("--out", package).check_returncode()
    manifest = (package / "manifest.toml").read_text()
    for name in PATHS:
        tried += 1
        quoted = name.replace("\\", "\\\\").replace("\n", "\\n")
        (package / "manifest.toml").write_text(re.sub('(?m)^name = ".*"$', lambda _: f'name = "{quoted}"', manifest))
        collected = machine.run("--state", machine.state, "collect", "demo/photos", "--backbone", package)
        if collected.returncode == 0:
            return tried, f"a manifest called {name!r} was taken"
    shutil.rmtree(package)
    kept = names(machine.state / "backbones")
    odd = [name for name in kept if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name)]
    new = sorted(set(names(machine.root)) - set(before))
    return tried, f"written: {odd + new}" if odd or new else None


def telltale(machine, folder):
    """A library that leaves a file behind when it is loaded; None without a C compiler."""
    folder.mkdir()
    library, told = folder / "libonnxruntime.so", machine.root / "loaded"
    code = f'#include <stdio.h>\n__attribute__((constructor)) void f(void){{FILE*x=fopen("{told}","w");if(x)fclose(x);}}'
    (folder / "f.c").write_text(code)
    compiler = shutil.which("cc")
    if not compiler:
        return None, told
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, folder / "f.c"], check=True)
    return library, told


def settings_of_strangers(machine):
    """edgetl.toml in the working directory names a stranger's library"""
    settings, tried = machine.root / "edgetl.toml", 0
    library, told = telltale(machine, machine.root / "lib")
    settings.write_text(f'[engine]\nonnxruntime = "{library or "/nowhere.so"}"\n')
    ways = [("others can write it", lambda: settings.chmod(0o666)), ("so can they the folder", lambda: machine.root.chmod(0o1777))]
    if os.geteuid() == 0:
        ways.append(("it is another user's", lambda: os.chown(settings, STRANGER, STRANGER)))
    through = None
    for way, prepare in ways:
        settings.chmod(0o644)
        machine.root.chmod(0o700)
        prepare()
        for arguments in [["doctor"], ["--config", "edgetl.toml", "doctor"], ["predict", machine.picture]]:
            tried += 1
            asked = machine.run("--state", machine.state, *arguments, environment={"EDGETL_PROVIDER": "auto"})
            if asked.returncode == 0 or told.exists() or b"edgetl.toml" not in asked.stderr:
                through = f"{way}: {arguments[0]} obeyed"
    settings.unlink()
    machine.root.chmod(0o700)
    return tried, through


def libraries_of_strangers(machine):
    """a library that others can change is loaded, named or found"""
    library, told = telltale(machine, machine.root / "lib2")
    if library is None:
        return 0, None
    ways = [(library, 0o777, None), (library.parent, 0o777, None), (library.parent, 0o1777, None)]
    if os.geteuid() == 0:
        ways += [(library, 0o755, STRANGER), (library.parent, 0o755, STRANGER)]
    tried, through = 0, None
    for path, mode, owner in ways:
        library.chmod(0o755)
        library.parent.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(library, 0, 0)
            os.chown(library.parent, 0, 0)
        if owner is not None:
            os.chown(path, owner, owner)
        path.chmod(mode)
        for flags, environment in [
            (["--onnxruntime", library], {}),
            ([], {"EDGETL_ONNXRUNTIME": str(library)}),
            ([], {"LD_LIBRARY_PATH": str(library.parent)}),
        ]:
            tried += 1
            machine.run("--state", machine.state, "doctor", *flags, environment={"EDGETL_PROVIDER": "auto", **environment})
            if told.exists():
                told.unlink()
                through = f"{path.name} with mode {mode:o}, owner {owner}"
    return tried, through


def escapes(machine):
    """names reach the terminal raw, or forge a line"""
    folder = machine.root / f"x{ESCAPES}"
    (folder / "star").mkdir(parents=True)
    shutil.copy(machine.picture, folder / f"star/{ESCAPES}.png")
    (folder / f"star/broken{ESCAPES}.png").write_bytes(b"broken")
    state, tried = ["--state", machine.state], 0
    for arguments in [
        [*state, "predict", folder],
        [*state, "--json", "predict", folder],
        [*state, "collect", folder],
        [*state, "samples", "list"],
        [*state, "samples", "doctor"],
        [*state, "eval", folder],
        [*state, "predict", ESCAPES],
        [*state, "backbone", "use", ESCAPES],
        ["--state", folder, "doctor"],
        ["--config", ESCAPES, "doctor"],
        [f"--{ESCAPES}"],
    ]:
        tried += 1
        shown = COLOURS.sub("", machine.on_a_terminal(*arguments)).replace("\r", "")
        raw = {f"U+{ord(c):04X}" for c in shown if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")}
        if raw or re.search(r"(?m)^error: forged", shown):
            command = next(part for part in map(str, arguments[-2:] if len(arguments) > 1 else arguments) if part != ESCAPES)
            return tried, f"{command!r}: {sorted(raw) or 'a forged line'}"
    return tried, None


def labels(machine):
    """two labels look the same, or turn the line around"""
    tried = 0
    for label in ["st\u200bar", "star\u200d", "\ufeffstar", "\u202erats", "st\u00adar", "star\u2060", "st\u200far"]:
        for arguments in [["collect", "demo/photos", "--label", label], ["samples", "rename", "star", label]]:
            tried += 1
            if machine.run("--state", machine.state, *arguments).returncode == 0:
                return tried, f"{arguments[0]} took {label!r}"
    return tried, None


def empty_variables(machine):
    """an empty EDGETL_ variable is taken for a value"""
    found = set()
    for command in [[], ["serve"], ["collect"], ["predict"]]:
        text = machine.run(*command, "--help").stdout.decode()
        found |= set(re.findall(r"EDGETL_[A-Z_]+", text))
    empty = {name: "" for name in found | {"EDGETL_TOKEN"}}
    plain = machine.run("--state", machine.state, "samples", "list", environment={"EDGETL_PROVIDER": ""})
    tried, through = 0, None
    for name in empty:
        tried += 1
        asked = machine.run("--state", machine.state, "predict", machine.picture, environment={name: ""})
        if asked.returncode != 0:
            through = f"{name}: {asked.stderr.decode().splitlines()[0]}"
    asked = machine.run("--state", machine.state, "samples", "list", environment=empty)
    if asked.stdout != plain.stdout:
        through = "all of them together"
    return tried + 1, through


def quiet_installation(machine):
    """`doctor --install-onnxruntime -q` installs nothing"""
    programs = machine.root / "bin"
    programs.mkdir()
    (programs / "python3").write_text("#!/bin/sh\n: >installed\necho /x\n")
    (programs / "python3").chmod(0o755)
    for quiet in ["-q", "-qq"]:
        path = {"PATH": str(programs)}
        machine.run("--state", machine.state, "doctor", "--install-onnxruntime=lib3", quiet, environment=path)
        if not (machine.root / "installed").exists():
            return 2, f"with {quiet}"
        (machine.root / "installed").unlink()
    return 2, None


def few_threads(machine):
    """a refused thread is a panic"""
    if os.geteuid() != 0:
        return 0, None
    program = machine.root / "edgetl"
    shutil.copy(machine.program, program)
    for path in [machine.root, *machine.root.rglob("*")]:
        os.chown(path, STRANGER, STRANGER, follow_symlinks=False)

    def limited(threads):
        def prepare():
            resource.setrlimit(resource.RLIMIT_NPROC, (threads + 1, threads + 1))
            os.setgid(STRANGER)
            os.setuid(STRANGER)

        return prepare

    tried = 0
    for arguments in [
        ["predict", "demo/test", "--threads", "4"],
        ["collect", "demo/test", "--threads", "4"],
        ["collect", "demo/test", "--threads", "4", "--views", "1"],
        ["fit-head"],
        ["eval", "demo/test", "--threads", "4"],
    ]:
        for threads in range(4):
            tried += 1
            environment = {"RAYON_NUM_THREADS": "4"}
            asked = machine.run("--state", machine.state, *arguments, environment=environment, prepare=limited(threads), program=program)
            if b"panicked" in asked.stderr or asked.returncode not in (0, 1):
                return tried, f"{arguments[0]} with {threads} threads: exit code {asked.returncode}"
    return tried, None


ATTACKS = [
    import_over_a_folder,
    names_as_paths,
    settings_of_strangers,
    libraries_of_strangers,
    escapes,
    labels,
    empty_variables,
    quiet_installation,
    few_threads,
]


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    program = Path(sys.argv[1]).resolve()
    fixture = Path(__file__).resolve().parents[2] / "tests/fixtures/backbone/gap.onnx"
    network = Path(sys.argv[2]).resolve() if len(sys.argv) == 3 else fixture
    os.umask(0o022)
    machine = Machine(program, network)
    print(f"{'attack':<64}{'tries':>6}  result")
    through = 0
    for attack in ATTACKS:
        tried, found = attack(machine)
        through += found is not None
        result = "THROUGH" if found else "held" if tried else "skipped"
        print(f"{attack.__doc__:<64}{tried:>6}  {result}", flush=True)
        if found:
            print(f"    {found}"[:79])
    print(f"{through} of {len(ATTACKS)} attacks got through")
    return 1 if through else 0


if __name__ == "__main__":
    sys.exit(main())
