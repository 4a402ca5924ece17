"""Values of settings as a user would type them."""

from __future__ import annotations

from tsm.policy import values
from tsm.policy.settings import SETTINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_UNSET = "not set"


def typed(key: str, value: object) -> tuple[str, ...]:
    """What `set` takes for it, each a word: `200M`; several for what may be repeated, or none."""
    setting = SETTINGS.get(key)
    if isinstance(value, list):  # of the journal
        value = tuple(value)
    if value is None or value in ((), {}):
        return ()
    if isinstance(value, bool):
        return ("yes" if value else "no",)
    if isinstance(value, dict):
        return tuple(f"{name}={one}" for name, one in value.items())
    if isinstance(value, tuple):
        words = tuple(map(str, value))
        return words if setting is not None and setting.gather is not None else (",".join(words),)
    if setting is not None and setting.read is values.size and isinstance(value, int):
        return (_size(value),)
    if isinstance(value, float):
        unit = "s" if setting is not None and setting.read is values.seconds else ""
        return (_plain(value) + unit,)
    return (str(value),)


def lines(key: str, value: object) -> list[str]:
    """`key=value`, quoted for a shell where that is needed; `key=` for what is not set."""
    import shlex

    return [f"{key}={shlex.quote(word) if word else ''}" for word in typed(key, value) or ("",)]


def sentence(differences: Mapping[str, list[object]]) -> str:
    """`nice: not set -> 5, delay: 1s -> 2s`."""
    return ", ".join(f"{key}: {change(key, *pair)}" for key, pair in differences.items())


def change(key: str, old: object, new: object) -> str:
    """`not set -> 200M`."""
    return f"{_shown(key, old)} -> {_shown(key, new)}"


def _shown(key: str, value: object) -> str:
    return " ".join(typed(key, value)) or _UNSET


def _size(count: int) -> str:
    for power, unit in ((4, "T"), (3, "G"), (2, "M"), (1, "k")):
        if count and count % 1024**power == 0:
            return f"{count // 1024**power}{unit}"
    return str(count)


def _plain(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
