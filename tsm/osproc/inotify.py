"""Being told what changes in one directory: inotify(7)."""

from __future__ import annotations

import os
import struct

_CLOEXEC, _NONBLOCK = 0o2000000, 0o4000
_MODIFY, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x2, 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _ONLYDIR = 0x400, 0x1000000
_EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows


class Inotify:
    """The changes of the files of a directory; `fd` can be read from when there are some."""

    def __init__(self, directory: str) -> None:
        """Raises OSError: the directory is not there, or the kernel's limit is reached."""
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(_CLOEXEC | _NONBLOCK)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "no inotify")
        mask = _MODIFY | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _ONLYDIR
        if libc.inotify_add_watch(self.fd, os.fsencode(directory), mask) < 0:
            os.close(self.fd)
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), directory)

    def changed(self) -> set[str]:
        """The names of the files that have changed since the last call; "" for the directory."""
        names = set()
        try:
            while data := os.read(self.fd, 65536):
                at = 0
                while at < len(data):
                    _, _, _, length = _EVENT.unpack_from(data, at)
                    name = data[at + _EVENT.size : at + _EVENT.size + length]
                    names.add(os.fsdecode(name.rstrip(b"\0")))
                    at += _EVENT.size + length
        except BlockingIOError:
            pass
        return names

    def close(self) -> None:
        """Be told no more."""
        os.close(self.fd)
