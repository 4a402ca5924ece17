"""stop processes and forget them"""

from __future__ import annotations

from tsm.context import LOCK_S
from tsm.errors import refused
from tsm.patrol import hooks, presence
from tsm.patrol.choose import chosen
from tsm.patrol.hold import held_all
from tsm.patrol.process import salvaged
from tsm.patrol.take_down import STOP, take_down
from tsm.store import definitions, rotated
from tsm.view.arguments import add_names, add_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context

_ROTATION_S = 3.0  # for one under way: else it might put its file into the next of that name


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser)
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Stop them, then remove their directories; what has happened to them stays in the journal."""
    names = chosen(context.home, opts.names)
    with held_all(context.home, names, LOCK_S, salvaged) as held:
        ended = take_down(context.home, held, STOP, context.progress)
        for name, one in ended.items():
            try:
                hooks.conclude(context.home, one.process)
                with rotated.lock(context.home, name, _ROTATION_S):
                    definitions.forget(context.home, name)
                held.locks[name].retire()
            except OSError as error:  # which keeps no other from being deleted
                held.problems.append(refused(error))
                continue
            values = {
                "tsm_id": one.process.meta.tsm_id,
                "name": name,
                "action": "delete",
                "killed": list(one.killed),
            }
            context.row(values, f"{name}: deleted")
    presence.attend(context.home, names)
    return context.report(held.problems)
