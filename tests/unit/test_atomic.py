"""Replacing whole and appending whole, also when the disk is full or the write is torn."""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsm.store.atomic import append, remove, replace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def writing(
    monkeypatch: pytest.MonkeyPatch, room_bytes: int, code: int = errno.ENOSPC, step: int = 1 << 30
) -> None:
    """Have os.write take at most `step` bytes at a time, `room_bytes` in all, then fail."""
    write = os.write
    left = [room_bytes]

    def full(fd: int, data: bytes) -> int:
        size = min(len(memoryview(data)), left[0], step)
        if not size:
            raise OSError(code, os.strerror(code))
        left[0] -= size
        return write(fd, memoryview(data)[:size])

    monkeypatch.setattr(os, "write", full)


class TestReplace:
    def test_puts_the_bytes_there_for_the_owner_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        for data in (b"one", b"", b"\0\xff\n"):
            replace(str(path), data)
            assert path.read_bytes() == data
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
    @pytest.mark.parametrize("room_bytes", [0, 1, 5])
    @pytest.mark.parametrize("durable", [False, True])
    def test_that_fails_leaves_the_old_bytes_and_nothing_else(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        code: int,
        room_bytes: int,
        *,
        durable: bool,
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")
        writing(monkeypatch, room_bytes, code)
        with pytest.raises(OSError, match="file") as raised:
            replace(str(path), b"new and longer", durable=durable)
        assert (raised.value.errno, raised.value.filename) == (code, str(path))
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_goes_on_after_a_short_write(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        writing(monkeypatch, 1000, step=3)
        replace(str(tmp_path / "file"), b"0123456789")
        assert (tmp_path / "file").read_bytes() == b"0123456789"

    def test_writes_over_what_a_killed_command_has_left(self, tmp_path: Path) -> None:
        (tmp_path / "file.new").write_bytes(b"much longer than what comes now")
        replace(str(tmp_path / "file"), b"new")
        assert (tmp_path / "file").read_bytes() == b"new"
        assert not (tmp_path / "file.new").exists()

    def test_that_is_durable_syncs_the_file_before_the_name_and_the_name_after(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        acts = []
        fsync, rename = os.fsync, os.rename

        def noted_fsync(fd: int) -> None:
            acts.append("directory" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")
            fsync(fd)

        def noted_rename(old: str, new: str) -> None:
            acts.append("rename")
            rename(old, new)

        monkeypatch.setattr(os, "fsync", noted_fsync)
        monkeypatch.setattr(os, "rename", noted_rename)
        replace(str(tmp_path / "file"), b"new", durable=True)
        assert acts == ["file", "rename", "directory"]

    def test_that_cannot_be_synced_leaves_the_old_bytes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(_fd: int) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        path = tmp_path / "file"
        path.write_bytes(b"old")
        monkeypatch.setattr(os, "fsync", broken)
        with pytest.raises(OSError, match="Input/output"):
            replace(str(path), b"new", durable=True)
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_of_a_directory_names_that_and_leaves_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.mkdir()
        with pytest.raises(IsADirectoryError) as raised:
            replace(str(path), b"new")
        assert raised.value.filename == str(path)
        assert list(tmp_path.iterdir()) == [path]

    def test_is_seen_whole_by_whoever_has_opened_the_old(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")
        with path.open("rb") as reader:
            replace(str(path), b"new")
            assert reader.read() == b"old"


class TestAppend:
    def test_adds_lines_for_the_owner_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        append(str(path), b"one\n")
        append(str(path), b"two\n")
        assert path.read_bytes() == b"one\ntwo\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    @pytest.mark.parametrize("torn", [b"t", b"one\nt", b"\0", b"x" * 100_000])
    def test_ends_a_torn_last_line_so_that_it_costs_itself_alone(
        self, tmp_path: Path, torn: bytes
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(torn)
        append(str(path), b"two\n")
        assert path.read_bytes() == torn + b"\ntwo\n"

    def test_leaves_a_line_alone_that_another_is_writing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"one, of which not all ")

        def meanwhile(_pause_s: float) -> None:
            with path.open("ab") as file:
                file.write(b"can be seen\n")

        monkeypatch.setattr(time, "sleep", meanwhile)
        append(str(path), b"two\n")
        assert path.read_bytes() == b"one, of which not all can be seen\ntwo\n"

    def test_is_one_write(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "file").write_bytes(b"torn")
        sizes = []
        write = os.write

        def counted(fd: int, data: bytes) -> int:
            sizes.append(len(memoryview(data)))
            return write(fd, data)

        monkeypatch.setattr(os, "write", counted)
        append(str(tmp_path / "file"), b"x" * 9999 + b"\n")
        assert sizes == [10_001]

    @pytest.mark.parametrize("room_bytes", [0, 3])
    def test_that_fails_half_way_costs_no_other_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room_bytes: int
    ) -> None:
        path = tmp_path / "file"
        append(str(path), b"one\n")
        with monkeypatch.context() as full:
            writing(full, room_bytes)
            with pytest.raises(OSError, match="No space left") as raised:
                append(str(path), b"two\n")
        assert raised.value.filename == str(path)
        append(str(path), b"three\n")
        lines = path.read_bytes().split(b"\n")
        assert (lines[0], lines[-2], lines[-1]) == (b"one", b"three", b"")

    @given(
        lines=st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"") + b"\n")),
        cuts=st.lists(st.integers(0, 25)),
    )
    def test_loses_torn_lines_only(
        self, tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], cuts: list[int]
    ) -> None:
        path = tmp_path_factory.mktemp("append") / "file"
        whole = []
        for number, line in enumerate(lines):
            append(str(path), line)
            cut = cuts[number] if number < len(cuts) else 0
            if 0 < cut < len(line):  # the machine lost power: the end of this line is gone
                os.truncate(path, path.stat().st_size - cut)
            else:
                whole.append(line)
        found = iter(path.read_bytes().split(b"\n") if lines else [])
        assert all(line[:-1] in found for line in whole)  # in this order


def test_remove_tells_whether_there_was_anything(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert remove(str(tmp_path / "file"))
    assert not remove(str(tmp_path / "file"))


@pytest.mark.parametrize("function", [replace, append])
def test_no_descriptor_is_left_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: Callable[[str, bytes], None]
) -> None:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208
    function(str(tmp_path / "file"), b"x\n")
    writing(monkeypatch, 0)
    with pytest.raises(OSError, match="No space left"):
        function(str(tmp_path / "file"), b"y\n")
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208
