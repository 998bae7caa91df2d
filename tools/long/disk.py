"""A disk as a model: files with what is safe of them and what is not yet, and folders likewise.

`fsync` of a file makes its content safe, of a folder the names in it. All else may be lost when the power is cut: writes one by one
and in sectors, since drives reorder them; changes of a folder from some moment on, since file systems keep their order.
"""

import re
import shutil
from pathlib import Path

SECTOR = 512
LINE = re.compile(rb"^(\d+\.\d+) (\w+)\((.*)\) = (-?\d+)(?:<([^>]*)>)?")
TEXT = rb'"((?:\\x[0-9a-f]{2})*)"'


def text(match):
    return bytes.fromhex(match.replace(b"\\x", b"").decode())


def recorded(log):
    """The lines that strace wrote for each thread, in the order of their times."""
    lines = []
    for file in sorted(log.iterdir()):
        lines += [(float(match[1]), match) for match in map(LINE.match, file.read_bytes().splitlines()) if match and int(match[4]) >= 0]
    shutil.rmtree(log)
    return [event for _, match in sorted(lines, key=lambda line: line[0]) if (event := parsed(*match.groups()[1:]))]


def parsed(call, rest, result, opened):
    """A call as a tuple of what it does; `None` for one that changes nothing."""
    call, result = call.decode(), int(result)
    descriptor = re.match(rb"(\d+)<([^>]*)>", rest)
    number, path = (int(descriptor[1]), hexpath(descriptor[2])) if descriptor else (None, None)
    if call == "openat":
        flags = rest.decode(errors="replace")
        return "open", result, hexpath(opened), "O_CREAT" in flags, "O_TRUNC" in flags, "O_APPEND" in flags
    if call in ("write", "pwrite64"):
        data = text(re.search(TEXT, rest)[1])[:result]
        at = int(rest.rsplit(b",", 1)[1]) if call == "pwrite64" else None
        return "write", number, path, at, data
    if call == "lseek":
        return "seek", number, result
    if call == "ftruncate":
        return "truncate", path, int(rest.rsplit(b",", 1)[1])
    if call in ("fsync", "fdatasync"):
        return "sync", path
    names = [text(name).decode() for name in re.findall(TEXT, rest)]
    if call.startswith("rename"):
        return "rename", absolute(rest, names, 0), absolute(rest, names, 1)
    if call.startswith("link"):
        return "link", absolute(rest, names, 0), absolute(rest, names, 1)
    if call.startswith("unlink"):
        return "unlink", absolute(rest, names, 0)
    if call.startswith("mkdir"):
        return "mkdir", absolute(rest, names, 0)
    raise ValueError(call)


def hexpath(name):
    """`-xx` writes paths in hexadecimal as well."""
    return text(name).decode() if name.startswith(b"\\x") else name.decode()


def absolute(rest, names, which):
    """The path of a name that may be relative to a folder's descriptor."""
    name = names[which]
    folders = [hexpath(folder) for folder in re.findall(rb"(?:\d+|AT_FDCWD)<([^>]*)>", rest)]
    return name if name.startswith("/") else str(Path(folders[min(which, len(folders) - 1)]) / name)


class File:
    def __init__(self, content=b""):
        self.safe, self.pending = bytearray(content), []

    def sync(self):
        for change in self.pending:
            apply(self.safe, change)
        self.pending = []


def apply(content, change):
    if change[0] == "truncate":
        del content[change[1] :]
        content.extend(bytes(change[1] - len(content)))
    else:
        at, data = change[1:]
        content.extend(bytes(max(0, at - len(content))))
        content[at : at + len(data)] = data


class Disk:
    """The files below `root`, all safe at first."""

    def __init__(self, root):
        self.root, self.said, self.positions = str(root), b"", {}
        self.names = {str(path): File(path.read_bytes()) if path.is_file() else None for path in Path(root).rglob("*")}
        """Names that are safe, and the changes of names that are not yet, each with the folders that it is in."""
        self.safe_names, self.renames = dict(self.names), []

    def mine(self, path):
        return path is not None and path.startswith(self.root + "/")

    def change_names(self, folders, change):
        self.renames.append((folders, change))
        change(self.names)

    def apply(self, event):
        getattr(self, event[0])(*event[1:])

    def open(self, number, path, creates, empties, appends):
        self.positions[number] = 0
        if not self.mine(path) or path not in self.names and not creates:
            return
        if path not in self.names:
            file = File()
            self.change_names({parent(path)}, lambda names: names.__setitem__(path, file))
        file = self.names[path]
        if empties:
            file.pending.append(("truncate", 0))
        if appends:
            self.positions[number] = None

    def write(self, number, path, at, data):
        if number == 1:
            self.said += data
        if not self.mine(path) or path not in self.names:
            return
        file = self.names[path]
        if at is None:
            at = self.positions.get(number)
            at = self.length(file) if at is None else at
            if self.positions.get(number) is not None:
                self.positions[number] = at + len(data)
        file.pending.append(("write", at, data))

    @staticmethod
    def length(file):
        content = bytearray(file.safe)
        for change in file.pending:
            apply(content, change)
        return len(content)

    def seek(self, number, position):
        if self.positions.get(number) is not None:
            self.positions[number] = position

    def truncate(self, path, length):
        if self.mine(path) and path in self.names:
            self.names[path].pending.append(("truncate", length))

    def sync(self, path):
        if path in self.names and self.names[path]:
            self.names[path].sync()
        elif path == self.root or path in self.names:
            # All that was done to the names in this folder, and what was done before, is safe.
            last = max((index for index, (folders, _) in enumerate(self.renames) if path in folders), default=-1)
            for _, change in self.renames[: last + 1]:
                change(self.safe_names)
            self.renames = self.renames[last + 1 :]

    def rename(self, old, new):
        def change(names):
            for name in [name for name in names if name == old or name.startswith(old + "/")]:
                names[new + name[len(old) :]] = names.pop(name)
        if self.mine(new):
            self.change_names({parent(old), parent(new)}, change)

    def link(self, old, new):
        if self.mine(new):
            self.change_names({parent(new)}, lambda names: names.__setitem__(new, names.get(old)))

    def unlink(self, path):
        if self.mine(path):
            self.change_names({parent(path)}, lambda names: names.pop(path, None))

    def mkdir(self, path):
        if self.mine(path):
            self.change_names({parent(path)}, lambda names: names.__setitem__(path, None))

    def lose_power(self, chance):
        """Chooses what of the unsafe is there."""
        for _, change in self.renames[: chance.randint(0, len(self.renames))]:
            change(self.safe_names)
        for file in {id(file): file for file in self.safe_names.values() if file}.values():
            for change in file.pending:
                for part in sectors(change):
                    if chance.random() < 0.5:
                        apply(file.safe, part)

    def lay_down(self, root):
        """Writes the disk into `root`, which is emptied."""
        for entry in root.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for path, file in sorted(self.safe_names.items(), key=lambda item: item[0]):
            if path.endswith("-shm"):
                continue  # Memory that processes share; nothing of it outlives the machine.
            if file is None:
                Path(path).mkdir(parents=True, exist_ok=True)
            else:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                Path(path).write_bytes(file.safe)


def sectors(change):
    """The parts of a change that may be there without the others."""
    if change[0] == "truncate":
        return [change]
    at, data = change[1:]
    cuts = [0, *range(SECTOR - at % SECTOR, len(data), SECTOR), len(data)]
    return [("write", at + start, data[start:end]) for start, end in zip(cuts, cuts[1:])]


def parent(path):
    return path.rsplit("/", 1)[0]
