"""Crash reports: a file for each in a folder of the process, as many as the bounds allow."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress

from tsm.errors import Broken
from tsm.model import NAME
from tsm.record import Record
from tsm.store.atomic import remove, replace
from tsm.store.documents import object_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tsm.store.home import Home

KINDS = (
    *("crash", "unhealthy", "memory-limit", "cpu-limit"),
    *("start-failed", "retries-exhausted", "stop-needed-kill"),
)
NO_RUN = "0" * 16  # in the name of a report of what never came to a run
_FILE = re.compile(
    r"(\d{4}-\d\d-\d\dT\d{6}\.\d{3}Z)-([a-z]+(?:-[a-z]+)*)-([0-9a-f]{16})\.json(?:\.gz)?"
)
_RUN = re.compile(r"[0-9a-f]{16}")
_GZIP = 31  # zlib's wbits for the format of gzip(1)
_TYPES: dict[str, type | tuple[type, ...]] = {  # what a reader may rely on
    "time": (int, float),
    **dict.fromkeys(("kind", "name", "rule"), str),
    **dict.fromkeys(("out", "err", "killed"), list),
    "tree": (list, type(None)),
    "usage": (dict, type(None)),
    "spec": dict,
    "code": (int, type(None)),
    "signal": (str, type(None)),
    "uptime_s": (int, float, type(None)),
}
_FOREVER_S = 1e12
_PLAIN_BYTES = 4096  # more is compressed
_UNFINISHED = ".new"


class Bounds(Record):
    """How much is kept; beyond it the oldest go first, but never the newest."""

    count: int = 50  # of one process
    process_bytes: int = 10 << 20
    home_bytes: int = 100 << 20


class Listed(Record):
    """A report by what its file name says."""

    path: str
    name: str
    stamp: str  # when, in UTC; sorts by time
    kind: str
    run: str


def write(home: Home, report: Mapping[str, Any], bounds: Bounds | None = None) -> bool:
    """Add a report, whose `time`, `name`, `kind` and `run` make its file name.

    A run has one report of a kind: a second one changes nothing. The caller holds the lock
    of the process. False if it could not be written; nothing is raised, nobody is kept
    waiting for a sync.
    """
    name, kind, run = report["name"], report["kind"], str(report["run"])
    run = run if _RUN.fullmatch(run) else NO_RUN
    folder = _folder(home, name)
    try:
        there = _files(folder)
        mark = f"Z-{kind}-{run}.json"
        if run != NO_RUN and any(mark in path for path, _ in there):
            return True
        data, ending = _packed(object_bytes(report))
        time_s = report["time"]
        stem = f"{_stamp(time_s)}-{kind}-{run}.json"
        while any(stem in path for path, _ in there):
            time_s += 0.001
            stem = f"{_stamp(time_s)}-{kind}-{run}.json"
        new = f"{folder}/{stem}{ending}"
        for parent in (home.crashes, folder):  # and no more: a home that was removed stays away
            if not os.path.isdir(parent):
                os.mkdir(parent, 0o700)
        replace(new, data)
    except OSError:
        return False
    with suppress(OSError):  # what is too much now goes another time
        _keep_bounds(home, there, (new, len(data)), bounds or Bounds())
    return True


def names(home: Home) -> list[str]:
    """The names that have had reports, also those of processes that are no more; sorted."""
    try:
        found = list(os.scandir(home.crashes))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(one.name for one in found if NAME.fullmatch(one.name) and one.is_dir())


def listed(home: Home, name: str) -> list[Listed]:
    """The reports of one process, oldest first. What has another name is none."""
    found = []
    for path, _ in _files(_folder(home, name)):
        match = _FILE.fullmatch(os.path.basename(path))
        if match is not None:
            found.append(Listed(path, name, match[1], match[2], match[3]))
    return found


def read(path: str) -> dict[str, Any] | None:
    """The report in a file; None if it has had its time. Raises Broken with the file's path."""
    import json

    try:
        with open(path, "rb") as file:
            data = file.read()
        value = json.loads(_unpacked(data) if path.endswith(".gz") else data)
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise Broken(message) from error
    except (ValueError, RecursionError) as error:
        message = f"{path}: not a crash report: {error}"
        raise Broken(message) from None
    if not isinstance(value, dict):
        message = f"{path}: not a crash report: not a JSON object"
        raise Broken(message)
    for key, kind in _TYPES.items():
        if not isinstance(value.get(key), kind):
            message = f"{path}: not a crash report: {key} is not as in tsm-db(5)"
            raise Broken(message)
    if not all(abs(value[key] or 0) < _FOREVER_S for key in ("time", "uptime_s")):
        message = f"{path}: not a crash report: time or uptime_s is beyond all calendars"
        raise Broken(message)
    return value


