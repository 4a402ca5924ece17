"""The log files: the last lines of any bytes, and each added line once."""

from __future__ import annotations

import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.following import added
from tsm.policy.selection import Selection, last
from tsm.store import follower as module
from tsm.store.follower import Follower, last_lines

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK_BYTES = 7  # small, so that lines of any length lie across its borders

some_bytes = st.lists(st.sampled_from([b"\n", b"a", b"bb", b"\r", b"\xff", b"x" * 20])).map(
    b"".join
)
patterns = st.sampled_from([None, re.compile(b"a"), re.compile(b"^$"), re.compile(b"b.*x")])


@pytest.fixture(autouse=True, scope="module")
def _small_blocks() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK_BYTES", BLOCK_BYTES)
        yield


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log file."""
    return tmp_path_factory.mktemp("logs") / "current.out"


def lines_of(data: bytes) -> list[bytes]:
    """All lines, one that is torn included."""
    *whole, torn = data.split(b"\n")
    return [*whole, torn] if torn else whole


@given(data=some_bytes, count=st.integers(0, 12))
def test_the_last_lines_are_the_last_lines(path: Path, data: bytes, count: int) -> None:
    path.write_bytes(data)
    assert last_lines(str(path), count) == (lines_of(data)[-count:] if count else [])


@given(data=st.binary(max_size=100), count=st.integers(1, 12))
def test_any_bytes_are_lines(path: Path, data: bytes, count: int) -> None:
    path.write_bytes(data)
    assert last_lines(str(path), count) == lines_of(data)[-count:]


@given(data=some_bytes, count=st.integers(0, 12), pattern=patterns)
def test_the_backlog_is_counted_after_the_pattern(
    path: Path, data: bytes, count: int, pattern: re.Pattern[bytes] | None
) -> None:
    path.write_bytes(data)
    wanted = pattern and (lambda line: pattern.search(line) is not None)
    follower = Follower(str(path))
    found = [one.line for one in last(Selection(wanted), follower.back(follower.end()), count)]
    follower.close()
    fitting = [line for line in lines_of(data) if pattern is None or pattern.search(line)]
    assert found == (fitting[-count:] if count else [])


@given(before=some_bytes, after=some_bytes, count=st.integers(0, 99))
def test_following_goes_on_where_the_backlog_ends(
    path: Path, before: bytes, after: bytes, count: int
) -> None:
    path.write_bytes(before)
    follower = Follower(str(path))
    end = follower.line_begin(follower.end())
    shown = [one.line for one in last(Selection(), follower.back(end), count)]
    follower.seek(end)
    with path.open("ab") as file:
        file.write(after)
    shown += added(follower)
    follower.close()
    whole = before.count(b"\n")
    old = before.split(b"\n")[:whole]
    new = (before + after).split(b"\n")[whole:-1]
    assert shown == (old[-count:] if count else []) + new


def test_only_the_end_of_a_large_file_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with path.open("wb") as file:
        for number in range(100_000):
            file.write(b"%d %s\n" % (number, b"x" * 1000))
    monkeypatch.setattr(module, "_BLOCK_BYTES", 65536)
    read_bytes = _counted(monkeypatch)
    assert len(last_lines(str(path), 1000)) == 1000
    path.unlink()
    assert 1_000_000 < sum(read_bytes) < 1_200_000


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each read takes from now on."""
    counts: list[int] = []
    pread: Callable[[int, int, int], bytes] = os.pread

    def counting(fd: int, length: int, offset: int) -> bytes:
        data = pread(fd, length, offset)
        counts.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", counting)
    return counts


def test_a_long_line_is_read_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = BLOCK_BYTES * 1000
    path.write_bytes(b"first\n" + b"x" * size)
    read_bytes = _counted(monkeypatch)
    assert last_lines(str(path), 2) == [b"first", b"x" * size]
    assert sum(read_bytes) == size + 6


