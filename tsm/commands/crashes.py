"""show what was known when processes went wrong"""

from __future__ import annotations

import time

from tsm.errors import Broken, Failed, NoSuchProcess, Usage
from tsm.patrol.choose import chosen
from tsm.store import crashes
from tsm.view import crashes as view
from tsm.view.arguments import add_output, moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator, Sequence
    from typing import Any

    from tsm.context import Context
    from tsm.errors import TsmError


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="a name, an id, a glob, or `all`; a deleted one by its full name; default: everybody",
    )
    parser.add_argument(
        "--since", metavar="TIME", help="10m: so long ago; or 2026-11-20T12:30 (UTC)"
    )
    parser.add_argument("--kind", choices=crashes.KINDS, help="only reports of this kind")
    full = parser.add_mutually_exclusive_group()
    for option in ("--show", "--last"):
        full.add_argument(
            option,
            dest="show",
            action="store_const",
            const=option,
            help="the newest of one process, in full",
        )
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Print the reports, newest last."""
    since_s = 0.0 if opts.since is None else moment(opts.since, time.time())
    names = _names(opts.names, context)
    if opts.show and len(names) != 1:
        message = f"{opts.show} is for one process, not for {len(names)}: name it"
        raise Usage(message)
    listed = [one for name in names for one in crashes.listed(context.home, name)]
    listed = [one for one in listed if opts.kind in (None, one.kind)]
    listed.sort(key=lambda one: one.stamp)
    if opts.show:
        listed = listed[-1:]
    problems: list[TsmError] = []
    reports = (one for one in _read(listed, problems) if one["time"] >= since_s)
    if opts.show:
        _show(next(reports, None), names[0], problems, context)
    elif context.as_json:
        for report in reports:
            context.row(report, "")
    else:
        context.write(view.table(list(reports)))
    return context.report(problems)


def _show(
    report: dict[str, Any] | None, name: str, problems: Sequence[TsmError], context: Context
) -> None:
    if report is None:
        if not problems:
            message = f"{name}: has no such crash report"
            raise Failed(message)
        return
    context.row(report, view.page(report, colour=context.colour))


def _read(listed: Sequence[crashes.Listed], problems: list[TsmError]) -> Iterator[dict[str, Any]]:
    """What the files hold; one that cannot be read is a problem of its own."""
    for one in listed:
        try:
            report = crashes.read(one.path)
        except Broken as problem:
            problems.append(problem)
            continue
        if report is not None:
            yield report


def _names(words: Sequence[str], context: Context) -> list[str]:
    """The processes that the words mean, in no order; all that have reports for no words."""
    reported = crashes.names(context.home)
    if not words:
        return reported
    names = []
    for word in words:
        try:
            names += chosen(context.home, [word])
        except NoSuchProcess:
            if word not in reported:
                raise
            names.append(word)
    return list(dict.fromkeys(names))
