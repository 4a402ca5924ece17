"""`tsm ARGV...` that is killed with SIGKILL just before its Nth act on files, locks or processes.

usage: killed.py N ARGV...     N counts from 1; with fewer acts than that tsm runs to its end
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_ACTS = "fsync mkdir posix_spawn rename rmdir symlink unlink write".split()  # noqa: SIM905


class _Fuse:
    """Burns down by one with each act."""

    def __init__(self, length: int) -> None:
        self.left = length

    def lay(self, module: Any, name: str, *, counts: Callable[..., bool] = lambda *_: True) -> None:
        """Make each call of a function count for which `counts` says so."""
        function = getattr(module, name)

        def counted(*args: Any, **options: Any) -> Any:
            if counts(*args):
                self.left -= 1
                if self.left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **options)

        setattr(module, name, counted)


def main() -> int:
    """Light the fuse and run tsm."""
    from tsm.cli import main as tsm

    fuse = _Fuse(int(sys.argv[1]))
    for name in _ACTS:
        fuse.lay(os, name)
    fuse.lay(signal, "pidfd_send_signal")
    return tsm(sys.argv[2:])


if __name__ == "__main__":
    raise SystemExit(main())
