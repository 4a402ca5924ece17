"""A log in many files, read as one: its bytes in either direction, and when they arrived."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsm.store import follower as module
from tsm.store.follower import Follower
from tsm.store.log_index import Mark
from tsm.store.log_times import Times

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGAN_S = 1_700_000_000.0
lines = st.lists(st.sampled_from([b"\n", b"a\n", b"long line\n"]), min_size=1, max_size=4)
# What was written within one second, whether somebody saw it come, and what was done then.
seconds = st.tuples(lines.map(b"".join), st.booleans(), st.sampled_from(["", "", "cut", "gzip"]))


@pytest.fixture(autouse=True, scope="module")
def _small_blocks() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK_BYTES", 7)
        yield


class Written:
    """A log that was written and rotated, and what is true of it."""

    def __init__(self, folder: Path, story: list[tuple[bytes, bool, str]], torn: bytes) -> None:
        self.path = folder / "current.out"
        self.data = b""
        self.marks: list[Mark] = []
        begin, first, count = 0, Mark(0, BEGAN_S), 0
        for number, (data, told, act) in enumerate(story):
            self.data += data
            self.marks.append(Mark(len(self.data), BEGAN_S + number, told=told))
            if act:
                rotated = folder / f"2026-11-20-{count:02d}.out"
                self._write(rotated, begin, first)
                begin, first, count = (
                    len(self.data),
                    Mark(len(self.data), BEGAN_S + number),
                    count + 1,
                )
                if act == "gzip":
                    rotated.with_name(f"{rotated.name}.gz").write_bytes(
                        gzip.compress(rotated.read_bytes())
                    )
                    rotated.unlink()
        self.data += torn
        self._write(self.path, begin, first)
        os.utime(self.path, (0, BEGAN_S + len(story)))
        self.end_s = BEGAN_S + len(story)

    def _write(self, path: Path, begin: int, first: Mark) -> None:
        path.write_bytes(self.data[begin:])
        marks = [first, *(mark for mark in self.marks if mark.position > begin)]
        path.with_name(f"{path.name}.idx").write_bytes(b"".join(mark.line for mark in marks))

    def whole_lines(self) -> Iterator[tuple[int, int, float]]:
        """Where each begins and ends, and when it arrived."""
        begin = 0
        for line in self.data.splitlines(keepends=True):
            end = begin + len(line)
            yield begin, end, next((m.time_s for m in self.marks if m.position >= end), self.end_s)
            begin = end


stories = st.lists(seconds, max_size=8)
torn = st.sampled_from([b"", b"torn"])


@given(story=stories, torn=torn, first=st.integers(0, 40), end=st.integers(0, 99))
def test_bytes_are_the_same_in_either_direction(
    story: list[tuple[bytes, bool, str]], torn: bytes, first: int, end: int
) -> None:
    with TemporaryDirectory() as folder:
        log = Written(Path(folder), story, torn)
        follower = Follower(str(log.path))
        assert follower.end() == len(log.data)
        first, end = (follower.line_begin(min(at, len(log.data))) for at in sorted((first, end)))
        assert log.data[:first].endswith(b"\n") or first == 0
        back, forth = list(follower.back(end, first)), list(follower.forth(first, end))
        whole = list(follower.forth(0, follower.end()))
        follower.close()
    assert b"".join(data for _, data in back[::-1]) == log.data[first:end]
    assert b"".join(data for _, data in forth) == log.data[first:end]
    assert b"".join(data for _, data in whole) == log.data
    assert all(log.data[at : at + len(data)] == data for at, data in (*back, *forth, *whole))


@given(story=stories, torn=torn)
def test_each_line_has_the_time_of_the_first_mark_that_is_not_before_its_end(
    story: list[tuple[bytes, bool, str]], torn: bytes
) -> None:
    with TemporaryDirectory() as folder:
        log = Written(Path(folder), story, torn)
        lines = list(log.whole_lines())
        for order in (lines, lines[::-1]):
            times = Times(str(log.path), len(log.data), told=False)
            found = [times.at(end) for _, end, _ in order]
            assert [one and one.time_s for one in found] == [time_s for *_, time_s in order]


@given(story=stories, since=st.integers(-1, 9), until=st.integers(-1, 9))
def test_what_may_have_come_in_a_span_of_time_is_in_it(
    story: list[tuple[bytes, bool, str]], since: int, until: int
) -> None:
    with TemporaryDirectory() as folder:
        log = Written(Path(folder), story, b"")
        times = Times(str(log.path), len(log.data), told=True)
        begin = times.since(BEGAN_S + since)
        end = times.until(BEGAN_S + until + 0.5)
        for first, last, time_s in log.whole_lines():
            assert first >= begin or time_s < BEGAN_S + since
            assert last <= end or time_s > BEGAN_S + until
            seen = next((mark.told for mark in log.marks if mark.position >= last), True)
            if seen:
                assert first < begin or time_s >= BEGAN_S + since
                assert last > end or time_s <= BEGAN_S + until


def test_without_an_index_the_file_itself_tells(tmp_path: Path) -> None:
    path = tmp_path / "current.out"
    path.write_bytes(b"one\n")
    os.utime(path, (0, BEGAN_S))
    times = Times(str(path), 4, told=False)
    assert times.at(4) == Mark(4, BEGAN_S, told=False)
    assert (times.since(BEGAN_S - 1), times.since(BEGAN_S + 1)) == (0, 4)
    assert Times(str(tmp_path / "nothing"), 0, told=False).at(1) is None


def test_an_index_that_is_no_index_tells_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "current.out"
    path.write_bytes(b"one\n")
    path.with_name("current.out.idx").write_bytes(b"x" * 100)
    times = Times(str(path), 4, told=False)
    times.at(2)
    times.since(BEGAN_S)
    times.until(BEGAN_S)


def test_a_note_that_nobody_will_clear_keeps_no_reader_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_DROP_LOOKS", 2)
    path = tmp_path / "current.out"
    path.write_bytes(b"one\n")
    path.with_name("current.out.cut").write_bytes(b'{"ends":[4]}\n')
    follower = Follower(str(path))
    assert list(follower.back(follower.end())) == [(0, b"one\n")]
    assert list(follower.forth(0, 4)) == [(0, b"one\n")]
    follower.close()
