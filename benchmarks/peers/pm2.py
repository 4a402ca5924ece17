"""PM2, from npm."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from lab.install import done
from lab.measure import piped, spawn
from lab.site import Command, Site
from lab.trouble import Trouble

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from lab.child import Program

ROTATOR = "pm2-logrotate"
# Its least time between two looks at the sizes; 30 s is what it comes with.
ROTATOR_SETTINGS = {
    "max_size": "10M",
    "retain": "all",
    "compress": "false",
    "workerInterval": "1",
    "rotateInterval": "0 0 1 1 *",
    "rotateModule": "false",
}
QUIET = ("--no-audit", "--no-fund", "--loglevel=error")


@dataclass(frozen=True, slots=True)
class Pm2:
    """A daemon in Node.js; output goes through it. Rotation is a module in a process of its own."""

    site: Site
    rotates: bool = False
    name: ClassVar[str] = "pm2"
    start_all_returns: ClassVar[bool] = True

    def rotating(self) -> Pm2:
        """Answer the same, with the module pm2-logrotate."""
        return replace(self, rotates=True)

    def install(self) -> str:
        """Install the newest releases by npm, the module as `pm2 install` would."""
        folder = self.site.install_dir(self.name)
        version = _installed("pm2", folder)
        module = _installed(ROTATOR, folder / ROTATOR)
        node = done(["node", "--version"]).strip()
        return f"{version} ({ROTATOR} {module}, Node {node})"

    def up(self, programs: Sequence[Program]) -> None:
        """Start the daemon and write an ecosystem file of all programs."""
        apps = [
            {
                "name": program.name,
                "script": str(program.script),
                "interpreter": "none",
                "exec_mode": "fork",
            }
            for program in programs
        ]
        self._ecosystem.write_text(f"module.exports = {json.dumps({'apps': apps})}\n")
        if self.rotates:
            self._know_rotator()
        piped(self.command("ping"))

    def down(self) -> None:
        """End the daemon, and with it all programs."""
        piped(self.command("kill"))
        self.site.await_end(self.name)

    def ls(self) -> Command:
        """Answer `pm2 ls`."""
        return self.command("ls")

    def start(self, program: Program) -> Command:
        """Answer `pm2 start`."""
        script = str(program.script)
        return self.command("start", script, "--name", program.name, "--interpreter", "none")

    def remove(self, program: Program) -> Command:
        """Answer `pm2 delete`."""
        return self.command("delete", program.name)

    def ready_all(self) -> None:
        """Delete all."""
        with contextlib.suppress(Trouble):  # nothing to delete
            piped(self.command("delete", "all"))

    def start_all(self) -> subprocess.Popen[bytes]:
        """Start the ecosystem file."""
        command = self.command("start", str(self._ecosystem))
        return spawn(command, self.site.command_log(self.name))

    def stop_all(self) -> Command:
        """Answer `pm2 stop all`."""
        return self.command("stop", "all")

    def log_file(self, program: Program) -> Path:
        """Answer the file for stdout."""
        return self.home / "logs" / f"{program.name}-out.log"

    def log_files(self, program: Program) -> list[Path]:
        """Answer NAME-out__TIME.log, and NAME-out.log."""
        current = self.log_file(program)
        return [*sorted(current.parent.glob(f"{current.stem}__*.log")), current]

    def tail(self, program: Program, line_count: int, line_bytes: int) -> Command:
        """Answer `pm2 logs`, which does not follow."""
        del line_bytes
        return self.command("logs", program.name, "--lines", str(line_count), "--nostream")

    @property
    def home(self) -> Path:
        """Answer PM2_HOME."""
        return self.site.run_dir(self.name) / "home"

    def command(self, *args: str) -> Command:
        """Answer a command of this pm2 in this home."""
        pm2 = self.site.install_dir(self.name) / "node_modules/.bin/pm2"
        env = self.site.env(self.name, PM2_HOME=str(self.home))
        return Command((str(pm2), *args), env, self.home)

    def _know_rotator(self) -> None:
        """Leave what `pm2 install` and `pm2 set` leave: a new daemon starts its modules."""
        modules = self.home / "modules"
        modules.mkdir()
        (modules / ROTATOR).symlink_to(self.site.install_dir(self.name) / ROTATOR)
        known = {"module-db-v2": {ROTATOR: {}}, ROTATOR: ROTATOR_SETTINGS}
        (self.home / "module_conf.json").write_text(json.dumps(known))

    @property
    def _ecosystem(self) -> Path:
        return self.site.run_dir(self.name) / "ecosystem.config.js"


def _installed(package: str, folder: Path) -> str:
    """Install a package from npm into `folder` unless it is there; answer its version."""
    manifest = folder / "node_modules" / package / "package.json"
    if not manifest.exists():
        folder.mkdir(parents=True, exist_ok=True)
        done(["npm", "install", "--prefix", str(folder), *QUIET, package])
    return str(json.loads(manifest.read_text())["version"])
