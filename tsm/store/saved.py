"""Saved files: every process with what is wanted of it, to bring back elsewhere in time."""

from __future__ import annotations

import os

from tsm.errors import Broken, NoSuchProcess
from tsm.record import Record
from tsm.spec import Spec
from tsm.store import documents, environment, lock
from tsm.store.atomic import listed, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tsm.store.home import Home

VERSION = 1
DEFAULT = "default"  # the saved file of those who name none


class Saved(Record):
    """One process in a saved file."""

    spec: Spec
    environ: Mapping[bytes, bytes]
    up: bool  # whether it was wanted up


def write(home: Home, save: str, processes: Sequence[Saved]) -> str:
    """Replace a saved file, durably, and return its path."""
    path = home.save_file(save)
    values = {
        "version": VERSION,
        "processes": [
            {
                "wanted": "up" if one.up else "down",
                "spec": documents.encoded(one.spec),
                "env": _texts(one.environ),
            }
            for one in processes
        ],
    }
    from filelock import FileLock  # its import is dear, and reading needs none

    with FileLock(home.lock_file(lock.SAVED)):
        replace(path, documents.object_bytes(values), durable=True)
    return path


def read(home: Home, save: str) -> list[Saved]:
    """The processes of a saved file. Raises Broken if any part of it makes no sense."""
    path = home.save_file(save)
    if not os.path.exists(path):
        message = f"{path}: there is no such saved file: tsm save {save} makes it"
        raise NoSuchProcess(message)
    values = documents.read_object(path)
    rows = values.get("processes")
    if values.get("version") != VERSION or not isinstance(rows, list):
        message = f"{path}: not a saved file of version {VERSION}"
        raise Broken(message)
    return [_saved(row, f"{path}: processes[{number}]") for number, row in enumerate(rows)]


def names(home: Home) -> list[str]:
    """The names of the saved files."""
    found = listed(home.saved)
    return sorted(name.removesuffix(".json") for name in found if name.endswith(".json"))


def _saved(row: object, where: str) -> Saved:
    match row:
        case {"wanted": "up" | "down" as wanted, "spec": dict(spec), "env": list(texts)}:
            return Saved(
                documents.decoded(Spec, spec, f"{where}.spec"),
                _environ(texts, where),
                wanted == "up",
            )
        case _:
            message = f"{where}: should have wanted (up or down), spec and env"
            raise Broken(message)


def _texts(environ: Mapping[bytes, bytes]) -> list[str]:
    return [os.fsdecode(entry) for entry in environment.entries(environ).split(b"\0")[:-1]]


def _environ(texts: Sequence[object], where: str) -> dict[bytes, bytes]:
    if not all(isinstance(one, str) and "=" in one and documents.is_text(one) for one in texts):
        message = f"{where}.env: should be a list of KEY=VALUE"
        raise Broken(message)
    pairs = (os.fsencode(str(text)).partition(b"=") for text in texts)
    return {key: value for key, _, value in pairs}
