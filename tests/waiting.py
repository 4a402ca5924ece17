"""Waiting for facts, not for time."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

_POLL_S = 0.01  # at first; what takes long is not asked so often
_LONGEST_POLL_S = 0.1


def eventually(probe: Callable[[], T], timeout_s: float = 60) -> T:
    """The first truthy answer of `probe`; fails with the last one when none comes in time.

    A file that is not there yet or only half written is an answer too: OSError, LookupError
    and ValueError mean "not yet".
    """
    deadline_s = time.monotonic() + timeout_s
    poll_s = _POLL_S
    while True:
        last: object
        try:
            last = answer = probe()
        except (OSError, LookupError, ValueError) as error:
            last = error
        else:
            if answer:
                return answer
        if time.monotonic() >= deadline_s:
            pytest.fail(f"not in {timeout_s:g} s; the last answer was {last!r}")
        time.sleep(poll_s)
        poll_s = min(poll_s * 1.4, _LONGEST_POLL_S)


async def until(probe: Callable[[], object]) -> None:
    """Wait for a fact, while the loop goes on."""
    async with asyncio.timeout(60):
        while not probe():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)


class Gate:
    """A child that lives until it is told its exit code: open() is the meeting point."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)

    @property
    def command(self) -> str:
        return f"sh -c 'read code < {self.path}; exit $code'"

    def open(self, code: int = 0) -> None:
        """Let one child go. Blocks until there is one."""
        self.path.write_text(f"{code}\n")
