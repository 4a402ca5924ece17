"""show what has happened to one process"""

from __future__ import annotations

import time
from heapq import merge
from operator import itemgetter

from tsm.patrol.choose import chosen_ever
from tsm.store import journal
from tsm.view.arguments import add_output, moment
from tsm.view.events import sentence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator
    from typing import Any

    from tsm.context import Context
    from tsm.store.home import Home


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help="a name, an id, a glob, or `all`; a deleted one by its full name",
    )
    parser.add_argument(
        "--since", metavar="TIME", help="10m: so long ago; or 2026-11-20T12:30 (UTC)"
    )
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Print its events, or those of several, oldest first; of deleted processes as well."""
    since_s = 0.0 if opts.since is None else moment(opts.since, time.time())
    names = chosen_ever(context.home, opts.names)
    histories = [_events(context.home, name, since_s) for name in names]
    if len(histories) > 1:  # read whole: there may be more than files can be open at once
        histories = [iter(list(one)) for one in histories]
    for event in merge(*histories, key=itemgetter("time")):
        context.row(event, sentence(event, colour=context.colour))
    return 0


def _events(home: Home, name: str, since_s: float) -> Iterator[dict[str, Any]]:
    for event, _ in journal.events(journal.history_file(home, name)):
        if event["time"] >= since_s:
            yield event
