"""send a signal to processes"""

from __future__ import annotations

from tsm.errors import Usage
from tsm.osproc import members, signals, table
from tsm.patrol.observe import observe_all, without_child
from tsm.view.arguments import add_names, add_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("signal", metavar="SIGNAL", help="a name (HUP, SIGHUP) or a number")
    add_names(parser)
    parser.add_argument(
        "--tree", action="store_true", help="to all descendants of the child as well"
    )
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Send it to the children that live; 1 if one of the processes has none."""
    number = signals.number(opts.signal)
    if number is None:
        message = f"{opts.signal!r}: no such signal: give a name such as HUP or USR1, or a number"
        raise Usage(message)
    table_rows = table.processes() if opts.tree else []
    observed = observe_all(context.home, opts.names)
    for one in observed:
        if one.pid is None or one.ticks is None:
            continue
        rows = [(one.pid, one.ticks)]
        if opts.tree:
            rows = [(row.pid, row.ticks) for _, row in members.tree(one.pid, table_rows)]
        pids = [pid for pid, ticks in rows if signals.send(pid, ticks, number)]
        values = {"name": one.name, "signal": signals.name(number), "pids": pids}
        told = ", ".join(map(str, pids))
        context.row(values, f"{one.name}: {signals.name(number)} sent to pid {told}")
    return context.report(without_child(observed, ", no signal sent"))
