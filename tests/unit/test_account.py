"""What the benchmark says of a log is true: a line that is missing there is missed."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import pytest

from lab.account import Account, account
from lab.writer import LINE_BYTES, blocks, written

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 3000 * LINE_BYTES
WHOLE = b"".join(bytes(block) for block in blocks(SIZE))


def line(number: int) -> bytes:
    return WHOLE[number * LINE_BYTES : (number + 1) * LINE_BYTES]


def test_lines_begin_with_their_numbers() -> None:
    lines = WHOLE.splitlines(keepends=True)
    assert [int(one[:10]) for one in lines] == list(range(3000))
    assert [int(one[-11:]) for one in lines] == list(range(3000))
    assert {len(one) for one in lines} == {LINE_BYTES}
    *_, last = blocks(11_000_000 * LINE_BYTES)
    assert last[:LINE_BYTES].split(b" ")[::2] == [b"0010999000", b"0010999000\n"]


@pytest.mark.parametrize("at_once", [LINE_BYTES, 8192, 65536, 70_001])
@pytest.mark.parametrize("rate", [math.inf, 1e9])
def test_the_writer_writes_all_of_them(tmp_path: Path, at_once: int, rate: float) -> None:
    kept = os.dup(1)
    fd = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    try:
        os.dup2(fd, 1)
        written(SIZE, at_once, rate)
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(fd)
    assert (tmp_path / "out").read_bytes() == WHOLE


def cut_at(*offsets: int) -> list[bytes]:
    ends = [*offsets, len(WHOLE)]
    return [WHOLE[begin:end] for begin, end in zip([0, *offsets], ends, strict=True)]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        pytest.param([WHOLE], Account(0, 0, 0, 0), id="one file"),
        pytest.param(cut_at(500, 2600, 2600), Account(0, 0, 0, 0), id="cut between lines"),
        pytest.param(cut_at(250, 2650), Account(0, 0, 0, 2), id="cut within lines, nothing lost"),
        pytest.param([], Account(3000, 0, 0, 0), id="no file"),
        pytest.param([line(0), WHOLE[300:]], Account(2, 0, 0, 0), id="two lines lost"),
        pytest.param([WHOLE[:-100]], Account(1, 0, 0, 0), id="the last line lost"),
        pytest.param([WHOLE[:-1]], Account(1, 0, 1, 1), id="the last line torn"),
        pytest.param([WHOLE[:1000], WHOLE[900:]], Account(0, 1, 0, 0), id="a line twice"),
        pytest.param([WHOLE[:950], WHOLE[1050:]], Account(2, 0, 1, 1), id="halves of two lines"),
        pytest.param([WHOLE[:1050], WHOLE[1000:]], Account(1, 0, 1, 1), id="half a line again"),
        pytest.param([WHOLE[100:200], WHOLE[:100], WHOLE[200:]], Account(0, 0, 0, 0), id="turned"),
        pytest.param([WHOLE[:100], b"x\n", WHOLE[100:]], Account(0, 0, 1, 0), id="a stranger"),
        pytest.param(
            [WHOLE[:500], b"\0" * 100, WHOLE[600:]], Account(2, 0, 1, 1), id="a hole for a line"
        ),
    ],
)
def test_what_became_of_the_lines(tmp_path: Path, files: list[bytes], found: Account) -> None:
    paths = [tmp_path / str(number) for number in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    assert account(paths, SIZE) == found
