"""Rotated files and the current one, put together, are what was written; no line is cut."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.apps import fuse
from tests.following import added
from tests.waiting import eventually
from tsm.errors import Broken
from tsm.osproc import table
from tsm.patrol import rotate
from tsm.store import compression, extents, rotated
from tsm.store.follower import Follower
from tsm.store.home import Home
from tsm.store.rotation import Current, Cut

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 1 << 20
DAY = "2026-11-28"


class Log:
    """The log of a process "web", of one stream, and who writes it."""

    def __init__(self, root: Path) -> None:
        self.home = Home(str(root))
        self.folder = root / "runtime/processes/web"
        self.folder.mkdir(parents=True)
        (root / "runtime/locks").mkdir()
        self.current = self.folder / "current.out"
        self.current.touch()
        self._writers = ExitStack()

    def written_by(self, *argv: str | Path) -> subprocess.Popen[bytes]:
        """A program whose standard output it is."""
        with self.current.open("ab") as file:
            writer = subprocess.Popen([*map(str, argv)], stdout=file)
        self._writers.enter_context(writer)
        self._writers.callback(writer.kill)
        return writer

    def rotate(self, most: int = MOST) -> rotate.Rotation:
        """Rotate once."""
        to = rotated.free(self.home, "web", "out", DAY)
        return rotate.rotate(self.home, "web", "out", most, to)

    def rotate_while(self, *writers: subprocess.Popen[bytes]) -> int:
        """Rotate again and again until all have ended; how often something was rotated."""
        count = 0
        while any(writer.poll() is None for writer in writers):
            count += bool(self.rotate().to)
        assert all(writer.returncode == 0 for writer in writers)
        return count

    @property
    def parts(self) -> list[bytes]:
        """What the rotated files hold, oldest first, and the current one."""
        names = [Path(one.path).name for one in rotated.files(self.home, "web", "out")]
        for path in self.folder.glob("*.idx"):
            path.unlink()
        assert {path.name for path in self.folder.iterdir()} == {*names, "current.out"}
        return [(self.folder / name).read_bytes() for name in [*names, "current.out"]]

    def close(self) -> None:
        self._writers.close()


@pytest.fixture(params=["disk", "memory", "still"])
def log(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Log]:
    """A log on disk, in memory, and on a disk where no head can be collapsed."""
    if request.param == "still":
        monkeypatch.setattr(extents, "place", lambda _fd: None)
    with ExitStack() as ends:
        root = tmp_path
        if request.param == "memory":
            root = Path(ends.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")))
        log = Log(root / "home")
        ends.callback(log.close)
        yield log


def no_line_is_cut(parts: list[bytes]) -> bool:
    return all(part.endswith(b"\n") for part in parts[:-1])


@pytest.mark.parametrize("buffer", ["L", "64K"])
def test_lines_of_a_fast_writer_are_all_there_in_order(log: Log, buffer: str) -> None:
    words = ("seq", "-f", "%099.0f", "400000")
    count = log.rotate_while(log.written_by("stdbuf", f"-o{buffer}", *words))
    parts = log.parts
    assert b"".join(parts) == subprocess.check_output(words)
    assert no_line_is_cut(parts)
    assert count == len(parts) - 1 > 1


def test_several_writers_of_one_file_keep_all_their_lines(log: Log) -> None:
    words = [("seq", "-f", f"{letter}%060.0f", "60000") for letter in "abc"]
    log.rotate_while(*[log.written_by("stdbuf", "-oL", *line) for line in words])
    parts = log.parts
    lines = b"".join(parts).splitlines(keepends=True)
    for letter, line in zip(b"abc", words, strict=True):
        own = b"".join(one for one in lines if one[0] == letter)
        assert own == subprocess.check_output(line)
    assert no_line_is_cut(parts)


@pytest.mark.parametrize("length", [1 << 20, 300_000, 4096, 5000])
def test_long_lines_are_whole(log: Log, length: int, tmp_path: Path) -> None:
    source = tmp_path / "lines"
    source.write_bytes(b"".join(b"%c" % (97 + n % 26) * (length - 1) + b"\n" for n in range(40)))
    log.rotate_while(log.written_by("cat", source))
    parts = log.parts
    assert b"".join(parts) == source.read_bytes()
    assert no_line_is_cut(parts)


def test_binary_garbage_is_left_as_it_is(log: Log, tmp_path: Path) -> None:
    source = tmp_path / "garbage"
    source.write_bytes(os.urandom(20_000_000))
    log.rotate_while(log.written_by("dd", f"if={source}", "bs=777", "status=none"))
    parts = log.parts
    assert b"".join(parts) == source.read_bytes()
    assert no_line_is_cut(parts)


def test_a_line_that_never_ends_is_cut_and_that_is_told(log: Log) -> None:
    log.current.write_bytes(b"x" * (MOST - 1))
    assert not log.rotate().to
    log.current.write_bytes(b"first\n" + b"x" * MOST)
    done = log.rotate()
    assert (done.cut_line, done.size) == (True, MOST + 6)
    assert log.parts[1] == b""


def test_an_unfinished_line_stays_and_is_finished_there(log: Log) -> None:
    log.current.write_bytes(b"one\ntwo\nthr")
    done = log.rotate()
    assert (done.size, done.cut_line) == (8, False)
    assert log.parts == [b"one\ntwo\n", b"thr"]
    assert not log.rotate().to
    with log.current.open("ab") as file:
        file.write(b"ee\n")
    log.rotate()
    assert log.parts == [b"one\ntwo\n", b"three\n", b""]


def test_nothing_is_rotated_out_of_an_empty_file(log: Log) -> None:
    assert log.rotate().why_not == "it is empty"
    assert log.parts == [b""]


def test_who_was_stopped_stays_stopped_and_who_was_not_goes_on(log: Log) -> None:
    still, moving = (log.written_by("sleep", "1000") for _ in range(2))
    still.send_signal(signal.SIGSTOP)
    eventually(lambda: state_of(still.pid) == "T")
    log.current.write_bytes(b"line\n")
    assert log.rotate().to
    assert state_of(still.pid) == "T"
    assert state_of(moving.pid) in ("R", "S")


def test_who_follows_sees_each_line_once_while_the_head_is_rotated(log: Log) -> None:
    words = ("seq", "-f", "%099.0f", "100000")
    follower = Follower(str(log.current))
    writer = log.written_by("stdbuf", "-oL", *words)
    pid = os.fork()
    if pid == 0:
        while table.identity(writer.pid, ""):
            log.rotate()
        os._exit(0)
    seen: list[bytes] = []
    expected = subprocess.check_output(words).splitlines()

    def all_seen() -> bool:
        seen.extend(added(follower))
        return len(seen) >= len(expected)

    eventually(all_seen)
    os.waitpid(pid, 0)
    follower.close()
    assert seen == expected
    assert len(log.parts) > 2


def test_who_follows_reads_on_in_what_was_rotated_and_compressed_meanwhile(log: Log) -> None:
    log.current.write_bytes(b"one\n")
    follower = Follower(str(log.current))
    assert added(follower) == [b"one"]
    for word in (b"two\nthree\n", b"four\n", b"five\n"):
        with log.current.open("ab") as file:
            file.write(word)
        done = log.rotate()
        if word == b"four\n":
            compression.compress(str(log.folder / done.to), "gzip")
    with log.current.open("ab") as file:
        file.write(b"six\n")
    assert added(follower) == [b"two", b"three", b"four", b"five", b"six"]
    follower.close()


def state_of(pid: int) -> str | None:
    row = table.lookup(pid)
    return row.state if row is not None else None


def killed_before(log: Log, act: int) -> bool:
    """Rotate in a fork that is killed before its act number `act`; False if it had fewer."""
    pid = os.fork()
    if pid == 0:
        fuse.light(act)
        log.rotate()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def test_killed_at_any_act_nothing_is_lost_or_there_twice(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsm.osproc.watchman.sys.executable", "/bin/true")  # nobody mends
    text = b"".join(b"%0127d\n" % n for n in range(1000)) + b"the last"
    sleeper = log.written_by("sleep", "1000")
    act = 1
    while True:
        log.current.write_bytes(text)
        killed = killed_before(log, act)
        with Current(log.home, "web", "out") as current:
            rotate.mend(current)
        assert b"".join(log.parts) == text
        assert state_of(sleeper.pid) != "T"
        for path in log.folder.glob("*-*.out"):
            path.unlink()
        if not killed:
            break
        act += 1
    assert act > 8


def test_a_full_disk_leaves_all_as_it_was(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    text = b"line\n" * 100_000
    log.current.write_bytes(text)
    for name in ("write", "copy_file_range", "fdatasync", "rename"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            with pytest.raises(OSError, match="No space left"):
                log.rotate()
        assert log.parts == [text]


def test_a_note_of_what_is_another_file_now_is_forgotten(log: Log) -> None:
    with Current(log.home, "web", "out") as current:
        current.note(Cut(f"{DAY}-00.out", current.inode + 1, 5, 10))
    log.current.write_bytes(b"one\n")
    assert log.rotate().to == f"{DAY}-00.out"


def test_a_note_that_makes_no_sense_is_named(log: Log) -> None:
    (log.folder / "current.out.cut").write_text("{}\n")
    with pytest.raises(Broken, match=r"current\.out\.cut: not a note of a rotation"):
        log.rotate()
