"""Doing side by side what may have to wait: for a hook, for a run to end."""

from __future__ import annotations

from contextlib import suppress

from tsm.errors import TsmError, refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeVar

    T = TypeVar("T")

AT_ONCE = 16


def outcomes(acts: Sequence[Callable[[], T]]) -> Iterator[T | TsmError]:
    """What each of the acts returns, or why it failed, as they come to an end.

    Some at once are done in threads, for which nobody waits who is interrupted meanwhile: that
    is as if he had been killed.
    """
    if len(acts) < 2:
        yield from map(_outcome, acts)
        return
    from queue import SimpleQueue
    from threading import Thread

    left = list(reversed(acts))
    done: SimpleQueue[T | TsmError | BaseException] = SimpleQueue()

    def work() -> None:
        with suppress(IndexError):  # another took the last
            while left:
                act = left.pop()
                try:
                    done.put(_outcome(act))
                except BaseException as error:  # noqa: BLE001 - it is raised below
                    done.put(error)

    for _ in range(min(AT_ONCE, len(acts))):
        try:
            Thread(target=work, daemon=True).start()
        except RuntimeError:  # no more threads
            work()
    for _ in acts:
        one = done.get()
        if isinstance(one, BaseException) and not isinstance(one, TsmError):
            raise one
        yield one


def _outcome(act: Callable[[], T]) -> T | TsmError:
    try:
        return act()
    except TsmError as problem:
        return problem
    except OSError as error:
        return refused(error)
