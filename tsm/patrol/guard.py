"""The locks of processes, for who acts on them: a resident patrol that hangs holds nobody up."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager

from tsm.errors import Busy
from tsm.osproc import signals, table
from tsm.patrol import presence
from tsm.store import lock
from tsm.store.home import complete

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tsm.store.home import Home
    from tsm.store.lock import Lock

_PATIENCE_S = 1.0  # then it is asked why the lock is not had


@contextmanager
def held(home: Home, name: str, timeout_s: float) -> Iterator[Lock]:
    """Hold the lock of one process. Raises Busy when it is not had in time."""
    found = take(home, name, timeout_s)
    try:
        yield found
    finally:
        found.release()


def take(home: Home, name: str, timeout_s: float) -> Lock:
    """Take the lock of one process. Raises Busy when it is not had in time.

    A resident patrol that has it, and is stopped or hangs, is ended: another takes its place.
    """
    if os.path.isdir(home.processes):  # else there is nothing that the folders were needed for
        complete(home)
    if timeout_s <= _PATIENCE_S:
        return lock.take(home, name, timeout_s)
    try:
        return lock.take(home, name, _PATIENCE_S)
    except Busy:
        _end_hung(home, name)
        return lock.take(home, name, timeout_s - _PATIENCE_S)


def _end_hung(home: Home, name: str) -> None:
    one = presence.resident(home)
    if one is None or lock.holder(home, name) != one.pid:
        return
    row = table.living(one, table.boot_id())
    stopped = row is not None and row.state in "Tt"
    if stopped or presence.hung_s(home) is not None:
        signals.send(one.pid, one.ticks, signal.SIGKILL)
