"""Watching: whole batches of what people change, and nothing of what programs keep."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.waiting import eventually
from tsm.errors import Refused
from tsm.osproc import watch
from tsm.osproc.unwatched import Unwatched
from tsm.spec import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("app.py", False),
        ("app.log", True),  # *.log
        ("keep.log", False),  # !keep.log
        ("sub/app.log", True),
        ("sub/deep/app.log", False),  # !*.log of sub/deep/.gitignore
        ("build/deep/app.py", True),  # build/, and nothing brings back what is in there
        ("sub/build", True),
        ("only/here", True),  # /here of only/.gitignore
        ("sub/here", False),
        ("__pycache__/app.pyc", True),
        (".git/index", True),
        ("node_modules/.cache/x", True),
        ("node_modules/x/index.js", False),
        (".app.py.swp", True),
        ("sub/#app.py#", True),
        (".#app.py", True),
        ("#app.py", False),
        ("assets/x.css", True),  # the --ignore
        ("home/runtime/processes/web/current.out", True),
        ("alias/runtime/x", True),
        ("homer", False),
    ],
)
def test_what_is_ignored(tmp_path: Path, path: str, *, expected: bool) -> None:
    for folder in (".git", "sub/deep", "build/deep", "only", "home/runtime/processes/web"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "alias").symlink_to("home")
    (tmp_path / ".gitignore").write_text("*.log\n!keep.log\nbuild/\n!\n")
    (tmp_path / "sub/deep/.gitignore").write_text("!*.log\n")
    (tmp_path / "build/deep/.gitignore").write_text("!*\n")
    (tmp_path / "only/.gitignore").write_text("/here\n")
    ignored = Unwatched(str(tmp_path), str(tmp_path / "home"), ["assets/"])
    assert (str(tmp_path / path) in ignored) == expected


def test_the_repository_above_counts_unless_it_ignores_all(tmp_path: Path) -> None:
    for folder in (".git", "src", "dist"):
        (tmp_path / folder).mkdir()
    (tmp_path / ".gitignore").write_text("dist/\n*.log\n")
    for folder, expected in (("src", True), ("dist", False)):
        root = tmp_path / folder
        assert (str(root / "x.log") in Unwatched(str(root), "/nowhere", ())) == expected


class Batches:
    """What a watcher has told so far."""

    def __init__(self, watcher: watch.Watcher, root: Path) -> None:
        self._watcher = watcher
        self._root = root
        self.all: list[set[str]] = []

    def __call__(self) -> list[set[str]]:
        for batch in self._watcher.taken():
            self.all.append({os.path.relpath(path, self._root) for path in batch})
        return self.all

    def told(self) -> set[str]:
        """All that has been told."""
        return set().union(*self())


@contextmanager
def watched(root: Path, *paths: str, ignore: tuple[str, ...] = ()) -> Iterator[Batches]:
    """Watch the paths, and go on once that has begun."""
    what = Watch(tuple(str(root / path) for path in paths), ignore, delay_s=0.05)
    with watch.Watcher(what, str(root / "home")) as watcher:
        watcher.await_begun()
        yield Batches(watcher, root)


def test_changes_come_in_batches_without_what_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "src/home").mkdir(parents=True)
    with watched(tmp_path, "src", ignore=("*.tmp",)) as batches:
        (tmp_path / "src/new").mkdir()
        for name in ("a.py", "b.py", "c.tmp", "new/d.py"):
            (tmp_path / "src" / name).write_text("x")
        eventually(lambda: {"src/a.py", "src/b.py"} <= batches.told())
        assert "src/c.tmp" not in batches.told()

        def seen_in_new_folder() -> bool:
            (tmp_path / "src/new/d.py").write_text("y")
            return "src/new/d.py" in batches.told()

        eventually(seen_in_new_folder)


def test_a_file_is_followed_through_replacement_and_its_neighbours_are_not(tmp_path: Path) -> None:
    with watched(tmp_path, "app.py") as batches:
        (tmp_path / "other.py").write_text("x")
        for count in range(2, 4):
            before = len(batches())
            (tmp_path / "new").write_text(f"{count}")
            (tmp_path / "new").rename(tmp_path / "app.py")
            eventually(lambda before=before: len(batches()) > before)  # type: ignore[misc]
        assert batches.told() == {"app.py"}


def test_a_path_that_vanishes_is_awaited(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    with watched(tmp_path, "src") as batches:
        shutil.rmtree(tmp_path / "src")
        eventually(lambda: "src" in batches.told())
        (tmp_path / "src").mkdir()

        def seen_again() -> bool:
            (tmp_path / "src/back.py").write_text("x")
            return "src/back.py" in batches.told()

        eventually(seen_again)


def test_a_loop_can_await_the_changes(tmp_path: Path) -> None:
    async def first() -> frozenset[str]:
        what = Watch((str(tmp_path),), delay_s=0.01)
        async with aclosing(watch.changes(what, "/nowhere")) as batches:
            one = asyncio.ensure_future(anext(batches))
            while not one.done():
                (tmp_path / "a.py").write_text("x")
                await asyncio.wait([one], timeout=0.05)
            return one.result()

    assert asyncio.run(first()) == {str(tmp_path / "a.py")}


def test_without_the_library_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(Refused, match="pip install pathspec watchfiles"):
        watch.require()
