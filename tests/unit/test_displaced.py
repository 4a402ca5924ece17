"""What a child writes to a file that has lost its name is copied, as far as it has come."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tsm.store import displaced, log_index

if TYPE_CHECKING:
    from tests.rotating import Log


@pytest.mark.parametrize("log", ["memory"], indirect=True)
@pytest.mark.parametrize("there", [b"", b"#\n", b"a head\n" * 9])
@pytest.mark.parametrize("noted", [False, True])
def test_what_a_child_writes_is_added_to_what_somebody_has_put_there(
    log: Log, there: bytes, *, noted: bool
) -> None:
    with log.current.open("ab", buffering=0) as child:
        child.write(b"one\n")
        log_index.noted(log.home, "web", "out", 1.0)
        log.current.rename(log.folder / "away")
        child.write(b"two\n")
        log.current.write_bytes(there)
        if noted:
            log_index.noted(log.home, "web", "out", 2.0)
        with (log.folder / "away").open("rb") as file:
            away = displaced.begin(log.home, "web", "out", file.fileno(), 3.0)
            assert displaced.copied(log.home, "web", "out", away, file.fileno()) == 4
            child.write(b"three\n")
            assert displaced.copied(log.home, "web", "out", away, file.fileno()) == 6
            assert displaced.copied(log.home, "web", "out", away, file.fileno()) == 0
    assert log.current.read_bytes() == there + b"two\nthree\n"
    assert log_index.end(log.home, "web", "out") >= 4 + len(b"two\nthree\n")


@pytest.mark.parametrize("log", ["memory"], indirect=True)
def test_a_child_that_writes_as_fast_as_it_is_copied_keeps_nobody_at_it(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    with log.current.open("ab", buffering=0) as child:
        child.write(b"one\n")
        log.current.unlink()
        fd = os.open(f"/proc/self/fd/{child.fileno()}", os.O_RDONLY)
        away = displaced.begin(log.home, "web", "out", fd, 1.0)
        write, copies = os.write, [b"two\n", b"three\n"]

        def meanwhile(target: int, data: bytes) -> int:
            child.write(copies.pop(0))
            return write(target, data)

        monkeypatch.setattr(os, "write", meanwhile)
        assert displaced.copied(log.home, "web", "out", away, fd) == 4
        assert log.current.read_bytes() == b"one\n"
        assert displaced.copied(log.home, "web", "out", away, fd) == 4
        os.close(fd)
    assert log.current.read_bytes() == b"one\ntwo\n"