def unfinished(home: Home, name: str) -> list[str]:
    """The temporaries of a process; if its lock is held, one may be in the making."""
    folder = _folder(home, name)
    entries = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(
        f"{folder}/{one}"
        for one in entries
        if one.endswith((f".json{_UNFINISHED}", f".gz{_UNFINISHED}"))
    )


def clear_unfinished(home: Home, name: str) -> None:
    """Remove the temporaries. The caller holds the lock of the process."""
    for path in unfinished(home, name):
        remove(path)


def strangers(home: Home, name: str) -> list[str]:
    """The paths of what lies among the reports of a process and is none, nor unfinished."""
    folder = _folder(home, name)
    known = {*(one.path for one in listed(home, name)), *unfinished(home, name)}
    return sorted(
        path for path in (f"{folder}/{one}" for one in os.listdir(folder)) if path not in known
    )


def _folder(home: Home, name: str) -> str:
    return f"{home.crashes}/{name}"


def _stamp(time_s: float) -> str:
    """`2026-11-20T093005.123Z`: no colons, so that it can be typed and copied anywhere."""
    whole, milliseconds = divmod(round(max(0.0, time_s) * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H%M%S', time.gmtime(whole))}.{milliseconds:03d}Z"


def _packed(data: bytes) -> tuple[bytes, str]:
    if len(data) <= _PLAIN_BYTES:
        return data, ""
    import zlib  # at its fastest: a restart may be waiting

    packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    return packer.compress(data) + packer.flush(), ".gz"


def _unpacked(data: bytes) -> bytes:
    import zlib

    try:
        return zlib.decompress(data, _GZIP)
    except zlib.error as error:
        raise ValueError(error) from None


def _files(folder: str) -> list[tuple[str, int]]:
    """The paths of the files of a folder that could be reports, oldest first, and their bytes.

    A restart may be waiting while they are looked through, so they are no records.
    """
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith((".json", ".json.gz")):
                    with suppress(FileNotFoundError):  # its time had come
                        found.append((entry.path, entry.stat(follow_symlinks=False).st_size))
    except FileNotFoundError:
        return []
    return sorted(found)


def _keep_bounds(
    home: Home, there: list[tuple[str, int]], new: tuple[str, int], bounds: Bounds
) -> None:
    """Remove what is too much after `new` has come to the reports that were `there`."""
    gone_bytes = _thinned(there, bounds.count - 1, bounds.process_bytes - new[1])
    if new[1] <= gone_bytes:
        return  # the home has not grown
    folders = names(home)
    if len(folders) * bounds.process_bytes <= bounds.home_bytes:
        return
    everything = [one for name in folders for one in _files(_folder(home, name)) if one != new]
    everything.sort(key=lambda one: os.path.basename(one[0]))
    _thinned(everything, len(everything), bounds.home_bytes - new[1])


def _thinned(reports: list[tuple[str, int]], count: int, size_bytes: int) -> int:
    """Remove the first of `reports` until so many, of so many bytes, are left; the bytes gone."""
    total = sum(size for _, size in reports)
    gone_bytes = 0
    for place, (path, size) in enumerate(reports):
        if len(reports) - place <= count and total - gone_bytes <= size_bytes:
            break
        remove(path)
        gone_bytes += size
    return gone_bytes
