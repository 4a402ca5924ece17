"""Compressed log files: making them, and reading them as if they were not."""

from __future__ import annotations

import os

from tsm.errors import Refused
from tsm.store.atomic import remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import IO

    from _typeshed import SupportsWrite

SUFFIXES = {"gzip": ".gz", "zstd": ".zst"}
_LEVEL = {"gzip": 6, "zstd": 3}
_BLOCK_BYTES = 1 << 18
_SPOOL_BYTES = 64 << 20  # of a compressed file that is read backwards, in memory


def require(how: str | None) -> None:
    """Raise Refused if the library is missing that this takes."""
    from importlib.util import find_spec

    if how == "zstd" and find_spec("zstandard") is None:
        message = "log-compress zstd needs a library: pip install zstandard"
        raise Refused(message)


def compress(path: str, how: str) -> str:
    """Replace a file by a compressed one, with its time and mode, and return the path of that.

    A kill leaves the one, or the other, or both whole. Raises Refused, OSError.
    """
    import shutil  # dear, and not for those who only look

    require(how)
    target = path + SUFFIXES[how]
    unfinished = f"{target}.new"
    there = os.stat(path)
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb") as raw, open(path, "rb") as source:
            with _packing(raw, how) as packed:
                shutil.copyfileobj(source, packed, _BLOCK_BYTES)
            raw.flush()
            os.fdatasync(raw.fileno())
        os.utime(unfinished, ns=(there.st_atime_ns, there.st_mtime_ns))
        os.rename(unfinished, target)
    except OSError:
        remove(unfinished)
        raise
    os.unlink(path)
    return target


def errors() -> tuple[type[Exception], ...]:
    """What reading a log file can raise, whether it is compressed or not."""
    import sys
    import zlib

    zstandard = sys.modules.get("zstandard")
    more = () if zstandard is None else (zstandard.ZstdError,)
    return (OSError, EOFError, zlib.error, Refused, *more)


def opened(path: str) -> IO[bytes]:
    """A log file to be read, whether compressed or not. Raises OSError, Refused."""
    if path.endswith(SUFFIXES["gzip"]):
        import gzip

        return gzip.open(path, "rb")  # type: ignore[return-value]  # it is read like one
    if path.endswith(SUFFIXES["zstd"]):
        require("zstd")
        import zstandard

        packed: IO[bytes] = zstandard.open(path, "rb")
        return packed
    return open(path, "rb")


def seekable(path: str) -> IO[bytes]:
    """The same, to be read in any order. Raises OSError, EOFError, Refused."""
    if not path.endswith(tuple(SUFFIXES.values())):
        return open(path, "rb")
    import shutil
    import tempfile

    plain = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115 - it is handed over
    try:
        with opened(path) as packed:
            shutil.copyfileobj(packed, plain, _BLOCK_BYTES)
    except BaseException:
        plain.close()
        raise
    return plain


def _packing(raw: IO[bytes], how: str) -> AbstractContextManager[SupportsWrite[bytes]]:
    if how == "zstd":
        import zstandard

        return zstandard.ZstdCompressor(_LEVEL[how]).stream_writer(raw, closefd=False)
    import gzip

    return gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL[how], fileobj=raw)
