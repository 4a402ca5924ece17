"""The rotated log files of a process: YYYY-MM-DD-NN.out, perhaps compressed, oldest first."""

from __future__ import annotations

import os
import re
import time
from contextlib import contextmanager, suppress

from tsm.errors import Broken, Refused
from tsm.model import LogFile
from tsm.store import compression, logs
from tsm.store.atomic import remove
from tsm.store.lock import taken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from tsm.errors import TsmError
    from tsm.store.home import Home

_BLOCK_BYTES = 1 << 18
_PAUSE_S = 0.01
_NAME = re.compile(r"(\d{4}-\d\d-\d\d)-(\d{2,9})\.(out|err)(\.gz|\.zst)?", re.ASCII)
_PACKED = re.compile(r"\.(gz|zst)$")


@contextmanager
def lock(home: Home, name: str, timeout_s: float = 0.0) -> Iterator[bool]:
    """Be the only one who rotates the logs of that process; False if another does."""
    deadline_s = time.monotonic() + timeout_s
    fd = os.open(home.process(name), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        while not (had := taken(fd)) and time.monotonic() < deadline_s:
            time.sleep(_PAUSE_S)
        yield had
    finally:
        os.close(fd)


def is_name(word: str) -> bool:
    """Whether a rotated file that is not compressed can be called that."""
    match = _NAME.fullmatch(word)
    return match is not None and not match[4]


def later(name: str, count: int) -> str:
    """The name of a rotated file so many after the one of that name."""
    stem, _, stream = name.rpartition(".")
    day, _, number = stem.rpartition("-")
    return f"{day}-{int(number) + count:02d}.{stream}"


def files(home: Home, name: str, stream: str) -> list[LogFile]:
    """Those that there are, oldest first.

    Of one that is there compressed as well, whoever was compressing it has been killed: it
    is there once.
    """
    return _files(home.process(name), stream)


def _files(folder: str, stream: str) -> list[LogFile]:
    found: dict[tuple[str, int], LogFile] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name)
            if match is None or match[3] != stream or not entry.is_file(follow_symlinks=False):
                continue
            key = (match[1], int(match[2]))
            there = entry.stat(follow_symlinks=False)
            one = LogFile(entry.path, stream, there.st_size, there.st_mtime, bool(match[4]))
            if key not in found or not one.compressed:
                found[key] = one
    return [found[key] for key in sorted(found)]


def indexes(path: str) -> list[str]:
    """The indexes of the rotated files of the current one `path`, oldest first."""
    files = _files(os.path.dirname(path), path.rpartition(".")[2])
    return [f"{_plain(one.path)}.idx" for one in files]


def free(home: Home, name: str, stream: str, day: str) -> str:
    """The next name that nothing has, of that day, or of a later one of which there are some.

    So that names tell what is older, wherever the clock or the time zone has gone.
    """
    last = (day, -1)
    for entry in os.listdir(home.process(name)):
        match = _NAME.match(entry)
        if match is not None and match[3] == stream:
            last = max(last, (match[1], int(match[2])))
    return f"{last[0]}-{last[1] + 1:02d}.{stream}"


def tidied(home: Home, name: str) -> list[str]:
    """The names of the rotated files of both streams, in no order.

    What killed rotations and compressions have half made is removed, and indexes of what is no
    more; but nothing that a rotation may need which is still to be mended. The caller holds the
    lock.
    """
    entries = os.listdir(home.process(name))
    found = [entry for entry in entries if _NAME.fullmatch(entry)]
    kept = {f"{_plain(entry)}.idx" for entry in found}
    for entry in entries:
        stem = entry.removesuffix(".new")
        match = _NAME.fullmatch(stem.removesuffix(".idx"))
        if match is None or entry in kept or f"current.{match[3]}.cut" in entries:
            continue
        if entry.endswith((".new", ".idx")):
            with suppress(IsADirectoryError):
                remove(home.file(name, entry))
    return found


def between(
    path: str, first: int, last: int, problems: list[TsmError]
) -> Iterator[tuple[int, bytes]]:
    """The bytes of a stream between two positions, from rotated files of the current one `path`.

    Each block comes with the position at which it begins. Those of files that are there no
    more are left out; so is what cannot be read, which is added to `problems`.
    """
    parts = _parts(path)
    follow = [*(begin for begin, _ in parts[1:]), last]
    for (begin, one), follows in zip(parts, follow, strict=False):
        if begin >= last or follows <= first:
            continue
        with _noting(one, problems), _opened(one.path, compression.opened) as file:
            at = begin + file.seek(max(0, first - begin))
            while data := file.read1(min(_BLOCK_BYTES, last - at)):  # type: ignore[attr-defined]
                yield at, data
                at += len(data)


def before(
    path: str, end: int, first: int, problems: list[TsmError]
) -> Iterator[tuple[int, bytes]]:
    """The same, the last bytes first."""
    for begin, one in reversed(_parts(path)):
        if begin >= end:
            continue
        with _noting(one, problems), _opened(one.path, compression.seekable) as file:
            at = min(end, begin + file.seek(0, os.SEEK_END))
            while at > max(begin, first):
                length = min(_BLOCK_BYTES, at - max(begin, first))
                file.seek(at - length - begin)
                at -= length
                yield at, file.read(length)
        if begin <= first:
            return


def _parts(path: str) -> list[tuple[int, LogFile]]:
    """The rotated files of the current one `path`, and where they begin.

    One without an index is about to get it: what it has is still in the current one.
    """
    files = _files(os.path.dirname(path), path.rpartition(".")[2])
    begins = ((logs.indexed_begin(_plain(one.path)), one) for one in files)
    return [(begin, one) for begin, one in begins if begin is not None]


def _opened(path: str, how: Callable[[str], IO[bytes]]) -> IO[bytes]:
    """A rotated file, which may have been compressed since it was found."""
    for suffix in ("", *compression.SUFFIXES.values()):
        with suppress(FileNotFoundError):
            return how(path + suffix)
    raise FileNotFoundError(path)


@contextmanager
def _noting(one: LogFile, problems: list[TsmError]) -> Iterator[None]:
    """Go on where a file cannot be read; one that was removed meanwhile is no problem."""
    try:
        yield
    except FileNotFoundError:
        pass
    except compression.errors() as error:
        what = error if isinstance(error, Refused) else f"cannot be read to its end: {error}"
        problem = f"{one.path}: {what}"
        problems.append(Refused(problem) if isinstance(error, Refused) else Broken(problem, ""))


def discard(one: LogFile) -> None:
    """Remove a rotated file, with its index."""
    for path in (one.path, f"{_plain(one.path)}.idx"):
        remove(path)


def _plain(path: str) -> str:
    """The name that it had before it was compressed."""
    return _PACKED.sub("", path)
