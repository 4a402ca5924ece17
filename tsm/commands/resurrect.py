"""bring back what save has saved"""

from __future__ import annotations

from contextlib import ExitStack

from tsm.context import LOCK_S
from tsm.errors import Refused, TsmError, Usage
from tsm.osproc import table
from tsm.patrol import guard, presence
from tsm.patrol.bring_up import bring_up, start_held
from tsm.patrol.process import load, situation, sound_saved
from tsm.patrol.reconcile import reconcile
from tsm.policy import state
from tsm.policy.words import is_name
from tsm.store import definitions, home, saved
from tsm.view.arguments import add_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from tsm.context import Context


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
    for name in there:
        problems += _put_right(name, context, up=name in up)
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
    save = save or saved.DEFAULT
    if not is_name(save):
        message = f"{save!r}: not a name for a saved file"
        raise Usage(message)
    return sound_saved(place, save)


def _make(missing: Sequence[saved.Saved], context: Context) -> list[TsmError]:
    """Define the missing processes in the order of the file, then start them side by side."""
    place = context.home
    problems: list[TsmError] = []
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
                held.append((load(place, name), locks[name]))
            else:
                _answer(name, "define", context)
        launched = start_held(place, held)
        for process in launched.started:
            _answer(process.name, "start", context)
        problems += launched.problems
    return problems


def _put_right(name: str, context: Context, *, up: bool) -> list[TsmError]:
    """What patrol does; and what was saved as up comes up again if it came to rest before a reboot.

    A shutdown asks every process to end, and one that obeys has completed, it seems.
    """
    try:
        if up and _at_rest_since_boot(name, context):
            launched = bring_up(context.home, [name], LOCK_S)
            _answer(name, "start" if launched.started else "", context)
            return launched.problems
        done = reconcile(context.home, name, LOCK_S)
    except TsmError as problem:
        return [problem]
    _answer(name, done.action, context)
    return []


def _at_rest_since_boot(name: str, context: Context) -> bool:
    process, boot = load(context.home, name), table.boot_id()
    word, _ = state.status(situation(process, boot))
    earlier = process.run is not None and process.run.boot != boot
    return earlier and process.down is None and word in ("completed", "stopped", "errored")


def _answer(name: str, action: str, context: Context) -> None:
    said = {"": "as it should be", "define": "defined, stays stopped"}.get(action, action)
    context.row({"name": name, "action": action or None}, f"{name}: {said}")
