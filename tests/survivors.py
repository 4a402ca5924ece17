"""Finding and ending the processes that a test has left behind."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from tests import proc
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

MARK = "TSM_TEST_MARK"


class Survivors:
    """The living processes that carry a test's mark, or have a stream in its folder.

    The streams catch those that tsm runs with an environment of its own.
    """

    def __init__(self, mark: str, folder: Path) -> None:
        self._entry = f"{MARK}={mark}".encode()
        self._below = f"{folder}/"

    def named(self) -> list[str]:
        """One line for each: pid and command line."""
        return [f"{pid}: {' '.join(proc.argv_of(pid))}" for pid in self.pids()]

    def pids(self) -> list[int]:
        """Their pids, ascending. Zombies are not among them."""
        return sorted(pid for pid in proc.pids() if self._ours(pid))

    def kill(self) -> None:
        """SIGKILL them, and whom they start meanwhile, until there are none."""
        eventually(self._none_after_kill)

    def _none_after_kill(self) -> bool:
        pids = self.pids()
        for pid in pids:
            self._kill_one(pid)
        return not pids

    def _kill_one(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            fd = os.pidfd_open(pid)
            try:
                if self._ours(pid):  # still: the pid may have gone to another in between
                    signal.pidfd_send_signal(fd, signal.SIGKILL)
            finally:
                os.close(fd)

    def _ours(self, pid: int) -> bool:
        if pid == os.getpid() or proc.is_kernels(pid):
            return False
        marked = any(self._entry in environ for environ in proc.environs(pid))
        return marked or any(stream.startswith(self._below) for stream in proc.streams(pid))
