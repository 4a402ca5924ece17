"""start a command as a process, or processes that are down"""

from __future__ import annotations

import argparse
import os

from tsm.context import LOCK_S
from tsm.errors import Failed, NoSuchProcess, Refused, TsmError, Usage
from tsm.model import RESTART_POLICIES, Exit, Restart
from tsm.osproc import preflight, signals, table
from tsm.patrol.bring_up import bring_up, check_port, start_held
from tsm.patrol.choose import chosen
from tsm.patrol.define import Wish, defined, environ_of
from tsm.patrol.notes import await_exit
from tsm.patrol.observe import observe
from tsm.patrol.process import load, situation
from tsm.policy import words
from tsm.policy.restart import outcome
from tsm.record import changed
from tsm.store import definitions, documents, environment, home, lock, logs, runs
from tsm.view.arguments import add_output, seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    from tsm.context import Context
    from tsm.model import Spec
    from tsm.patrol.bring_up import Launched
    from tsm.patrol.process import Process

_RULE = ("max_retries", "min_uptime_s", "delay_s", "max_delay_s", "success_codes")


def configure(parser: ArgumentParser) -> None:
    """Add the arguments. What is not given is absent, so that it can be told from a default."""
    parser.argument_default = argparse.SUPPRESS
    parser.usage = "tsm start [OPTIONS] 'COMMAND' | -- ARGV... | NAME..."
    parser.add_argument("words", nargs="*", metavar="COMMAND", help="what to run, or who")
    _add_definition(parser)
    parser.add_argument(
        "--wait",
        type=seconds,
        dest="wait_s",
        metavar="SECONDS",
        help="return once it has been up so long",
    )
    add_output(parser)


