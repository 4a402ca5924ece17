"""Rotates a log on a small disk of its own that is full; to be run where it may mount one.

usage: full_disk.py FOLDER tmpfs|ext4; the exit status is 77 where such a disk cannot be had
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.rotating import Log, forked, no_line_is_cut
from tsm.errors import Refused
from tsm.store.rotation import Current

SIZE = "24M"
PAGE_BYTES = 4096
LINES = [b"%0999d\n" % number for number in range(3000)]
CANNOT = 77


def main(folder: Path, kind: str) -> int:
    """See to it that nothing is lost, whatever finds the disk full."""
    disk = folder / "disk"
    disk.mkdir()
    try:
        mount(folder, disk, kind)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no {kind} can be mounted: {error}")
        return CANNOT
    log = Log(disk / "home")
    with log.quick():
        a_full_disk_at_any_step(log, disk)
    a_child_that_goes_on_when_there_is_room_again(log, disk)
    return 0


def mount(folder: Path, disk: Path, kind: str) -> None:
    if kind == "tmpfs":
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", disk], check=True)
        return
    image = folder / "image"
    subprocess.run(["truncate", "-s", SIZE, image], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, disk], check=True)


def filled(disk: Path, free_bytes: int) -> Path:
    """A file that leaves the disk no more room than that."""
    path = disk / "ballast"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"b" * PAGE_BYTES)
                os.fdatasync(file.fileno()) if file.tell() % (1 << 20) == 0 else None
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        os.truncate(path, max(0, file.tell() - free_bytes))
        os.fdatasync(file.fileno())
    return path


def a_full_disk_at_any_step(log: Log, disk: Path) -> None:
    """Although there was room for the copy when that was asked."""
    text = b"".join(LINES[:20]) + b"and"
    failures = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Current, "require_room", lambda _: None)
        for pages in range(16):
            log.append(text)
            ballast = filled(disk, pages * PAGE_BYTES)
            try:
                log.rotate(10_000)
            except OSError as error:
                if error.errno != errno.ENOSPC or not error.filename:
                    raise
                failures += 1
            ballast.unlink()
            log.mend()
            assert b"".join(log.parts) == text, f"{pages} pages were free"
            log.clear()
    assert 3 < failures < 16, failures


def a_child_that_goes_on_when_there_is_room_again(log: Log, disk: Path) -> None:
    theirs, ours = os.pipe()
    ballast = filled(disk, 50 * PAGE_BYTES)
    child = forked(lambda: write_all(log.current, ours))
    os.close(ours)
    assert os.read(theirs, 1) == b"f"
    with pytest.raises(Refused, match="no room for a copy of it"):
        log.rotate()
    assert b"".join(LINES).startswith(b"".join(log.parts))
    ballast.unlink()
    while (end := os.waitpid(child, os.WNOHANG)) == (0, 0):
        log.rotate()
    assert end == (child, 0)
    log.rotate()
    assert b"".join(log.parts) == b"".join(LINES)
    assert no_line_is_cut(log.parts)


def write_all(path: Path, told: int) -> None:
    """Write all lines, and try again where there is no room; say once that there is none."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    data = b"".join(LINES)
    while data:
        try:
            data = data[os.write(fd, data[:5000]) :]
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            os.write(told, b"f")
            time.sleep(0.001)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
