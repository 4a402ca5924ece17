"""Spawning the launcher of a run, and seeing its child through to its exec."""

from __future__ import annotations

import fcntl
import os
import signal
import sys

from tsm.errors import Refused
from tsm.osproc.table import LAUNCHER, command_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tsm.model import Spec

# Names that a shell sets itself, so that they would not pass through it unchanged.
_SHELLS_OWN = frozenset(
    b"IFS PPID OPTIND OPTARG LINENO PS1 PS2 PS4 OLDPWD UID EUID GROUPS SHELLOPTS BASHOPTS "
    b"BASH_VERSINFO BASHPID RANDOM SECONDS HISTCMD FUNCNAME DIRSTACK _".split()
)


def launch(
    spec: Spec, environ: Mapping[bytes, bytes], directory: str, fds: tuple[int, int]
) -> None:
    """Spawn the launcher for one run in the process `directory`, and return at once.

    `fds` are the run record (open for appending) and the process's lock. The child gets
    `environ` to the byte; argv too. Raises Refused when the system has no room for it.
    """
    plain, folded = _split(environ)
    for number, word in enumerate(folded, 1):
        plain[b"TSM_FOLD_%d" % number] = word
    _close_on_exec()
    # Numbers from 10 on, so that none of them is in the way of those it is copied to.
    record, lock = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in fds)
    here = os.open(".", os.O_PATH | os.O_CLOEXEC)
    try:
        os.chdir(directory)
        os.posix_spawn(
            "/bin/sh",
            [*_call(spec, directory, len(folded)), *chain(spec)],
            plain,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, record, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                (os.POSIX_SPAWN_DUP2, lock, 9),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=signal.valid_signals(),
        )
    except OSError as error:
        message = f"{spec.name}: cannot launch: {error.strerror}"
        raise Refused(message) from error
    finally:
        os.fchdir(here)
        for fd in (here, record, lock):
            os.close(fd)


def _call(spec: Spec, directory: str, folded_count: int) -> list[str]:
    """The launcher and its own arguments, as launch.sh numbers them."""
    return [
        "sh",
        LAUNCHER,
        spec.name,
        sys.executable,
        os.path.dirname(os.path.dirname(os.path.dirname(directory))),
        os.environ.get("HOME", "/"),
        os.environ.get("PATH", os.defpath),
        os.environ.get("PYTHONPATH", ""),
        spec.umask,
        spec.cwd,
        str(folded_count),
    ]


def chain(spec: Spec) -> list[str]:
    """What the launcher executes: the programs that set the child up, then the child's argv."""
    return [program("setsid"), "--", *spec.argv]


def program(name: str) -> str:
    """The absolute path of a program that every system has, whatever PATH says."""
    for directory in ("/usr/bin", "/bin", "/usr/local/bin"):
        path = f"{directory}/{name}"
        if os.access(path, os.X_OK):
            return path
    message = f"{name}: not found in /usr/bin, /bin or /usr/local/bin: install util-linux"
    raise Refused(message)


def executed(pid: int, spec: Spec) -> bool:
    """Whether the child has got past its launcher and the chain, and runs its own program."""
    words = command_line(pid)
    if not words:
        return False
    set_up = chain(spec)
    stages = [set_up[start:] for start in range(len(set_up) - len(spec.argv))]
    return words[1:2] != [LAUNCHER] and words[0] != "/usr/bin/env" and words not in stages


def _split(environ: Mapping[bytes, bytes]) -> tuple[dict[bytes, bytes], Sequence[bytes]]:
    plain: dict[bytes, bytes] = {}
    folded = []
    for key, value in environ.items():
        identifier = key.replace(b"_", b"a").isalnum() and not key[:1].isdigit() and key.isascii()
        if identifier and key not in _SHELLS_OWN and not key.startswith(b"TSM_FOLD_"):
            plain[key] = value
        else:
            folded.append(key + b"=" + value)
    return plain, folded


def _close_on_exec() -> None:
    """Keep what tsm's caller left open from the launcher, which lives long."""
    for entry in os.listdir("/proc/self/fd"):
        fd = int(entry)
        try:
            if fd > 2 and os.get_inheritable(fd):
                os.set_inheritable(fd, False)  # noqa: FBT003 - its own signature
        except OSError:  # the descriptor of the listing itself
            continue
