"""print where a process keeps its files"""

from __future__ import annotations

from tsm.patrol.choose import chosen
from tsm.view.arguments import add_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser, least="*")


def run(opts: Namespace, context: Context) -> int:
    """Print a process directory a line; the home where no name is given."""
    if not opts.names:
        context.write(f"{context.home.root}\n")
    for name in chosen(context.home, opts.names):
        context.write(f"{context.home.process(name)}\n")
    return 0
