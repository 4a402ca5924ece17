"""What goes wrong with a peer, and waiting, off the clock, for what should come right."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE_S = 10.0


class Trouble(Exception):  # noqa: N818  a peer's trouble is a result, not a bug
    """A peer could not be installed, or did not do what a row asked of it."""


def eventually(fact: Callable[[], bool], what: str, timeout_s: float = GRACE_S) -> None:
    """Wait until `fact` holds, outside any measurement; raise Trouble when it does not."""
    deadline_s = time.monotonic() + timeout_s
    while not fact():
        if time.monotonic() > deadline_s:
            raise Trouble(f"after {timeout_s:g} s still not: {what}")
        time.sleep(0.01)
