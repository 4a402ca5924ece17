"""What would keep a child from starting, found out before anything is touched."""

from __future__ import annotations

import os

from tsm.errors import Refused
from tsm.osproc import cgroups, chain, privileges, watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tsm.spec import Spec


def check(spec: Spec, environ: Mapping[bytes, bytes], script: str | None = None) -> None:
    """Raise Refused, naming the reason, if the child could not start.

    It needs a working directory, a program, the `script` that this is to read, if there is one,
    and limits that tsm may set.
    """
    try:
        os.stat(f"{spec.cwd}/.")
    except OSError as error:
        message = f"{spec.name}: cannot use the working directory {spec.cwd}: {error.strerror}"
        raise Refused(message) from error
    if spec.watch.paths:
        watch.require()
    path = os.fsdecode(environ.get(b"PATH", os.fsencode(os.defpath)))
    program = found(spec.argv[0], path, spec.cwd)
    if program is None:
        message = f"{spec.name}: {_reason(spec.argv[0], spec.cwd)}"
        raise Refused(message)
    try:
        what = _interpreter_problem(program, spec.cwd)
        what = f"cannot execute {spec.argv[0]}: {what}" if what else _unreadable(spec.cwd, script)
        what = what or _limits_problem(spec, program, script)
    except Refused as problem:
        message = f"{spec.name}: {problem}"
        raise Refused(message) from problem
    if what is not None:
        message = f"{spec.name}: {what}"
        raise Refused(message)


def found(word: str, path: str, cwd: str) -> str | None:
    """The file that execvp(3) would execute for `word`, or fail to in the end; or None."""
    if "/" in word:
        candidates = [os.path.join(cwd, word)]
    else:
        candidates = [os.path.join(cwd, folder, word) for folder in path.split(":")]
    first = None
    for candidate in candidates:
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            if _interpreter_problem(candidate, cwd) is None:
                return candidate
            first = first or candidate  # it goes on to the next on PATH
    return first


def has_own_interpreter(path: str) -> bool:
    """Whether the file is executable and names its interpreter in its first line."""
    return os.access(path, os.X_OK) and _head(path).startswith(b"#!")


def _head(path: str) -> bytes:
    """As much of the file as execve(2) looks at; nothing where it may not be read."""
    try:
        with open(path, "rb") as file:
            return file.read(256)
    except OSError:
        return b""


def _interpreter_problem(program: str, cwd: str) -> str | None:
    """What is wrong with the interpreter that the program itself names; None if nothing is."""
    head = _head(program)
    words = head[2:].partition(b"\n")[0].split(b"\0")[0].replace(b"\t", b" ").split(b" ")
    name = os.fsdecode(next((word for word in words if word), b""))
    if not head.startswith(b"#!") or not name:
        return None
    path = os.path.join(cwd, name)
    if os.path.isfile(path) and os.access(path, os.X_OK):
        return None
    what = "may not be executed" if os.path.exists(path) else "is not there"
    return f"its first line names {name!r}, which {what}"


def _unreadable(cwd: str, script: str | None) -> str | None:
    """What keeps this user from reading the script; None if nothing does."""
    if script is None:
        return None
    path = os.path.normpath(os.path.join(cwd, script))
    try:
        os.stat(path)
    except FileNotFoundError:
        return f"script not found: there is no {path}"
    except OSError as error:
        return f"cannot read the script {path}: {error.strerror}"
    return None if os.access(path, os.R_OK) else f"cannot read the script {path}: chmod +r it"


def _limits_problem(spec: Spec, program: str, script: str | None) -> str | None:
    """What is in the way of the limits; None if nothing is known to be. Raises Refused."""
    limits = spec.limits
    if limits.cgroup:
        cgroups.places(limits.cgroup)
    what = privileges.problem(limits)
    if what is not None or limits.user is None:
        chain.chain(spec)
        return what
    look = 'cd -- "$1" || exit 3; [ -x "$2" ] || exit 4; [ -z "$3" ] || [ -r "$3" ] || exit 5'
    told = [spec.cwd, program, script or ""]
    words = [*chain.as_account(limits), "/bin/sh", "-c", look, "sh", *told]
    code = os.waitstatus_to_exitcode(os.waitpid(_quietly_spawned(words), 0)[1])
    return {
        0: None,
        3: f"user {limits.user} may not enter the working directory {spec.cwd}",
        4: f"user {limits.user} may not execute {program}",
        5: f"user {limits.user} may not read the script {script}",
    }.get(code, f"cannot become user {limits.user}: setpriv ended with {code}")


def _quietly_spawned(words: list[str]) -> int:
    null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    return os.posix_spawn(words[0], words, {}, file_actions=null)


def _reason(word: str, cwd: str) -> str:
    if "/" not in word:
        return f"program not found: {word} is not on PATH"
    path = os.path.normpath(os.path.join(cwd, word))
    if os.path.isdir(path):
        return f"program not found: {path} is a directory"
    if os.path.exists(path):
        return f"cannot execute {path}: chmod +x it, or name its --interpreter"
    return f"program not found: there is no {path}"
