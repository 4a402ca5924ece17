"""print a completion script for a shell"""

from __future__ import annotations

import argparse
from importlib import import_module

from tsm.commands import TABLE
from tsm.view import completion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("shell", choices=sorted(completion.SCRIPTS), help="bash, fish or zsh")


def run(opts: Namespace, context: Context) -> int:
    """Print the script; it knows the commands and options of this release."""
    rows = [
        completion.Row(row.name, row.aliases, row.sentence, *_words(row.source))
        for row in TABLE.values()
    ]
    context.write(completion.SCRIPTS[opts.shell](rows))
    return 0


def _words(source: str) -> tuple[tuple[str, ...], bool]:
    """The options of a command, and whether it takes names of processes."""
    parser = argparse.ArgumentParser()
    import_module(source).configure(parser)
    actions = [action for action in parser._actions if action.help != argparse.SUPPRESS]  # noqa: SLF001 - there is no public way
    options = tuple(sorted(word for action in actions for word in action.option_strings))
    takes_names = any(action.metavar in ("NAME", "COMMAND") for action in actions)
    return options, takes_names
