"""Blocking calls beside the event loop, each in a thread of its own."""

from __future__ import annotations

import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """What `work` returns or raises.

    Asyncio's own threads are few, so that some slow calls would hold up all others, and its
    end waits for them. This thread holds up nobody, and nobody waits for it if the caller is
    cancelled.
    """
    import asyncio
    from concurrent.futures import Future
    from threading import Thread

    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            done.set_exception(error)

    done.set_running_or_notify_cancel()  # a caller that is cancelled does not cancel the thread
    try:
        Thread(target=run, daemon=True).start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, "no more threads") from error
    return await asyncio.wrap_future(done)
