"""show the environment of a process"""

from __future__ import annotations

import os

from tsm.patrol.choose import chosen
from tsm.policy.environ import masked
from tsm.store import environment
from tsm.view.arguments import add_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("name", metavar="NAME", help="a name, with or without its port, or an id")
    parser.add_argument("--reveal", action="store_true", help="show secrets as well")
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Print the saved environment, which the next run gets; what looks secret is masked."""
    for name in chosen(context.home, [opts.name]):
        saved = environment.read(context.home, name)
        texts = {os.fsdecode(key): os.fsdecode(value) for key, value in sorted(saved.items())}
        for key, value in (texts if opts.reveal else masked(texts)).items():
            context.row({"name": name, "key": key, "value": value}, f"{key}={value}")
    return 0
