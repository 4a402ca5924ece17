"""Taking bytes off the head of a file without moving the rest (fallocate(2), ext4 and XFS)."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct

_COLLAPSE_RANGE = 0x08  # linux/falloc.h
_FS_IOC_FIEMAP = 0xC020660B  # linux/fiemap.h
_HEAD = struct.Struct("=QQLLLL")  # start, length, flags, mapped, count, reserved
_EXTENT = struct.Struct(
    "=QQQQQLLLL"
)  # logical, physical, length, reserved x 2, flags, reserved x 3
_UNKNOWN = 0x2 | 0x4  # FIEMAP_EXTENT_UNKNOWN, FIEMAP_EXTENT_DELALLOC: it has no place yet
_UNABLE = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM, errno.ETXTBSY)


def collapse(fd: int, count: int) -> bool:
    """Take the first `count` bytes, whole blocks, off a file; False if that cannot be done.

    An append at the same time goes to the end of what is left. Raises OSError when it fails
    for the disk's sake.
    """
    fallocate = ctypes.CDLL(None, use_errno=True).fallocate
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    while fallocate(fd, _COLLAPSE_RANGE, 0, count):
        number = ctypes.get_errno()
        if number in _UNABLE:
            return False
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))
    return True


def place(fd: int) -> int | None:
    """Where on its disk the first block of a file lies; None if the file system does not tell.

    Another block is the first one after a collapse, and only then. A block gets its place when
    it is written: that is waited for here, not in the kernel, which lets nobody write meanwhile.
    """
    physical, flags = _first_extent(fd)
    if flags & _UNKNOWN:
        os.fdatasync(fd)
        physical, flags = _first_extent(fd)
    return None if flags & _UNKNOWN else physical


def _first_extent(fd: int) -> tuple[int | None, int]:
    """Where the first bytes of a file lie, and the flags of that; None if there is no answer."""
    room = bytearray(_HEAD.size + _EXTENT.size)
    _HEAD.pack_into(room, 0, 0, 1, 0, 0, 1, 0)
    try:
        fcntl.ioctl(fd, _FS_IOC_FIEMAP, room)
    except OSError:
        return None, 0
    logical, physical, _length, _, _, flags, *_ = _EXTENT.unpack_from(room, _HEAD.size)
    mapped = _HEAD.unpack_from(room)[3]
    return (int(physical), int(flags)) if mapped and not logical else (None, 0)


def block_bytes(fd: int) -> int:
    """The size of the blocks that a collapse takes."""
    return os.fstatvfs(fd).f_bsize
