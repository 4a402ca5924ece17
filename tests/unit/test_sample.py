"""Samples: a child with all that belongs to it, and what was used in between."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.waiting import eventually
from tsm.model import OsProcess
from tsm.osproc import table
from tsm.osproc.sample import Sample, percent_since, samples

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = 10_000_000  # beyond any pid there is
_GROWS = """
import os, sys
held = b"x" * (4 << 20)
if os.fork() == 0:
    os.setpgid(0, 0)
    os.write(1, b"up\\n")
sys.stdin.read()
"""


def row(
    pid: int, ppid: int, session: int = 1, state: str = "S", reaped_ticks: int = 0
) -> OsProcess:
    """A process of the table, with 10 ticks and 1000 bytes."""
    return OsProcess(pid, "x", state, ppid, session, 10, pid, 1000, 1, reaped_ticks)


def taken(cpu_ticks: int, at_s: float, ticks: int = 7) -> Sample:
    """A sample of one process."""
    return Sample(at_s=at_s, ticks=ticks, cpu_ticks=cpu_ticks, rss_bytes=0, procs=1, threads=1)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([row(ROOT, 1, ROOT)], {ROOT: 1}, id="a child alone"),
        pytest.param([], {}, id="a child that has gone"),
        pytest.param([row(ROOT, 1, ROOT, state="Z")], {}, id="a child that is a zombie"),
        pytest.param(
            [row(ROOT + 2, ROOT + 1), row(ROOT + 1, ROOT), row(ROOT, 1, ROOT)],
            {ROOT: 3},
            id="descendants in sessions of their own",
        ),
        pytest.param(
            [row(ROOT, 1, ROOT), row(ROOT + 1, 1, ROOT), row(ROOT + 2, ROOT + 1)],
            {ROOT: 3},
            id="an orphan in its session, and what descends from that",
        ),
        pytest.param(
            [row(ROOT, 1, ROOT), row(ROOT + 7, ROOT, ROOT + 7), row(ROOT + 8, ROOT + 7)],
            {ROOT: 1, ROOT + 7: 2},
            id="a child below a child has its own",
        ),
        pytest.param([row(ROOT, 1, ROOT), row(5, 1)], {ROOT: 1}, id="strangers"),
        pytest.param(
            [row(ROOT, 1, ROOT), row(5, 6), row(6, 5)], {ROOT: 1}, id="parents in a circle"
        ),
    ],
)
def test_who_belongs_to_a_child(rows: list[OsProcess], expected: dict[int, int]) -> None:
    found = samples([ROOT, ROOT + 7], rows, files=False)
    assert {pid: one.procs for pid, one in found.items()} == expected
    assert all(one.rss_bytes == 1000 * one.procs for one in found.values())
    assert all(one.cpu_ticks == 10 * one.procs for one in found.values())


def test_the_time_of_those_that_ended_is_not_lost() -> None:
    rows = [row(ROOT, 1, ROOT, reaped_ticks=50), row(ROOT + 1, ROOT, state="Z")]
    assert samples([ROOT], rows)[ROOT].cpu_ticks == 70


@pytest.mark.parametrize(
    ("former", "now", "expected"),
    [
        pytest.param(None, taken(100, 5.0), None, id="nothing to compare with"),
        pytest.param(taken(100, 5.0), taken(200, 7.0), 50.0, id="a second in two"),
        pytest.param(taken(100, 5.0, ticks=3), taken(200, 7.0), None, id="another with its pid"),
        pytest.param(taken(100, 5.0), taken(40, 7.0), 0.0, id="time that nobody waited for"),
        pytest.param(taken(100, 5.0), taken(200, 5.0), None, id="no time in between"),
    ],
)
def test_percent_of_a_core_since_the_former_sample(
    former: Sample | None, now: Sample, expected: float | None
) -> None:
    assert table.TICKS_PER_S == 100
    assert percent_since(former, now) == expected


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A child with a child, and 4 MiB that both share."""
    with subprocess.Popen(
        [sys.executable, "-IS", "-c", _GROWS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as one:
        assert one.stdout is not None
        assert one.stdout.readline() == b"up\n"
        yield one


def test_the_kernel_tells_of_a_real_one(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    one = samples([child.pid], table.processes())[child.pid]
    assert (one.procs, one.threads) == (2, 2)
    assert one.fds == 2 * len(list(Path(f"/proc/{child.pid}/fd").iterdir()))
    assert one.rss_bytes > 4 << 20
    assert one.read_bytes is not None
    assert one.written_bytes == 0
    child.stdin.close()
    eventually(lambda: child.poll() is not None)
    assert samples([child.pid], table.processes()) == {}
