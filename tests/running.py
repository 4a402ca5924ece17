"""Running the installed `tsm` in a home of its own."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from tests import terminal
from tests.survivors import MARK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import IO, Self

    Stream = int | IO[str]

PROGRAM = Path(sys.executable).with_name("tsm")
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a finished command left: its exit status and streams."""

    argv: tuple[str, ...]
    status: int
    out: str  # undecodable bytes are surrogates (PEP 383)
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The objects of stdout, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def row(self) -> dict[str, Any]:
        """The only object of stdout."""
        (row,) = self.rows
        return row


class Tsm:
    """The command `tsm`: `tsm("ls")` runs it to its end."""

    def __init__(self, home: Path, cwd: Path, mark: str, warm: Warm) -> None:
        self.home = home
        self.cwd = cwd
        self.env = _minimal_environment() | {"HOME": str(cwd), "TSM_HOME": str(home), MARK: mark}
        self._warm = warm
        self._spawned = ExitStack()

    def __call__(
        self,
        *argv: str | Path,
        ok: bool | None = True,
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        stdin: str = "",
    ) -> Result:
        """Run `tsm ARGV...` to its end. It must succeed; with `ok=False` it must fail.

        With `ok=None` it may do either. `env` is added to the environment; None takes away.
        Streams are pipes. They must be closed soon after: a child that holds one open is a
        failure, as is a traceback.
        """
        words = tuple(map(str, argv))
        whole = [str(PROGRAM), *words]
        ended = self._warm.run(whole, cwd or self.cwd, self.environment(env or {}), stdin)
        return _judged(Result(words, *ended), ok=ok)

    def at_once(self, calls: Iterable[Sequence[str]]) -> list[Result]:
        """Run commands side by side to their ends, whatever these are.

        All stand still before their first instruction until the last one is there.
        """
        environ = self.environment({})
        held, release = os.pipe()
        begun = [
            self._warm.begin([str(PROGRAM), *argv], self.cwd, environ, held=held) for argv in calls
        ]
        os.close(held)
        self("--version")  # is begun after them
        os.close(release)
        return [_judged(Result(one.argv[1:], *one.end()), ok=None) for one in begun]

    def killed(self, act: int, *argv: str) -> bool:
        """Run `tsm ARGV...`, killed before its act number `act`; False if it had fewer."""
        whole = [str(PROGRAM), *argv]
        ended = self._warm.run(whole, self.cwd, self.environment({}), killed=act)
        return _judged(Result(argv, *ended), ok=None).status == -signal.SIGKILL

    def at(self, home: Path) -> Tsm:
        """The same command for another home."""
        return Tsm(home, self.cwd, self.env[MARK], self._warm)

    def program(
        self, *argv: str | Path, ok: bool | None = True, env: Mapping[str, str | None] | None = None
    ) -> Result:
        """The same by a start of the installed program, where Python's own start matters."""
        program = self.spawn(*argv, env=env)
        out, err = program.communicate(timeout=_TIMEOUT_S)
        return _judged(Result(tuple(map(str, argv)), program.returncode, out, err), ok=ok)

    def spawn(
        self,
        *argv: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        stdin: Stream = subprocess.DEVNULL,
        stdout: Stream = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Begin `tsm ARGV...`, with stdout and stderr on pipes.

        The test sees to its end; if it still runs after the test, that is a survivor.
        """
        program = subprocess.Popen(
            [str(PROGRAM), *map(str, argv)],
            cwd=cwd or self.cwd,
            env=self.environment(env or {}),
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
        )
        self._spawned.enter_context(program)
        return program

    def on_terminal(self, *argv: str | Path, env: Mapping[str, str | None] | None = None) -> Result:
        """Run `tsm ARGV...` on a terminal; `out` is all that it showed there."""
        words = [str(PROGRAM), *map(str, argv)]
        status, out = terminal.shown(words, env=self.environment(env or {}), cwd=self.cwd)
        assert "Traceback (most recent call last)" not in out, out
        return Result(tuple(words[1:]), status, out, "")

    def shell(self, command: str, *, env: Mapping[str, str | None] | None = None) -> Result:
        """Run a line of shell on a terminal, with `tsm` on its PATH."""
        path = f"{PROGRAM.parent}:{self.env['PATH']}"
        whole = self.environment({"PATH": path, **(env or {})})
        status, out = terminal.shown(["/bin/sh", "-c", command], env=whole, cwd=self.cwd)
        assert "Traceback (most recent call last)" not in out, out
        return Result((command,), status, out, "")

    def environment(self, changes: Mapping[str, str | None]) -> dict[str, str]:
        """The environment of a command: the minimal one with `changes`; None takes away."""
        whole = {**self.env, **changes}
        return {name: value for name, value in whole.items() if value is not None}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for what was spawned, and close its pipes."""
        self._spawned.close()


@dataclass(frozen=True, slots=True)
class Begun:
    """A command on its way."""

    argv: tuple[str, ...]
    entry: int  # to write its standard input to
    fds: tuple[int, ...]  # to read its stdout, its stderr, and what Warm tells of it

    def end(self, stdin: str = "") -> tuple[int, str, str]:
        """The exit status, stdout and stderr."""
        with suppress(BrokenPipeError):
            os.write(self.entry, stdin.encode())
        os.close(self.entry)
        out, err, answer = _read_all(self.argv, self.fds)
        return int(answer.split()[1]), out, err


class Warm:
    """Runs commands in forks of a program that has imported tsm: a third of the time.

    Each is a process of its own, with the argv, environment, folder and streams it is given.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._program = subprocess.Popen(
                [sys.executable, "-m", "tests.apps.warm"],
                cwd=Path(__file__).parents[1],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
            )

    def run(
        self,
        argv: Sequence[str],
        cwd: Path,
        environ: Mapping[str, str],
        stdin: str = "",
        killed: int = 0,
    ) -> tuple[int, str, str]:
        """The exit status, stdout and stderr of `argv`, killed before an act of that number."""
        return self.begin(argv, cwd, environ, killed).end(stdin)

    def begin(
        self,
        argv: Sequence[str],
        cwd: Path,
        environ: Mapping[str, str],
        killed: int = 0,
        held: int | None = None,
    ) -> Begun:
        """The same, and do not wait. It waits itself until the pipe `held` has ended."""
        request = {"argv": argv, "cwd": str(cwd), "environ": environ, "killed": killed}
        (theirs, entry), *outward = (os.pipe() for _ in range(4))
        given = [theirs, *(writer for _, writer in outward)]
        more = [] if held is None else [held]
        with self._lock:
            socket.send_fds(self._requests, [json.dumps(request).encode()], [*given, *more])
        for fd in given:
            os.close(fd)
        return Begun(tuple(argv), entry, tuple(reader for reader, _ in outward))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the program."""
        self._requests.close()
        self._program.wait()


def _judged(result: Result, *, ok: bool | None) -> Result:
    assert "Traceback (most recent call last)" not in result.err, result.err
    assert ok is None or ok == (result.status == 0), result
    return result


def _read_all(argv: Sequence[str], fds: Sequence[int]) -> list[str]:
    """What comes out of each of `fds`, the last being the answers of Warm, until all end."""
    deadline_s = time.monotonic() + _TIMEOUT_S
    read = dict.fromkeys(fds, b"")
    with selectors.DefaultSelector() as open_fds:
        for fd in fds:
            open_fds.register(fd, selectors.EVENT_READ)
        while open_fds.get_map() and time.monotonic() < deadline_s:
            for key, _ in open_fds.select(deadline_s - time.monotonic()):
                data = os.read(key.fd, 1 << 16)
                read[key.fd] += data
                if not data:
                    open_fds.unregister(key.fd)
        late = bool(open_fds.get_map())
    for fd in fds:
        os.close(fd)
    texts = [data.decode("utf-8", "surrogateescape") for data in read.values()]
    if late:
        ended = texts[-1].count("\n") > 1
        what = "has ended, but its output is held open" if ended else "is still running"
        message = f"{argv!r} {what} after {_TIMEOUT_S:g} s: {texts!r}"
        raise AssertionError(message)
    return texts


def _minimal_environment() -> dict[str, str]:
    """What a command needs: a PATH with sh, python3 and node on it, but without tsm."""
    folders = [f"{sys.base_prefix}/bin"]
    folders += [str(Path(node).parent)] if (node := shutil.which("node")) else []
    folders += ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    return {"PATH": ":".join(dict.fromkeys(folders)), "LANG": "C.UTF-8", "TERM": "xterm"}
