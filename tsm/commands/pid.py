"""print the pid of a process"""

from __future__ import annotations

from tsm.patrol.observe import observe_all, without_child
from tsm.view.arguments import add_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser)


def run(opts: Namespace, context: Context) -> int:
    """Print a pid a line, for `kill` and its like; 1 if one of the processes is not running."""
    observed = observe_all(context.home, opts.names)
    for one in observed:
        if one.pid is not None:
            context.write(f"{one.pid}\n")
    return context.report(without_child(observed))
