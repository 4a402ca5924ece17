"""An end by SIGKILL just before the Nth act on files, locks or processes, or a look at each."""

from __future__ import annotations

import fcntl
import os
import signal
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OF_OS = (
    *(
        "copy_file_range",
        "fdatasync",
        "fsync",
        "ftruncate",
        "link",
        "mkdir",
        "posix_spawn",
        "pwrite",
    ),
    *("rename", "rmdir", "symlink", "truncate", "unlink", "write"),
)
_ACTS = (*((os, name) for name in _OF_OS), (fcntl, "flock"), (signal, "pidfd_send_signal"))


class _Fuse:
    """Burns down by one with each act."""

    def __init__(self, length: int) -> None:
        self.left = length

    def burn(self) -> None:
        """One act less."""
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def light(acts: int) -> None:
    """Let this program be killed before so many acts, counted from 1."""
    _lay(_Fuse(acts).burn)


@contextmanager
def watched(look: Callable[[], None]) -> Iterator[None]:
    """Have `look` called before each act, within."""
    kept = [(module, name, getattr(module, name)) for module, name in _ACTS]
    _lay(look)
    try:
        yield
    finally:
        for module, name, function in kept:
            setattr(module, name, function)


def _lay(look: Callable[[], None]) -> None:
    for module, name in _ACTS:
        setattr(module, name, partial(_after, look, getattr(module, name)))


def _after(
    look: Callable[[], None], function: Callable[..., object], *args: object, **options: object
) -> object:
    look()
    return function(*args, **options)
