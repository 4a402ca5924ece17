"""The child's environment: the file `env` of a process directory, and .env files of users."""

from __future__ import annotations

import os
import re
import stat

from tsm.errors import Broken, Refused, Usage
from tsm.store.atomic import read_whole, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tsm.store.home import Home

_DOTENV_BYTES = 1 << 20
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}
_ASSIGNMENT = re.compile(rb"(?:export\s+)?([^\s=#'\"]+)\s*=\s*(.*)", re.DOTALL)
_QUOTED = re.compile(rb"""(?:'([^']*)'|"((?:\\.|[^"\\])*)")\s*(?:\#.*)?""", re.DOTALL)


def read(home: Home, name: str) -> dict[bytes, bytes]:
    """The saved environment, to the byte. Raises Broken."""
    path = home.file(name, "env")
    again = f"give it anew with tsm restart --update-env {name}"
    try:
        entries = read_whole(path).split(b"\0")
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise Broken(message, again) from error
    pairs = [entry.partition(b"=") for entry in entries if entry]
    if not all(key and sign for key, sign, _ in pairs):
        message = f"{path}: an entry that is no NAME=VALUE"
        raise Broken(message, again)
    return {key: value for key, _, value in pairs}


def write(home: Home, name: str, environ: Mapping[bytes, bytes]) -> None:
    """Replace the saved environment, durably. The caller holds the lock of the process."""
    replace(home.file(name, "env"), entries(environ), durable=True)


def entries(environ: Mapping[bytes, bytes]) -> bytes:
    """The file format of `env`, that of /proc/PID/environ."""
    return b"".join(key + b"=" + value + b"\0" for key, value in environ.items())


def read_dotenv(path: str) -> dict[bytes, bytes]:
    r"""What a .env file sets: lines of KEY=VALUE, `export KEY=VALUE`, comments, quotes.

    Within double quotes \n, \t, \r, \\ and \" are escapes; a quoted value may go over
    lines. Nothing is expanded. Raises Refused when it cannot be read, Usage for a line that
    makes no sense.
    """
    lines = _content(path).removeprefix(b"\xef\xbb\xbf").split(b"\n")
    found: dict[bytes, bytes] = {}
    number = 0
    while number < len(lines):
        first = number
        text = lines[number].lstrip()
        number += 1
        if not text or text.startswith(b"#"):
            continue
        while _open_quote(text) and number < len(lines):
            text += b"\n" + lines[number]
            number += 1
        assignment = _ASSIGNMENT.fullmatch(text)
        value = None if assignment is None else _value(assignment[2])
        if assignment is None or value is None or b"\0" in text:
            message = f"{path}: line {first + 1}: not KEY=VALUE"
            raise Usage(message)
        found[assignment[1]] = value
    return found


def _content(path: str) -> bytes:
    """The bytes of a .env file. Raises Refused, also for what has no end, or would block."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(fd, "rb") as file:
            regular = stat.S_ISREG(os.fstat(fd).st_mode)
            data = file.read(_DOTENV_BYTES + 1) if regular else b""
    except OSError as error:
        message = f"{path}: cannot read the env file: {error.strerror}"
        raise Refused(message) from error
    if not regular or len(data) > _DOTENV_BYTES:
        what = "larger than 1 MiB" if regular else "not a regular file"
        message = f"{path}: cannot read the env file: it is {what}"
        raise Refused(message)
    return data


def _open_quote(text: bytes) -> bool:
    assignment = _ASSIGNMENT.fullmatch(text)
    if assignment is None or assignment[2][:1] not in (b"'", b'"'):
        return False
    return _QUOTED.fullmatch(assignment[2]) is None and _QUOTED.match(assignment[2]) is None


def _value(text: bytes) -> bytes | None:
    if text[:1] not in (b"'", b'"'):
        return re.split(rb"\s+#", b" " + text, maxsplit=1)[0].strip()
    quoted = _QUOTED.fullmatch(text)
    if quoted is None:
        return None
    if quoted[1] is not None:
        return quoted[1]
    return re.sub(
        rb"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), quoted[2], flags=re.DOTALL
    )
