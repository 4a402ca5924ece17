"""Values of settings: from text, and whether they make sense, each with an example."""

from __future__ import annotations

import re
import warnings

from tsm import quantities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

seconds, size, whole = quantities.seconds, quantities.size, quantities.whole  # from text
_FLAGS = {"true": True, "yes": True, "on": True, "1": True}
_FLAGS |= {"false": False, "no": False, "off": False, "0": False}
_STATUSES = re.compile(r"[1-5]\d\d(-[1-5]\d\d)?(,[1-5]\d\d(-[1-5]\d\d)?)*")
_CODE = re.compile(r"[0-9]{1,3}")
_UMASK = re.compile(r"[0-7]{1,4}")
_RLIMIT = re.compile(r"(\d+|unlimited)(:(\d+|unlimited))?")
_URL = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s/:@?#\[\]]+)(:\d{1,5})?([/?]\S*)?")
_CGROUP_FILE = re.compile(r"(?!cgroup\.)[a-z0-9]+\.[a-z0-9_.]+|cgroup\.max\.[a-z]+")
RESOURCES = (  # as prlimit(1) calls them
    *("as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue"),
    *("nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"),
)
_OF_EACH = (  # paths that lead each program to another file
    *("/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd", "/dev/tty"),
    *("/proc/self", "/proc/thread-self"),
)
CHECKS = ("http://", "https://", "tcp:", "command:", "log:", "heartbeat", "notify")
_EXAMPLE = "such as http://localhost:3000/health, tcp:3000, command:./check, log:listening"


def integer(text: str) -> int:
    """A number, perhaps below 0."""
    sign = -1 if text.startswith("-") else 1
    return sign * whole(text.removeprefix("-").removeprefix("+"))


def percent(text: str) -> float:
    """Percent of one core: `80` or `80%`, `150` for one and a half."""
    number = text.removesuffix("%")
    if not quantities.is_number(number):
        message = f"{text!r}: not percent of a core, such as 80"
        raise ValueError(message)
    return float(number)


def flag(text: str) -> bool:
    """Yes or no."""
    try:
        return _FLAGS[text.lower()]
    except KeyError:
        message = f"{text!r}: neither yes nor no"
        raise ValueError(message) from None


def codes(text: str) -> tuple[int, ...]:
    """Exit codes with commas between them."""
    words = text.split(",")
    if not all(_CODE.fullmatch(word) and int(word) < 256 for word in words):
        message = f"{text!r}: not exit codes, such as 0,3"
        raise ValueError(message)
    return tuple(int(word) for word in words)


def several(example: str) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """A reader of several texts, none of them empty."""

    def read(texts: Sequence[str]) -> tuple[str, ...]:
        if not all(text.strip() for text in texts):
            message = f"is empty: give a value, such as {example}"
            raise ValueError(message)
        return tuple(texts)

    return read


def assignments(example: str) -> Callable[[Sequence[str]], dict[str, str]]:
    """A reader of several `NAME=VALUE`, the last of a name wins."""

    def read(texts: Sequence[str]) -> dict[str, str]:
        found = {}
        for text in texts:
            name, sign, value = text.partition("=")
            if not (name and sign and value):
                message = f"{text!r}: not NAME=VALUE, such as {example}"
                raise ValueError(message)
            found[name] = value
        return found

    return read


def nothing(_value: object) -> str | None:
    """What is wrong with a value that cannot be wrong."""
    return None


def within(least: float, most: float, more: str = "") -> Callable[[object], str | None]:
    """A check that a number lies between two others; `more` is a unit, or an example."""

    def problem(value: object) -> str | None:
        if isinstance(value, int | float) and least <= value <= most:
            return None
        shown = f"{value:g}" if isinstance(value, float) else value
        return f"{shown}: not within {least} to {most}{more}"

    return problem


def one_of(words: tuple[str, ...]) -> Callable[[object], str | None]:
    """A check that a word is one of those."""
    return lambda value: None if value in words else f"{value!r}: not one of {', '.join(words)}"


def exit_codes(value: object) -> str | None:
    """Whether all are exit codes."""
    fine = isinstance(value, tuple) and all(0 <= code <= 255 for code in value)
    return None if fine else f"{value}: not within 0 to 255"


