"""argv -> command -> exit status; the only place that catches TsmError."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper

from tsm import __version__
from tsm.commands import TABLE, command
from tsm.errors import Refused, TsmError, Usage, refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from _typeshed import SupportsWrite

    from tsm.commands import Command

_INTERRUPTED = 130  # 128 + SIGINT, as a shell would say it
vars(argparse)["_"] = str  # it looks for translations, which nobody has: 2 ms and `locale`


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

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Print it, and raise OSError where that fails: argparse would not say so."""
        (file or sys.stdout).write(self.format_help())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv`, and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    _ready_streams()
    if argv is None and sys.getfilesystemencoding() != "utf-8":
        python = [sys.executable, "-X", "utf8", "-P", "-m", "tsm"]  # names on disk are UTF-8
        os.execv(python[0], [*python, *words])  # noqa: S606
    chosen = command(words[0]) if words else None
    name = "tsm" if chosen is None else f"tsm {chosen.name}"
    try:
        status = _run(chosen, words[1:]) if chosen is not None else _other(words)
        sys.stdout.flush()
    except TsmError as error:
        return _failed(name, error.line, error.status)
    except BrokenPipeError:
        return _failed(name, "", 0)
    except OSError as error:
        return _failed(name, str(refused(error)), Refused.status)
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


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
    try:
        opts = parser_of(chosen).parse_intermixed_args(words)
    except SystemExit:  # the help has been printed
        return 0
    opts.argv = argv
    from tsm.context import opened

    context = opened(chosen.name)
    context.choose(as_json=getattr(opts, "json", False), as_table=getattr(opts, "table", False))
    status: int = import_module(chosen.source).run(opts, context)
    context.flush()
    if context.lost is not None:
        raise context.lost
    return status


def _other(words: Sequence[str]) -> int:
    """What is no command of the table: help, the version, a program `tsm-foo`."""
    first = words[0] if words else "help"
    if first in ("-V", "--version"):
        sys.stdout.write(f"tsm {__version__}\n")
        return 0
    if first not in ("-h", "--help", "help"):
        return _elsewhere(words)
    chosen = command(words[1]) if len(words) > 1 else None
    if chosen is not None:
        parser_of(chosen).print_help()
        return 0
    if len(words) > 1:
        raise _unknown(words[1])
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
        try:
            os.execv(program, [program, *words[1:]])  # noqa: S606 - that is what a user asks for
        except OSError as error:
            what = " (its interpreter or loader)" if isinstance(error, FileNotFoundError) else ""
            message = f"cannot execute {program}: {error.strerror}{what}"
            raise Refused(message) from error
    raise _unknown(words[0])


def _unknown(word: str) -> Usage:
    import difflib

    near = difflib.get_close_matches(word, TABLE, 1)
    hint = f"did you mean {near[0]}?" if near else "tsm --help lists them"
    return Usage(f"{word or repr(word)}: no such command: {hint}")


def _ready_streams() -> None:
    """See to it that 0, 1 and 2 are open, and that any text can be written."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")


def _failed(name: str, message: str, status: int) -> int:
    """Say what went wrong, after all that was printed before."""
    try:
        sys.stdout.flush()
    except OSError:  # what is left of the output is lost: the interpreter is not to try again
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if message:
        from tsm.view.text import printable

        with suppress(OSError):
            sys.stderr.write(f"{name}: {printable(message)}\n")
    return status
