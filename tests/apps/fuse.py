"""An end by SIGKILL just before the Nth act on files, locks or processes."""

from __future__ import annotations

import fcntl
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

_ACTS = (
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


class _Fuse:
    """Burns down by one with each act."""

    def __init__(self, length: int) -> None:
        self.left = length

    def lay(self, module: ModuleType, name: str) -> None:
        """Make each call of a function count."""
        function: Callable[..., object] = getattr(module, name)

        def counted(*args: object, **options: object) -> object:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **options)

        setattr(module, name, counted)


def light(acts: int) -> None:
    """Let this program be killed before so many acts, counted from 1."""
    fuse = _Fuse(acts)
    for name in _ACTS:
        fuse.lay(os, name)
    fuse.lay(fcntl, "flock")
    fuse.lay(signal, "pidfd_send_signal")