def file(text: str) -> str:
    """The path of a file."""
    if not text.strip() or text.endswith("/"):
        message = f"{text!r}: not a file, such as /var/log/web.log"
        raise ValueError(message)
    return text


def log_file(value: object) -> str | None:
    """Whether it is an absolute path, and the same file for every program."""
    path = str(value)
    if not path.startswith("/"):
        return f"{path!r}: not an absolute path, such as /var/log/web.log"
    if path in _OF_EACH or path.startswith(tuple(f"{one}/" for one in _OF_EACH)):
        return f"{path}: another file for each program: give one such as /var/log/web.log"
    return None


def umask(value: object) -> str | None:
    """Whether it is octal."""
    return None if _UMASK.fullmatch(str(value)) else f"{value!r}: not octal, such as 0022"


def text(value: object) -> str | None:
    """Whether there is anything in it."""
    return None if str(value).strip() else "is empty: give a value, or leave it out"


def word(value: object) -> str | None:
    """Whether it can be a name of the system's."""
    fine = str(value) and not set(str(value)) & set(" \t\n:,/")
    return None if fine else f"{value!r}: not a name or a number, such as www-data"


def pattern(value: object) -> str | None:
    """Whether it is a regular expression."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a later Python might take for something else
            re.compile(str(value))
    except (re.error, OverflowError, RecursionError) as error:
        return f"{value!r}: not a regular expression, such as ok|ready: {error}"
    return None


def statuses(value: object) -> str | None:
    """Whether they are HTTP statuses."""
    spans = [part.split("-") for part in str(value).split(",")]
    fine = _STATUSES.fullmatch(str(value)) and all(span[0] <= span[-1] for span in spans)
    return None if fine else f"{value!r}: not such as 200-299,404"


def check(value: object) -> str | None:
    """Whether it is a probe."""
    what = str(value)
    kind = next((one for one in CHECKS if what.startswith(one)), None)
    if kind is None or (kind in ("heartbeat", "notify")) != (what == kind):
        return f"{what!r}: not a probe, {_EXAMPLE}, heartbeat or notify"
    rest = what.removeprefix(kind)
    if "\0" in rest:
        return f"{what!r}: holds a byte that no program can be given"
    if kind == "tcp:":
        host, _, port = rest.rpartition(":")
        fine = port.isdecimal() and 0 < int(port) < 65536 and not set(host) & set(" /")
        return None if fine else f"{what!r}: not such as tcp:3000 or tcp:db.local:5432"
    if kind in ("http://", "https://"):
        url = _URL.fullmatch(rest)
        fine = url is not None and 0 < int((url[2] or ":80")[1:]) < 65536
        return None if fine else f"{what!r}: not such as http://localhost:3000/health"
    if kind == "log:" and (bad := pattern(rest)) is not None:
        return f"{what!r}: in its pattern, {bad}"
    if kind in ("log:", "command:") and not rest.strip():
        return f"{what!r}: says nothing more, {_EXAMPLE}"
    return None


def rlimits(value: object) -> str | None:
    """Whether prlimit(1) takes them."""
    for name, limit in dict(value).items():  # type: ignore[call-overload]
        if name not in RESOURCES:
            return f"{name!r}: not one of {', '.join(RESOURCES)}"
        if not _RLIMIT.fullmatch(limit):
            return f"{name}={limit}: not such as {name}=1024, {name}=1024:4096 or unlimited"
    return None


def cgroup(value: object) -> str | None:
    """Whether they look like limits of a cgroup: other files act on it, such as cgroup.procs."""
    for name, limit in dict(value).items():  # type: ignore[call-overload]
        if not _CGROUP_FILE.fullmatch(name) or "\n" in limit:
            return f"{name}={limit}: not such as memory.max=200M or cpu.weight=50"
    return None


def paths(value: object) -> str | None:
    """Whether all are absolute."""
    bad = [one for one in value if not one.startswith("/")]  # type: ignore[attr-defined]
    return f"{bad[0]!r}: not an absolute path, such as /srv/src" if bad else None
