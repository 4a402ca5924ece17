"""The care for log files: rotating what is due, compressing it, removing what is too much."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from tsm.errors import Broken, Busy, Failed, TsmError, refused
from tsm.patrol.log_restore import restored
from tsm.patrol.process import child_pid, load, sound_spec
from tsm.patrol.rotate import mend, rotate
from tsm.policy import rotation
from tsm.record import Record
from tsm.store import (
    compression,
    config,
    definitions,
    journal,
    log_index,
    logs,
    rotated,
)
from tsm.store.rotation import Current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tsm.model import LogFile
    from tsm.policy.rotation import Rule
    from tsm.store.config import Config
    from tsm.store.home import Home


_LOCK_S = 10.0


class Act(Record):
    """One thing that was done, or could not be."""

    name: str
    action: str  # "rotate", "compress", "remove"; empty if it was not done
    stream: str = ""
    file: str = ""
    size: int = 0
    reason: str = ""
    still_s: float = 0.0  # how long writers were stopped
    tried: str = "rotate"  # or "compress": what could not be done, where there is no action
    failure: type[TsmError] = Failed  # what kind of problem that is


def look_after(home: Home, name: str, settings: Config, *, force: bool = False) -> list[Act]:
    """Do what is due for the logs of one process; with `force` rotate whatever there is.

    Takes no lock but that of rotations: if another has it, all is left to him, but that `force`
    waits. What fails is journaled, once. Raises Broken, OSError.
    """
    spec = load(home, name).spec if force else sound_spec(home, name)  # a disk is not to fill up
    rule = rotation.settled(spec.logs, settings.logs)
    with rotated.lock(home, name, _LOCK_S if force else 0.0) as had:
        if not had:
            return [Act(name, "", reason="is being rotated already", failure=Busy)]
        acts = list(_rotations(home, name, rule, force=force))
        names = rotated.tidied(home, name)
        if rotation.may_expire(rule, names):
            acts += _removals(home, name, rule)
        if rule.compress != "none":
            acts += _compressions(home, name, rule)
    return acts


def look_after_all(
    home: Home, names: Sequence[str], *, force: bool = False
) -> tuple[list[Act], list[TsmError]]:
    """The same for several processes, and for the home as a whole."""
    acts: list[Act] = []
    problems: list[TsmError] = []
    try:
        settings = config.read(home)
    except Broken as error:
        settings = config.CAREFUL
        problems.append(error)
    for name in names:
        if not definitions.exists(home, name):  # it has been deleted meanwhile
            continue
        try:
            acts += look_after(home, name, settings, force=force)
        except FileNotFoundError:
            continue
        except (TsmError, OSError) as error:
            if definitions.exists(home, name):
                problems.append(error if isinstance(error, TsmError) else refused(error))
    return [*acts, *make_room(home, settings)], problems


def worth_telling(acts: Iterable[Act]) -> list[Act]:
    """Those in which something has happened; a copy that has nothing to add is none."""
    return [act for act in acts if act.size or act.action != "restore"]


def flush(home: Home, name: str, *, all_of_it: bool = False) -> list[Act]:
    """Empty the current files of one process, and remove the rotated ones if asked to.

    The child keeps its files open, and goes on at their beginnings. Raises Broken, Busy, OSError.
    """
    load(home, name)  # nobody changes what is broken
    acts = []
    with rotated.lock(home, name, _LOCK_S) as had:
        if not had:
            message = f"{name}: busy: its logs are being rotated: try again"
            raise Busy(message)
        for stream in logs.STREAMS if all_of_it else ():
            gone = rotated.files(home, name, stream)
            acts += [_removed(home, name, one, "asked for") for one in gone]
        for stream in logs.streams(home, name):
            acts += _emptied(home, name, stream)
    return acts


def _emptied(home: Home, name: str, stream: str) -> Iterator[Act]:
    mend(home, name, stream)
    where = log_index.path(home, name, stream)
    try:
        with Current(home, name, stream) as current:
            size = current.size
            end = log_index.begin(home, name, stream) + size
            os.ftruncate(current.fd, 0)
    except FileNotFoundError:
        return
    log_index.cut(where, max(end, log_index.known(where)), "", time.time())
    if size:
        journal.record(home, name, "flush", {"stream": stream, "bytes": size})
        yield Act(name, "flush", stream, f"current.{stream}", size, "asked for")


def mend_all(home: Home, names: Iterable[str]) -> None:
    """Finish or undo what killed rotations have begun, as nobody may be left stopped by them."""
    for name in names:
        with suppress(TsmError, OSError), rotated.lock(home, name) as had:
            if had:
                mend_streams(home, name)


def mend_streams(home: Home, name: str) -> None:
    """The same for one process. The caller holds the lock of its rotations."""
    for stream in logs.streams(home, name):
        mend(home, name, stream)


def make_room(home: Home, settings: Config) -> list[Act]:
    """Remove the oldest rotated files of the home, as far as all of them are too many bytes.

    And as long as the disk has less room than it is to have.
    """
    most, least = settings.logs_total_bytes, settings.disk_free_bytes
    if most is None and least is None:
        return []
    found = {
        one.path: (name, one)
        for name in home.names()
        for stream in logs.STREAMS
        for one in rotated.files(home, name, stream)
    }
    every = [one for _, one in found.values()]
    gone: list[tuple[LogFile, str]] = []
    if most is not None:
        gone += [(one, "too much in all logs") for one in rotation.excess(every, most)]
    if least is not None:
        room = os.statvfs(home.root)
        lack = least - room.f_bavail * room.f_frsize
        left = sum(one.size for one in every)
        for one in rotation.excess(every, max(0, left - lack)) if lack > 0 else []:
            gone.append((one, "the disk is nearly full"))
    acts = []
    for one, why in {one.path: (one, why) for one, why in gone}.values():
        acts.append(_removed(home, found[one.path][0], one, why))
    return acts


def _rotations(home: Home, name: str, rule: Rule, *, force: bool) -> Iterator[Act]:
    child = child_pid(home, name)
    for stream in logs.streams(home, name):
        try:
            yield from _mended(home, name, stream)
            count = restored(home, name, stream, child)
            if count is not None:  # it is rotated once the child writes to it
                file, why = f"current.{stream}", "it was deleted or moved"
                yield Act(name, "restore", stream, file, count, why)
                continue
            yield from _rotated(home, name, stream, rule, force=force)
        except (TsmError, OSError) as error:
            if definitions.exists(home, name):  # it has not been deleted meanwhile
                yield _failed(home, name, "rotate", stream, error)


def _mended(home: Home, name: str, stream: str) -> Iterator[Act]:
    """What a rotation that was killed has come to nevertheless."""
    for one in mend(home, name, stream):
        yield Act(name, "rotate", stream, one.file, one.size, one.why)


def _rotated(home: Home, name: str, stream: str, rule: Rule, *, force: bool) -> Iterator[Act]:
    """Rotate one log, if that is due."""
    now_s = time.time()
    lost = log_index.lost(home, name, stream)
    if lost:
        log_index.restart(log_index.path(home, name, stream), now_s)
        facts = {"stream": stream, "bytes": lost}
        journal.record_if_possible(home, name, "log-emptied", facts)
    size, begun_s = log_index.noted(home, name, stream, now_s)
    why = "asked for" if force else rotation.due(rule, size, begun_s, now_s)
    if not why or not size:
        return
    to = rotated.free(home, name, stream, time.strftime("%Y-%m-%d"))
    with Current(home, name, stream) as current:
        done = rotate(current, to, why, rule.size_bytes)
    if not done.pieces:
        yield Act(name, "", stream, reason=done.why_not)
    for one in done.pieces:
        yield Act(name, "rotate", stream, one.file, one.size, one.why, done.still_s)


def _failed(home: Home, name: str, what: str, stream: str, error: TsmError | OSError) -> Act:
    """What could not be done, journaled once."""
    problem = error if isinstance(error, TsmError) else refused(error)
    text = str(problem)
    path = logs.current(home, name, stream)
    text = text.replace(path, logs.lead(path) or path)  # it may be a file of the user's
    facts = {"stream": stream, "reason": text}
    with suppress(OSError):
        told = journal.last_events(journal.history_file(home, name))
        kinds = (what, f"{what}-failed")
        last: Mapping[str, object] = next((one for one in told[::-1] if one["event"] in kinds), {})
        if any(last.get(key) != value for key, value in facts.items()):
            journal.record(home, name, f"{what}-failed", facts)
    return Act(name, "", stream, reason=text, tried=what, failure=type(problem))


def _compressions(home: Home, name: str, rule: Rule) -> Iterator[Act]:
    for stream in logs.STREAMS:
        for one in rotated.files(home, name, stream):
            if one.compressed:
                continue
            try:
                path = compression.compress(one.path, rule.compress)
            except (TsmError, OSError) as error:
                yield _failed(home, name, "compress", stream, error)
                break
            size = os.stat(path).st_size
            yield Act(name, "compress", stream, os.path.basename(path), size, rule.compress)


def _removals(home: Home, name: str, rule: Rule) -> Iterator[Act]:
    files = [one for stream in logs.STREAMS for one in rotated.files(home, name, stream)]
    for one, why in rotation.expired(rule, files, time.time()):
        yield _removed(home, name, one, why)


def _removed(home: Home, name: str, one: LogFile, why: str) -> Act:
    file = os.path.basename(one.path)
    rotated.discard(one)
    facts = {"file": file, "bytes": one.size, "reason": why}
    journal.record_if_possible(home, name, "log-removed", facts)
    return Act(name, "remove", one.stream, file, one.size, why)
