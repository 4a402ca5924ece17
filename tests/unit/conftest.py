"""The fixture of a log, on a disk and in memory."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.rotating import Log
from tsm.store import extents

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["disk", "memory"])
def log(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Log]:
    """A log on disk, or in memory, or "still": on a disk where no head can be collapsed."""
    if request.param == "still":
        monkeypatch.setattr(extents, "place", lambda _fd: None)
    with ExitStack() as ends:
        root = tmp_path
        if request.param == "memory":
            root = Path(ends.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")))
        yield ends.enter_context(Log(root / "home"))
