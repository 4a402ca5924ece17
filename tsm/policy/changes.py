"""Changes to a definition, as words of a command line: `nice=5`, `env.LEVEL=debug`, `cwd=/srv`."""

from __future__ import annotations

from tsm.errors import Usage
from tsm.policy.settings import SETTINGS, applied, default, value_of
from tsm.record import Record, changed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tsm.spec import Spec

ENV = "env."
CWD = "cwd"
_TSMS_OWN = ("PWD", "TSM_NAME", "TSM_RUN")  # tsm sets them for each run
_OF_ANOTHER = ("name", "port")
_OF_THE_START = ("command", "interpreter", "env-file", "clean-env")


class Changes(Record):
    """What is to be changed."""

    settings: Mapping[str, object] = {}  # by key
    env: Mapping[str, str | None] = {}  # variables; None: it is removed
    cwd: str | None = None  # as typed


def is_change(word: str) -> bool:
    """Whether the word is no name of a process: none holds a `=`."""
    return "=" in word


def read(words: Iterable[str]) -> Changes:
    """The changes that words of `key=value` ask for; `key=` puts back what is by default.

    Raises Usage.
    """
    texts: dict[str, list[str]] = {}
    for word in words:
        key, _, text = word.partition("=")
        texts.setdefault(key, []).append(text)
    env = {key: _only(key, given) for key, given in texts.items() if key.startswith(ENV)}
    cwd = _only(CWD, texts.pop(CWD)) if CWD in texts else None
    if cwd == "":
        message = "cwd is empty: give a directory"
        raise Usage(message)
    return Changes(
        settings={key: _value(key, given) for key, given in texts.items() if key not in env},
        env={_variable(key): text or None for key, text in env.items()},
        cwd=cwd,
    )


def changed_spec(spec: Spec, changes: Changes) -> Spec:
    """The definition with the changes, but for the working directory. Raises Usage."""
    if "PORT" in changes.env and spec.port is not None:
        message = f"env.PORT: {spec.name} has a port, {spec.port}, and PORT is that"
        raise Usage(message)
    env = {**spec.env, **changes.env}
    kept = {key: value for key, value in env.items() if value is not None}
    return changed(applied(spec, changes.settings), env=kept)


def differences(old: Spec, new: Spec) -> dict[str, list[object]]:
    """The settings and the working directory that differ: by key, the old value and the new."""
    found: dict[str, list[object]] = {
        key: [value_of(old, setting), value_of(new, setting)]
        for key, setting in SETTINGS.items()
        if value_of(old, setting) != value_of(new, setting)
    }
    if old.cwd != new.cwd:
        found[CWD] = [old.cwd, new.cwd]
    return found


def takes_restart(key: str) -> bool:
    """Whether a change of it takes effect with the next run alone."""
    return key == CWD or key.startswith(ENV) or SETTINGS[key].next_run


def _value(key: str, texts: Sequence[str]) -> object:
    setting = SETTINGS.get(key)
    if setting is None:
        raise _unknown(key)
    given = [text for text in texts if text]
    try:
        if not given:
            return default(setting)
        if setting.gather is not None:
            return setting.gather(given)
        return setting.read(_only(key, texts))
    except ValueError as error:
        message = f"{key} {error}"
        raise Usage(message) from None


def _only(key: str, texts: Sequence[str]) -> str:
    """The only one of the texts. Raises Usage for several."""
    if len(texts) > 1:
        message = f"{key} is given {len(texts)} times: give one value"
        raise Usage(message)
    return texts[0]


def _variable(key: str) -> str:
    name = key.removeprefix(ENV)
    if not name:
        message = "env.: no name of a variable: env.LEVEL=debug sets LEVEL"
        raise Usage(message)
    if name in _TSMS_OWN:
        message = f"{key}: tsm itself sets {name} for each run"
        raise Usage(message)
    return name


def _unknown(key: str) -> Usage:
    import difflib

    if key in _OF_ANOTHER:
        what = "with another it is another process: start that, and tsm delete this one"
        return Usage(f"{key}: cannot be changed: {what}")
    if key in _OF_THE_START:
        what = "tsm stop the process, and define it anew: tsm start --name"
        return Usage(f"{key}: cannot be changed: {what}")
    near = difflib.get_close_matches(key.replace("_", "-"), [*SETTINGS, CWD, ENV], 1)
    hint = f"did you mean {near[0]}? (see tsm set --help)" if near else "see tsm set --help"
    return Usage(f"{key!r}: no such setting: {hint}")
