"""Words of a command line: names and what they select, commands and how they are run."""

from __future__ import annotations

import re

from tsm.errors import NoSuchProcess, Usage
from tsm.model import NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tsm.spec import Spec

INTERPRETERS: Mapping[str, tuple[str, ...]] = {
    ".js": ("node",),
    ".mjs": ("node",),
    ".cjs": ("node",),
    ".py": ("python3",),
    ".sh": ("sh",),
    ".rb": ("ruby",),
    ".ts": ("bun", "tsx"),
    ".pl": ("perl",),
    ".php": ("php",),
}
# Compiled at their first use: each command imports this, and few need them.
_PIECE = r"""(?s)'[^']*'|"(?:\\.|[^"\\])*"|\\.|."""
_EXPANSION = r"\$\([^()`;&|\n]*\)|\$\{\w+\}"  # with nothing nested in it
_SHELLS_WORDS = frozenset(
    re.findall(
        r"\S+",
        ". : alias bg break case cd command continue do done elif else esac eval exec exit export "
        "fg fi for if jobs read readonly return set shift source then times trap type ulimit "
        "umask unalias unset until wait while { } !",
    )
)

_LASTING = frozenset({".", "source", "alias", "eval", "trap"})  # change what follows
_BUILTIN = frozenset(
    {"[", "chdir", "echo", "false", "getopts", "hash", "kill", "local", "printf", "pwd", "test"}
    | {"true"}
)


def full_name(name: str, port: int | None) -> str:
    """The name of the process directory. Raises Usage if nothing can be called that."""
    full = name if port is None or name.endswith(f"-{port}") else f"{name}-{port}"
    if name == "all" or not NAME.fullmatch(name) or not NAME.fullmatch(full):
        message = (
            f"{full!r}: not a name: use up to 64 letters, digits, `.`, `_` and `-`, the port "
            "included, a letter or digit first (and not `all`)"
        )
        raise Usage(message)
    return full


def is_name(text: str) -> bool:
    """Whether a process may be called that."""
    return bool(NAME.fullmatch(text)) and text != "all"


def can_come(word: str) -> bool:
    """Whether a process that a word means may yet be defined: it is a name, or a glob."""
    return _is_glob(word) or (is_name(word) and not word.isdecimal())


def can_mean_several(words: Sequence[str]) -> bool:
    """Whether there can be several processes that these words mean, now or later."""
    return len(words) != 1 or words[0] == "all" or _is_glob(words[0])


def selected(
    words: Sequence[str], names: Sequence[str], id_of: Callable[[str], int | None]
) -> list[str]:
    """The names, sorted and each once, that `words` mean: names, ids, globs, `all`.

    A word may leave out the port where that is unambiguous. Raises NoSuchProcess for a word
    that means nothing, Usage for one that means several.
    """
    found: set[str] = set()
    for word in words:
        found.update(_matches(word, names, id_of))
    return sorted(found)


def _matches(word: str, names: Sequence[str], id_of: Callable[[str], int | None]) -> list[str]:
    if word == "all":
        return list(names)
    if word in names:
        return [word]
    if _is_glob(word):
        import fnmatch

        found = [name for name in names if fnmatch.fnmatchcase(name, word)]
        return found or _nobody(word, names)
    if word.isdecimal():
        found, more = [name for name in names if str(id_of(name)) == word], "its name"
    else:
        short = re.compile(re.escape(word) + r"-[0-9]+")
        found, more = [name for name in names if short.fullmatch(name)], "the name with its port"
    if len(found) > 1:
        message = f"{word}: could be any of {', '.join(found)}: give {more}"
        raise Usage(message)
    return found or _nobody(word, names)


def _is_glob(word: str) -> bool:
    return any(sign in word for sign in "*?[")


def _nobody(word: str, names: Sequence[str]) -> list[str]:
    import difflib

    near = difflib.get_close_matches(word, names, 1)
    hint = f"did you mean {near[0]}?" if near else "tsm ls shows what there is"
    message = f"{word or repr(word)}: no such process: {hint}"
    raise NoSuchProcess(message)


def only(name: str) -> str:
    """The word that means just the process of that name, which may be that of any directory."""
    word = name
    if _is_glob(name):
        import glob

        word = glob.escape(name)
    return f"[{word[0]}]{word[1:]}" if word == "all" or word.startswith("-") else word


