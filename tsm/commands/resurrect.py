"""bring back what save has saved"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from tsm.context import LOCK_S
from tsm.errors import Refused, TsmError, Usage
from tsm.osproc import table
from tsm.patrol import guard, presence
from tsm.patrol.bring_up import bring_up, start_held
from tsm.patrol.lost import refusals
from tsm.patrol.process import load, situation, sound_saved
from tsm.patrol.reconcile import reconcile
from tsm.policy import state
from tsm.policy.words import is_name
from tsm.store import definitions, home, saved
from tsm.view.arguments import add_output

_AT_ONCE = 16

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Container, Sequence

    from tsm.context import Context
    from tsm.store.home import Home


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("save", nargs="?", metavar="SAVE", help="the saved file's name")
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Make what is missing, put right what is there; what is as it should be is left alone."""
    place = context.home
    wanted = _wanted(opts.save, context)
    home.prepare(place)
    there = place.names()
    missing = [one for one in wanted if one.spec.name not in there]
    problems = _make(missing, context)
    up = {one.spec.name for one in wanted if one.up}
    problems += _put_all_right(there, up, context)
    presence.attend(place, place.names())
    return context.report(problems)


def _wanted(save: str | None, context: Context) -> list[saved.Saved]:
    """What the saved file holds; nothing where nobody has ever saved, and none is named.

    Raises Broken if any part of it makes no sense.
    """
    place = context.home
    if save is None and saved.DEFAULT not in saved.names(place):
        context.say("nothing is saved: only what is defined is looked after")
        return []
    save = saved.DEFAULT if save is None else save
    if not is_name(save):
        message = f"{save!r}: not a name for a saved file"
        raise Usage(message)
    return sound_saved(place, save)


def _make(missing: Sequence[saved.Saved], context: Context) -> list[TsmError]:
    """Define the missing processes in the order of the file, then start them side by side."""
    place = context.home
    refused = refusals(place, [one.spec.name for one in missing]) if missing else {}
    missing = [one for one in missing if one.spec.name not in refused]
    problems: list[TsmError] = [*refused.values()]
    with ExitStack() as stack:
        held = []
        locks = {
            name: stack.enter_context(guard.held(place, name, LOCK_S))
            for name in sorted(one.spec.name for one in missing)
        }
        for one in missing:
            name = one.spec.name
            if definitions.exists(place, name):
                continue  # another resurrect was faster
            try:
                definitions.create(place, one.spec, one.environ, down=not one.up)
            except Refused as problem:
                problems.append(problem)
                locks[name].retire()
                continue
            if one.up:
                held.append(load(place, name))
            else:
                _answer(name, "define", context)
        launched = start_held(place, held)
        for process in launched.started:
            _answer(process.name, "start", context)
        for process in launched.armed:
            _answer(process.name, "schedule", context)
        problems += launched.problems
    return problems


def _put_all_right(names: Sequence[str], up: Container[str], context: Context) -> list[TsmError]:
    """Put each right, some side by side: one may have a hook that is waited for."""
    problems: list[TsmError] = []
    with ThreadPoolExecutor(_AT_ONCE) as looks:
        done = looks.map(lambda name: _put_right(context.home, name, up=name in up), names)
        for name, (action, found) in zip(names, done, strict=True):
            if action is not None:
                _answer(name, action, context)
            problems += found
    return problems


def _put_right(place: Home, name: str, *, up: bool) -> tuple[str | None, list[TsmError]]:
    """What patrol does; and what was saved as up comes up again if it came to rest before a reboot.

    A shutdown asks every process to end, and one that obeys has completed, it seems. What was
    done, and what has failed.
    """
    try:
        if up and _at_rest_since_boot(place, name):
            launched = bring_up(place, [name], LOCK_S)
            action = "start" if launched.started else "schedule" if launched.armed else ""
            return action, launched.problems
        return reconcile(place, name, LOCK_S).action, []
    except TsmError as problem:
        return None, [problem]


def _at_rest_since_boot(place: Home, name: str) -> bool:
    process, boot = load(place, name), table.boot_id()
    word, _ = state.status(situation(process, boot))
    earlier = process.run is not None and process.run.boot != boot
    return earlier and process.down is None and word in ("completed", "stopped", "errored")


def _answer(name: str, action: str, context: Context) -> None:
    said = {"": "as it should be", "define": "defined, stays stopped"}.get(action, action)
    context.row({"name": name, "action": action or None}, f"{name}: {said}")
