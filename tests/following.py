"""Commands that go on until they are ended, and what they have said so far."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.waiting import eventually

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.running import Tsm
    from tsm.store.follower import Follower


@dataclass(frozen=True, slots=True)
class Following:
    """A command under way, its standard output in a file."""

    program: subprocess.Popen[str]
    path: Path

    @property
    def out(self) -> bytes:
        """What it has printed by now, to the byte."""
        return self.path.read_bytes()

    def shows(self, expected: bytes) -> None:
        """Wait until it has printed all of that, and nothing else."""

        def complete() -> bool:
            out = self.out
            assert expected.startswith(out), f"{out!r} does not lead to {expected!r}"
            if out == expected:
                return True
            raise LookupError(out)

        eventually(complete)


@contextmanager
def following(tsm: Tsm, *argv: str) -> Iterator[Following]:
    """Run `tsm ARGV...` beside the test; it is killed in the end."""
    path = tsm.cwd / f"followed-{uuid4().hex}"
    with path.open("wb") as file:
        program = tsm.spawn(*argv, stdout=file.fileno())
    try:
        yield Following(program, path)
    finally:
        program.kill()
        program.wait()


def added(follower: Follower) -> list[bytes]:
    """The whole lines that have come since the last look."""
    return [line for _, chunk in follower.chunks() for line in chunk[:-1].split(b"\n")]


def holds_pidfd(pid: int) -> bool:
    """Whether that program waits for the end of another: it has a pidfd open."""
    links = [fd.readlink() for fd in Path(f"/proc/{pid}/fd").iterdir()]
    return Path("anon_inode:[pidfd]") in links
