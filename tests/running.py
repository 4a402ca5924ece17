"""Running the installed `tsm` in a home of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import terminal
from tests.survivors import MARK

if TYPE_CHECKING:
    from collections.abc import Mapping
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

    def __init__(self, home: Path, cwd: Path, mark: str) -> None:
        self.home = home
        self.cwd = cwd
        self.env = _minimal_environment() | {"HOME": str(cwd), "TSM_HOME": str(home), MARK: mark}
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
        program = self.spawn(*argv, cwd=cwd, env=env, stdin=subprocess.PIPE)
        try:
            out, err = program.communicate(stdin, _TIMEOUT_S)
        except subprocess.TimeoutExpired as late:
            ended = program.poll() is not None
            what = "has ended, but its output is held open" if ended else "is still running"
            message = f"{program.args!r} {what} after {_TIMEOUT_S:g} s: {late.output!r}"
            raise AssertionError(message) from None
        result = Result(tuple(map(str, argv)), program.returncode, out, err)
        assert "Traceback (most recent call last)" not in err, err
        assert ok is None or ok == (result.status == 0), result
        return result

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


class Several:
    """Runs many commands in one process: a hundredth of the time, where a test needs hundreds."""

    def __init__(self, tsm: Tsm) -> None:
        self._program = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("apps") / "several.py")],
            cwd=tsm.cwd,
            env=tsm.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *argv: str, ok: bool | None = True) -> Result:
        """Run `tsm ARGV...`, as Tsm does."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(json.dumps(argv) + "\n")
        self._program.stdin.flush()
        result = Result(argv, **json.loads(self._program.stdout.readline()))
        assert "Traceback (most recent call last)" not in result.err, result.err
        assert ok is None or ok == (result.status == 0), result
        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        with self._program:
            pass


def _minimal_environment() -> dict[str, str]:
    """What a command needs: a PATH with sh, python3 and node on it, but without tsm."""
    folders = [f"{sys.base_prefix}/bin"]
    folders += [str(Path(node).parent)] if (node := shutil.which("node")) else []
    folders += ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    return {"PATH": ":".join(dict.fromkeys(folders)), "LANG": "C.UTF-8", "TERM": "xterm"}
