"""stop processes where they stand"""

from __future__ import annotations

from tsm.context import LOCK_S
from tsm.patrol import presence
from tsm.patrol.choose import chosen
from tsm.patrol.hold import held_all
from tsm.patrol.pause import pause
from tsm.view.arguments import add_names, add_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser)
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Pause them side by side; 0 also for what was paused before, 1 if one is down."""
    names = chosen(context.home, opts.names)
    with held_all(context.home, names, LOCK_S) as held:
        for one in pause(context.home, list(held.processes.values())):
            if one.problem is not None:
                held.problems.append(one.problem)
                continue
            values = {
                "name": one.name,
                "action": "pause" if one.count else None,
                "status": "paused",
                "count": one.count,
            }
            said = f"paused ({one.count} stopped)" if one.count else "already paused"
            context.row(values, f"{one.name}: {said}")
    presence.attend(context.home, names)
    return context.report(held.problems)
