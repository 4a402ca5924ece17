"""Watching files: the changes below some paths, in batches, once it has been quiet for a while."""

from __future__ import annotations

import os
import time

from tsm.errors import Refused, TsmError, refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
    from threading import Event
    from typing import Self

    from tsm.osproc.unwatched import Unwatched
    from tsm.spec import Watch

PATIENCE = 10  # after so many times the delay, a batch is complete however busy it is
_LOOK_S = 1.0  # between two looks whether a path has vanished or come back
_STEP_MS = (10, 100)  # how often the library looks, at least and at most


def require() -> None:
    """Raise Refused if the libraries are missing that watching needs."""
    from importlib.util import find_spec

    if find_spec("watchfiles") is None or find_spec("pathspec") is None:
        message = "watching files needs two libraries: pip install pathspec watchfiles"
        raise Refused(message)


async def changes(watch: Watch, own: str) -> AsyncGenerator[frozenset[str], None]:
    """Each batch of changed paths, from now on; `own`, the home, is never among them.

    A batch ends when nothing has changed for `watch.delay_s`, or after ten times as long. Close
    it (aclose) to end its thread. Raises Refused.
    """
    import asyncio

    with Watcher(watch, own) as watcher:
        loop, more = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(watcher.fd, more.set)
        try:
            while True:
                await more.wait()
                more.clear()
                for batch in watcher.taken():
                    yield batch
        finally:
            loop.remove_reader(watcher.fd)


class Watcher:
    """Watches in a thread; `fd` can be read from when there is something to take."""

    def __init__(self, watch: Watch, own: str) -> None:
        from collections import deque
        from threading import Event, Thread

        require()
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._found: deque[frozenset[str] | TsmError] = deque()
        self._stopped, self._begun = Event(), Event()
        Thread(target=self._run, args=(watch, own), name="watch").start()

    def await_begun(self, timeout_s: float = 10.0) -> None:
        """Block until no change is missed any more, where that can be had in time."""
        self._begun.wait(timeout_s)

    def taken(self) -> Iterator[frozenset[str]]:
        """The batches that have come. Raises Refused if it had to give up."""
        try:
            os.eventfd_read(self.fd)
        except BlockingIOError:
            return
        while self._found:
            found = self._found.popleft()
            if isinstance(found, TsmError):
                raise found
            yield found

    def __enter__(self) -> Self:
        """Watch until the block is left."""
        return self

    def __exit__(self, *_: object) -> None:
        """Tell the thread to end, which takes it a tenth of a second or two."""
        self._stopped.set()

    def _run(self, watch: Watch, own: str) -> None:
        try:
            for batch in batches(watch, own, self._stopped, self._begun):
                self._found.append(batch)
                os.eventfd_write(self.fd, 1)
        except (TsmError, OSError) as error:
            self._found.append(error if isinstance(error, TsmError) else refused(error))
            os.eventfd_write(self.fd, 1)
        self._begun.set()
        self._stopped.wait()  # until then the descriptor is in others' hands
        os.close(self.fd)


def batches(watch: Watch, own: str, stopped: Event, begun: Event) -> Iterator[frozenset[str]]:
    """As `changes`, for a thread, until `stopped`: it looks for that ten times a second.

    `begun` is set once no change is missed any more.
    """
    from tsm.osproc.unwatched import Unwatched

    unwatched = {path: Unwatched(path, own, watch.ignore) for path in watch.paths}
    pending: set[str] = set()
    first_s = last_s = 0.0
    step_ms = int(max(_STEP_MS[0], min(watch.delay_s * 1000 / 5, _STEP_MS[1])))
    while not stopped.is_set():
        for found in _until_replaced(watch.paths, step_ms, stopped):
            begun.set()
            fresh = {path for path in found if _wanted(path, unwatched)}
            now_s = time.monotonic()
            if fresh:
                first_s, last_s = first_s if pending else now_s, now_s
                pending |= fresh
            late = now_s - first_s >= PATIENCE * watch.delay_s
            if pending and (late or now_s - last_s >= watch.delay_s):
                yield frozenset(pending)
                pending = set()


def _wanted(path: str, unwatched: Mapping[str, Unwatched]) -> bool:
    """Whether it is one of the watched paths, or below one and not ignored there."""
    return any(
        path == root or (path.startswith(f"{root.rstrip('/')}/") and path not in ignored)
        for root, ignored in unwatched.items()
    )


def _until_replaced(paths: Sequence[str], step_ms: int, stopped: Event) -> Iterator[set[str]]:
    """The changes of each step, perhaps none, until one of the paths has become another.

    A kernel's watch is one of an inode: it ends when that is deleted, which is told as a change
    of the directory itself, and does not begin again with the next of the name.
    """
    before = {path: _watchable(path) for path in paths}
    folders = {one[:2] for one in before.values() if one is not None}
    streams = [
        _stream([one for one in folders if one[1] == whole], step_ms, stopped)
        for whole in sorted({whole for _, whole in folders})
    ]
    look_s = 0.0
    while not stopped.is_set():
        found: set[str] = set()
        for stream in streams:
            found |= next(stream, {""})
        if not streams or "" in found:  # nothing is there, or it has just vanished
            stopped.wait(_LOOK_S)
        over = not found.isdisjoint({"", *(folder for folder, _ in folders)})
        if over or time.monotonic() >= look_s or not found.isdisjoint(paths):
            look_s = time.monotonic() + _LOOK_S
            replaced = [path for path in paths if _watchable(path) != before[path]]
            yield found.union(path for path in replaced if os.path.lexists(path))
            if over or replaced:
                return
        else:
            yield found


def _watchable(path: str) -> tuple[str, bool, int, int] | None:
    """What can be watched for `path`: itself with all below, or the directory it is in; its inode.

    A file is watched by its name in the directory: editors replace files.
    """
    for folder, whole in ((path, True), (os.path.dirname(path), False)):
        if os.path.isdir(folder):
            found = os.stat(folder)
            return folder, whole, found.st_dev, found.st_ino
    return None


def _stream(
    folders: Sequence[tuple[str, bool]], step_ms: int, stopped: Event
) -> Iterator[set[str]]:
    """What the library tells of each step. Ends when one of the directories is not there."""
    import watchfiles

    try:
        for found in watchfiles.watch(
            *(folder for folder, _ in folders),
            watch_filter=None,
            debounce=step_ms,
            step=step_ms,
            stop_event=stopped,
            rust_timeout=step_ms,
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=folders[0][1],
            ignore_permission_denied=True,
        ):
            yield {path for _, path in found}
    except FileNotFoundError:
        return
    except (OSError, RuntimeError) as error:  # RuntimeError: of its own
        message = f"cannot watch {folders[0][0]}: {error}"
        if "limit" in message:
            message += ": raise fs.inotify.max_user_watches with sysctl, or watch less"
        raise Refused(message) from error
