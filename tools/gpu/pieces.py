"""Files cut into numbered pieces that travel one by one, and put together again by their SHA-256.

A bundle is one stream: every file behind the one before it. `bundle.json` names the files and the pieces with their lengths and sums.
"""

import hashlib
import importlib.util
import json
from importlib.machinery import SourceFileLoader
from pathlib import Path

INDEX = "bundle.json"


class Refusal(Exception):
    """What was expected and what was found."""


def script(path):
    """A Python script without a suffix, as a module."""
    spec = importlib.util.spec_from_loader(path.name, SourceFileLoader(path.name, str(path)))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def chunks(paths, size=1 << 20):
    for path in paths:
        with open(path, "rb") as file:
            yield from iter(lambda: file.read(size), b"")


def split(files, folder, limit, about):
    """Cuts `files`, name to path, into pieces of at most `limit` bytes in `folder`; gives their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("piece.*"), folder / INDEX]:
        old.unlink(missing_ok=True)
    pieces, current, room = [], None, 0
    for chunk in chunks(files.values()):
        while chunk:
            if room == 0:
                if current:
                    current.close()
                pieces.append(folder / f"piece.{len(pieces):03d}")
                current, room = open(pieces[-1], "wb"), limit
            part, chunk = chunk[:room], chunk[room:]
            current.write(part)
            room -= len(part)
    if current:
        current.close()
    said = lambda path: {"bytes": path.stat().st_size, "sha256": sha256(path)}
    index = {
        "about": about,
        "files": [{"name": name, "mode": path.stat().st_mode & 0o777, **said(path)} for name, path in files.items()],
        "pieces": [{"name": piece.name, **said(piece)} for piece in pieces],
    }
    (folder / INDEX).write_text(json.dumps(index, indent=1))
    return pieces


def check(path, wanted):
    if not path.is_file():
        raise Refusal(f"expected `{path}`, got no file")
    if path.stat().st_size != wanted["bytes"]:
        raise Refusal(f"expected {wanted['bytes']} bytes in `{path}`, got {path.stat().st_size}")
    got = sha256(path)
    if got != wanted["sha256"]:
        raise Refusal(f"expected SHA-256 {wanted['sha256']} of `{path}`, got {got}")


def index(folder):
    try:
        return json.loads((folder / INDEX).read_text())
    except (OSError, ValueError) as error:
        raise Refusal(f"expected a bundle in `{folder}`, got none: {error}") from None


def missing(folder):
    """The names of the pieces that are not in `folder` whole."""
    def is_whole(piece):
        try:
            check(folder / piece["name"], piece)
        except Refusal:
            return False
        return True
    return [piece["name"] for piece in index(folder)["pieces"] if not is_whole(piece)]


def join(folder, to):
    """Puts the files of the bundle in `folder` together in `to`; gives the index."""
    bundle = index(folder)
    for piece in bundle["pieces"]:
        check(folder / piece["name"], piece)
    to.mkdir(parents=True, exist_ok=True)
    stream, rest = chunks(folder / piece["name"] for piece in bundle["pieces"]), b""
    for file in bundle["files"]:
        path, left = to / Path(file["name"]).name, file["bytes"]
        with open(path, "wb") as out:
            while left:
                rest = rest or next(stream)
                out.write(rest[:left])
                rest, left = rest[left:], left - len(rest[:left])
        path.chmod(file["mode"])
        check(path, file)
    return bundle
