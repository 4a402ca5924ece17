"""From what a user typed to a definition."""

from __future__ import annotations

import os

from tsm.errors import Refused, Usage
from tsm.osproc import accounts, preflight, signals
from tsm.patrol.process import problem
from tsm.policy import effects, words
from tsm.policy.environ import composed
from tsm.policy.settings import applied
from tsm.record import Record, changed
from tsm.spec import Spec
from tsm.store import compression, environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


class Wish(Record):
    """What a user wants run, before it is known how."""

    words: tuple[str, ...]  # one command string, or an argv of several
    is_argv: bool
    cwd: str
    umask: str
    name: str | None = None
    port: int | None = None
    interpreter: str | None = None
    env_file: str | None = None
    env: Mapping[str, str] = {}
    clean_env: bool = False
    settings: Mapping[str, object] = {}  # by key, see policy.settings


def wished(given: Mapping[str, Any], settings: Mapping[str, object], umask: str) -> Wish:
    """What the arguments of a command line ask for: its words, its argv, and the definition.

    Raises Usage, and Refused without a working directory.
    """
    typed, argv = given.get("words", []), given.get("argv")
    if len(typed) > 1:
        message = "a command of several words goes in quotes, or after --"
        raise Usage(message)
    if typed and argv:
        typed = words.split(typed[0])
    plain = ("name", "port", "interpreter", "clean_env")
    return Wish(
        words=(*typed, *(argv or ())),
        is_argv=argv is not None,
        cwd=_absolute(given.get("cwd", ".")),
        umask=umask,
        env_file=_absolute(given["env_file"]) if "env_file" in given else None,
        env=dict(_assignment(text) for text in given.get("env", [])),
        settings=settings,
        **{key: given[key] for key in plain if key in given},
    )


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        message = "the working directory is no longer there: cd to another"
        raise Refused(message) from None


def _assignment(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        message = f"--env {text!r}: not K=V, such as --env LEVEL=debug"
        raise Usage(message)
    return key, value


def defined(wish: Wish, path: str) -> Spec:
    """The definition that answers the wish; `path` is the PATH to look for programs on.

    Raises Usage when it makes no sense, Refused when an interpreter is missing.
    """
    argv, interpreter = _argv(wish, path)
    typed = words.split(wish.words[0]) if _is_string(wish) and argv[0] == "/bin/sh" else argv
    name = words.full_name(words.default_name(typed) if wish.name is None else wish.name, wish.port)
    spec = Spec(
        name=name,
        argv=argv,
        command=wish.words[0] if _is_string(wish) else " ".join(wish.words),
        cwd=wish.cwd,
        interpreter=interpreter,
        port=wish.port,
        umask=wish.umask,
        env_file=wish.env_file,
        env=wish.env,
        clean_env=wish.clean_env,
    )
    spec = settled(applied(spec, wish.settings))
    what = effects.idle(spec, wish.settings, "--")
    if what is not None:
        raise Usage(what)
    compression.require(spec.logs.compress)
    return spec


def settled(spec: Spec) -> Spec:
    """The definition with all it names in the form that is kept. Raises Usage for nonsense."""
    number = signals.number(spec.stop_signal)
    if number is not None:
        spec = changed(spec, stop_signal=signals.canonical(number))
    paths = tuple(_normal(os.path.join(spec.cwd, path)) for path in spec.watch.paths)
    if paths != spec.watch.paths:
        spec = changed(spec, watch=changed(spec.watch, paths=paths))
    for stream in ("out", "err"):
        path = getattr(spec.logs, stream)
        if path is not None:
            spec = changed(spec, logs=changed(spec.logs, **{stream: _normal(_absolute(path))}))
    what = problem(spec)
    if what is not None:
        raise Usage(what)
    return spec


def _normal(path: str) -> str:
    """An absolute path as changes below it are told: without `.`, `..` and a slash too many."""
    return "/" + os.path.normpath(path).lstrip("/")


def environ_of(spec: Spec, caller: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """The child's environment as of now, the env file read anew."""
    dotenv = environment.read_dotenv(spec.env_file) if spec.env_file is not None else {}
    return composed(spec, caller, dotenv, accounts.variables(spec.limits))


def _is_string(wish: Wish) -> bool:
    return not wish.is_argv and len(wish.words) == 1


def _argv(wish: Wish, path: str) -> tuple[tuple[str, ...], str | None]:
    """The argv, and the interpreter where tsm had to put one in front."""
    if _is_string(wish):
        command = wish.words[0]
        whole = os.path.isfile(os.path.join(wish.cwd, command))  # its name may hold spaces
        if wish.interpreter is None and words.needs_shell(command) and not whole:
            return words.shell_argv(command), None
        argv = (command,) if whole else words.split(command)
    else:
        argv = wish.words
        words.check(argv)
    if wish.interpreter is not None:
        return (*words.split(wish.interpreter), *argv), wish.interpreter
    script = os.path.join(wish.cwd, argv[0])
    candidates = words.INTERPRETERS.get(words.suffix(argv[0]), ())
    if not candidates or not os.path.isfile(script):
        return argv, _named_interpreter(argv)
    if preflight.has_own_interpreter(script):
        return (argv[0] if "/" in argv[0] else f"./{argv[0]}", *argv[1:]), None
    for interpreter in candidates:
        if preflight.found(interpreter, path, wish.cwd) is not None:
            return (interpreter, *argv), interpreter
    message = (
        f"{argv[0]}: needs {' or '.join(candidates)}, which is not on PATH: name an --interpreter"
    )
    raise Refused(message)


def _named_interpreter(argv: Sequence[str]) -> str | None:
    """The interpreter that the user wrote in front of a script himself."""
    program = argv[0].rpartition("/")[2]
    known = {name for names in words.INTERPRETERS.values() for name in names}
    return program if program in known else None
