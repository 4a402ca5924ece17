"""Which changed files nobody wants to be told of: the patterns of git, and the home."""

from __future__ import annotations

import os

from tsm.errors import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pathspec import GitIgnoreSpec

# What tools keep for themselves beside what people edit, and what editors leave for a moment.
DEFAULTS = (
    *(".git/", ".hg/", ".svn/", "__pycache__/", "*.py[cod]", "**/node_modules/.cache/"),
    *(".mypy_cache/", ".pytest_cache/", ".ruff_cache/", "*~", ".*.sw?", ".#*", r"\#*#", "4913"),
)


class Unwatched:
    """What is ignored below `root`, a directory: `own`, the patterns, and each .gitignore.

    A .gitignore counts for its own directory and below, one deeper before one higher; those
    above `root` count up to the repository's top, unless they ignore `root` as a whole.
    """

    def __init__(self, root: str, own: str, patterns: Sequence[str]) -> None:
        self.root = root
        self._own = os.path.realpath(own)
        self._given = (_parsed(DEFAULTS), _parsed(patterns))
        self._read: dict[str, tuple[tuple[int, int], GitIgnoreSpec | None]] = {}
        self._top = root
        top = _repository(root)
        if top != root and not self._ignored_by_git(root, top, is_directory=True):
            self._top = top

    def __contains__(self, path: str) -> bool:
        """Whether the change of that path is to be ignored."""
        folder = os.path.realpath(os.path.dirname(path))
        real = f"{folder}/{os.path.basename(path)}"
        if real == self._own or f"{folder}/".startswith(f"{self._own}/"):
            return True
        parts = os.path.relpath(path, self.root).split("/")
        for count in range(1, len(parts) + 1):
            part = f"{self.root}/{'/'.join(parts[:count])}"
            last = count == len(parts)
            may_be_directory = not last or os.path.isdir(part) or not os.path.lexists(part)
            if self._ignored(part, is_directory=may_be_directory):
                return True
        return False

    def _ignored(self, path: str, *, is_directory: bool) -> bool:
        relative = os.path.relpath(path, self.root)
        if any(_matches(spec, relative, is_directory=is_directory) for spec in self._given):
            return True
        return self._ignored_by_git(path, self._top, is_directory=is_directory)

    def _ignored_by_git(self, path: str, top: str, *, is_directory: bool) -> bool:
        """What the deepest .gitignore says that says anything of it."""
        folder = path
        while folder != top:
            folder = os.path.dirname(folder)
            spec = self._gitignore(folder)
            if spec is not None:
                relative = os.path.relpath(path, folder)
                said = _matches(spec, relative, is_directory=is_directory)
                if said is not None:
                    return said
        return False

    def _gitignore(self, folder: str) -> GitIgnoreSpec | None:
        """The patterns of a directory, read anew when the file has changed."""
        path = f"{folder}/.gitignore"
        try:
            found = os.stat(path)
            age = (found.st_mtime_ns, found.st_size)
            if self._read.get(folder, ((0, 0), None))[0] != age:
                with open(path, encoding="utf-8", errors="surrogateescape") as file:
                    self._read[folder] = (age, _understood(file.read().splitlines()))
        except OSError:
            return None
        return self._read[folder][1]


def _matches(spec: GitIgnoreSpec, relative: str, *, is_directory: bool) -> bool | None:
    """True: ignored; False: taken back by a `!`; None: no pattern says anything."""
    return spec.check_file(f"{relative}/" if is_directory else relative).include


def _parsed(patterns: Iterable[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(patterns)
    except ValueError as error:
        message = f"cannot ignore {list(patterns)}: {error}"
        raise Refused(message) from None


def _understood(lines: Iterable[str]) -> GitIgnoreSpec:
    """The patterns of a .gitignore; one that makes no sense is passed over, as git does."""
    good = []
    for line in lines:
        try:
            _parsed([line])
        except Refused:
            continue
        good.append(line)
    return _parsed(good)


def _repository(folder: str) -> str:
    """The top of the repository that the directory is in; the directory itself if it is in none."""
    top = folder
    while not os.path.lexists(f"{top}/.git"):
        if top == "/":
            return folder
        top = os.path.dirname(top)
    return top
