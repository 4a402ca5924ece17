"""show or follow what processes write"""

from __future__ import annotations

import json
import os
from contextlib import suppress

from tsm.errors import Broken, Failed, Usage
from tsm.osproc import table
from tsm.patrol.choose import chosen
from tsm.store import logs, runs
from tsm.view import text
from tsm.view.arguments import add_names, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterable, Sequence

    from tsm.context import Context

_LOOK_S = 0.05
_SEARCH_S = 2.0  # that a pattern may take for one line


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser, least="*")
    add = parser.add_argument
    add("-n", "--lines", type=number, default=100, metavar="N", help="how many, of each stream")
    add("-f", "--follow", action="store_true", help="go on as lines are added")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--out", action="store_true", help="standard output alone")
    which.add_argument("--err", action="store_true", help="standard error alone")
    add("--grep", metavar="RE", help="only lines in which the regular expression is found")
    add("--json", action="store_true", help="one JSON object a line: name, stream, line")


def run(opts: Namespace, context: Context) -> int:
    """Print the last lines: of one process as they are, of several each with its name."""
    wanted = _wanted(opts.grep)
    names = chosen(context.home, opts.names or ["all"])
    streams = [
        s for s in logs.STREAMS if (s == "out" or not opts.out) and (s == "err" or not opts.err)
    ]
    for name in names:
        _tell_of_attached(name, context)
    tags = _tags(names, context)
    followers = []
    for name in names:
        for stream in streams:
            follower = logs.Follower(logs.current(context.home, name, stream))
            show = _printer(name, stream, tags[name], context, as_json=opts.json)
            show(follower.backlog(opts.lines, wanted, torn=not opts.follow))
            followers.append((follower, show))
    context.flush()
    while opts.follow and not context.reader_gone(_LOOK_S):
        for follower, show in followers:
            show(line for line in follower.lines() if wanted is None or wanted(line))
        context.flush()
    return 0


def _tell_of_attached(name: str, context: Context) -> None:
    """Say it where the child writes elsewhere: tsm has not started it."""
    with suppress(Broken):
        run = runs.read(context.home, name)
        if run is not None and run.why == "attach" and table.alive(run.child, table.boot_id()):
            context.say(f"{name}: was attached: what it writes goes where it went, until a restart")


def _printer(
    name: str, stream: str, tag: bytes, context: Context, *, as_json: bool
) -> Callable[[Iterable[bytes]], None]:
    def show(lines: Iterable[bytes]) -> None:
        for line in lines:
            if as_json:
                values = {"name": name, "stream": stream, "line": line.decode("utf-8", "replace")}
                context.write(json.dumps(values, separators=(",", ":")) + "\n")
            else:
                context.write_bytes(tag + line + b"\n")

    return show


def _tags(names: Sequence[str], context: Context) -> dict[str, bytes]:
    """What stands before each line: nothing for one process, the padded names for several."""
    if len(names) < 2:
        return dict.fromkeys(names, b"")
    width = max(len(name) for name in names)
    return {
        name: os.fsencode(text.prefix(name.ljust(width), place, colour=context.colour) + " | ")
        for place, name in enumerate(names)
    }


def _wanted(expression: str | None) -> Callable[[bytes], bool] | None:
    if expression is None:
        return None
    from tsm.osproc import patterns

    try:
        found = patterns.finder(os.fsencode(expression), _SEARCH_S)
    except ValueError as error:
        message = f"--grep {expression!r}: not a regular expression: {error}"
        raise Usage(message) from error

    def wanted(line: bytes) -> bool:
        try:
            return found(line)
        except Failed as failure:
            message = f"--grep {expression!r}: {failure}"
            raise Failed(message) from None

    return wanted
