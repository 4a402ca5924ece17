"""One process as the resident patrol sees it: what it waits for, and what was last seen."""

from __future__ import annotations

import asyncio
import os

from tsm.osproc import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tsm.model import Identity
    from tsm.osproc.sample import Sample
    from tsm.patrol.reconcile import Done
    from tsm.patrol.supervision import Supervision
    from tsm.policy.feedback import Change

_AGAIN_S = 5.0  # after a look that failed, twice as long each further time
_LONGEST_S = 60.0  # no timer goes further: the clock may be set


class Ward:
    """Wakes whoever looks after the process when it ends, or when something is due."""

    def __init__(self, name: str, wake: Callable[[Ward], None]) -> None:
        self.name = name
        self.looking = False
        self.again = False  # something has happened during the look
        self.acts: list[Callable[[], Done]] = []  # to be done in place of the next looks
        self.own: set[str] = set()  # watched files that change with its starts
        self.changes: list[Change] = []  # what has led to the last restarts of what is watched
        self.done: Done | None = None  # what the last look has led to
        self.sample: Sample | None = None  # the last one, whichever run it was of
        self.trouble = ""  # what the last look has failed for
        self.supervision: Supervision | None = None
        self._wake = wake
        self._failures = 0
        self._pidfd: int | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def needed(self) -> bool:
        """Whether there is something to wait for."""
        return self.looking or self._pidfd is not None or self._timer is not None

    def act(self, act: Callable[[], Done]) -> None:
        """Do something that changes the process, in place of a look at it."""
        self.acts.append(act)
        self._wake(self)

    def await_end(self, one: Identity) -> None:
        """Wake when that OS process ends; at once if it has. Raises OSError without descriptors."""
        fd = signals.opened(one.pid, one.ticks)
        if fd is None:
            self.wake_in(0.0)
            return
        self._pidfd = fd
        asyncio.get_running_loop().add_reader(fd, self._ended)

    def wake_in(self, delay_s: float) -> None:
        """Wake after some time, or earlier: whoever is woken looks at the clock."""
        if self._timer is not None:
            self._timer.cancel()
        delay_s = min(max(0.0, delay_s), _LONGEST_S)
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._due)

    def failed(self) -> None:
        """Try again, less and less often."""
        self.wake_in(_AGAIN_S * 2.0 ** min(self._failures, 10))
        self._failures += 1

    def succeeded(self) -> None:
        """The next failure is the first again."""
        self._failures, self.trouble = 0, ""

    def let_go(self) -> None:
        """Wait for nothing any more."""
        if self._pidfd is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def unsupervise(self) -> None:
        """Ask and measure no more."""
        if self.supervision is not None:
            self.supervision.cancel()
            self.supervision = None

    def _ended(self) -> None:
        self.let_go()
        self._wake(self)

    def _due(self) -> None:
        self._timer = None
        self._wake(self)
