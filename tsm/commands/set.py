"""show or change the settings of processes"""

from __future__ import annotations

from tsm.context import LOCK_S
from tsm.errors import Usage
from tsm.patrol import presence
from tsm.patrol.choose import chosen
from tsm.patrol.hold import held_all
from tsm.patrol.process import load
from tsm.patrol.redefine import carry_out, redefinition
from tsm.policy import changes
from tsm.policy.environ import masked
from tsm.policy.settings import SETTINGS, default, value_of
from tsm.store import log_paths
from tsm.view import settings, text
from tsm.view.arguments import add_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator, Sequence

    from tsm.context import Context
    from tsm.patrol.redefine import Redefinition
    from tsm.spec import Spec


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.usage = "tsm set [OPTIONS] NAME... [KEY=VALUE...]"
    parser.add_argument(
        "words",
        nargs="+",
        metavar="NAME",
        help="who, and KEY=VALUE for each change; KEY= puts back what is by default",
    )
    parser.add_argument("--all", action="store_true", help="show the defaults as well")
    add_output(parser)
    keys = ", ".join((*SETTINGS, changes.CWD, f"{changes.ENV}VARIABLE"))
    parser.epilog = f"KEY is one of {keys}. Their meaning is told in tsm-start(1)."


def run(opts: Namespace, context: Context) -> int:
    """Change what is asked for; without a KEY=VALUE, show what is set."""
    given = [word for word in opts.words if changes.is_change(word)]
    words = [word for word in opts.words if not changes.is_change(word)]
    if not words:
        message = f"{given[0]}: for which process? give a name, or all"
        raise Usage(message)
    if not given:
        return _show(chosen(context.home, words), context, everything=opts.all)
    if opts.all:
        message = f"--all shows settings, {given[0]} changes one: give one of them"
        raise Usage(message)
    asked = changes.read(given)
    names = chosen(context.home, words)
    with held_all(context.home, names, LOCK_S) as held:
        found = [redefinition(context.home, one, asked) for one in held.processes.values()]
        with log_paths.reserved(context.home, [one.spec for one in found if one.moves_logs]):
            for one in found:
                carry_out(context.home, one)
                _answer(one, context)
                if one.differences:
                    context.warn(presence.unattended(context.home, one.spec))
    presence.attend(context.home, names)
    return context.report(held.problems)


def _answer(one: Redefinition, context: Context) -> None:
    name = one.spec.name
    values = {"name": name, "changed": one.differences, "restart_needed": one.restart_needed}
    said = settings.sentence(one.differences) or "unchanged"
    if one.restart_needed:
        said += f" (takes effect with the next run: tsm restart {name})"
    if one.rests:
        said += f" (stays down: tsm start {name})"
    context.row(values, f"{name}: {said}")


def _show(names: Sequence[str], context: Context, *, everything: bool) -> int:
    for name in names:
        rows = list(_rows(load(context.home, name).spec, everything=everything))
        for key, value, usual in rows:
            values = {"name": name, "key": key, "value": value, "default": usual}
            shown = [text.printable(f"{name}: {one}") for one in settings.lines(key, value)]
            context.row(values, text.Shown("\n".join(shown)))
        if not rows:
            context.say(f"{name}: every setting is as by default: tsm set --all {name} shows them")
    return 0


def _rows(spec: Spec, *, everything: bool) -> Iterator[tuple[str, object, object]]:
    """Keys, values and defaults."""
    for key, setting in SETTINGS.items():
        value, usual = value_of(spec, setting), default(setting)
        if everything or value != usual:
            yield key, value, usual
    for variable, value in masked(spec.env).items():
        yield f"{changes.ENV}{variable}", value, None
