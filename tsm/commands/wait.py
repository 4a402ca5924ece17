"""wait until processes reach a state"""

from __future__ import annotations

import math
import time

from tsm.errors import NoSuchProcess, TimedOut
from tsm.model import Identity
from tsm.osproc import signals, table
from tsm.patrol.await_ready import await_ready
from tsm.patrol.choose import chosen
from tsm.patrol.observe import observe
from tsm.store import journal, runs
from tsm.view.arguments import add_names, seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context

_REST = ("stopped", "completed", "errored", "broken")
_LOOK_S = 0.02  # between two looks where the kernel has nothing to tell us
_UNKNOWN_CODE = 1


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser)
    parser.add_argument(
        "--until",
        choices=("online", "ready", "stopped", "exit"),
        default="exit",
        help="online; ready (comes to rest instead: fails); stopped (down for good); "
        "exit (the end of this run; the default)",
    )
    parser.add_argument(
        "--timeout", type=seconds, metavar="TIME", help="then give up, with status 5"
    )


def run(opts: Namespace, context: Context) -> int:
    """Return when all of them are there; for `exit`, with the highest of their codes."""
    deadline_s = None if opts.timeout is None else time.monotonic() + opts.timeout
    worst = 0
    for name in chosen(context.home, opts.names):
        if opts.until == "ready":
            left_s = math.inf if deadline_s is None else deadline_s - time.monotonic()
            await_ready(context.home, name, left_s)
        elif opts.until == "exit":
            worst = max(worst, _exit_code(name, deadline_s, context))
        else:
            _await_status(name, opts.until, deadline_s, context)
    return worst


def _await_status(name: str, until: str, deadline_s: float | None, context: Context) -> None:
    boot = table.boot_id()
    while True:
        one = observe(context.home, name, boot)
        if one is None:
            message = f"{name}: was deleted"
            raise NoSuchProcess(message)
        if one.status == "online" if until == "online" else one.status in _REST:
            return
        child = None
        if until == "stopped" and one.pid is not None and one.ticks is not None:
            child = Identity(boot, one.pid, one.ticks)
        why = f" ({one.reason})" if one.reason else ""
        _pause(name, child, deadline_s, f"it is {one.status}{why}, not {until}")


def _exit_code(name: str, deadline_s: float | None, context: Context) -> int:
    """Wait for the end of the current run, or take that of the last one if none is under way."""
    boot = table.boot_id()
    run = runs.read(context.home, name)
    if run is None:
        return 0
    awaited = run.id
    while run is not None and run.id == awaited:
        if run.exited and run.code is not None:
            return run.code
        child_lives = table.alive(run.child, boot)
        if not child_lives and not table.alive(run.launcher, boot):
            run = runs.read(context.home, name)  # the exit may have been written since
            if run is None or run.id != awaited or run.exited:
                continue
            return _UNKNOWN_CODE
        child = run.child if child_lives else None
        _pause(name, child, deadline_s, "its run has not ended")
        run = runs.read(context.home, name)
    return _journaled_code(name, awaited, context)


def _journaled_code(name: str, run_id: str, context: Context) -> int:
    """The exit code of a run that another has followed meanwhile."""
    code = None
    for event, _ in journal.events(journal.history_file(context.home, name)):
        if event.get("run") == run_id and "code" in event:
            code = event["code"]
    return code if isinstance(code, int) else _UNKNOWN_CODE


def _pause(name: str, child: Identity | None, deadline_s: float | None, at: str) -> None:
    """Wait until it may have come further. Raises TimedOut, which says where it is `at`."""
    left_s = 3600.0 if deadline_s is None else deadline_s - time.monotonic()
    if left_s <= 0:
        message = f"{name}: timed out: {at}"
        raise TimedOut(message)
    if child is None:
        time.sleep(min(_LOOK_S, left_s))
    else:
        signals.await_ends([child], left_s)
