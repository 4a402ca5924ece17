"""`tsm ARGV...` that is killed with SIGKILL just before its Nth act on files, locks or processes.

usage: killed.py N ARGV...     N counts from 1; with fewer acts than that tsm runs to its end
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from typing import TYPE_CHECKING

from tsm import cli

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

_ACTS = ("fsync", "mkdir", "posix_spawn", "rename", "rmdir", "symlink", "unlink", "write")


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


def main() -> int:
    """Light the fuse and run tsm."""
    fuse = _Fuse(int(sys.argv[1]))
    for name in _ACTS:
        fuse.lay(os, name)
    fuse.lay(fcntl, "flock")
    fuse.lay(signal, "pidfd_send_signal")
    return cli.main(sys.argv[2:])


if __name__ == "__main__":
    raise SystemExit(main())
