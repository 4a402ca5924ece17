"""Wait for children to come and go and for a command to return, and note when each did."""

from __future__ import annotations

import os
import selectors
import time
from typing import TYPE_CHECKING, Self

from lab.trouble import Trouble

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable

    from lab.child import Door, Report

TIMEOUT_S = 120.0


class Watch:
    """Say what to wait for, `begin`, act, `wait`; then read the times, in seconds since `begin`.

    One loop over the FIFO and pidfds: nothing is polled, so the clock stops when it happens.
    """

    def __init__(self, door: Door) -> None:
        self.reported: dict[str, Report] = {}
        self.reported_s = 0.0
        self.gone_s = 0.0
        self.returned_s = 0.0
        self._door = door
        self._what = "up"
        self._awaited: set[str] = set()
        self._ends: dict[int, str] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(door.fd, selectors.EVENT_READ)
        self.began_s = time.monotonic()

    def __enter__(self) -> Self:
        """Hold what is watched until the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let it go, seen or not."""
        self._selector.close()
        for fd in self._ends:
            os.close(fd)

    def for_reports(self, names: Iterable[str], what: str = "up") -> None:
        """Wait until each of `names` has reported `what`; older reports are thrown away."""
        while self._door.reports():
            pass
        self._what = what
        self._awaited = set(names)

    def for_ends(self, pids: Iterable[int]) -> None:
        """Wait until none of `pids` runs."""
        for pid in pids:
            self._add(pid, "gone")

    def for_return(self, command: subprocess.Popen[bytes]) -> None:
        """Wait until `command` exits."""
        self._add(command.pid, "returned")

    def begin(self) -> None:
        """Start the clock."""
        self.began_s = time.monotonic()

    def wait(self, timeout_s: float = TIMEOUT_S) -> None:
        """Block until all of it has happened; raise Trouble naming what has not."""
        deadline_s = time.monotonic() + timeout_s
        while self._awaited or self._ends:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise Trouble(self._missing(timeout_s))
            for key, _ in self._selector.select(left_s):
                if key.fd == self._door.fd:
                    self._read_reports()
                else:
                    self._end(key.fd)

    def pid(self, name: str) -> int:
        """Answer the pid that child `name` reported."""
        return int(self.reported[name].value)

    def _add(self, pid: int, kind: str) -> None:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        self._ends[fd] = kind
        self._selector.register(fd, selectors.EVENT_READ)

    def _read_reports(self) -> None:
        for report in self._door.reports():
            if report.what == self._what and report.name in self._awaited:
                self._awaited.discard(report.name)
                self.reported[report.name] = report
                self.reported_s = report.at_s - self.began_s

    def _end(self, fd: int) -> None:
        now_s = time.monotonic() - self.began_s
        if self._ends.pop(fd) == "gone":
            self.gone_s = now_s
        else:
            self.returned_s = now_s
        self._selector.unregister(fd)
        os.close(fd)

    def _missing(self, timeout_s: float) -> str:
        kinds = sorted(self._ends.values())
        facts = [
            f"{len(self._awaited)} not {self._what}" if self._awaited else "",
            f"{kinds.count('gone')} not gone" if "gone" in kinds else "",
            "command not back" if "returned" in kinds else "",
        ]
        return f"after {timeout_s:g} s: " + ", ".join(filter(None, facts))
