"""Spawning the launcher of a run, and seeing its child through to its exec."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from contextlib import contextmanager
from functools import cache

from tsm.errors import Refused
from tsm.osproc import offspring
from tsm.osproc.chain import chain, joining, under_way
from tsm.osproc.table import LAUNCHER, command_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tsm.spec import Spec

# Names that a shell sets itself, so that they would not pass through it unchanged.
_SHELLS_OWN = frozenset(
    b"IFS PPID OPTIND OPTARG LINENO PS1 PS2 PS4 OLDPWD UID EUID GROUPS SHELLOPTS BASHOPTS "
    b"BASH_VERSINFO BASHPID RANDOM SECONDS HISTCMD FUNCNAME DIRSTACK _ "
    b"folded pid ticks".split()  # variables of launch.sh
)

_LEAST_FD = 10
_PIPE_BYTES = 4096  # the least there is
_all_signals = cache(signal.valid_signals)  # dear, in spawning that is to take a millisecond


def get_ready() -> None:
    """Do once what the first launch would have to wait for."""
    close_on_exec()
    _all_signals()


def launch(
    spec: Spec,
    environ: Mapping[bytes, bytes],
    directory: str,
    record: int,
    cgroup: str | None = None,
) -> tuple[int, int]:
    """Spawn the launcher for one run in the process `directory`, and return at once.

    Its child does nothing before it is given the word, see `give_word`: returns the pid of the
    launcher, and a descriptor for that. Once that is closed without it, the launcher ends.
    `record` is the run record, open for appending; `cgroup` is the path of a group for the
    child. It gets `environ` and argv to the byte. Raises Refused.
    """
    plain, folded_count = _split(environ)
    words = _words(spec, directory, folded_count, cgroup)
    close_on_exec()
    try:
        heard, word = os.pipe2(os.O_CLOEXEC)
        try:
            fcntl.fcntl(word, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)  # a user has so much for all of them
            pid = _waiting(words, plain, record, heard)
        except BaseException:
            os.close(word)
            raise
        finally:
            os.close(heard)
    except OSError as error:
        message = f"{spec.name}: cannot launch: {error.strerror}"
        raise Refused(message) from error
    offspring.leave(pid)
    return pid, word


def _waiting(words: list[str], environ: Mapping[bytes, bytes], record: int, heard: int) -> int:
    with _copies((record, heard)) as (record_copy, heard_copy):
        return os.posix_spawn(
            "/bin/sh",
            words,
            environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, record_copy, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                (os.POSIX_SPAWN_DUP2, heard_copy, 8),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=_all_signals(),
        )


def give_word(word: int) -> None:
    """Let a launcher go on. Raises OSError where it is no more."""
    os.write(word, b"\n")


@contextmanager
def _copies(fds: Sequence[int]) -> Iterator[list[int]]:
    """Copies with numbers from 10 on: none is in the way of those they are copied to in turn."""
    copies: list[int] = []
    try:
        try:
            copies.extend(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _LEAST_FD) for fd in fds)
        except OSError as error:  # EINVAL where the limit is below that number
            message = "too many open files: raise the limit that `ulimit -n` shows"
            raise OSError(error.errno, message) from error
        yield copies
    finally:
        for fd in copies:
            os.close(fd)


def _words(spec: Spec, directory: str, folded_count: int, cgroup: str | None) -> list[str]:
    """The launcher with its arguments, as launch.sh numbers them, and the chain."""
    links = chain(spec)
    if cgroup is not None:
        links, folded_count = [*joining(cgroup, folded_count), *links], 0
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
        *links,
    ]


def detached(argv: list[str], environ: Mapping[str, str], log_path: str) -> None:
    """Spawn a program in a session of its own, its output added to a log, and leave it to itself.

    Raises Refused when the system has no room for it.
    """
    close_on_exec()
    try:
        pid = os.posix_spawn(
            argv[0],
            argv,
            environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (
                    os.POSIX_SPAWN_OPEN,
                    1,
                    log_path,
                    os.O_WRONLY | os.O_CREAT | os.O_APPEND,
                    0o600,
                ),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=_all_signals(),
        )
    except OSError as error:
        message = f"{argv[0]}: cannot launch: {error.strerror}"
        raise Refused(message) from error
    offspring.leave(pid)


def executed(pid: int, spec: Spec) -> bool:
    """Whether the child has got past its launcher and the chain, and runs its own program."""
    words = command_line(pid)
    return words[1:2] != [LAUNCHER] and not under_way(words, spec)


def _split(environ: Mapping[bytes, bytes]) -> tuple[dict[bytes, bytes], int]:
    """The environment as a shell keeps it, and how many variables are folded into TSM_FOLD_n."""
    plain: dict[bytes, bytes] = {}
    folded = []
    for key, value in environ.items():
        identifier = key.replace(b"_", b"a").isalnum() and not key[:1].isdigit() and key.isascii()
        if identifier and key not in _SHELLS_OWN and not key.startswith(b"TSM_FOLD_"):
            plain[key] = value
        else:
            folded.append(key + b"=" + value)
    plain |= {b"TSM_FOLD_%d" % number: word for number, word in enumerate(folded, 1)}
    return plain, len(folded)


@cache  # what Python itself opens is closed on exec anyhow
def close_on_exec() -> None:
    """Keep what tsm's caller left open from what is spawned next, which may live long."""
    for entry in os.listdir("/proc/self/fd"):
        fd = int(entry)
        try:
            if fd > 2 and os.get_inheritable(fd):
                os.set_inheritable(fd, False)  # noqa: FBT003 - its own signature
        except OSError:  # the descriptor of the listing itself
            continue
