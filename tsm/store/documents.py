r"""Documents of the home (meta, spec, saved): between the nouns and JSON, nothing guessed.

A key is a field's name. Strings that are not UTF-8 on the system's side have each odd byte as
a lone surrogate (PEP 383), which JSON writes as a \udcXX escape.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

from tsm.errors import Broken
from tsm.model import META_NUMBERS, META_WORDS, Meta
from tsm.spec import Hooks, Limits, Logs, Probe, Restart, Schedule, Spec, Watch
from tsm.store.atomic import read_whole, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeVar

    from tsm.record import Record
    from tsm.store.home import Home

    Noun = TypeVar("Noun", bound=Record)

_PARTS = {  # of a definition, by their annotation
    kind.__name__: kind for kind in (Hooks, Limits, Logs, Probe, Restart, Schedule, Watch)
}
_META_BYTES = 500  # `ls` reads a hundred of them
_NONE = type(None)
_TYPES: dict[str, tuple[tuple[type, ...], str]] = {  # and what a reader of JSON calls them
    "str": ((str,), "a string"),
    "str | None": ((str, _NONE), "a string or null"),
    "int": ((int,), "an integer"),
    "int | None": ((int, _NONE), "an integer or null"),
    "float": ((int, float), "a number"),
    "float | None": ((int, float, _NONE), "a number or null"),
    "bool": ((bool,), "true or false"),
    "tuple[str, ...]": ((list,), "a list of strings"),
    "tuple[int, ...]": ((list,), "a list of integers"),
    "Mapping[str, str]": ((dict,), "an object of strings"),
    **dict.fromkeys(_PARTS, ((dict,), "an object")),
}
_ITEMS = {"tuple[str, ...]": str, "tuple[int, ...]": int, "Mapping[str, str]": str}


def read_meta(home: Home, name: str) -> Meta:
    """The meta of a process. Raises Broken with the file's path."""
    path = home.file(name, "meta.json")
    return meta(content(path), path)


def meta(data: bytes, path: str) -> Meta:
    """The meta that a file holds, each value within its range. Raises Broken with its path."""
    found = decoded(Meta, parsed(data, path), path)
    for key, (least, most) in META_NUMBERS.items():
        number = getattr(found, key)
        if number is not None and not least <= number <= most:
            message = f"{path}: {key} is {number}: not within {least} to {most}"
            raise Broken(message)
    for key, words in META_WORDS.items():
        word = getattr(found, key)
        if word is not None and word not in words:
            message = f"{path}: {key} is {json.dumps(word)[:60]}: not one of {', '.join(words)}"
            raise Broken(message)
    return found


def write_meta(home: Home, meta: Meta) -> None:
    """Replace the meta of a process. The caller holds its lock."""
    replace(home.file(meta.name, "meta.json"), meta_bytes(meta))


def meta_bytes(meta: Meta) -> bytes:
    """The content of meta.json: long texts are cut short here, spec.json has them whole."""
    values = encoded(meta)
    data = object_bytes(values)
    for key in ("command", "cwd", "env_file", "interpreter"):
        text, excess = values[key], len(data) - _META_BYTES
        if excess >= 0 and isinstance(text, str):
            values[key] = _cut(text, excess)
            data = object_bytes(values)
    return data


def read_spec(home: Home, name: str) -> Spec:
    """The definition of a process, its values unchecked. Raises Broken with the file's path."""
    path = home.file(name, "spec.json")
    return decoded(Spec, read_object(path), path)


def write_spec(home: Home, spec: Spec) -> None:
    """Replace the definition so that it survives a power cut. The caller holds the lock."""
    replace(home.file(spec.name, "spec.json"), object_bytes(encoded(spec)), durable=True)


def read_object(path: str) -> dict[str, object]:
    """The JSON object in a file. Raises Broken with the file's path."""
    return parsed(content(path), path)


def content(path: str) -> bytes:
    """The bytes of a file. Raises Broken with its path."""
    try:
        return read_whole(path)
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise Broken(message) from error


def parsed(data: bytes, path: str) -> dict[str, object]:
    """The JSON object that a file holds. Raises Broken with the file's path."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:  # bad UTF-8 is a ValueError as well
        message = f"{path}: not JSON: {error}"
        raise Broken(message) from None
    if not isinstance(value, dict):
        message = f"{path}: not a JSON object"
        raise Broken(message)
    return value


def object_bytes(values: Mapping[str, object]) -> bytes:
    """One line of JSON."""
    return json.dumps(values, separators=(",", ":")).encode("ascii") + b"\n"


def encoded(noun: Record) -> dict[str, object]:
    """The noun as a JSON object, keys of a later release included.

    Of the parts of a definition, what is as by default is left out; `restart` is always whole.
    """
    kind = type(noun)
    values: dict[str, object] = {}
    for field, annotation in kind.fields.items():
        value = getattr(noun, field)
        if field == "other":
            values.update(value)
        elif field == "restart" and annotation == "Restart":
            values[field] = encoded(value)
        elif annotation not in _PARTS:
            values[field] = value
        elif value != kind.defaults[field]:
            values[field] = _unusual(value)
    return values


def _unusual(part: Record) -> dict[str, object]:
    defaults = type(part).defaults
    whole = encoded(part)
    return {key: value for key, value in whole.items() if value != defaults.get(key)}


def decoded(kind: type[Noun], values: Mapping[str, object], path: str) -> Noun:
    """The noun in a JSON object. Raises Broken, naming `path` and the key that is wrong."""
    found: dict[str, object] = {}
    rest = dict(values)
    for field, annotation in kind.fields.items():
        if field == "other":
            continue
        if field in rest:
            found[field] = _value(annotation, field, rest.pop(field), path)
        elif field not in kind.defaults:
            message = f"{path}: {field} is missing"
            raise Broken(message)
    return kind(**found, other=rest)


def _value(annotation: str, key: str, value: object, path: str) -> object:
    types, what = _TYPES[annotation]
    fits = isinstance(value, types) and isinstance(value, bool) == (annotation == "bool")
    if fits and annotation in _PARTS and isinstance(value, dict):
        return decoded(_PARTS[annotation], value, path)
    items = value.values() if isinstance(value, dict) else value
    kind = _ITEMS.get(annotation)
    if fits and kind is not None and isinstance(value, list | dict):
        fits = all(type(item) is kind for item in items)  # type: ignore[attr-defined]
    if fits and not all(is_text(text) for text in (value, *_strings(items))):
        fits, what = False, f"{what} that a program can be given, without NUL"
    if not fits:
        message = f"{path}: {key} is {json.dumps(value)[:60]}: should be {what}"
        raise Broken(message)
    return tuple(value) if isinstance(value, list) else value


def is_text(value: object) -> bool:
    """False for a string that no program could be given: with a NUL, or no bytes (PEP 383)."""
    if not isinstance(value, str):
        return True
    try:
        return b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def _strings(items: object) -> Iterable[object]:
    return items if isinstance(items, Iterable) and not isinstance(items, str) else ()


def _cut(text: str, excess: int) -> str:
    """The beginning of `text`, so much shorter that more than `excess` bytes of JSON are saved."""
    room = len(json.dumps(text)) - 2 - excess - len("...") - 1
    keep = 0
    for character in text:
        room -= len(json.dumps(character)) - 2
        if room < 0:
            break
        keep += 1
    return text[:keep] + "..."
