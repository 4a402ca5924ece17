"""start a command as a process, or processes that are down"""

from __future__ import annotations

import argparse

from tsm.context import LOCK_S
from tsm.errors import Failed, NoSuchProcess, Usage
from tsm.model import Exit
from tsm.osproc import signals, table
from tsm.patrol import presence
from tsm.patrol.await_ready import await_ready
from tsm.patrol.bring_up import bring_up
from tsm.patrol.choose import chosen
from tsm.patrol.define import wished
from tsm.patrol.establish import establish, specified
from tsm.patrol.notes import await_exit
from tsm.patrol.observe import observe
from tsm.policy.effects import idle
from tsm.policy.restart import outcome
from tsm.store import follower, home, log_paths, logs, runs
from tsm.view.arguments import add_definition, add_output, add_settings, seconds, settings_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    from tsm.context import Context
    from tsm.patrol.process import Process
    from tsm.spec import Spec


def configure(parser: ArgumentParser) -> None:
    """Add the arguments. What is not given is absent, so that it can be told from a default."""
    parser.argument_default = argparse.SUPPRESS
    parser.usage = "tsm start [OPTIONS] 'COMMAND' | -- ARGV... | NAME..."
    parser.add_argument("words", nargs="*", metavar="COMMAND", help="what to run, or who")
    add_definition(parser)
    add_settings(parser)
    parser.add_argument(
        "--wait",
        type=seconds,
        dest="wait_s",
        metavar="TIME",
        help="return once it has been up so long",
    )
    parser.add_argument(
        "--wait-ready",
        type=seconds,
        dest="ready_s",
        metavar="TIME",
        help="return once it is ready, at the latest after so long",
    )
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Start, and tell what is up; 0 also for what was up before."""
    given = vars(opts)
    wait_s = given.get("wait_s", 0.0)
    names = _known(opts, context)
    if names is not None:
        home.prepare(context.home)
        launched = bring_up(context.home, names, LOCK_S)
    else:
        wish = wished(given, settings_of(given), context.umask)
        spec, environ = specified(wish, context.environ)
        _check_waits(spec, given)
        launched = establish(context.home, spec, environ, LOCK_S)
        context.warn(presence.unattended(context.home, spec))
    presence.attend(context.home, [one.name for one in (*launched.started, *launched.armed)])
    for process in launched.started:
        _await_uptime(process, wait_s, context)
        if "ready_s" in given:
            await_ready(context.home, process.name, given["ready_s"])
    for process in launched.up:
        _answer(process, context, started=False)
    for process in launched.started:
        _answer(process, context, started=True)
    for process in launched.armed:
        _answer_armed(process, context)
    return context.report(launched.problems)


def _known(opts: Namespace, context: Context) -> list[str] | None:
    """The processes that the words mean; None if they are a command."""
    given = vars(opts)
    typed: list[str] = given.get("words", [])
    if not typed and not opts.argv:
        message = "nothing to start: give a command or the name of a process (see tsm start --help)"
        raise Usage(message)
    if opts.argv is not None or "name" in given:
        return None
    try:
        names = chosen(context.home, typed)
    except NoSuchProcess as error:
        if len(typed) == 1 and not _selects(typed[0]):
            return None
        if len(typed) == 1:
            raise
        message = f"{error} (a command of several words goes in quotes, or after --)"
        raise NoSuchProcess(message) from None
    if set(given) - {"words", "argv", "json", "table", "wait_s", "ready_s"}:
        message = (
            f"{typed[0]} is a process: to define it anew, give its command and --name; "
            "tsm set changes its settings"
        )
        raise Usage(message)
    return names


def _check_waits(spec: Spec, given: Mapping[str, object]) -> None:
    """Raise Usage for an option that waits for what does not come."""
    options = {"wait": "wait_s", "wait-ready": "ready_s"}
    what = idle(spec, [key for key, dest in options.items() if dest in given], "--")
    if what is not None:
        raise Usage(what)


def _selects(word: str) -> bool:
    """Whether the word can only mean processes: an id, or a glob that is no path."""
    return word.isdecimal() or not (set(word).isdisjoint("*?[") or set(word) & set("/ \t"))


def _await_uptime(process: Process, wait_s: float, context: Context) -> None:
    """Return once the child has been up for `wait_s`. Raises Failed if it ends before that."""
    run, name = process.run, process.name
    if wait_s <= 0 or run is None or run.child is None:
        return
    while table.alive(run.child, run.boot):
        left_s = wait_s - table.uptime_s(run.child.ticks)
        if left_s <= 0:
            return
        signals.await_ends([run.child], left_s)
    await_exit(context.home, process, run.boot)
    after = runs.read(context.home, name)
    code = after.code if after is not None and after.id == run.id else None
    stream = log_paths.carrier(context.home, name, "err")
    lines = follower.last_lines(logs.current(context.home, name, stream), 1)
    last = lines[-1].decode("utf-8", "replace") if lines else "(nothing on stderr)"
    how = outcome(Exit(0.0, 0.0, code))
    message = f"{name}: {how} before it had been up for {wait_s:g} s: {last}"
    raise Failed(message)


def _answer(process: Process, context: Context, *, started: bool) -> None:
    pid = process.run.child.pid if process.run is not None and process.run.child else None
    now = observe(context.home, process.name, table.boot_id())
    values = {
        "tsm_id": process.meta.tsm_id,
        "name": process.name,
        "action": "start" if started else None,
        "status": now.status if now is not None else None,
        "pid": now.pid if now is not None else None,
    }
    said = "started" if started else "already online"
    ended = f", now {now.status}" if now is not None and now.status != "online" else ""
    context.row(values, f"{process.name}: {said} (id {process.meta.tsm_id}, pid {pid}){ended}")


def _answer_armed(process: Process, context: Context) -> None:
    coming = presence.stays(context.home)
    now = observe(context.home, process.name, table.boot_id(), attended=coming)
    values = {
        "tsm_id": process.meta.tsm_id,
        "name": process.name,
        "action": "schedule",
        "status": now.status if now is not None else None,
        "pid": None,
    }
    reason = now.reason if now is not None else ""
    context.row(values, f"{process.name}: scheduled (id {process.meta.tsm_id}): {reason}")
