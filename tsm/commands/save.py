"""save which processes there are and which are wanted up"""

from __future__ import annotations

from tsm.errors import Usage
from tsm.patrol.observe import observe_all
from tsm.patrol.process import load
from tsm.patrol.take_down import RESTART
from tsm.policy.words import is_name
from tsm.quantities import counted
from tsm.store import environment, home, saved
from tsm.view.arguments import add_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context

_UP = ("launching", "online", "waiting", "errored")


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "save", nargs="?", default=saved.DEFAULT, metavar="SAVE", help="the saved file's name"
    )
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Write the saved file; nothing is written where a process is broken."""
    if not is_name(opts.save):
        message = f"{opts.save!r}: not a name for a saved file"
        raise Usage(message)
    place = context.home
    home.prepare(place)
    rows = []
    for one in observe_all(place, []):
        process = load(place, one.name)
        up = one.status in _UP or process.down == RESTART
        rows.append(saved.Saved(process.spec, environment.read(place, one.name), up))
    path = saved.write(place, opts.save, rows)
    values = {"save": opts.save, "path": path, "processes": len(rows)}
    context.row(values, f"saved {counted(len(rows), 'process', 'es')} in {path}")
    return 0
