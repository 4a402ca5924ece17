"""The children that every peer runs, and the FIFO on which they report their first instruction."""

from __future__ import annotations

import math
import os
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Kind = Callable[[str, "Door"], str]

WRITER = Path(__file__).parent / "writer.py"


@dataclass(frozen=True, slots=True)
class Program:
    """What a peer is told to run: an executable file that needs no arguments."""

    name: str
    script: Path


@dataclass(frozen=True, slots=True)
class Report:
    """One line of a child: who, what (`up` PID, `done` SECONDS), and when it reached us."""

    name: str
    what: str
    value: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which a writer did not write, and the end of it on the monotonic clock."""

    end_s: float
    length_s: float


class Door:
    """The FIFO that children report on, and a second one, the gate, where some of them wait.

    Both ends of both are held, so no child waits for anything but the gate's opening.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.gate = path.with_name("gate")
        for fifo in (self.path, self.gate):
            os.mkfifo(fifo)
        self.fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._gate_fd = os.open(self.gate, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._rest = b""

    def open_gate(self) -> None:
        """Let one child through the gate."""
        os.write(self._gate_fd, b"\n")

    def close(self) -> None:
        """Give the FIFOs up."""
        os.close(self.fd)
        os.close(self._gate_fd)

    def reports(self) -> list[Report]:
        """Answer what has arrived, stamped now; does not block."""
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return []
        now_s = time.monotonic()
        *lines, self._rest = (self._rest + data).split(b"\n")
        words = [line.decode().split(" ") for line in lines]
        return [Report(name, what, value, now_s) for name, what, value in words]


def sleeper(name: str, door: Door) -> str:
    """Answer a script that reports at once and then sleeps in the same process."""
    return f'#!/bin/sh\necho "{name} up $$" >{shlex.quote(str(door.path))}\nexec sleep 2147483647\n'


# The buffer of most programs that write to a file or a pipe.
BUFFER_BYTES = 8192


def writer(size_bytes: int, at_once: int = BUFFER_BYTES, rate: float = math.inf) -> Kind:
    """Answer a kind of child that writes `size_bytes` to stdout once the door's gate is opened.

    It writes `at_once` bytes at a time, and `rate` in a second.
    """

    def script(name: str, door: Door) -> str:
        argv = [sys.executable, "-IS", WRITER, name, door.path, door.gate]
        words = map(str, [*argv, size_bytes, at_once, rate])
        return f"#!/bin/sh\nexec {shlex.join(words)}\n"

    return script


def pauses(name: str, door: Door) -> list[Pause]:
    """Answer the pauses of the writer `name`, which has reported that it is done, once."""
    path = pauses_file(name, door)
    lines = path.read_text().splitlines()
    path.unlink()
    return [Pause(*map(float, line.split(" "))) for line in lines]


def pauses_file(name: str, door: Door) -> Path:
    """Answer the file that the writer `name` makes when it has written all."""
    return door.path.with_name(f"{name}.pauses")


def written(name: str, text: str, folder: Path) -> Program:
    """Put the script of child `name` into `folder`."""
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return Program(name, path)
