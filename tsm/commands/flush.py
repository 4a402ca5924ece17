"""empty the log files of processes"""

from __future__ import annotations

from tsm.errors import TsmError, refused
from tsm.patrol import log_care
from tsm.patrol.choose import chosen
from tsm.view import text
from tsm.view.arguments import add_names, add_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser)
    parser.add_argument("--rotated", action="store_true", help="remove rotated files as well")
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Empty them; 0 also where they are empty."""
    problems = []
    for name in chosen(context.home, opts.names):
        try:
            acts = log_care.flush(context.home, name, all_of_it=opts.rotated)
        except (TsmError, OSError) as error:
            problems.append(error if isinstance(error, TsmError) else refused(error))
            continue
        size = sum(act.size for act in acts)
        values = {"name": name, "action": "flush" if acts else None, "bytes": size}
        said = f"flushed ({text.size(size)})" if acts else "empty already"
        context.row(values, f"{name}: {said}")
    return context.report(problems)
