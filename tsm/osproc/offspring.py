"""Processes that tsm has spawned and left to themselves: buried once they have ended.

A command is gone before they are, and init buries them; a patrol that stays has to do it.
"""

from __future__ import annotations

import os

_left: set[int] = set()


def leave(pid: int) -> None:
    """Note that nobody waits for that child."""
    _left.add(pid)


def bury() -> None:
    """Reap those of them that have ended, and no other child."""
    for pid in list(_left):
        try:
            if os.waitpid(pid, os.WNOHANG)[0]:
                _left.discard(pid)
        except ChildProcessError:  # another has been faster
            _left.discard(pid)
