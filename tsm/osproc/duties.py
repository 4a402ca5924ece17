"""The duties of a program in the foreground: to hear signals, and to bury orphans as init does."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType
    from typing import Self

_PR_SET_CHILD_SUBREAPER = 36


class Heard:
    """Signals as they come, taken from `fd`, in the place of what they would do."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._numbers = tuple(numbers)
        self._before: dict[int, object] = {}
        self.fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def taken(self) -> list[int]:
        """The signals that have come since the last call, oldest first."""
        try:
            return list(os.read(self.fd, 4096))
        except BlockingIOError:
            return []

    def __enter__(self) -> Self:
        """Hear from now on."""
        signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        for number in self._numbers:
            self._before[number] = signal.signal(number, _left_to_the_reader)
        return self

    def __exit__(self, *_: object) -> None:
        """Let signals do what they did before."""
        signal.set_wakeup_fd(-1)
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type] # what signal() returned
        os.close(self.fd)
        os.close(self._write_fd)


def _left_to_the_reader(_number: int, _frame: FrameType | None) -> None:
    """Python has written the number into the pipe."""


def adopt_orphans() -> None:
    """Become the parent of those below that lose theirs (prctl(2)); pid 1 is that anyway."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def bury() -> None:
    """Reap all children that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return
