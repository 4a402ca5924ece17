"""let paused processes go on"""

from __future__ import annotations

from tsm.context import LOCK_S
from tsm.patrol import presence
from tsm.patrol.choose import chosen
from tsm.patrol.hold import held_all
from tsm.patrol.pause import resume
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
    """Resume them; 0 also for what was not paused, 1 if one is down."""
    names = chosen(context.home, opts.names)
    with held_all(context.home, names, LOCK_S) as held:
        for one in resume(context.home, list(held.processes.values())):
            if one.problem is not None:
                held.problems.append(one.problem)
                continue
            values = {
                "name": one.name,
                "action": "resume" if one.count else None,
                "count": one.count,
                "left": one.left,
            }
            said = f"resumed ({one.count} woken)" if one.count else "was not paused"
            if one.left:
                said += (
                    f", {one.left} left stopped, as before the pause: tsm resume again wakes all"
                )
            context.row(values, f"{one.name}: {said}")
    presence.attend(context.home, names)
    return context.report(held.problems)
