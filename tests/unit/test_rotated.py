"""The names of rotated files, and what is removed of those that were half made."""

from __future__ import annotations

import os

import pytest

from tests.rotating import DAY, Log
from tsm.errors import Refused
from tsm.patrol import rotate
from tsm.store import rotated
from tsm.store.cut import Cut
from tsm.store.rotation import Current

pytestmark = pytest.mark.parametrize("log", ["memory"], indirect=True)


def names(log: Log) -> list[str]:
    return sorted(path.name for path in log.folder.iterdir())


def free(log: Log) -> str:
    return rotated.free(log.home, "web", "out", DAY)


def test_the_next_name_is_one_that_nothing_has(log: Log) -> None:
    assert free(log) == f"{DAY}-00.out"
    (log.folder / f"{DAY}-00.out.gz").touch()
    (log.folder / f"{DAY}-01.err").touch()
    assert free(log) == f"{DAY}-01.out"
    (log.folder / f"{DAY}-09.out").mkdir()
    (log.folder / f"{DAY}-99.out.idx").touch()
    assert free(log) == f"{DAY}-100.out"


def test_a_clock_that_was_set_back_makes_no_name_that_looks_older(log: Log) -> None:
    (log.folder / "2026-11-29-03.out").touch()
    (log.folder / f"{DAY}-07.out").touch()
    assert free(log) == "2026-11-29-04.out"


def test_what_was_half_made_goes_with_what_tells_of_files_that_are_gone(log: Log) -> None:
    kept = [f"{DAY}-00.out", f"{DAY}-00.out.idx", f"{DAY}-01.err.gz", f"{DAY}-01.err.idx"]
    gone = [f"{DAY}-02.out.new", f"{DAY}-00.out.gz.new", f"{DAY}-02.out.idx", "x.out.new"]
    for name in (*kept, *gone):
        (log.folder / name).touch()
    (log.folder / f"{DAY}-05.out.new").mkdir()
    assert sorted(rotated.tidied(log.home, "web")) == kept[::2]
    assert names(log) == sorted([*kept, f"{DAY}-05.out.new", "current.out", "x.out.new"])


def test_what_a_rotation_needs_that_is_still_to_be_mended_stays(log: Log) -> None:
    for stream in ("out", "err"):
        (log.folder / f"{DAY}-00.{stream}.new").touch()
    (log.folder / "current.err.cut").touch()
    rotated.tidied(log.home, "web")
    assert names(log) == [f"{DAY}-00.err.new", "current.err.cut", "current.out"]


@pytest.mark.parametrize("taken", ["", ".new"])
def test_a_name_that_a_directory_has_taken_just_then_loses_nothing(log: Log, taken: str) -> None:
    log.append(b"one\ntwo")
    (log.folder / f"{DAY}-00.out{taken}").mkdir()
    with (
        Current(log.home, "web", "out") as current,
        pytest.raises(IsADirectoryError, match=f"{DAY}-00.out"),
    ):
        rotate.rotate(current, f"{DAY}-00.out", "size", 10)
    assert names(log) == [f"{DAY}-00.out{taken}", "current.out"]
    assert log.current.read_bytes() == b"one\ntwo"
    (done,) = log.rotate().pieces
    assert (done.file, log.current.read_bytes()) == (f"{DAY}-01.out", b"two")


def test_no_copy_is_begun_that_would_take_the_room_of_the_child(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(b"line\n" * 1000)
    disk = list(os.statvfs(log.folder))
    for free_bytes, fits in ((5000, False), (9999, False), (10_000, True)):
        disk[1], disk[4] = 1, free_bytes  # f_frsize, f_bavail
        monkeypatch.setattr("os.statvfs", lambda _path: os.statvfs_result(disk))
        if fits:
            assert log.rotate().pieces
            continue
        with pytest.raises(Refused, match=r"current\.out: the disk has no room for a copy of it"):
            log.rotate()
        assert names(log) == ["current.out"]


def test_a_note_without_a_whole_line_says_nothing_and_a_torn_one_counts_for_nothing(
    log: Log,
) -> None:
    note = log.folder / "current.out.cut"
    log.append(b"one\n")
    note.write_bytes(b'{"to":"2026')
    log.mend()
    assert names(log) == ["current.out"]
    with Current(log.home, "web", "out") as current:
        current.note(Cut(f"{DAY}-00.out", current.inode))
    with note.open("ab") as file:
        file.write(b'{"torn')
    with Current(log.home, "web", "out") as current:
        current.note(Cut(f"{DAY}-01.out", current.inode))
        cut = current.noted()
    assert cut is not None
    assert cut.to == f"{DAY}-01.out"
