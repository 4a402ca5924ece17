"""The README does what it says: its console blocks run, and show what it shows."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.docs.source import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running import Tsm

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a console block, and what the block shows of its output."""

    line: int
    command: str
    shows: tuple[str, ...]  # `...` stands for anything, alone on its line for any lines

    def matches(self, output: str) -> bool:
        """Whether the output is what is shown; where nothing is shown, anything is."""
        parts = [
            r"(?:.*\n)*?"
            if line == "..."
            else rf"{re.escape(line).replace(re.escape('...'), '.*')}\n"
            for line in self.shows
        ]
        return not parts or re.fullmatch("".join(parts), output) is not None


def _steps(text: str) -> Iterator[Step]:
    """Every command of the blocks fenced as ```console, in order."""
    inside = False
    command, began, shows = "", 0, list[str]()
    for number, line in enumerate([*text.splitlines(), "```"], 1):
        if inside and command and (line.startswith(("$ ", "```"))):
            yield Step(began, command, tuple(shows))
            command = ""
        if line.startswith("```"):
            inside = line == "```console"
        elif inside and line.startswith("$ "):
            command, began, shows = line.removeprefix("$ "), number, []
        elif inside:
            shows.append(line.rstrip())


def test_console_blocks_do_what_they_show(resident: Tsm) -> None:
    tsm = resident
    steps = list(_steps((ROOT / "README.md").read_text()))
    assert steps, "no ```console block in README.md"
    for app in ("server.js", "server.py", "script.sh"):
        shutil.copy(ROOT / "tests/apps" / app, tsm.cwd)
    for step in steps:
        result = tsm.shell(step.command, env={"NO_COLOR": "1"})
        output = "".join(f"{line.rstrip()}\n" for line in _COLOUR.sub("", result.out).splitlines())
        where = f"README.md:{step.line}: $ {step.command}\n{output}"
        assert result.status == 0, f"{where}exit status {result.status}"
        assert step.matches(output), f"{where}is not as shown:\n" + "\n".join(step.shows)
