"""forget how often processes have been restarted"""

from __future__ import annotations

from tsm.context import LOCK_S
from tsm.patrol import presence
from tsm.patrol.choose import chosen
from tsm.patrol.hold import held_all
from tsm.patrol.reset import reset, wake_launchers
from tsm.quantities import counted
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
    """Reset them; 0 also where there is nothing to forget."""
    again = []
    names = chosen(context.home, opts.names)
    with held_all(context.home, names, LOCK_S) as held:
        for name, process in held.processes.items():
            restarts = reset(context.home, process)
            said = "nothing to forget"
            if restarts is not None:
                again.append(process)
                said = f"reset ({counted(restarts, 'restart')})"
            values = {"name": name, "action": None if restarts is None else "reset"}
            context.row({**values, "restarts": restarts or 0}, f"{name}: {said}")
    wake_launchers(again)
    presence.attend(context.home, names)
    return context.report(held.problems)
