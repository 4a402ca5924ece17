"""Runs commands of tsm in forks of itself: each a process of its own, without Python's start.

Standard input is a socket. A request is JSON (argv, cwd, environ, and the number of the act before
which it is killed, or 0) with four descriptors: the command's streams and where to write its pid
and then its exit status, as `subprocess` gives it. With a fifth, it waits until that has ended.
"""

from __future__ import annotations

import gc
import json
import os
import pkgutil
import selectors
import socket
import sys
import traceback
from importlib import import_module
from typing import IO, Any

import tsm
from tests.apps import fuse
from tsm import cli
from tsm.context import Context

_REQUEST_BYTES = 1 << 20
_IMPORTED_WHERE_USED = (
    *("cronsim", "ctypes", "daemon", "datetime", "difflib", "filelock", "fnmatch", "gzip"),
    *("orjson", "pathspec", "psutil", "queue", "regex", "resource", "shlex", "shutil", "ssl"),
    *("subprocess", "tempfile", "tomllib", "urllib.parse", "uuid", "zlib", "zoneinfo"),
)


def main() -> None:
    """Carry out requests, side by side, until there are no more."""
    for module in pkgutil.walk_packages(tsm.__path__, "tsm."):
        if module.name != "tsm.__main__":
            import_module(module.name)
    for name in _IMPORTED_WHERE_USED:
        import_module(name)
    gc.freeze()
    requests = socket.socket(fileno=os.dup(0))
    waiting = selectors.DefaultSelector()
    waiting.register(requests, selectors.EVENT_READ)
    while True:
        for key, _ in waiting.select():
            if key.fileobj is not requests:
                waiting.unregister(key.fileobj)
                _ended(*key.data)
                continue
            words, fds, _, _ = socket.recv_fds(requests, _REQUEST_BYTES, 5, socket.MSG_CMSG_CLOEXEC)
            if not words:
                return
            pid = os.fork()
            if pid == 0:
                _become(fds, **json.loads(words))
            for fd in (*fds[:3], *fds[4:]):
                os.close(fd)
            answer = os.fdopen(fds[3], "w")
            print(pid, file=answer, flush=True)
            pidfd = os.pidfd_open(pid)
            waiting.register(pidfd, selectors.EVENT_READ, (pid, pidfd, answer))


def _ended(pid: int, pidfd: int, answer: IO[str]) -> None:
    os.close(pidfd)
    _, status = os.waitpid(pid, 0)
    with answer:
        print(os.waitstatus_to_exitcode(status), file=answer)


def _become(
    fds: list[int], argv: list[str], cwd: str, environ: dict[str, str], killed: int
) -> None:
    """Be the command `tsm ARGV...`, and end."""
    for fd in fds[4:]:
        os.read(fd, 1)
    for number, fd in enumerate(fds[:3]):
        os.dup2(fd, number)
    os.closerange(3, 1 << 20)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - the rest of this function is its life
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    given = {os.fsencode(name): os.fsencode(value) for name, value in environ.items()}
    # The kernel still shows the environment that this program was started with.
    Context.environ = property(lambda _: given)  # type: ignore[assignment,method-assign]
    sys.argv = argv
    if killed:
        fuse.light(killed)
    status: Any = 1
    try:
        status = cli.main()
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as end:
        status = end.code
    except BaseException:  # noqa: BLE001 - as Python itself would
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
