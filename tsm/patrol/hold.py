"""Holding several processes at once, so that they can be acted on side by side."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager

from tsm.errors import Broken, Busy, NoSuchProcess, TsmError, refused
from tsm.patrol import guard
from tsm.patrol.process import Process, load
from tsm.store import definitions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tsm.store.home import Home
    from tsm.store.lock import Lock

_LEAST_S = 1.5  # for each lock, however late: who hangs with it is ended after a second


class Held:
    """The processes whose locks are held, and why others are not among them."""

    def __init__(self) -> None:
        self.processes: dict[str, Process] = {}
        self.locks: dict[str, Lock] = {}
        self.problems: list[TsmError] = []  # Broken, Busy, NoSuchProcess


@contextmanager
def held_all(
    home: Home,
    names: Sequence[str],
    timeout_s: float,
    read: Callable[[Home, str], Process] = load,
) -> Iterator[Held]:
    """Hold the locks of `names`, always in the same order, and read what they protect.

    `timeout_s` is for all of them together, and a moment more for each that is late.
    """
    deadline_s = time.monotonic() + timeout_s
    with ExitStack() as stack:
        held = Held()
        for name in sorted(names):
            left_s = max(deadline_s - time.monotonic(), min(timeout_s, _LEAST_S))
            try:
                its_lock = stack.enter_context(guard.held(home, name, left_s))
                if definitions.exists(home, name):
                    held.locks[name] = its_lock
                    held.processes[name] = read(home, name)
                else:
                    its_lock.retire()
                    message = f"{name}: was deleted meanwhile"
                    held.problems.append(NoSuchProcess(message))
            except (Broken, Busy) as problem:
                held.problems.append(problem)
            except OSError as error:
                held.problems.append(refused(error))
        yield held
