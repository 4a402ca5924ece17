"""verify every file of the home"""

from __future__ import annotations

from tsm.patrol.inspection import findings
from tsm.view import text
from tsm.view.arguments import add_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context
    from tsm.patrol.inspection import Finding

_BROKEN = 6


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_output(parser)


def run(_opts: Namespace, context: Context) -> int:
    """Print what is not as documented and what would repair it; 6 if anything is."""
    found = list(findings(context.home))
    for one in found:
        values = {"path": one.path, "problem": one.problem, "repair": one.repair}
        context.row(values, _sentence(one))
    if not found:
        context.say(f"{context.home.root}: all files are as documented")
    return _BROKEN if found else 0


def _sentence(one: Finding) -> text.Shown:
    problem = text.printable(f"{one.path}: {one.problem}")
    return text.Shown(f"{problem}\n  repair: {text.printable(one.repair)}")
