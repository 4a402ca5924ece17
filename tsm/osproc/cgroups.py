"""Groups of cgroup v2 (cgroups(7)), one for each run that has limits there."""

from __future__ import annotations

import os
from contextlib import suppress

from tsm.errors import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PROC = "/proc/self"


def places(values: Mapping[str, str], proc: str = PROC) -> list[str]:
    """The cgroups below which a group with such limits may be made, the nearest first.

    They are tsm's own and those above it, as far as they may be written to and have the
    controllers. Raises Refused if there are none; nothing is touched.
    """
    wanted = _controllers(values)
    own, top = _own(proc)
    found, folder = [], own
    while folder.startswith(top):
        if wanted <= _words(f"{folder}/cgroup.controllers") and _writable(folder):
            found.append(folder)
        folder = folder.rpartition("/")[0]
    if not found:
        needs = f"with {', '.join(sorted(wanted))} " if wanted else ""
        message = (
            f"cgroup {_shown(values)}: no cgroup v2 {needs}that may be written to, from {own} up: "
            f"run tsm in a unit with Delegate=yes, or as root"
        )
        raise Refused(message)
    return found


def made(values: Mapping[str, str], name: str, run_id: str, proc: str = PROC) -> str:
    """Make the group of a run, with its limits, and return its path. Raises Refused."""
    problem = None
    for place in places(values, proc):
        try:
            _enable(_controllers(values), place)
            group = f"{place}/tsm-{name}-{run_id}"
            os.mkdir(group, 0o755)
        except OSError as error:  # a group with processes of its own can have no such children
            problem = problem or f"{place}: {error.strerror}"
            continue
        try:
            for file, value in values.items():
                _limit(group, file, value)
        except Refused:
            remove(group)
            raise
        return group
    message = f"cgroup {_shown(values)}: {problem}"
    raise Refused(message)


def members(group: str) -> set[int]:
    """The pids in the group and in those below it; none if it is not there."""
    return {
        int(word)
        for folder, _, _ in os.walk(group)
        for word in _words(f"{folder}/cgroup.procs")
        if word.isdecimal()
    }


def remove(group: str) -> None:
    """Remove the group and those below it, unless somebody is left in them."""
    for folder, _, _ in os.walk(group, topdown=False):
        with suppress(OSError):
            os.rmdir(folder)


def _limit(group: str, file: str, value: str) -> None:
    try:
        fd = os.open(f"{group}/{file}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
    except FileNotFoundError as error:
        message = f"cgroup {file}={value}: this kernel has no such limit, see cgroups(7)"
        raise Refused(message) from error
    except OSError as error:
        message = f"cgroup {file}={value}: {error.strerror}"
        raise Refused(message) from error


def _enable(controllers: set[str], place: str) -> None:
    missing = controllers - _words(f"{place}/cgroup.subtree_control")
    if missing:
        with open(f"{place}/cgroup.subtree_control", "w", encoding="ascii") as file:
            file.write(" ".join(f"+{one}" for one in sorted(missing)))


def _controllers(values: Mapping[str, str]) -> set[str]:
    return {file.partition(".")[0] for file in values} - {"cgroup"}


def _own(proc: str) -> tuple[str, str]:
    """The folder of the cgroup that tsm is in, and that of the highest it can see."""
    paths = [line[3:] for line in _lines(f"{proc}/cgroup") if line.startswith("0::")]
    for line in _lines(f"{proc}/mountinfo"):
        head, _, tail = line.partition(" - ")
        fields = head.split()
        if tail.startswith("cgroup2 ") and len(fields) > 4 and paths:
            below = paths[0].removeprefix(fields[3].rstrip("/")).rstrip("/")
            top = fields[4]
            return f"{top}{below}", top
    message = "cgroup: this machine has no cgroup v2: leave the limit out"
    raise Refused(message)


def _writable(folder: str) -> bool:
    paths = (folder, f"{folder}/cgroup.procs", f"{folder}/cgroup.subtree_control")
    plain = folder.isascii() and not set(folder) & set(" \t\n\\")  # as the run record holds it
    return plain and all(os.access(path, os.W_OK) for path in paths)


def _shown(values: Mapping[str, str]) -> str:
    return " ".join(f"{file}={value}" for file, value in values.items())


def _words(path: str) -> set[str]:
    return {word for line in _lines(path) for word in line.split()}


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii", errors="surrogateescape") as file:
            return file.read().splitlines()
    except OSError:
        return []
