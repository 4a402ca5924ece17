"""Who belongs to a run, and who only has the numbers of one."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.machine import kill
from tsm.model import Identity, Run
from tsm.osproc import table
from tsm.osproc.members import Membership, candidates
from tsm.record import changed

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def orphan() -> Iterator[tuple[int, int]]:
    """The number of a session whose leader has gone, and the pid of who was left in it."""
    argv = ["/bin/sh", "-c", "sleep 1000 >/dev/null & echo $!"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as leader:
        assert leader.stdout is not None
        pid = int(leader.stdout.read())
    try:
        yield leader.pid, pid
    finally:
        kill(pid)


def members(run: Run) -> set[int]:
    """As one look finds them."""
    return {row.pid for row in Membership(run).refresh(candidates([run]), run.boot)}


def test_whose_child_has_gone_long_ago_has_no_session_any_more() -> None:
    """The number may have come round to somebody else, who has gone as well."""
    with orphan() as (session, pid):
        row = table.lookup(pid)
        assert row is not None
        child = Identity(table.boot_id(), session, row.ticks - 1)
        run = Run("f0", table.boot_id(), 0.0, "start", child=child, code=1, exited=True)
        now_s = time.time()
        assert members(run) == set()
        assert members(changed(run, exit_s=now_s - 3600)) == set()
        assert members(changed(run, exit_s=now_s + 3600)) == set()  # the clock was set
        assert members(changed(run, exit_s=now_s)) == {pid}


def test_who_is_left_in_the_session_of_a_child_that_was_seen_belongs_to_it() -> None:
    argv = ["/bin/sh", "-c", "sleep 1000 >/dev/null & echo $!; read -r _"]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as leader:
        assert leader.stdout is not None
        pid = int(leader.stdout.readline())
        child = table.identity(leader.pid, table.boot_id())
        run = Run("f0", table.boot_id(), 0.0, "start", child=child)
        membership = Membership(run)
        both = {row.pid for row in membership.refresh(candidates([run]), run.boot)}
    left = {row.pid for row in membership.refresh(candidates([run]), run.boot)}
    kill(pid)
    assert both == {leader.pid, pid}
    assert left == {pid}


def test_a_look_is_unsure_where_somebody_has_gone_before_it_was_seen_whose_he_was() -> None:
    run = Run("f0", table.boot_id(), 0.0, "start", child=table.identity(os.getpid(), ""))
    membership = Membership(changed(run, child=Identity(run.boot, 1, 1)))
    with subprocess.Popen(["sleep", "1000"]) as program:
        rows = [row for row in table.processes() if row.pid == program.pid]
        membership.refresh(rows, run.boot)
        assert not membership.unsure
        program.kill()
    membership.refresh(rows, run.boot)
    assert membership.unsure


@pytest.mark.parametrize("number", ["EMFILE", "ENFILE", "ENOMEM"])
def test_nobody_is_taken_for_dead_for_want_of_descriptors(
    monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    def failing(*_: object, **__: object) -> int:
        raise OSError(getattr(errno, number), number)

    me = table.identity(os.getpid(), table.boot_id())
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", failing)
        with pytest.raises(OSError, match=number):
            table.alive(me, table.boot_id())
        patch.setattr("builtins.open", failing)
        with pytest.raises(OSError, match=number):
            table.run_of(os.getpid())
    assert table.alive(me, table.boot_id())
