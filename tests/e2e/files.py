"""The documented files of one process, read as any program may: tsm-runtime(5), tsm-db(5)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

BEGINS = ("start", "restart", "attach")
ENDS = ("exit", "crash", "stop")


class Files:
    """What stands in the home about the process `name`."""

    def __init__(self, home: Path, name: str) -> None:
        self.folder = home / "runtime" / "processes" / name
        self.lock = home / "runtime" / "locks" / f"{name}.lock"
        self.pid_file = home / "runtime" / "pids" / f"{name}.pid"
        self.history = home / "db" / "history" / f"{name}.jsonl"

    @property
    def meta(self) -> dict[str, Any]:
        """The object in meta.json."""
        return _object(self.folder / "meta.json")

    @property
    def spec(self) -> dict[str, Any]:
        """The object in spec.json."""
        return _object(self.folder / "spec.json")

    @property
    def run(self) -> dict[str, str]:
        """The run record: the rest of each line by its first word."""
        lines = (self.folder / "run").read_text().splitlines()
        return {line.partition(" ")[0]: line.partition(" ")[2] for line in lines}

    @property
    def child(self) -> int:
        """The pid of the run's child. Raises KeyError while there is none yet."""
        return int(self.run["pid"].split()[0])

    @property
    def launcher(self) -> int:
        """The pid of the run's launcher. Raises KeyError while there is none yet."""
        return int(self.run["launcher"].split()[0])

    @property
    def env(self) -> dict[bytes, bytes]:
        """The saved environment."""
        return environment((self.folder / "env").read_bytes())

    @property
    def events(self) -> list[dict[str, Any]]:
        """The whole life of the process, oldest first."""
        return [json.loads(line) for line in self.history.read_text().splitlines()]

    def event_names(self) -> list[str]:
        """What has happened, in words."""
        return [event["event"] for event in self.events]

    def await_event(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """The events of that name, once there are so many of them."""

        def found() -> list[dict[str, Any]]:
            rows = [row for row in self.events if row["event"] == event]
            return rows if len(rows) >= count else []

        return eventually(found)

    def await_next_child(self, pid: int) -> int:
        """The pid of the first child after `pid`."""
        return eventually(lambda: self.child if self.child != pid else 0)

    def edit(self, file: str, **values: object) -> None:
        """Change keys of meta.json or spec.json by hand, as an editor does."""
        path = self.folder / file
        path.write_text(json.dumps({**_object(path), **values}) + "\n")

    def content(self) -> dict[str, bytes]:
        """The bytes of every file of the process directory."""
        return {path.name: path.read_bytes() for path in sorted(self.folder.iterdir())}


def environment(raw: bytes) -> dict[bytes, bytes]:
    """The variables in the format of /proc/PID/environ."""
    pairs = [entry.partition(b"=") for entry in raw.split(b"\0")[:-1]]
    return {key: value for key, _, value in pairs}


def below(folder: Path) -> list[str]:
    """Everything below a folder, as sorted relative paths; nothing if it is not there.

    The settings of a home, which the tests have made themselves, are left out.
    """
    found = (str(path.relative_to(folder)) for path in folder.rglob("*"))
    return sorted(path for path in found if path != "config.toml")


def _object(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found
