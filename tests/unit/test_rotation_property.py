"""Whatever is written, rotated, killed and mended, in any order: the whole is what was written."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.apps import fuse
from tests.following import added
from tests.rotating import Killed, Log
from tsm.osproc.writers import Stillness
from tsm.store import log_index
from tsm.store.follower import Follower

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

MOST = 4096  # bytes of a line from which it is cut


class Write(NamedTuple):
    """One write(2) of one of three programs."""

    who: int
    data: bytes


class Rotate(NamedTuple):
    """A rotation, what is written before which of its acts, and before which it is killed."""

    meanwhile: dict[int, list[Write]]
    end: int | None


class Look(NamedTuple):
    """A patrol notes how far the log has come; or it mends what was killed."""

    mends: bool


texts = st.builds(
    lambda count, length, torn: (b"x" * (length - 1) + b"\n") * count + b"y" * torn,
    st.integers(0, 3),
    st.sampled_from([1, 2, 100, 4096, 8192]),
    st.sampled_from([0, 0, 0, 1, 2000, 5000, 20_000]),
).filter(bool)
writes = st.builds(Write, st.integers(0, 2), texts)
meanwhile = st.dictionaries(
    st.integers(1, 40), st.lists(writes, min_size=1, max_size=3), max_size=3
)
rotations = st.builds(Rotate, meanwhile, st.none() | st.integers(1, 60))
acts = st.lists(st.one_of(writes, writes, rotations, st.builds(Look, st.booleans())), max_size=12)


class Scene:
    """A log, three programs that write to it, and who follows it."""

    def __init__(self, folder: str) -> None:
        self.log = Log(Path(folder) / "home")
        path = self.log.current
        self.fds = [os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC) for _ in range(3)]
        self.written, self.late = b"", list[Write]()
        self.still = False
        self.follower, self.seen = Follower(str(path)), list[bytes]()
        self.write = os.write  # of the kernel, which is no act of tsm

    def do(self, act: Write | Rotate | Look) -> None:
        """Do it, and let who follows look."""
        match act:
            case Write():
                self.late.append(act)
            case Rotate():
                self.rotate(act)
            case Look(mends=True):
                self.log.mend()
            case _:
                log_index.noted(self.log.home, "web", "out", time.time())
        self.catch_up()
        self.seen += added(self.follower)

    def catch_up(self) -> None:
        """Write what is to be written by now, unless all writers stand still."""
        while self.late and not self.still:
            one = self.late.pop(0)
            self.write(self.fds[one.who], one.data)
            self.written += one.data

    def rotate(self, act: Rotate) -> None:
        """Rotate, be killed perhaps, and let those go on who stood still."""
        done = 0

        def look() -> None:
            nonlocal done
            done += 1
            if act.end is not None and done >= act.end:
                raise Killed
            self.late += act.meanwhile.get(done, [])
            self.catch_up()

        with pytest.MonkeyPatch.context() as patch, self.log.quick():
            patch.setattr(Stillness, "take", self.noting(Stillness.take, still=True))
            patch.setattr(Stillness, "__exit__", self.noting(Stillness.__exit__, still=False))
            try:
                with fuse.watched(look):
                    self.log.rotate(MOST)
            except Killed:
                self.still = False

    def noting(self, function: Callable[..., object], *, still: bool) -> Callable[..., object]:
        """The same function, after which all stand still, or no more."""

        def noted(*args: object) -> object:
            answer = function(*args)
            self.still = still
            return answer

        return noted

    def check(self) -> None:
        """All is there, once; indexes and events agree with it."""
        parts, position = self.log.parts, 0
        assert b"".join(parts) == self.written
        events = [
            (one["file"], one["bytes"], one.get("cut_line", False)) for one in self.log.events
        ]
        rotated = [*zip(self.log.rotated, parts, strict=False)]
        assert events == [
            (path.name, len(part), not part.endswith(b"\n")) for path, part in rotated
        ]
        assert {size for _, size, cut in events if cut} <= {MOST}
        for path, part in (*rotated, (self.log.current, parts[-1])):
            marks = [one.position for one in log_index.marks(f"{path}.idx")]
            if rotated or marks:  # else nobody has looked yet
                assert marks == sorted(marks)
                assert (marks[0], marks[-1] <= position + len(part)) == (position, True)
            position += len(part)
        assert self.seen == self.written.split(b"\n")[:-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the file."""
        self.follower.close()
        for fd in self.fds:
            os.close(fd)


@pytest.mark.parametrize("folder", [None, "/dev/shm"], ids=["disk", "memory"])  # noqa: S108
@settings(max_examples=60)
@given(acts=acts)
def test_nothing_is_lost_or_there_twice(
    folder: str | None, acts: list[Write | Rotate | Look]
) -> None:
    with ExitStack() as ends:
        scene = ends.enter_context(Scene(ends.enter_context(TemporaryDirectory(dir=folder))))
        for act in acts:
            scene.do(act)
        scene.do(Look(mends=True))
        scene.check()
