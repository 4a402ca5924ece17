"""Locks: one holder at a time, whoever it is, and no lock that nobody else can see."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import pytest

from tests.waiting import eventually
from tsm.errors import Busy
from tsm.store import lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tsm.store.home import Home


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads to wait in; flock(2) is of the open file, so they exclude each other as well."""
    with ThreadPoolExecutor() as threads:
        yield threads


def fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_is_had_by_one_at_a_time(place: Home) -> None:
    with lock.held(place, "web", 0.0):
        with pytest.raises(Busy), lock.held(place, "web", 0.0):
            pytest.fail("two have it")
        with lock.held(place, "else", 0.0):
            pass
    with lock.held(place, "web", 0.0):
        pass


def test_busy_names_process_and_holder(place: Home) -> None:
    with (
        lock.held(place, "web", 0.0),
        pytest.raises(Busy, match=f"^web: busy: .*pid {os.getpid()}"),
    ):
        lock.take(place, "web", 0.0)


def test_is_waited_for(place: Home, pool: ThreadPoolExecutor) -> None:
    first = lock.take(place, "web", 0.0)
    waiting = pool.submit(lock.take, place, "web", 30.0)
    first.release()
    waiting.result().release()


def test_excludes_filelock(place: Home) -> None:
    other = filelock.FileLock(place.lock_file("web"))
    with lock.held(place, "web", 0.0), pytest.raises(filelock.Timeout):
        other.acquire(blocking=False)
    with other.acquire(blocking=False):
        pass


def test_is_excluded_by_filelock(place: Home) -> None:
    with filelock.FileLock(place.lock_file("web")), pytest.raises(Busy):
        lock.take(place, "web", 0.0)
    lock.take(place, "web", 0.0).release()


def test_excludes_flock_of_the_shell(place: Home) -> None:
    command = ["flock", "--nonblock", place.lock_file("web"), "true"]
    with lock.held(place, "web", 0.0):
        assert subprocess.run(command, check=False).returncode == 1
    assert subprocess.run(command, check=False).returncode == 0


def test_file_stays_and_is_empty(place: Home) -> None:
    lock.take(place, "web", 0.0).release()
    path = Path(place.lock_file("web"))
    inode = path.stat().st_ino
    lock.take(place, "web", 0.0).release()
    assert (path.stat().st_ino, path.read_bytes()) == (inode, b"")
    assert path.stat().st_mode & 0o777 == 0o600


def test_makes_its_folder_again(place: Home) -> None:
    folder = Path(place.lock_file("web")).parent
    shutil.rmtree(folder)
    lock.take(place, "web", 0.0).release()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_that_is_retired_makes_waiters_start_over(place: Home, pool: ThreadPoolExecutor) -> None:
    path = Path(place.lock_file("web"))
    first = lock.take(place, "web", 0.0)
    inode = path.stat().st_ino
    waiting = [pool.submit(lock.take, place, "web", 30.0) for _ in range(4)]
    keeper = path.open()  # so that the next file cannot have the same inode
    first.retire()
    with suppress(FileNotFoundError):  # or a waiter has made the next one already
        assert path.stat().st_ino != inode
    first.release()
    while waiting:  # each has a lock that others can see, and they have it in turn
        done = eventually(lambda: [one for one in waiting if one.done()])
        assert len(done) == 1
        held = done[0].result()
        assert os.fstat(held.fd).st_ino == path.stat().st_ino != inode
        with pytest.raises(Busy):
            lock.take(place, "web", 0.0)
        waiting.remove(done[0])
        held.release()
    keeper.close()


def test_that_is_retired_makes_filelock_start_over(place: Home, pool: ThreadPoolExecutor) -> None:
    path = Path(place.lock_file("web"))
    other = filelock.FileLock(path, thread_local=False)
    first = lock.take(place, "web", 0.0)
    waiting = pool.submit(other.acquire, timeout=30)
    first.retire()
    first.release()
    waiting.result()
    with pytest.raises(Busy):
        lock.take(place, "web", 0.0)
    other.release()


def test_is_let_go_when_the_holder_is_killed(place: Home) -> None:
    code = "import sys; from tsm.store import lock; from tsm.store.home import Home\n"
    code += "held = lock.take(Home(sys.argv[1]), 'web', 0.0); print(held.fd, flush=True); input()"
    argv = [sys.executable, "-c", code, place.root]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(Busy, match=f"pid {holder.pid}"):
            lock.take(place, "web", 0.0)
        holder.kill()
        lock.take(place, "web", 30.0).release()


def test_is_kept_by_whoever_has_inherited_it(place: Home) -> None:
    held = lock.take(place, "web", 0.0)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[held.fd]) as heir:
        held.release()
        with pytest.raises(Busy):
            lock.take(place, "web", 0.0)
        heir.kill()
    lock.take(place, "web", 30.0).release()


def test_is_not_inherited_by_accident(place: Home) -> None:
    with lock.held(place, "web", 0.0) as held:
        assert not os.get_inheritable(held.fd)


def test_no_descriptor_is_left_open(place: Home) -> None:
    before = fds()
    for _ in range(3):
        with lock.held(place, "web", 0.0), pytest.raises(Busy):
            lock.take(place, "web", 0.0)
    assert fds() == before


def test_is_let_go_after_an_error(place: Home) -> None:
    with pytest.raises(ZeroDivisionError), lock.held(place, "web", 0.0):
        raise ZeroDivisionError
    lock.take(place, "web", 0.0).release()


def test_a_file_that_is_removed_lets_no_second_one_in(
    place: Home, pool: ThreadPoolExecutor
) -> None:
    Path(place.process("web")).mkdir()
    first = lock.take(place, "web", 0.0)
    shutil.rmtree(Path(place.lock_file("web")).parent)
    for _ in range(2):  # nobody leaves a file that would hide it
        with pytest.raises(Busy, match=f"pid {os.getpid()} still has its lock"):
            lock.take(place, "web", 0.0)
    waiting = pool.submit(lock.take, place, "web", 30.0)
    first.release()
    second = waiting.result()
    assert os.fstat(second.fd).st_ino == Path(place.lock_file("web")).stat().st_ino
    with pytest.raises(Busy):
        lock.take(place, "web", 0.0)
    second.release()


def test_a_file_that_nobody_holds_may_be_removed(place: Home) -> None:
    Path(place.process("web")).mkdir()
    lock.take(place, "web", 0.0).release()
    Path(place.lock_file("web")).unlink()
    lock.take(place, "web", 0.0).release()
