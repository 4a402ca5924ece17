"""rotate, compress and remove log files that are due"""

from __future__ import annotations

import argparse

from tsm.patrol import log_care
from tsm.patrol.choose import chosen
from tsm.view import text
from tsm.view.arguments import add_names, add_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context
    from tsm.patrol.log_care import Act


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser, least="*")
    parser.add_argument("--force", action="store_true", help="rotate also what is not due")
    parser.add_argument("--mend", action="store_true", help=argparse.SUPPRESS)
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Print what was done; 0 also where nothing was due."""
    names = chosen(context.home, opts.names or ["all"])
    if opts.mend:
        log_care.mend_all(context.home, names)
        return 0
    acts, problems = log_care.look_after_all(context.home, names, force=opts.force)
    for act in log_care.worth_telling(acts):
        failed = opts.force and not act.action
        if failed:
            problems.append(act.failure(_sentence(act)))
        if failed and not context.as_json:
            continue
        values = {
            "name": act.name,
            "action": act.action or None,
            "stream": act.stream or None,
            "file": act.file or None,
            "bytes": act.size,
            "reason": act.reason,
            "stopped_ms": round(act.still_s * 1000, 3),
        }
        context.row(values, _sentence(act))
    return context.report(problems)


_DONE = {"rotate": "rotated", "compress": "compressed"}


def _sentence(act: Act) -> str:
    where = f"{act.name}: {act.stream}" if act.stream else act.name
    if not act.action:
        return f"{where}: not {_DONE[act.tried]}: {act.reason}"
    return f"{where}: {act.action} {act.file} ({text.size(act.size)}, {act.reason})"
