"""tsm itself: a copy of the checkout, installed as a user would have it."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lab.install import done, venv
from lab.measure import piped, spawn
from lab.site import Command, Site
from lab.trouble import Trouble

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from lab.child import Program


@dataclass(frozen=True, slots=True)
class Tsm:
    """Each program is a directory under the home; a resident patrol unless cron looks after it."""

    site: Site
    cron: bool = False
    name: ClassVar[str] = "tsm"
    start_all_returns: ClassVar[bool] = True

    def install(self) -> str:
        """Install the checkout as it is now; nothing is built inside it."""
        bin_dir = venv(self.site.install_dir(self.name))
        source = self.site.install_dir(self.name) / "source"
        self._copy_checkout(source)
        pip = [str(bin_dir / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        done([*pip, str(source)])
        done([*pip, "--no-deps", "--force-reinstall", str(source)])
        return done([str(bin_dir / "tsm"), "--version"]).split()[-1]

    def up(self, programs: Sequence[Program]) -> None:
        """Start each once, so that `tsm save` knows it, and delete them again."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        patrol = "cron" if self.cron else "resident"
        # The peers do not rotate either.
        (self.home / "config.toml").write_text(f'patrol = "{patrol}"\nlog_size = "1T"\n')
        for program in programs:
            piped(self.start(program))
        piped(self.command("save"))
        self.ready_all()

    def down(self) -> None:
        """Delete everything; there is no daemon to end."""
        piped(self.command("delete", "all"))

    def ls(self) -> Command:
        """Answer `tsm ls`."""
        return self.command("ls")

    def start(self, program: Program) -> Command:
        """Answer `tsm start`."""
        return self.command("start", "--name", program.name, "--", str(program.script))

    def remove(self, program: Program) -> Command:
        """Answer `tsm delete`."""
        return self.command("delete", program.name)

    def ready_all(self) -> None:
        """Delete all, to be brought back from what was saved."""
        with contextlib.suppress(Trouble):  # nothing to delete
            self.down()

    def start_all(self) -> subprocess.Popen[bytes]:
        """Bring back what was saved."""
        return spawn(self.command("resurrect"), self.site.command_log(self.name))

    def stop_all(self) -> Command:
        """Answer `tsm stop all`."""
        return self.command("stop", "all")

    def log_file(self, program: Program) -> Path:
        """Answer current.out."""
        return self.home / "runtime/processes" / program.name / "current.out"

    def tail(self, program: Program, line_count: int, line_bytes: int) -> Command:
        """Answer `tsm logs`."""
        del line_bytes
        return self.command("logs", program.name, "-n", str(line_count))

    def residents(self) -> list[int]:
        """Answer the pid of the resident patrol, if there is one."""
        try:
            return [int((self.home / "runtime/patrol/resident").read_text().split()[0])]
        except (OSError, ValueError, IndexError):
            return []

    @property
    def home(self) -> Path:
        """Answer TSM_HOME."""
        return self.site.run_dir(self.name) / "home"

    def command(self, *args: str) -> Command:
        """Answer a command of this tsm in this home."""
        tsm = self.site.install_dir(self.name) / "bin/tsm"
        env = self.site.env(self.name, tsm.parent, TSM_HOME=str(self.home))
        return Command((str(tsm), *args), env, self.home)

    def _copy_checkout(self, target: Path) -> None:
        if not (self.site.checkout / "pyproject.toml").exists():
            raise Trouble("the checkout has no pyproject.toml")
        shutil.rmtree(target, ignore_errors=True)
        listed = done(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            self.site.checkout,
        )
        for name in filter(None, listed.split("\0")):
            source, copy = self.site.checkout / name, target / name
            if source.is_file():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, copy)
