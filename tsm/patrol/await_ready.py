"""Waiting until a process is online, asking its probe where no resident patrol does."""

from __future__ import annotations

import time

from tsm.errors import Failed, NoSuchProcess, TimedOut
from tsm.osproc import table
from tsm.patrol import presence
from tsm.patrol.observe import observe
from tsm.store import documents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.store.home import Home

_REST = ("stopped", "completed", "errored", "broken")
_LOOK_S = 0.02  # between two looks where the kernel has nothing to tell us


def await_ready(home: Home, name: str, timeout_s: float) -> None:
    """Return once the process is online. Raises TimedOut, and Failed when it is down for good."""
    boot = table.boot_id()
    deadline_s = time.monotonic() + timeout_s
    next_s = 0.0
    while True:
        one = observe(home, name, boot)
        if one is None:
            message = f"{name}: was deleted"
            raise NoSuchProcess(message)
        if one.status == "online":
            return
        why = f": {one.reason}" if one.reason else ""
        if one.status in _REST:
            message = f"{name}: {one.status}{why}"
            raise Failed(message)
        if time.monotonic() >= deadline_s:
            message = f"{name}: not ready within {timeout_s:.3g} s{why}"
            raise TimedOut(message)
        if one.status == "launching" and time.monotonic() >= next_s:
            next_s = time.monotonic() + _ask(home, name)
        time.sleep(_LOOK_S)


def _ask(home: Home, name: str) -> float:
    """Ask whether it is ready, if nobody else does; after how many seconds to ask again."""
    if not presence.attended(home):
        from tsm.patrol.asking import ask_once

        ask_once(home, [name])
    return documents.read_spec(home, name).ready.interval_s
