"""bring back what save has saved"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

from tsm.context import LOCK_S
from tsm.errors import Broken, TsmError, Usage
from tsm.patrol.bring_up import start_held
from tsm.patrol.process import load, problem
from tsm.patrol.reconcile import reconcile
from tsm.policy.words import is_name
from tsm.store import definitions, home, lock, saved
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
    for name in there:
        problems += _put_right(name, context)
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
    wanted = saved.read(place, save)
    names = Counter(one.spec.name for one in wanted)
    for one in wanted:
        what = problem(one.spec)
        if names[one.spec.name] > 1:
            what = "is there more than once"
        if what is not None:
            message = f"{place.save_file(save)}: {one.spec.name}: {what}"
            raise Broken(message)
    return wanted


def _make(missing: Sequence[saved.Saved], context: Context) -> list[TsmError]:
    """Define the missing processes in the order of the file, then start them side by side."""
    place = context.home
    problems: list[TsmError] = []
    with ExitStack() as stack:
        held = []
        locks = {
            name: stack.enter_context(lock.held(place, name, LOCK_S))
            for name in sorted(one.spec.name for one in missing)
        }
        for one in missing:
            name = one.spec.name
            if definitions.exists(place, name):
                continue  # another resurrect was faster
            definitions.create(place, one.spec, one.environ, down=not one.up)
            if one.up:
                held.append((load(place, name), locks[name]))
            else:
                _answer(name, "define", context)
        launched = start_held(place, held)
        for process in launched.started:
            _answer(process.name, "start", context)
        problems += launched.problems
    return problems


def _put_right(name: str, context: Context) -> list[TsmError]:
    try:
        done = reconcile(context.home, name, LOCK_S)
    except TsmError as problem:
        return [problem]
    _answer(name, done.action, context)
    return []


def _answer(name: str, action: str, context: Context) -> None:
    said = {"": "as it should be", "define": "defined, stays stopped"}.get(action, action)
    context.row({"name": name, "action": action or None}, f"{name}: {said}")
