"""Stack traces of JavaScript: where each line of one came from, by the source maps beside."""

from __future__ import annotations

import json
import os
import re
import stat

from tsm.policy.source_map import originals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tsm.policy.source_map import Place

_CALL = re.compile(r"\s*at (?:.* \()?(?:file://)?(/[^():]*\.[cm]?jsx?):(\d{1,7}):(\d{1,7})\)?\s*")
_LINK = b"//# sourceMappingURL="
_FILES = 10  # in one report
_FILE_BYTES = 4 << 20


def mapped(streams: Sequence[Iterable[str]]) -> list[list[str]]:
    """The lines of each stream, with the original place after each line of a stack trace.

    What cannot be mapped stays as it is: no error, and no more than a bounded number of
    files, of bounded size, is read.
    """
    calls: dict[str, set[tuple[int, int]]] = {}
    for lines in streams:
        for line in lines:
            call = _called(line)
            if call is not None and (call[0] in calls or len(calls) < _FILES):
                calls.setdefault(call[0], set()).add(call[1])
    found = {path: _originals(path, places) for path, places in calls.items()}
    return [[_with_original(line, found) for line in lines] for lines in streams]


def _called(line: str) -> tuple[str, tuple[int, int]] | None:
    match = _CALL.fullmatch(line)
    if match is None:
        return None
    return match[1], (int(match[2]) or 1, int(match[3]) or 1)


def _with_original(line: str, found: dict[str, dict[tuple[int, int], Place]]) -> str:
    call = _called(line)
    place = found.get(call[0], {}).get(call[1]) if call is not None else None
    return line if place is None else f"{line} -> {place[0]}:{place[1]}:{place[2]}"


def _originals(path: str, places: set[tuple[int, int]]) -> dict[tuple[int, int], Place]:
    try:
        data, base = _map_of(path)
        source_map = json.loads(data.removeprefix(b")]}'\n"))
        if not isinstance(source_map, dict):
            return {}
        found = originals(source_map, places)
    except (OSError, ValueError, RecursionError):
        return {}
    return {
        place: (_absolute(name, base), line, column)
        for place, (name, line, column) in found.items()
    }


def _map_of(path: str) -> tuple[bytes, str]:
    """The source map of a file, and the folder that its sources are relative to."""
    code = _content(path)
    start = code.rfind(_LINK)
    if start < 0:
        return b"", ""
    url = code[start + len(_LINK) :].partition(b"\n")[0].strip().decode("ascii")
    if url.startswith("data:"):
        return _data(url), os.path.dirname(path)
    target = os.path.join(os.path.dirname(path), _plain(url.removeprefix("file://")))
    return _content(target), os.path.dirname(target)


def _data(url: str) -> bytes:
    from binascii import a2b_base64
    from urllib.parse import unquote_to_bytes

    head, _, body = url.partition(",")
    raw = unquote_to_bytes(body)
    return a2b_base64(raw) if head.endswith(";base64") else raw


def _content(path: str) -> bytes:
    """The bytes of a regular file. Raises OSError, and ValueError for one that is too large."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _FILE_BYTES:
            raise ValueError(path)
        return file.read(_FILE_BYTES)


def _absolute(source: str, base: str) -> str:
    """The path of a source; one of another kind, such as webpack://, stays as it is."""
    if "://" in source and not source.startswith("file://"):
        return source
    return os.path.normpath(os.path.join(base, _plain(source.removeprefix("file://"))))


def _plain(url: str) -> str:
    if "%" not in url:
        return url
    from urllib.parse import unquote

    return unquote(url)
