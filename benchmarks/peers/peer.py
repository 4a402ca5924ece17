"""What the rows ask of every process manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Self

    from lab.child import Program
    from lab.site import Command


# The size from which those rotate that are to: what all of them call 10 MB.
ROTATED_BYTES = 10 << 20


class Peer(Protocol):
    """A process manager in a home of its own.

    Commands are answered, not run, where a row times them. Each may raise Trouble.
    """

    name: ClassVar[str]
    start_all_returns: ClassVar[bool]
    """Whether `start_all` ends when it has started them, or is itself the manager."""

    def rotating(self) -> Self:
        """Answer the same one, rotating each log at ROTATED_BYTES and keeping all of it.

        Without that, each log stays one file.
        """

    def install(self) -> str:
        """Make it ready in the scratch folder, unless it is; answer its version."""

    def up(self, programs: Sequence[Program]) -> None:
        """Bring its daemon up, if it has one, knowing `programs`, with none of them running."""

    def down(self) -> None:
        """End the daemon and every program."""

    def ls(self) -> Command:
        """Answer the command that lists all programs."""

    def start(self, program: Program) -> Command:
        """Answer the command that starts `program`."""

    def remove(self, program: Program) -> Command:
        """Answer the command that undoes `start`."""

    def ready_all(self) -> None:
        """Make way for `start_all`: no program runs."""

    def start_all(self) -> subprocess.Popen[bytes]:
        """Start all programs the way this peer does many at once."""

    def stop_all(self) -> Command:
        """Answer the command that stops all programs."""

    def log_file(self, program: Program) -> Path:
        """Answer the file that keeps the stdout of `program`."""

    def log_files(self, program: Program) -> list[Path]:
        """Answer all files that hold stdout of `program`, oldest first, when no rotation is on."""

    def tail(self, program: Program, line_count: int, line_bytes: int) -> Command:
        """Answer the command for the last `line_count` lines, of `line_bytes` each, of the log."""