def _add_definition(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("the definition").add_argument
    add("--name", help="the name; default: the script's stem, or the program's name")
    add("--port", type=int, metavar="N", help="the port it listens on: sets PORT, and must be free")
    add("--cwd", metavar="DIR", help="the working directory; default: this one")
    add("--interpreter", metavar="PROGRAM", help="put this program in front of the command")
    add("--env", action="append", metavar="K=V", help="set a variable; may be repeated")
    add("--env-file", metavar="FILE", help="set what a .env file sets")
    add("--clean-env", action="store_true", help="do not pass the caller's environment on")
    add("--restart", choices=RESTART_POLICIES, dest="when", help="when to start it again")
    add("--max-retries", type=int, metavar="N", help="short runs in a row before it is errored")
    add(
        "--min-uptime",
        type=seconds,
        dest="min_uptime_s",
        metavar="SECONDS",
        help="less is a short run",
    )
    add(
        "--delay", type=seconds, dest="delay_s", metavar="SECONDS", help="after the first short run"
    )
    add(
        "--max-delay", type=seconds, dest="max_delay_s", metavar="SECONDS", help="the longest delay"
    )
    add("--success-codes", type=_codes, metavar="N,N", help="exit codes that count as success")
    add("--stop-signal", metavar="SIGNAL", help="what asks it to stop; default: TERM")
    add(
        "--stop-timeout",
        type=seconds,
        dest="stop_timeout_s",
        metavar="SECONDS",
        help="then SIGKILL",
    )


def run(opts: Namespace, context: Context) -> int:
    """Start, and tell what is up; 0 also for what was up before."""
    given = vars(opts)
    wait_s = given.get("wait_s", 0.0)
    names = _known(opts, context)
    if names is not None:
        home.prepare(context.home)
        launched = bring_up(context.home, names, LOCK_S)
    else:
        launched = _start_command(_wish(opts, context), context)
    for process in launched.started:
        _await_uptime(process, wait_s, context)
    for process in launched.up:
        _answer(process, context, started=False)
    for process in launched.started:
        _answer(process, context, started=True)
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
    if set(given) - {"words", "argv", "json", "table", "wait_s"}:
        message = f"{typed[0]} is a process: to define it anew, give its command and --name"
        raise Usage(message)
    return names


def _selects(word: str) -> bool:
    """Whether the word can only mean processes: an id, or a glob that is no path."""
    return word.isdecimal() or not (set(word).isdisjoint("*?[") or set(word) & set("/ \t"))


def _wish(opts: Namespace, context: Context) -> Wish:
    given = dict(vars(opts))
    typed, argv = given.pop("words", []), given.pop("argv")
    for key in ("wait_s", "json", "table"):
        given.pop(key, None)
    rule = {key: given.pop(key) for key in ("when", *_RULE) if key in given}
    cwd = _absolute(given.pop("cwd", "."))
    if len(typed) > 1:
        message = "a command of several words goes in quotes, or after --"
        raise Usage(message)
    if "env_file" in given:
        given["env_file"] = _absolute(given["env_file"])
    given["env"] = dict(_assignment(text) for text in given.pop("env", []))
    is_argv = argv is not None
    if typed and argv:
        typed = words.split(typed[0])
    return Wish(
        words=(*typed, *(argv or ())),
        is_argv=is_argv,
        cwd=cwd,
        umask=context.umask,
        restart=Restart(**rule),
        **given,
    )


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        message = "the working directory is no longer there: cd to another"
        raise Refused(message) from None


def _start_command(wish: Wish, context: Context) -> Launched:
    """Define the process, anew if it exists and is down, and start it."""
    place = context.home
    spec = defined(wish, _path(wish, context))
    environ = environ_of(spec, context.environ)
    preflight.check(spec, environ)
    home.prepare(place)
    with lock.held(place, spec.name, LOCK_S) as held:
        fresh = not definitions.exists(place, spec.name)
        if fresh:
            _create(spec, environ, context, held)
        else:
            process = load(place, spec.name)
            if situation(process, table.boot_id()).child_lives:
                _check_same(process.spec, spec)
            else:
                _redefine(process, spec, environ, context)
        launched = start_held(place, [(load(place, spec.name), held)])
        if launched.problems and fresh:
            definitions.remove(place, spec.name)
            held.retire()
        return launched


def _create(spec: Spec, environ: Mapping[bytes, bytes], context: Context, held: lock.Lock) -> None:
    try:
        check_port(spec)
        definitions.create(context.home, spec, environ)
    except (TsmError, OSError):
        held.retire()
        raise


def _redefine(
    process: Process, spec: Spec, environ: Mapping[bytes, bytes], context: Context
) -> None:
    check_port(spec)
    place = context.home
    spec = _with_other(spec, process.spec)
    if spec != process.spec:
        documents.write_spec(place, spec)
        documents.write_meta(place, definitions.described(process.meta, spec))
    environment.write(place, spec.name, environ)


def _with_other(spec: Spec, old: Spec) -> Spec:
    """`spec` with what a later release has added to `old`."""
    rule = changed(spec.restart, other=old.restart.other)
    return changed(spec, restart=rule, other=old.other)


def _check_same(old: Spec, new: Spec) -> None:
    """Raise Failed if the process is up with another definition than is asked for."""
    new = _with_other(new, old)
    if old != new:
        differs = [
            field for field in type(old).fields if getattr(old, field) != getattr(new, field)
        ]
        message = (
            f"{old.name} is up with another definition ({', '.join(differs)} differ): "
            f"tsm stop {old.name} first, or give another --name"
        )
        raise Failed(message)


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
    lines = logs.last_lines(logs.current(context.home, name, "err"), 1)
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


def _path(wish: Wish, context: Context) -> str:
    path = wish.env.get("PATH") or os.fsdecode(context.environ.get(b"PATH", b""))
    return path or os.defpath


def _assignment(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        message = f"--env {text!r}: not K=V, such as --env LEVEL=debug"
        raise Usage(message)
    return key, value


def _codes(text: str) -> tuple[int, ...]:
    codes = text.split(",")
    if not all(code.isdecimal() and int(code) < 256 for code in codes):
        message = f"{text!r}: not exit codes, such as 0,3"
        raise argparse.ArgumentTypeError(message)
    return tuple(int(code) for code in codes)
