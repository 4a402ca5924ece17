"""Run commands: in the background, through a pipe, on a terminal; and time them."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.site import Command

COMMAND_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Output:
    """What a command printed, and how long it took from spawn to exit."""

    took_s: float
    data: bytes


def spawn(command: Command, log: Path) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, its output in `log`."""
    with log.open("wb") as sink:
        return subprocess.Popen(
            command.argv,
            env=command.env,
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )


def piped(command: Command) -> Output:
    """Run `command` with its stdout in a pipe; raise Trouble when it fails."""
    begun_s = time.monotonic()
    try:
        result = subprocess.run(
            command.argv,
            env=command.env,
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        raise Trouble(f"{told(command.argv)}: no end after {COMMAND_TIMEOUT_S:g} s") from expired
    took_s = time.monotonic() - begun_s
    if result.returncode:
        raise failed(command, result.returncode, result.stderr or result.stdout)
    return Output(took_s, result.stdout)


def on_terminal(command: Command) -> Output:
    """Run `command` on a terminal of 200 columns; raise Trouble when it fails."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 50, 200, 0, 0))
    chunks: list[bytes] = []
    begun_s = time.monotonic()
    with subprocess.Popen(
        command.argv,
        env=command.env,
        cwd=command.cwd,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    ) as child:
        os.close(slave)
        # Reading a terminal that nobody has open any more is EIO, not an end of file.
        while chunk := _read_terminal(master):
            chunks.append(chunk)
        child.wait(COMMAND_TIMEOUT_S)
        took_s = time.monotonic() - begun_s
    os.close(master)
    if child.returncode:
        raise failed(command, child.returncode, b"".join(chunks))
    return Output(took_s, b"".join(chunks))


def _read_terminal(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:
        return b""


def told(argv: Sequence[str]) -> str:
    """Answer the first words of a command, for a message."""
    return " ".join([Path(argv[0]).name, *argv[1:4]])


def failed(command: Command, status: int, output: bytes) -> Trouble:
    """Answer the trouble of a command that exited with `status`."""
    words = output.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
    return Trouble(f"{told(command.argv)}: exit {status}: {words[0]}")
