"""tsm itself: a copy of the checkout, installed as a user would have it."""

from __future__ import annotations

import contextlib
import re
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from lab.install import done, venv
from lab.measure import piped, spawn
from lab.site import Command, Site
from lab.trouble import Trouble, eventually

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from lab.child import Program

ROTATION_S = 60.0


@dataclass(frozen=True, slots=True)
class Tsm:
    """Each program is a directory under the home; a resident patrol unless cron looks after it.

    The home is in the scratch folder unless it is `elsewhere`.
    """

    site: Site
    cron: bool = False
    rotates: bool = False
    elsewhere: Path | None = None
    name: ClassVar[str] = "tsm"
    start_all_returns: ClassVar[bool] = True

    def rotating(self) -> Tsm:
        """Answer the same, with its usual size, and any number of rotated files."""
        return replace(self, rotates=True)

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
        size = "10M" if self.rotates else "1T"
        lines = [f'patrol = "{patrol}"', f'log_size = "{size}"', "log_keep = 100000", ""]
        (self.home / "config.toml").write_text("\n".join(lines))
        for program in programs:
            piped(self.start(program))
        piped(self.command("save"))
        self.ready_all()

    def down(self) -> None:
        """Delete everything; then the resident patrol leaves."""
        piped(self.command("delete", "all"))
        self.site.await_end(self.name)

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
            piped(self.command("delete", "all"))

    def start_all(self) -> subprocess.Popen[bytes]:
        """Bring back what was saved."""
        return spawn(self.command("resurrect"), self.site.command_log(self.name))

    def stop_all(self) -> Command:
        """Answer `tsm stop all`."""
        return self.command("stop", "all")

    def log_file(self, program: Program) -> Path:
        """Answer current.out."""
        return self.home / "runtime/processes" / program.name / "current.out"

    def log_files(self, program: Program) -> list[Path]:
        """Answer YYYY-MM-DD-NN.out, and current.out."""
        current = self.log_file(program)
        note = current.with_name("current.out.cut")
        eventually(lambda: not note.exists(), "no rotation is on its way", ROTATION_S)
        old = [path for path in current.parent.glob("*-*.out") if re.match(r"[-\d]+\.", path.name)]
        return [*sorted(old, key=_day_and_number), current]

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
        return self.elsewhere or self.site.run_dir(self.name) / "home"

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


def _day_and_number(path: Path) -> tuple[str, int]:
    day, _, number = path.stem.rpartition("-")
    return day, int(number)
