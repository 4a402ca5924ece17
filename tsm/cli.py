"""argv -> command -> exit status; the only place that catches TsmError."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from tsm import __version__
from tsm.commands import TABLE, command
from tsm.errors import TsmError, Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from tsm.commands import Command

_INTERRUPTED = 130  # 128 + SIGINT, as a shell would say it


class _Formatter(argparse.HelpFormatter):
    """A width of its own: finding out the terminal's costs an import with each argument."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=88)


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        """Raise Usage instead of printing a synopsis."""
        message = f"{message} (see {self.prog} --help)"
        raise Usage(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv`, and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
    name = "tsm"
    try:
        if not words or words[0] in ("-h", "--help", "help"):
            return _help(words[1:])
        if words[0] in ("-V", "--version"):
            sys.stdout.write(f"tsm {__version__}\n")
            return 0
        chosen = command(words[0])
        if chosen is None:
            return _elsewhere(words)
        name = f"tsm {chosen.name}"
        return _run(chosen, words[1:])
    except TsmError as error:
        return _failed(name, str(error), error.status)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # so that the last flush does not complain
        return 0
    except OSError as error:
        where = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
        return _failed(name, f"{where}{error.strerror or error}", 7)
    except KeyboardInterrupt:
        return _INTERRUPTED


def parser_of(chosen: Command) -> Parser:
    """The parser of one command, complete."""
    aliases = f" (also: {', '.join(chosen.aliases)})" if chosen.aliases else ""
    parser = Parser(
        prog=f"tsm {chosen.name}",
        description=f"{chosen.sentence[0].upper()}{chosen.sentence[1:]}{aliases}.",
        epilog=f"More in tsm-{chosen.name}(1).",
        allow_abbrev=False,
        formatter_class=_Formatter,
    )
    import_module(chosen.source).configure(parser)
    return parser


def _run(chosen: Command, words: Sequence[str]) -> int:
    argv = None
    if chosen.takes_argv and "--" in words:
        cut = list(words).index("--")
        words, argv = words[:cut], tuple(words[cut + 1 :])
    opts = parser_of(chosen).parse_intermixed_args(words)
    opts.argv = argv
    from tsm.context import opened

    context = opened(chosen.name)
    context.choose(as_json=getattr(opts, "json", False), as_table=getattr(opts, "table", False))
    status: int = import_module(chosen.source).run(opts, context)
    context.flush()
    if context.lost is not None:
        raise context.lost
    return status


def _help(words: Sequence[str]) -> int:
    chosen = command(words[0]) if words else None
    if chosen is not None:
        parser_of(chosen).print_help()
        return 0
    rows = "".join(f"  {row.name:<12}{row.sentence}\n" for row in TABLE.values())
    sys.stdout.write(
        f"usage: tsm COMMAND [ARGUMENT ...]\n\n{rows}\n"
        "tsm COMMAND --help tells more, man tsm tells all.\n"
    )
    return 0


def _elsewhere(words: Sequence[str]) -> int:
    """`tsm foo` is `tsm-foo` where PATH has one."""
    import shutil

    program = None if "/" in words[0] else shutil.which(f"tsm-{words[0]}")
    if program is not None:
        os.execv(program, [program, *words[1:]])  # noqa: S606 - that is what a user asks for
    import difflib

    near = difflib.get_close_matches(words[0], TABLE, 1)
    hint = f"did you mean {near[0]}?" if near else "tsm --help lists them"
    message = f"{words[0]}: no such command: {hint}"
    raise Usage(message)


def _failed(name: str, message: str, status: int) -> int:
    try:
        sys.stdout.flush()
        line = " ".join(message.splitlines())
        sys.stderr.write(f"{name}: {line}\n")
    except OSError:
        pass
    return status
