"""Asking a child whether it is ready or healthy, by whatever kind of probe."""

from __future__ import annotations

import errno
import os
import time

from tsm.errors import Failed
from tsm.model import Answer
from tsm.osproc import command, web
from tsm.osproc.connect import connected
from tsm.osproc.written import Written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.osproc.world import World
    from tsm.spec import Probe

# What tsm itself has run out of says nothing of the child.
_OWN = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN}
_TICK_S = 0.01  # the clock of file times may lag behind so much


async def ask(probe: Probe, world: World, *, ready: bool = False) -> Answer:
    """The answer to a probe with a `check`, at the latest when its timeout is over.

    With `ready` the question is whether the run has got that far, else whether it is well
    now; it makes a difference to heartbeat and notify. Any number may be asked side by side.
    Cancelled, it leaves nothing behind.
    """
    import asyncio

    late = Answer(ok=False, output=f"timed out after {probe.timeout_s:g} s")
    kind, _, rest = (probe.check or "").partition(":")
    try:
        if kind == "command":
            return await command.asked(rest, probe.timeout_s, world)
        async with asyncio.timeout(probe.timeout_s):
            return await _asked(probe, world, ready=ready)
    except Failed as failure:
        return Answer(ok=False, output=str(failure))
    except TimeoutError as error:  # with a number, it is the kernel's
        return late if error.errno is None else _failed(error)
    except MemoryError:
        return Answer(ok=False, output="out of memory", asked=False)
    except OSError as error:
        return _failed(error)


async def _asked(probe: Probe, world: World, *, ready: bool) -> Answer:
    kind, _, rest = (probe.check or "").partition(":")
    match kind:
        case "http" | "https":
            return await web.asked(probe)
        case "tcp":
            return await _accepted(rest)
        case "log":
            return await _written(rest, probe.timeout_s, world)
        case "heartbeat":
            return _beaten(probe, world, ready=ready)
        case "notify":
            return _told(probe, world, ready=ready)
        case _:
            message = f"{probe.check!r}: not a probe"
            raise Failed(message)


async def _accepted(where: str) -> Answer:
    host, _, port = where.rpartition(":")
    one = await connected(host.removeprefix("[").removesuffix("]") or "localhost", int(port))
    one.close()
    return Answer(ok=True, output="connected")


async def _written(pattern: str, timeout_s: float, world: World) -> Answer:
    searches = world.seen.written
    if pattern not in searches:
        searches[pattern] = Written(world, pattern)
    line = await searches[pattern].found(timeout_s)
    if line is None:
        return Answer(ok=False, output=f"no line of its output holds {pattern!r}")
    return Answer(ok=True, output=line)


def _beaten(probe: Probe, world: World, *, ready: bool) -> Answer:
    """By the monotonic clock, once the file has been seen: the other one may jump."""
    try:
        mtime_s = os.stat(world.heartbeat).st_mtime
    except FileNotFoundError:
        mtime_s = 0.0
    if mtime_s < world.began_s - _TICK_S:
        return Answer(ok=False, output=f"no heartbeat so far: it has not touched {world.heartbeat}")
    beat = world.seen.beat
    if beat is None or beat[0] != mtime_s:
        beat = (mtime_s, time.monotonic() - max(0.0, time.time() - mtime_s))
        world.seen.beat = beat
    age_s = time.monotonic() - beat[1]
    fine = ready or age_s <= probe.interval_s + probe.timeout_s
    return Answer(ok=fine, output=f"last heartbeat {age_s:.1f} s ago")


def _told(probe: Probe, world: World, *, ready: bool) -> Answer:
    told = world.seen.told
    if ready and told.ready:
        return Answer(ok=True, output=told.status or "READY=1")
    what = f": {told.status}" if told.status else ""
    if ready:
        return Answer(ok=False, output=f"has not sent READY=1{what}")
    if told.trigger:
        return Answer(ok=False, output=f"sent WATCHDOG=trigger{what}")
    heard = told.watchdog_at_s is not None
    age_s = time.monotonic() - (told.watchdog_at_s or world.seen.since_s)
    fine = age_s <= (told.watchdog_s or probe.interval_s + probe.timeout_s)
    if not heard:  # it may have said so to a resident that is no more
        return Answer(ok=False, output=f"has not sent WATCHDOG=1{what}", asked=not fine)
    return Answer(ok=fine, output=f"last WATCHDOG=1 {age_s:.1f} s ago{what}")


def _failed(error: OSError) -> Answer:
    what = os.strerror(error.errno) if error.errno else str(error)
    return Answer(ok=False, output=what.lower(), asked=error.errno not in _OWN)
