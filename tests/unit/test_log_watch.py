"""What the resident patrol does for logs that lose their names."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.waiting import until
from tsm.model import Run
from tsm.osproc import table
from tsm.patrol import log_care
from tsm.patrol.log_watch import LogWatch
from tsm.spec import Spec
from tsm.store import config, definitions, log_index, logs, runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from tsm.store.home import Home


def begun(place: Home, child: int) -> None:
    """A run record of that child."""
    boot = table.boot_id()
    run = Run("f0", boot, 0.0, "start", child=table.identity(child, boot))
    record = runs.prepare(place, "web")
    runs.begin(place, "web", record, run)
    os.close(record)


def test_what_a_child_says_while_its_log_is_being_restored_is_kept(
    place: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    definitions.create(place, Spec("web", ("sh",), "sh", place.root), {})
    out, fifo = Path(logs.current(place, "web", "out")), tmp_path / "words"
    os.mkfifo(fifo)
    script = f"echo hello; read words <{fifo}; echo $words"
    with out.open("ab") as file, out.with_name("current.err").open("ab") as errors:
        child = subprocess.Popen(["/bin/sh", "-c", script], stdout=file, stderr=errors)
    begun(place, child.pid)
    really, looks = log_care.look_after_all, [0]

    def late(home: Home, names: Sequence[str]) -> object:
        """The child ends just before the log is looked after."""
        if looks[0] == 1:
            fifo.write_text("goodbye\n")
            child.wait()
        looks[0] += 1
        return really(home, names)

    async def watched() -> None:
        watch = LogWatch(place, lambda: config.read(place))
        watch.watch("web")
        index = log_index.path(place, "web", "out")
        await until(lambda: looks[0] == 1 and log_index.known(index) == len("hello\n"))
        os.unlink(out)  # noqa: PTH108 - within the loop
        await until(lambda: looks[0] == 2)
        watch.save_last_words("web")
        watch.close()

    monkeypatch.setattr(log_care, "look_after_all", late)
    asyncio.run(watched())
    assert out.read_bytes().endswith(b"goodbye\n")
