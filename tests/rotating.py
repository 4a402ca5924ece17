"""A log that is rotated while programs write to it, and what has become of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import traceback
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.apps import fuse
from tsm.osproc import table, watchman, writers
from tsm.patrol import rotate
from tsm.store import rotated
from tsm.store.home import Home
from tsm.store.rotation import Current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

MOST = 1 << 20
DAY = "2026-11-28"


class Killed(BaseException):
    """Nothing more is done."""


@contextmanager
def alone(*_: object) -> Iterator[Callable[[object], None]]:
    """In the place of the shell that waits beside a rotation."""
    yield lambda _: None


class Log:
    """The log of a process "web", of one stream, and who writes it."""

    def __init__(self, root: Path) -> None:
        self.home = Home(str(root))
        self.folder = root / "runtime/processes/web"
        for folder in (
            self.folder,
            root / "runtime/locks",
            root / "db/history",
            root / "db/events",
        ):
            folder.mkdir(parents=True)
        self.current = self.folder / "current.out"
        self.current.touch()
        self.writers: list[subprocess.Popen[bytes]] = []

    def written_by(self, *argv: str | Path) -> subprocess.Popen[bytes]:
        """A program whose standard output it is."""
        with self.current.open("ab") as file:
            self.writers.append(subprocess.Popen([*map(str, argv)], stdout=file))
        return self.writers[-1]

    def append(self, data: bytes) -> None:
        """Write to it as a child does."""
        with self.current.open("ab", buffering=0) as file:
            file.write(data)

    def rotate(self, most: int = MOST) -> rotate.Rotation:
        """Rotate once."""
        self.mend()
        to = rotated.free(self.home, "web", "out", DAY)
        with Current(self.home, "web", "out") as current:
            return rotate.rotate(current, to, "asked for", most)

    def killed(self, act: int, task: Callable[[], object]) -> bool:
        """Do that as if killed before its act of that number; False if it had fewer.

        From then on nothing is done any more; so it takes no process of its own. Nobody is there
        to mend.
        """
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        left = count(act, -1)

        def burn() -> None:
            if next(left) <= 1:
                raise Killed

        try:
            with self.quick(), fuse.watched(burn):
                task()
        except Killed:
            return True
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return False

    @contextmanager
    def quick(self) -> Iterator[None]:
        """Look for writers among its own alone, and have no shell wait beside a rotation."""
        pids = [writer.pid for writer in self.writers]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(watchman, "beside", alone)
            patch.setattr(writers, "_pids", lambda: pids)
            yield

    def rotate_while(self, *programs: subprocess.Popen[bytes]) -> int:
        """Rotate again and again until all have ended; how often something was rotated."""
        times = 0
        while any(one.poll() is None for one in programs):
            times += bool(self.rotate().pieces)
        assert all(one.returncode == 0 for one in programs)
        return times

    def mend(self) -> None:
        """Finish or undo what was killed, and remove what is left of it."""
        rotate.mend(self.home, "web", "out")
        rotated.tidied(self.home, "web")

    @property
    def rotated(self) -> list[Path]:
        """The rotated files, oldest first."""
        return [Path(one.path) for one in rotated.files(self.home, "web", "out")]

    @property
    def parts(self) -> list[bytes]:
        """What the rotated files hold, oldest first, and the current one; nothing else is there."""
        paths = [*self.rotated, self.current]
        known = {path.name for path in paths} | {f"{path.name}.idx" for path in paths}
        assert {path.name for path in self.folder.iterdir()} <= known
        return [path.read_bytes() for path in paths]

    @property
    def events(self) -> list[dict[str, Any]]:
        """What stands in the journal of it."""
        path = Path(self.home.history) / "web.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def clear(self) -> None:
        """Begin anew, as if nothing had been written."""
        for path in (*self.rotated, *self.folder.glob("*.idx")):
            path.unlink()
        self.current.write_bytes(b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End all who write it."""
        for writer in self.writers:
            writer.kill()
            writer.wait()


def no_line_is_cut(parts: list[bytes]) -> bool:
    """Whether all but the current file end with a line."""
    return all(part.endswith(b"\n") for part in parts[:-1])


def state_of(pid: int) -> str | None:
    """The letter of proc_pid_stat(5)."""
    row = table.lookup(pid)
    return row.state if row is not None else None


def forked(task: Callable[[], object]) -> int:
    """The pid of a fork of this program that does that."""
    pid = os.fork()
    if pid == 0:
        try:
            task()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - it must not go on as a second pytest
            traceback.print_exc()
        finally:
            os._exit(1)
    return pid


def ended(pid: int) -> int:
    """How a fork has ended, once it has, as `subprocess` gives it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
