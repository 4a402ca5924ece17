"""The loop of the resident patrol, where the machine or the home fails it: said, and gone on."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.waiting import until
from tsm.model import Identity, Run
from tsm.osproc import table
from tsm.patrol.process import Process
from tsm.patrol.reconcile import Done
from tsm.patrol.resident import Resident
from tsm.patrol.surroundings import Surroundings
from tsm.patrol.ward import Ward
from tsm.record import changed
from tsm.spec import Limits, Probe, Spec
from tsm.store import attendance, definitions, environment, lock, runs

if TYPE_CHECKING:
    import pytest

    from tsm.model import OsProcess
    from tsm.store.home import Home


def test_a_beat_that_fails_is_said_and_a_later_one_listens_again(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    fifo = Path(attendance.fifo_file(place))
    aside = fifo.with_name(f"{fifo.name}.unreadable")

    def block() -> None:
        aside.mkdir()
        fifo.unlink()
        fifo.write_text("in the way")

    async def served() -> None:
        task = asyncio.ensure_future(Resident(place, said.append, stays=True).serve())
        await until(lambda: attendance.ring(place, ()))
        block()
        await until(lambda: len(said) > 1)
        aside.rmdir()
        await until(lambda: attendance.ring(place, ()))
        os.kill(os.getpid(), signal.SIGTERM)
        await task

    monkeypatch.setattr("tsm.patrol.resident._BEAT_S", 0.01)
    asyncio.run(served())
    assert set(said) == {f"{fifo}: Is a directory"}
    assert not attendance.ring(place, ())


def test_a_look_for_which_there_is_no_thread_is_taken_later(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    looks = 0

    def submit(*_: object) -> Future[Done]:
        nonlocal looks
        looks += 1
        if looks == 1:
            message = "can't start new thread"
            raise RuntimeError(message)
        done: Future[Done] = Future()
        done.set_result(Done("web", ""))
        return done

    async def looked() -> None:
        Resident(place, said.append, stays=True).look("web")
        await until(lambda: looks > 1)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit)
    monkeypatch.setattr("tsm.patrol.ward._AGAIN_S", 0.01)
    asyncio.run(looked())
    assert said == ["web: can't start new thread"]


def test_a_run_that_is_over_as_soon_as_it_has_begun_is_looked_at_again_at_once(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its launcher lives on, and waits for just that look."""
    process, looks = running(place), 0
    assert process.run is not None
    launcher = table.identity(os.getpid(), table.boot_id())
    run = changed(process.run, launcher=launcher, code=0, exited=True)
    begun = Done("web", "start", process=changed(process, run=run), status="online")

    def submit(*_: object) -> Future[Done]:
        nonlocal looks
        looks += 1
        done: Future[Done] = Future()
        done.set_result(begun if looks == 1 else Done("web", ""))
        return done

    async def looked() -> None:
        Resident(place, lambda _: None, stays=True).look("web")
        await until(lambda: looks > 1)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit)
    asyncio.run(looked())


def test_what_a_killed_command_has_left_is_looked_at_though_nobody_rings(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = running(place)
    assert process.run is not None
    me = table.identity(os.getpid(), table.boot_id())
    process = changed(process, run=changed(process.run, child=me))
    runs.restore(place, "web", process.run)
    looks: list[str] = []
    statuses = ["online"]

    def make(name: str) -> None:
        Path(place.process(name)).mkdir()

    def submit(_pool: object, _acted: object, name: str, _act: object) -> Future[Done]:
        looks.append(name)
        done: Future[Done] = Future()
        down = runs.wanted_down(place, name)
        done.set_result(Done(name, "", process=changed(process, down=down), status=statuses[-1]))
        return done

    async def served() -> None:
        resident = Resident(place, lambda _: None, stays=True)
        task = asyncio.ensure_future(resident.serve())
        await until(lambda: looks == ["web"])
        with lock.held(place, "web", 1.0):
            runs.want_down(place, "web", "")
            beat = beaten_s(place)
            await until(lambda: beaten_s(place) > beat)
            assert looks == ["web"]  # the command is still at work
        await until(lambda: looks == ["web", "web"])
        make("new")
        await until(lambda: "new" in looks)
        statuses.append("paused")
        runs.want_up(place, "web")
        await until(lambda: looks.count("web") > 4)  # somebody may have sent SIGCONT
        os.kill(os.getpid(), signal.SIGTERM)
        await task

    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit)
    monkeypatch.setattr("tsm.patrol.resident._BEAT_S", 0.01)
    asyncio.run(served())


def test_limits_are_looked_at_again_after_a_look_that_failed(
    place: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks, limits = 0, Limits(max_memory_bytes=1 << 30)

    def processes() -> list[OsProcess]:
        nonlocal looks
        looks += 1
        if looks < 3:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/proc")
        return []

    async def measured() -> None:
        surroundings = Surroundings(place, lambda: [ward])
        ward, process = Ward("web", lambda _: None), running(place, limits=limits)
        surroundings.open()
        surroundings.supervise(ward, Done("web", "", process=process, status="online"))
        await until(lambda: looks > 2)
        ward.unsupervise()
        surroundings.close()

    monkeypatch.setattr(table, "processes", processes)
    monkeypatch.setattr("tsm.patrol.surroundings._MEASURE_S", 0.0)
    asyncio.run(measured())
    assert capsys.readouterr().err.count("/proc: Too many open files") == 1


def test_a_probe_is_asked_again_after_the_machine_has_failed_it(
    place: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = 0

    def living(*_: object) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/proc")

    async def asked() -> None:
        surroundings, ward = Surroundings(place, list), Ward("web", lambda _: None)
        process = running(place, health=Probe(check="command:true", interval_s=0.01))
        surroundings.supervise(ward, Done("web", "", process=process, status="online"))
        await until(lambda: looks > 1)
        ward.unsupervise()

    monkeypatch.setattr(table, "living", living)
    monkeypatch.setattr("tsm.patrol.supervision._AGAIN_S", 0.0)
    asyncio.run(asked())
    assert capsys.readouterr().err.endswith(" web: /proc: Too many open files\n")


def test_a_beat_is_that_of_the_resident_whose_file_is_there(place: Home) -> None:
    attendance.write(place, 4711, 1)
    assert attendance.beat(place, 4711)
    assert not attendance.beat(place, 471)
    attendance.leave(place, 471)
    assert attendance.beat(place, 4711)
    attendance.leave(place, 4711)
    assert not attendance.beat(place, 4711)


def beaten_s(home: Home) -> float:
    """When the resident has last shown that it lives."""
    return Path(attendance.resident_file(home)).stat().st_mtime


def running(home: Home, **settings: Limits | Probe) -> Process:
    """A process that is up, as far as its files say."""
    spec = changed(Spec(name="web", argv=("sleep",), command="sleep", cwd="/"), **settings)
    Path(home.process("web")).mkdir()
    environment.write(home, "web", {})
    boot = table.boot_id()
    run = Run(id="0" * 16, boot=boot, time_s=0.0, why="start", child=Identity(boot, 1, 1))
    return Process(spec, definitions.described(definitions.blank(1, "online"), spec), run, None)
