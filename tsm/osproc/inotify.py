"""Being told what changes in one directory, and which files grow: inotify(7)."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from ctypes import CDLL

_CLOEXEC, _NONBLOCK = 0o2000000, 0o4000
_MODIFY, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x2, 0x40, 0x80, 0x100, 0x200
_ATTRIB, _MOVE_SELF = 0x4, 0x800
_DELETE_SELF, _IGNORED, _ONLYDIR, _ONESHOT = 0x400, 0x8000, 0x1000000, 0x80000000
_EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows


class Inotify:
    """The changes of the files of a directory; `fd` can be read from when there are some."""

    def __init__(self, directory: str) -> None:
        """Raises OSError: the directory is not there, or the kernel's limit is reached."""
        self.fd = _begin()
        self._others: dict[int, str] = {}  # watch -> what changes of its file are called
        mask = _MODIFY | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _ONLYDIR
        try:
            _watch(self.fd, directory, mask)
        except OSError:
            os.close(self.fd)
            raise

    def add(self, path: str, name: str) -> None:
        """Tell of what is written to a file elsewhere as well, by this name, if it is there."""
        with suppress(OSError):
            self._others[_watch(self.fd, path, _MODIFY)] = name

    def changed(self) -> set[str]:
        """The names of the files that have changed since the last call; "" for the directory."""
        return {self._others.get(watch, name) for watch, _, name in _events(self.fd)}

    def close(self) -> None:
        """Be told no more."""
        os.close(self.fd)


class Growth:
    """Which of some files are written to; each is told once, and then has to be armed again.

    So a file that is written all the time costs no more than one that is written now and then.
    Of directories, in which of them files come and go.
    """

    def __init__(self) -> None:
        """Raises OSError when the kernel's limit is reached."""
        self.fd = _begin()
        self._paths: dict[int, str] = {}

    def arm(self, path: str) -> None:
        """Tell when it is written to next, or loses its name. Raises OSError, if it has none."""
        mask = _MODIFY | _ATTRIB | _MOVE_SELF | _ONESHOT
        self._paths[_watch(self.fd, path, mask)] = path

    def arm_directory(self, path: str) -> None:
        """Tell, each time, when files come to it and go. Raises OSError, if it is not there."""
        mask = _CREATE | _DELETE | _MOVED_TO | _ONLYDIR
        self._paths[_watch(self.fd, path, mask)] = path

    def grown(self) -> list[str]:
        """The paths of those that were written to, or lost their names, since the last call."""
        found = []
        for watch, mask, _ in _events(self.fd):
            path = self._paths.get(watch)
            if not mask & _IGNORED and path is not None:
                found.append(path)
            if mask & _IGNORED:
                self._paths.pop(watch, None)
        return found

    def close(self) -> None:
        """Be told no more."""
        os.close(self.fd)


@cache
def _libc() -> CDLL:
    import ctypes  # dear, and for few

    libc = ctypes.CDLL(None, use_errno=True)
    libc.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)
    return libc


def _begin() -> int:
    import ctypes

    fd = int(_libc().inotify_init1(_CLOEXEC | _NONBLOCK))
    if fd < 0:
        raise OSError(ctypes.get_errno(), "no inotify")
    return fd


def _watch(fd: int, path: str, mask: int) -> int:
    import ctypes

    watch = int(_libc().inotify_add_watch(fd, os.fsencode(path), mask))
    if watch < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return watch


def _events(fd: int) -> Iterator[tuple[int, int, str]]:
    """The watch, the mask and the name of each event that is there."""
    try:
        while data := os.read(fd, 65536):
            at = 0
            while at < len(data):
                watch, mask, _, length = _EVENT.unpack_from(data, at)
                at += _EVENT.size + length
                yield watch, mask, os.fsdecode(data[at - length : at].rstrip(b"\0"))
    except BlockingIOError:
        pass
