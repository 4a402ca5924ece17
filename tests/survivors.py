"""Finding and ending the processes that a test has left behind."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        return [f"{pid}: {_command_line(pid)}" for pid in self.pids()]

    def pids(self) -> list[int]:
        """Their pids, ascending. Zombies are not among them."""
        return sorted(pid for pid in _all_pids() if self._ours(pid))

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
        if pid == os.getpid():
            return False
        with suppress(OSError):  # ended, or another user's
            for environ in Path(f"/proc/{pid}/task").glob("*/environ"):  # the first may have ended
                if self._entry in environ.read_bytes().split(b"\0"):
                    return True
        for fd in range(3):
            with suppress(OSError):
                if str(Path(f"/proc/{pid}/fd/{fd}").readlink()).startswith(self._below):
                    return True
        return False


def _all_pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def _command_line(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "(ended)"
    return b" ".join(words).decode(errors="replace").strip()
