"""stop processes and everything that belongs to them"""

from __future__ import annotations

from tsm.context import LOCK_S
from tsm.patrol import presence
from tsm.patrol.choose import chosen
from tsm.patrol.hold import held_all
from tsm.patrol.notes import note_status
from tsm.patrol.take_down import STOP, is_up, status, take_down
from tsm.view.arguments import add_names, add_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context
    from tsm.patrol.end import Ended


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser)
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Stop them side by side; 0 also for what was down before."""
    names = chosen(context.home, opts.names)
    with held_all(context.home, names, LOCK_S) as held:
        up = {name for name, process in held.processes.items() if is_up(process)}
        rested = {name for name, one in held.processes.items() if status(one) == "stopped"}
        ended = take_down(context.home, held, STOP, context.progress)
        for name, one in ended.items():
            if one.problem is None:
                note_status(context.home, one.process, "stopped")
            _answer(one, context, was_up=name in up, rested=name in rested)
    presence.attend(context.home, names)
    return context.report(held.problems)


def _answer(one: Ended, context: Context, *, was_up: bool, rested: bool) -> None:
    process = one.process
    values: dict[str, object] = {
        "tsm_id": process.meta.tsm_id,
        "name": process.name,
        "action": "stop" if was_up else None,
        "status": "stopped",
        "killed": list(one.killed),
    }
    said = "already stopped" if rested else "stopped"
    if one.killed:
        said += f" ({', '.join(one.killed)} needed SIGKILL)"
    context.row(values, f"{process.name}: {said}")
