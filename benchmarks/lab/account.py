"""What has become of the lines of a writer, told from the files that a manager keeps of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.writer import DIGITS, FILLER, LINE_BYTES, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Account:
    """How many lines are not there, are there again, and are there in pieces alone."""

    lost: int
    twice: int
    torn: int  # what stands in the place of a line and is none
    cut: int  # files that end within a line, whole as it may be with the next file

    @property
    def whole(self) -> bool:
        """Answer whether all is as it was written, and no file ends within a line."""
        return self == Account(0, 0, 0, 0)


def account(files: Sequence[Path], size_bytes: int) -> Account:
    """Read `files`, oldest first, in which a writer's `size_bytes` should be."""
    count = size_bytes // LINE_BYTES
    if sum(path.stat().st_size for path in files) == size_bytes and _as_written(files, size_bytes):
        return Account(0, 0, 0, _cut(files))
    seen = bytearray(count)
    twice = torn = 0
    for line in _lines(files):
        number = _number(line)
        if number is None or number >= count:
            torn += 1
        elif seen[number]:
            twice += 1
        else:
            seen[number] = 1
    return Account(seen.count(0), twice, torn, _cut(files))


def _as_written(files: Sequence[Path], size_bytes: int) -> bool:
    """Answer whether the files, one after the other, are what the writer wrote."""
    got = bytearray()
    chunks = _chunks(files)
    for block in blocks(size_bytes):
        while len(got) < len(block):
            got += next(chunks, b"") or b"\0" * len(block)
        if got[: len(block)] != block:
            return False
        del got[: len(block)]
    return True


def _chunks(files: Sequence[Path]) -> Iterator[bytes]:
    for path in files:
        with path.open("rb") as file:
            while chunk := file.read(_READ_BYTES):
                yield chunk


def _lines(files: Sequence[Path]) -> Iterator[bytes]:
    """Yield the lines of all files as if they were one, with their newlines."""
    rest = b""
    for chunk in _chunks(files):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        yield rest


def _number(line: bytes) -> int | None:
    """Answer the number of a line; None if it is not one of a writer, or only a piece."""
    digits = line[:DIGITS]
    return int(digits) if digits.isdigit() and line == digits + FILLER + digits + b"\n" else None


def _cut(files: Sequence[Path]) -> int:
    return sum(not _ends_with_line(path) for path in files)


def _ends_with_line(path: Path) -> bool:
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"
