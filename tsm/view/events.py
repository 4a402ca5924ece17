"""An event of the journal as a line for people."""

from __future__ import annotations

from tsm.view.text import Shown, duration, painted, printable, stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_COLOURS = {
    "start": "32",
    "attach": "32",
    "restart": "33",
    "crash": "31",
    "errored": "31",
    "stop": "90",
}
_WIDTH = 12  # of the words for all that is not rare
_HEAD = ("time", "event", "name", "run", "uptime_s")


def sentence(event: Mapping[str, object], *, colour: bool) -> Shown:
    """`2026-11-20 09:00:00.123  crash         web  code=1 uptime=3m`, the time in UTC."""
    word = printable(str(event.get("event")))
    facts = [f"{key}={_shown(value)}" for key, value in event.items() if key not in _HEAD]
    uptime_s = event.get("uptime_s")
    if isinstance(uptime_s, int | float):
        facts.append(f"uptime={duration(uptime_s)}")
    shown = painted(word.ljust(_WIDTH), _COLOURS.get(word, "0"), colour=colour)
    rest = printable(f"{event.get('name')}  {' '.join(facts)}")
    return Shown(f"{_stamp(event.get('time'))}  {shown}  {rest}")


def _stamp(time_s: object) -> str:
    try:
        return stamp(float(str(time_s)))
    except ValueError:
        return printable(str(time_s))


def _shown(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_change(key, one)}" for key, one in value.items())
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _change(key: str, value: object) -> str:
    """`1s -> 2s`: what `set` has changed, as it says so."""
    from tsm.view.settings import change  # not for every reader

    match value:
        case [old, new]:
            return change(key, old, new)
        case _:
            return str(value)
