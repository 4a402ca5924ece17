"""show what has happened to one process"""

from __future__ import annotations

import time

from tsm.patrol.choose import chosen_ever
from tsm.store import journal
from tsm.view.arguments import add_output, moment
from tsm.view.events import sentence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "name", metavar="NAME", help="a name or an id; a deleted one by its full name"
    )
    parser.add_argument(
        "--since", metavar="TIME", help="10m: so long ago; or 2026-11-20T12:30 (UTC)"
    )
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Print its events, oldest first; those of a deleted process as well."""
    since_s = 0.0 if opts.since is None else moment(opts.since, time.time())
    for name in chosen_ever(context.home, [opts.name]):
        path = journal.history_file(context.home, name)
        for event, _ in journal.events(path):
            if event["time"] >= since_s:
                context.row(event, sentence(event, colour=context.colour))
    return 0
