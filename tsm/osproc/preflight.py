"""What would keep a child from starting, found out before anything is touched."""

from __future__ import annotations

import os

from tsm.errors import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tsm.model import Spec


def check(spec: Spec, environ: Mapping[bytes, bytes]) -> None:
    """Raise Refused, naming the reason, if the working directory or the program cannot be used."""
    try:
        os.stat(f"{spec.cwd}/.")
    except OSError as error:
        message = f"{spec.name}: cannot use the working directory {spec.cwd}: {error.strerror}"
        raise Refused(message) from error
    path = os.fsdecode(environ.get(b"PATH", os.fsencode(os.defpath)))
    if found(spec.argv[0], path, spec.cwd) is None:
        message = f"{spec.name}: {_reason(spec.argv[0], spec.cwd)}"
        raise Refused(message)


def found(word: str, path: str, cwd: str) -> str | None:
    """The file that execvp(3) would execute for `word`, or None."""
    if "/" in word:
        candidates = [os.path.join(cwd, word)]
    else:
        candidates = [os.path.join(cwd, folder, word) for folder in path.split(":")]
    for candidate in candidates:
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    return None


def has_own_interpreter(path: str) -> bool:
    """Whether the file is executable and names its interpreter in its first line."""
    try:
        with open(path, "rb") as file:
            return os.access(path, os.X_OK) and file.read(2) == b"#!"
    except OSError:
        return False


def _reason(word: str, cwd: str) -> str:
    if "/" not in word:
        return f"program not found: {word} is not on PATH"
    path = os.path.join(cwd, word)
    if os.path.isdir(path):
        return f"program not found: {path} is a directory"
    if os.path.exists(path):
        return f"cannot execute {path}: chmod +x it, or name its --interpreter"
    return f"program not found: there is no {path}"
