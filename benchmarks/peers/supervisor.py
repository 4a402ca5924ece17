"""Supervisor, from PyPI."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from lab.install import done, venv
from lab.measure import piped, spawn
from lab.site import Command, Site
from lab.trouble import eventually
from peers.peer import ROTATED_BYTES

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from lab.child import Program

SETTINGS = """\
[supervisord]
nodaemon=true
logfile={home}/supervisord.log
pidfile={home}/supervisord.pid
childlogdir={home}
[unix_http_server]
file={socket}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{socket}
"""

# startsecs=0 is its fastest: `start` does not wait to see whether the program stays up.
# maxbytes=0 switches rotation off. Its number of backups is one that no row reaches: it has
# no word for any number, and looks for each of them at each rotation.
PROGRAM = """\
[program:{name}]
command={script}
autostart=false
autorestart=true
startsecs=0
stdout_logfile={home}/{name}.out
stderr_logfile={home}/{name}.err
stdout_logfile_maxbytes={size}
stdout_logfile_backups=400
stderr_logfile_maxbytes=0
"""


@dataclass(frozen=True, slots=True)
class Supervisor:
    """A daemon in Python; output goes through it."""

    site: Site
    rotates: bool = False
    name: ClassVar[str] = "supervisor"
    start_all_returns: ClassVar[bool] = True

    def rotating(self) -> Supervisor:
        """Answer the same, with a size in its file."""
        return replace(self, rotates=True)

    def install(self) -> str:
        """Install the newest release by pip."""
        bin_dir = venv(self.site.install_dir(self.name))
        if not (bin_dir / "supervisord").exists():
            pip = [str(bin_dir / "pip"), "install", "--quiet", "--disable-pip-version-check"]
            done([*pip, "supervisor"])
        return done([str(bin_dir / "supervisord"), "--version"]).strip()

    def up(self, programs: Sequence[Program]) -> None:
        """Write its file, start it and wait for its socket."""
        size = ROTATED_BYTES if self.rotates else 0
        parts = [SETTINGS.format(home=self.home, socket=self._socket)]
        parts += [
            PROGRAM.format(name=program.name, script=program.script, home=self.home, size=size)
            for program in programs
        ]
        self._settings.write_text("".join(parts))
        daemon = self._command("supervisord", "-n", "-c", str(self._settings))
        spawn(daemon, self.site.run_dir(self.name) / "daemon.log")
        eventually(self._socket.exists, "supervisord listens")
        piped(self._command("supervisorctl", "-c", str(self._settings), "pid"))

    def down(self) -> None:
        """Tell the daemon to end, and with it all programs."""
        self.site.end_politely(self.name, "supervisord", signal.SIGTERM)

    def ls(self) -> Command:
        """Answer `supervisorctl status`."""
        return self.command("status")

    def start(self, program: Program) -> Command:
        """Answer `supervisorctl start` for a program that its file names."""
        return self.command("start", program.name)

    def remove(self, program: Program) -> Command:
        """Answer `supervisorctl stop`: the file goes on naming the program."""
        return self.command("stop", program.name)

    def ready_all(self) -> None:
        """Stop all."""
        piped(self.stop_all())

    def start_all(self) -> subprocess.Popen[bytes]:
        """Start all that its file names."""
        return spawn(self.command("start", "all"), self.site.command_log(self.name))

    def stop_all(self) -> Command:
        """Answer `supervisorctl stop all`."""
        return self.command("stop", "all")

    def log_file(self, program: Program) -> Path:
        """Answer the file for stdout."""
        return self.home / f"{program.name}.out"

    def log_files(self, program: Program) -> list[Path]:
        """Answer NAME.out, before it NAME.out.1 and so on."""
        current = self.log_file(program)
        old = current.parent.glob(f"{current.name}.*")
        return [*sorted(old, key=lambda path: -int(path.suffix[1:])), current]

    def tail(self, program: Program, line_count: int, line_bytes: int) -> Command:
        """Answer `supervisorctl tail`, which counts in bytes."""
        return self.command("tail", f"-{line_count * line_bytes}", program.name)

    @property
    def home(self) -> Path:
        """Answer where its files are."""
        return self.site.run_dir(self.name) / "home"

    def command(self, *args: str) -> Command:
        """Answer a command to this daemon."""
        return self._command("supervisorctl", "-c", str(self._settings), *args)

    def _command(self, program: str, *args: str) -> Command:
        path = self.site.install_dir(self.name) / "bin" / program
        return Command((str(path), *args), self.site.env(self.name), self.home)

    @property
    def _settings(self) -> Path:
        return self.site.run_dir(self.name) / "supervisord.conf"

    @property
    def _socket(self) -> Path:
        return self.home / "socket"
