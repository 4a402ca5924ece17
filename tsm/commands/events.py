"""show what has happened to all processes"""

from __future__ import annotations

import time

from tsm.store import journal
from tsm.view.arguments import add_output, moment
from tsm.view.events import sentence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context

_LOOK_S = 0.1


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("-f", "--follow", action="store_true", help="go on as events come")
    parser.add_argument(
        "--since", metavar="TIME", help="10m: so long ago; or 2026-11-20T12:30 (UTC)"
    )
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Print the events, oldest first."""
    since_s = 0.0 if opts.since is None else moment(opts.since, time.time())
    offsets: dict[str, int] = {}
    _show_new(offsets, since_s, context)
    while opts.follow and not context.reader_gone(_LOOK_S):
        _show_new(offsets, since_s, context)
    return 0


def _show_new(offsets: dict[str, int], since_s: float, context: Context) -> None:
    for path in journal.day_files(context.home, since_s):
        for event, offset in journal.events(path, offsets.get(path, 0)):
            offsets[path] = offset
            if event["time"] >= since_s:
                context.row(event, sentence(event, colour=context.colour))