def quoted(word: str) -> str:
    """The word for a shell, as text that can be printed and copied; no newline ends it."""
    import shlex

    if word.isprintable():
        return shlex.quote(word)
    known = word.replace("\\", "\\\\").replace("%", "%%").encode("utf-8", "surrogateescape")
    signs = "".join(chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}" for byte in known)
    signs = f"\\055{signs[1:]}" if signs.startswith("-") else signs  # it would be an option
    return f'"$(printf {shlex.quote(signs)})"'


def needs_shell(command: str) -> bool:
    """Whether the command means something only to a shell: operators, expansions, globs."""
    bare = _without_quotes(command)
    quoted = [part for part in re.findall(_PIECE, command) if part[0] == '"']
    if "\\\n" in command or any("$" in part or "`" in part for part in quoted):
        return True
    if re.search(r"[|&;<>()$`*?\[\n]|(^|\s)[~#]", bare):
        return True
    first = (bare.split() or [""])[0]
    return first in _SHELLS_WORDS or re.match(r"[A-Za-z_]\w*=", first) is not None


def shell_argv(command: str) -> tuple[str, ...]:
    """`/bin/sh -c` for the command, whose last part takes the shell's place where it can."""
    start = _last_simple(command)
    if start is not None:
        command = f"{command[:start]}exec {command[start:]}"
    return ("/bin/sh", "-c", command)


def _last_simple(command: str) -> int | None:
    """Where the simple command begins that the list ends with; None where that is not plain.

    Nested quotes and words within expansions are for a shell to find out. There it is plain
    only if nothing in the command can separate commands. An assignment is no command.
    """
    plain = re.sub(_EXPANSION, lambda found: "x" * len(found[0]), command)
    if re.search(r"[`{}()\\\n]", plain) or ("$(" in command and re.search(r"[;&|]|<<", command)):
        return None
    bare = _without_quotes(plain)
    bare = re.sub(r"[0-9]*[<>]&[0-9-]", lambda found: "x" * len(found[0]), bare)
    start = max((sign.end() for sign in re.finditer(r"&&|\|\||[;&\n]", bare)), default=0)
    start += re.match(r"\s*([A-Za-z_]\w*=\S*\s+)*", bare[start:]).end()  # type: ignore[union-attr]
    words = bare[start:].split()
    if not words or "=" in words[0] or "<<" in bare or re.search(r"[|#]", bare[start:]):
        return None
    if _LASTING.intersection(bare.split()):
        return None
    if _SHELLS_WORDS.intersection(words) or words[0] in _BUILTIN or words[0][0] in "<>":
        return None
    return start


def _without_quotes(command: str) -> str:
    """The command with an x for each quoted character: what is left means something."""
    return "".join(
        "x" * len(part) if part[0] in "'\"\\" else part for part in re.findall(_PIECE, command)
    )


def split(command: str) -> tuple[str, ...]:
    """The words of a command, quotes removed as a shell would. Raises Usage."""
    import shlex

    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        message = f"{command!r}: cannot be split into words: {str(error).lower()}"
        raise Usage(message) from error
    check(words)
    return words


def check(argv: Sequence[str]) -> None:
    """Raise Usage if it names no program."""
    if not argv or not argv[0]:
        message = "the command is empty: tsm start 'node server.js'"
        raise Usage(message)


def script(spec: Spec) -> str | None:
    """The script that its interpreter reads first; None where that cannot be told.

    It can where tsm has put an interpreter that goes with the suffix in front of what was typed.
    Who typed an interpreter himself may mean a file that only this one finds.
    """
    if len(spec.argv) < 2 or spec.interpreter != spec.argv[0]:
        return None
    typed = (spec.command.split() or [""])[0].strip("'\"") == spec.interpreter
    program = spec.interpreter.rpartition("/")[2]
    known = program in INTERPRETERS.get(suffix(spec.argv[1]), ())
    return spec.argv[1] if known and not typed else None


def suffix(path: str) -> str:
    """The suffix of a file's name, with its dot; empty if it has none."""
    name = path.rpartition("/")[2]
    stem, dot, end = name.rpartition(".")
    return dot + end if stem else ""


def default_name(words: Sequence[str]) -> str:
    """A name for a process that got none: the script's stem, else the program's name."""
    script = next((word for word in words if suffix(word) in INTERPRETERS), words[0])
    name = script.rpartition("/")[2]
    if suffix(name) in INTERPRETERS:
        name = name[: -len(suffix(name))]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip("._-")[:58]
    return name if name and name != "all" else "process"
