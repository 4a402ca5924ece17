"""runit, from Debian: what the machine has, else a package unpacked into the scratch folder."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from lab.install import done
from lab.measure import spawn
from lab.site import Command, Site
from lab.trouble import Trouble, eventually
from peers.peer import ROTATED_BYTES

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

    from lab.child import Program

TOOLS = ("runsvdir", "runsv", "sv", "svlogd")


@dataclass(frozen=True, slots=True)
class Runit:
    """A supervisor and a logger in C for each program; output goes through the logger."""

    site: Site
    rotates: bool = False
    name: ClassVar[str] = "runit"
    start_all_returns: ClassVar[bool] = False

    def rotating(self) -> Runit:
        """Answer the same, with a size and a number (of old files: any) in svlogd's config."""
        return replace(self, rotates=True)

    def install(self) -> str:
        """Unpack the package, unless the tools are on PATH; nothing on the machine changes."""
        if self._bin_dir:
            return done(["dpkg-query", "-W", "-f=${Version}", "runit"])
        folder = self.site.install_dir(self.name)
        if not list(folder.glob("*.deb")):
            folder.mkdir(parents=True, exist_ok=True)
            done(["apt-get", "download", "runit"], folder)
        package = next(folder.glob("*.deb"))
        if not (folder / "usr/bin/sv").exists():
            done(["dpkg", "-x", str(package), str(folder)])
        return done(["dpkg-deb", "-f", str(package), "Version"]).strip()

    def up(self, programs: Sequence[Program]) -> None:
        """Make a service folder for each, wanted down, and start runsvdir on them."""
        for program in programs:
            folder = self._services / program.name
            logs = self.log_file(program).parent
            (folder / "log").mkdir(parents=True)
            logs.mkdir(parents=True)
            (folder / "run").symlink_to(program.script)
            (folder / "down").touch()
            size = ROTATED_BYTES if self.rotates else 0
            (logs / "config").write_text(f"s{size}\nn0\n")
            logger = folder / "log/run"
            logger.write_text(f"#!/bin/sh\nexec svlogd '{logs}'\n")
            logger.chmod(0o755)
        self.start_all()
        for program in programs:
            pipe = self._services / program.name / "supervise/ok"
            eventually(partial(_read_by_someone, pipe), f"{pipe} is read")

    def down(self) -> None:
        """Tell runsvdir to end all it started, and itself."""
        self.site.end_politely(self.name, "runsvdir", signal.SIGHUP)

    def ls(self) -> Command:
        """Answer `sv status`."""
        return self.command("sv", "status", *self._service_dirs())

    def start(self, program: Program) -> Command:
        """Answer `sv start`."""
        return self.command("sv", "start", str(self._services / program.name))

    def remove(self, program: Program) -> Command:
        """Answer `sv stop`: the service folder stays."""
        return self.command("sv", "stop", str(self._services / program.name))

    def ready_all(self) -> None:
        """End runsvdir, and want everything up for its next start."""
        self.down()
        for folder in self._service_dirs():
            Path(folder, "down").unlink(missing_ok=True)

    def start_all(self) -> subprocess.Popen[bytes]:
        """Start runsvdir, which starts all that is wanted up."""
        return spawn(
            self.command("runsvdir", str(self._services)), self.site.command_log(self.name)
        )

    def stop_all(self) -> Command:
        """Answer `sv stop`, with a longer time to wait than its 7 s."""
        return self.command("sv", "-w", "60", "stop", *self._service_dirs())

    def log_file(self, program: Program) -> Path:
        """Answer svlogd's current file."""
        return self.site.run_dir(self.name) / "home/logs" / program.name / "current"

    def log_files(self, program: Program) -> list[Path]:
        """Answer svlogd's old files, named by their time, and its current one."""
        current = self.log_file(program)
        return [*sorted(current.parent.glob("@*.?")), current]

    def tail(self, program: Program, line_count: int, line_bytes: int) -> Command:
        """Answer `tail`: runit has no command for it."""
        del line_bytes
        return self.command("tail", "-n", str(line_count), str(self.log_file(program)))

    def command(self, tool: str, *args: str) -> Command:
        """Answer a command, run with the tools first in its PATH."""
        tools = self._bin_dir or self.site.install_dir(self.name) / "usr/bin"
        env = self.site.env(self.name, tools)
        path = shutil.which(tool, path=env["PATH"])
        if path is None:
            raise Trouble(f"{tool}: not found")
        return Command((path, *args), env, self.site.run_dir(self.name))

    @property
    def _bin_dir(self) -> Path | None:
        if all(map(shutil.which, TOOLS)):
            return Path(str(shutil.which("sv"))).parent
        return None

    @property
    def _services(self) -> Path:
        return self.site.run_dir(self.name) / "home/services"

    def _service_dirs(self) -> list[str]:
        return sorted(str(folder) for folder in self._services.iterdir())


def _read_by_someone(pipe: Path) -> bool:
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True
