"""Rotated files and the current one, put together, are what was written; no line is cut."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.apps import fuse
from tests.following import added
from tests.rotating import DAY, MOST, Killed, Log, ended, forked, no_line_is_cut, state_of
from tests.waiting import eventually
from tsm.errors import Broken
from tsm.osproc import table
from tsm.patrol import rotate
from tsm.store import compression, log_index, rotated, rotation
from tsm.store.cut import Cut
from tsm.store.follower import Follower
from tsm.store.rotation import Current

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK = b"x" * 4095 + b"\n"  # a line as long as a block of most disks
STILL = pytest.mark.parametrize("log", ["disk", "memory", "still"], indirect=True)


@STILL
@pytest.mark.parametrize(("buffer", "count"), [("L", 150_000), ("64K", 400_000)])
def test_lines_of_a_fast_writer_are_all_there_in_order(log: Log, buffer: str, count: int) -> None:
    words = ("seq", "-f", "%099.0f", str(count))
    times = log.rotate_while(log.written_by("stdbuf", f"-o{buffer}", *words))
    parts = log.parts
    assert b"".join(parts) == subprocess.check_output(words)
    assert no_line_is_cut(parts)
    assert times == len(parts) - 1 > 1


def test_several_writers_of_one_file_keep_all_their_lines(log: Log) -> None:
    words = [("seq", "-f", f"{letter}%060.0f", "30000") for letter in "abc"]
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
    source.write_bytes(b"".join(b"%c" % (97 + n % 26) * (length - 1) + b"\n" for n in range(20)))
    log.rotate_while(log.written_by("cat", source))
    parts = log.parts
    assert b"".join(parts) == source.read_bytes()
    assert no_line_is_cut(parts)


def test_binary_garbage_is_left_as_it_is(log: Log, tmp_path: Path) -> None:
    source = tmp_path / "garbage"
    source.write_bytes(os.urandom(6_000_000))
    log.rotate_while(log.written_by("dd", f"if={source}", "bs=777", "status=none"))
    parts = log.parts
    assert b"".join(parts) == source.read_bytes()
    assert no_line_is_cut(parts)


@pytest.mark.parametrize("before", [b"", b"first\n", b"line\n" * (MOST // 4)])
def test_a_line_that_never_ends_is_cut_at_the_size_and_that_is_told(
    log: Log, before: bytes
) -> None:
    log.current.write_bytes(before + b"x" * (MOST - 1))
    assert bool(log.rotate().pieces) == (len(before) >= MOST)
    log.append(b"x" * (MOST * 4 + 100))
    pieces = log.rotate().pieces
    cut = [one.size for one in pieces if one.cut_line]
    assert cut == [MOST] * 5
    assert [one.cut_line for one in pieces] == [False] * (len(pieces) - 5) + [True] * 5
    whole = before + b"x" * (MOST * 5 + 99)
    assert b"".join(log.parts) == whole
    assert log.parts[-1] == b"x" * 99
    told = [one["bytes"] for one in log.events if one.get("cut_line")]
    assert told == cut
    assert not log.rotate().pieces


def test_a_line_that_never_ends_and_comes_fast_is_cut_at_the_size(log: Log) -> None:
    size = 100_000_000
    log.rotate_while(log.written_by("head", f"-c{size}", "/dev/zero"))
    log.rotate()
    *cut, last = log.parts
    assert {len(part) for part in cut} == {MOST}
    assert sum(map(len, cut)) + len(last) == size
    assert len(last) < MOST


def test_the_end_of_a_line_that_was_cut_is_a_line(log: Log) -> None:
    log.append(b"x" * (MOST + 10))
    log.rotate()
    log.append(b"end\nnext\nand")
    log.rotate()
    assert log.parts[1:] == [b"x" * 10 + b"end\nnext\n", b"and"]


def test_an_unfinished_line_stays_and_is_finished_there(log: Log) -> None:
    log.current.write_bytes(b"one\ntwo\nthr")
    (done,) = log.rotate().pieces
    assert (done.size, done.cut_line) == (8, False)
    assert log.parts == [b"one\ntwo\n", b"thr"]
    assert not log.rotate().pieces
    log.append(b"ee\n")
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
    assert log.rotate().pieces
    assert state_of(still.pid) == "T"
    assert state_of(moving.pid) in ("R", "S")


@pytest.mark.parametrize("log", ["disk"], indirect=True)
@pytest.mark.parametrize(("more", "stops"), [(b"", False), (BLOCK * 2000, True)])
def test_who_writes_faster_than_the_disk_is_stopped_rather_than_kept_waiting(
    log: Log, monkeypatch: pytest.MonkeyPatch, more: bytes, *, stops: bool
) -> None:
    """A collapse takes as long as the disk needs for all that has come in the meantime."""
    written, sync = [BLOCK * 10], os.fdatasync

    def fdatasync(fd: int) -> None:
        sync(fd)
        log.append(more)
        written.append(more)

    monkeypatch.setattr(rotation, "_WRITING_S", 0.01)
    monkeypatch.setattr(os, "fdatasync", fdatasync)
    sleeper = log.written_by("sleep", "1000")
    log.append(written[0])
    assert (log.rotate().still_s > 0) == stops
    parts = log.parts
    assert len(parts) == 2
    assert b"".join(parts) == b"".join(written)
    assert state_of(sleeper.pid) == "S"


def test_who_follows_sees_each_line_once_while_the_head_is_rotated(log: Log) -> None:
    words = ("seq", "-f", "%099.0f", "100000")
    follower = Follower(str(log.current))
    writer = log.written_by("stdbuf", "-oL", *words)

    def rotate_on() -> None:
        while table.identity(writer.pid, ""):
            log.rotate()

    pid = forked(rotate_on)
    seen: list[bytes] = []
    expected = subprocess.check_output(words).splitlines()

    def all_seen() -> bool:
        seen.extend(added(follower))
        return len(seen) >= len(expected)

    eventually(all_seen)
    assert ended(pid) == 0
    follower.close()
    assert seen == expected
    assert len(log.parts) > 2


def test_who_follows_reads_on_in_what_was_rotated_and_compressed_meanwhile(log: Log) -> None:
    log.current.write_bytes(b"one\n")
    follower = Follower(str(log.current))
    assert added(follower) == [b"one"]
    for word in (b"two\nthree\n", b"four\n", b"five\n"):
        log.append(word)
        (done,) = log.rotate().pieces
        if word == b"four\n":
            compression.compress(str(log.folder / done.file), "gzip")
    log.append(b"six\n")
    assert added(follower) == [b"two", b"three", b"four", b"five", b"six"]
    follower.close()


LINES = b"".join(b"%0127d\n" % n for n in range(1000)) + b"the last"


@STILL
@pytest.mark.parametrize("text", [LINES, b"line\n" + b"x" * 15_000], ids=["lines", "cut"])
@pytest.mark.parametrize("more", [b"", b" and more\n" * 20_000], ids=["soon", "late"])
def test_killed_at_any_act_nothing_is_lost_or_there_twice(
    log: Log, text: bytes, more: bytes
) -> None:
    """Also when the child has gone on and written more than was dropped, before that is seen."""
    sleeper = log.written_by("sleep", "1000")
    act = 1
    while True:
        log.append(text)
        killed = log.killed(act, lambda: log.rotate(10_000))
        log.append(more)
        log.mend()
        assert b"".join(log.parts) == text + more, f"killed before act {act}"
        assert state_of(sleeper.pid) != "T"
        told = [(one["file"], one["bytes"]) for one in log.events]
        assert told == [(path.name, path.stat().st_size) for path in log.rotated]
        if not killed:
            break
        log.clear()
        Path(log.home.history, "web.jsonl").unlink(missing_ok=True)
        act += 1
    assert act > 8


def killed_once(noted: Callable[[dict[str, Any]], bool], log: Log, text: bytes) -> None:
    """Rotate that text, and be killed as soon as the last of the notes is such a one."""
    log.append(text)
    path = log.folder / "current.out.cut"

    def look() -> None:
        lines = path.read_text().splitlines() if path.exists() else []
        if lines and noted(json.loads(lines[-1])):
            raise Killed

    def rotate_to_there() -> None:
        with fuse.watched(look):
            log.rotate(10_000)

    assert log.killed(1 << 20, rotate_to_there)


@pytest.mark.parametrize("log", ["memory", "still"], indirect=True)
def test_killed_while_mending_what_was_killed(log: Log) -> None:
    text, act, killed = LINES[:20_000], 1, True
    while killed:
        log.clear()
        killed_once(lambda note: note["mark"] and not note["dropped"], log, text)
        killed = log.killed(act, log.mend)
        log.append(text)
        log.mend()
        assert b"".join(log.parts) == text * 2, f"killed before act {act}"
        act += 1
    assert act > 4


@pytest.mark.parametrize("log", ["memory", "still"], indirect=True)
def test_what_was_dropped_is_known_though_the_file_is_another_now(log: Log) -> None:
    killed_once(lambda note: note["dropped"], log, b"one\ntwo\nand")
    log.current.rename(log.folder / "kept")
    log.current.touch()
    log.mend()
    assert (log.folder / "kept").read_bytes() == b"and"
    assert [path.read_bytes() for path in log.rotated] == [b"one\ntwo\n"]
    assert log_index.begin(log.home, "web", "out") == 8


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
        current.note(Cut(f"{DAY}-00.out", current.inode + 1, 5, "size", (10,)))
    log.current.write_bytes(b"one\n")
    (done,) = log.rotate().pieces
    assert done.file == f"{DAY}-00.out"


def test_a_note_that_makes_no_sense_is_named(log: Log) -> None:
    (log.folder / "current.out.cut").write_text("{}\n")
    with pytest.raises(Broken, match=r"current\.out\.cut: not a note of a rotation"):
        log.rotate()


@pytest.mark.parametrize(("log", "count"), [("memory", 10_000), ("disk", 100)], indirect=["log"])
def test_so_many_rotations_in_a_row(log: Log, count: int) -> None:
    """On a disk each waits for it, and lines end where blocks do."""
    rest, torn = (b" line\n", b"and ") if count > 1000 else (b"x" * 4091 + b"\n", b"")
    lines = [torn + b"%04d" % number + rest for number in range(count)]
    log.append(torn)
    with log.quick(), Current(log.home, "web", "out") as current:
        for number, line in enumerate(lines):
            log.append(line[len(torn) :] + torn)
            to = rotated.later(f"{DAY}-00.out", number)
            assert rotate.rotate(current, to, "size", MOST).pieces
            assert (log.folder / to).read_bytes() == line
            if number < count - 1:
                os.unlink(log.folder / to)  # noqa: PTH108 - of so many, in little time
                os.unlink(log.folder / f"{to}.idx")  # noqa: PTH108
    assert log.rotated[0].name == f"{DAY}-{count - 1:02d}.out"
    assert log.parts == [lines[-1], torn]
    assert log_index.end(log.home, "web", "out") == len(b"".join(lines) + torn)
