"""Process directories: what makes a process is there for good once it is made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tsm.spec import Spec
from tsm.store import definitions, environment

if TYPE_CHECKING:
    import pytest

    from tsm.store.home import Home


def test_what_makes_a_process_is_synced(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []

    def fsync(fd: int) -> None:
        synced.append(Path(f"/proc/self/fd/{fd}").readlink().name)

    monkeypatch.setattr(os, "fsync", fsync)
    definitions.create(place, Spec("web", ("true",), "true", place.root), {b"A": b"1"})
    assert synced[-5:] == ["spec.json", "meta.json", "env", ".web.new", "processes"]
    synced.clear()
    environment.write(place, "web", {b"A": b"2"})
    assert synced == ["env.new", "web"]