def test_no_file_has_no_lines(tmp_path: Path) -> None:
    assert last_lines(str(tmp_path / "nothing"), 10) == []


class Following(RuleBasedStateMachine):
    """A child that writes, and others that empty, replace and remove its file meanwhile.

    The follower looks between any two of these acts, as it does many times a second.
    """

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self.path = Path(self._folder.name) / "current.out"
        self.number = 0
        self.torn = b""  # what the file ends with, without a newline yet
        self.expected: list[bytes] = []
        self.shown: list[bytes] = []
        self.follower = Follower(str(self.path))

    def teardown(self) -> None:
        self.follower.close()
        self._folder.cleanup()

    def _line(self) -> bytes:
        self.number += 1
        return b"%d %s" % (self.number, b"x" * (self.number * 5 % 23))

    def _append(self, data: bytes, path: Path | None = None) -> None:
        with (path or self.path).open("ab") as file:
            file.write(data)

    @rule(count=st.integers(1, 5))
    def write_lines(self, count: int) -> None:
        lines = [self._line() for _ in range(count)]
        self._append(b"".join(line + b"\n" for line in lines))
        self.expected += [self.torn + lines[0], *lines[1:]]
        self.torn = b""

    @rule()
    def write_half_a_line(self) -> None:
        half = self._line()
        self._append(half)
        self.torn += half

    @rule()
    def empty(self) -> None:
        if self.path.exists():
            os.truncate(self.path, 0)
            self.torn = b""

    @rule(last=st.booleans(), first=st.booleans())
    def rotate(self, *, last: bool, first: bool) -> None:
        """The child may write to the old file a while longer, and to the new one at once."""
        if not self.path.exists():
            return
        old = self.path.rename(self.path.with_name(f"rotated-{self.number}"))
        if last:
            line = self._line()
            self._append(line + b"\n", old)
            self.expected.append(self.torn + line)
        elif self.torn:
            self.expected.append(self.torn)  # nobody will end it any more
        self.torn = b""
        if first:
            self.write_lines(2)
        else:
            self._append(b"")

    @rule(again=st.booleans())
    def remove(self, *, again: bool) -> None:
        """As `delete` does, and perhaps `start` after it."""
        if not self.path.exists():
            return
        self.path.unlink()
        if self.torn:
            self.expected.append(self.torn)
        self.torn = b""
        self._append(b"")  # a file that is gone for good says nothing more
        if again:
            self.write_lines(1)

    @invariant()
    def each_whole_line_is_shown_once(self) -> None:
        self.shown += added(self.follower)
        assert self.shown == self.expected


TestFollowing = Following.TestCase


def test_what_is_added_while_the_file_is_gone_comes_once_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "current.out"
    follower = Follower(str(path))
    assert added(follower) == []
    path.write_bytes(b"1\n")
    assert added(follower) == [b"1"]
    path.unlink()
    assert added(follower) == []
    path.write_bytes(b"2\n3\n")
    assert added(follower) == [b"2", b"3"]
    follower.close()


def test_several_rotations_between_two_looks_lose_only_what_no_name_leads_to(
    tmp_path: Path,
) -> None:
    path = tmp_path / "current.out"
    path.write_bytes(b"1\n")
    follower = Follower(str(path))
    assert added(follower) == [b"1"]
    path.rename(tmp_path / "a")
    path.write_bytes(b"unseen\n")
    path.rename(tmp_path / "b")
    path.write_bytes(b"3\n")
    assert added(follower) == [b"3"]
    follower.close()


def test_closing_twice_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "current.out"
    path.write_bytes(b"1\n")
    follower = Follower(str(path))
    follower.close()
    follower.close()


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    path = tmp_path / "current.out"
    path.write_bytes(b"1\n")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as tsm does
    last_lines(str(path), 1)
    follower = Follower(str(path))
    for number in range(3):
        path.rename(tmp_path / str(number))
        path.write_bytes(b"2\n")
        added(follower)
    follower.close()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as tsm does
