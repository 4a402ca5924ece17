"""Signals: their names, and sending them to the right process or to nobody."""

from __future__ import annotations

import os
import select
import signal

from tsm.errors import Refused
from tsm.osproc.table import lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from tsm.model import Identity


_HOUR_S = 3600.0  # more than poll(2) can count is a wait in several parts


def number(name: str) -> int | None:
    """The number of a signal given as `TERM`, `SIGTERM`, `sigterm` or `15`, or None."""
    if name.isdecimal():
        return int(name) if int(name) in set(signal.valid_signals()) else None
    word = name.upper().removeprefix("SIG")
    found = getattr(signal, f"SIG{word}", None)
    return int(found) if isinstance(found, signal.Signals) else None


def name(number: int) -> str:
    """`SIGTERM` for 15; a real-time signal without a name is `signal 40`."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def canonical(number: int) -> str:
    """The form that definitions keep: `SIGTERM`, or the number where there is no name."""
    word = name(number)
    return word if word.startswith("SIG") else str(number)


def opened(pid: int, ticks: int) -> int | None:
    """A pidfd of the process that began at `ticks`; None when it has gone. The caller closes it."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    try:
        process = lookup(pid)
    except OSError:
        os.close(fd)
        raise
    if process is None or process.ticks != ticks or process.dead:
        os.close(fd)
        return None
    return fd


def send(pid: int, ticks: int, number: int) -> bool:
    """Signal the process that began at `ticks`; False, and nobody is touched, when it has gone."""
    fd = opened(pid, ticks)
    if fd is None:
        return False
    try:
        signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return False
    except PermissionError as error:
        message = f"may not send {name(number)} to pid {pid}: it belongs to another user"
        raise Refused(message) from error
    finally:
        os.close(fd)
    return True


def await_ends(identities: Iterable[Identity], timeout_s: float) -> None:
    """Block until one of the processes has ended, the time is over, or an hour has passed."""
    poll = select.poll()
    fds = []
    try:
        for one in identities:
            fd = opened(one.pid, one.ticks)
            if fd is None:
                return
            fds.append(fd)
            poll.register(fd, select.POLLIN)
        poll.poll(int(max(0.0, min(timeout_s, _HOUR_S)) * 1000) + 1)
    finally:
        for fd in fds:
            os.close(fd)
