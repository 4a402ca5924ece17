"""Changing the definition of a process that is there."""

from __future__ import annotations

import os

from tsm.errors import Refused
from tsm.osproc import preflight, table
from tsm.patrol.define import settled
from tsm.patrol.process import Process, situation
from tsm.policy import changes as policy
from tsm.policy.environ import masked
from tsm.record import Record, changed
from tsm.store import definitions, documents, environment, journal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tsm.policy.changes import Changes
    from tsm.spec import Spec
    from tsm.store.home import Home


class Redefinition(Record):
    """A process, and what is to become of it."""

    process: Process
    spec: Spec
    environ: Mapping[bytes, bytes]
    differences: Mapping[str, list[object]]  # by key, the old value and the new, secrets masked
    restart_needed: bool  # a run that lives goes on as it was
    complete: bool  # all of that stands on disk


def redefinition(home: Home, process: Process, changes: Changes) -> Redefinition:
    """What the changes make of the process. Nothing is written. Raises Usage, Refused, Broken.

    It is refused if the process could be started as it is and could not be once changed.
    """
    spec = policy.changed_spec(process.spec, changes)
    if changes.cwd is not None:
        spec = changed(spec, cwd=os.path.abspath(changes.cwd))
    spec = settled(spec)
    before = environment.read(home, process.name)
    environ = _environ(spec, before, changes)
    refusal = _refusal(spec, environ)
    if refusal is not None and str(refusal) != str(_refusal(process.spec, before)):
        raise refusal
    found = {
        **policy.differences(process.spec, spec),
        **_variables(before, environ, changes.env),
    }
    late = any(policy.takes_restart(key) for key in found)
    return Redefinition(
        process,
        spec,
        environ,
        found,
        late and situation(process, table.boot_id()).child_lives,
        spec == process.spec and environ == before,
    )


def carry_out(home: Home, one: Redefinition) -> None:
    """Write it down, and journal it. The caller holds the lock of the process."""
    if one.complete:
        return
    environment.write(home, one.spec.name, one.environ)
    documents.write_spec(home, one.spec)
    meta = definitions.described(one.process.meta, one.spec)
    if meta != one.process.meta:
        documents.write_meta(home, meta)
    journal.record(home, one.spec.name, "set", {"changed": one.differences})


def _environ(spec: Spec, before: Mapping[bytes, bytes], changes: Changes) -> dict[bytes, bytes]:
    environ = dict(before)
    if changes.cwd is not None:
        environ[b"PWD"] = os.fsencode(spec.cwd)
    for key, value in changes.env.items():
        if value is None:
            environ.pop(os.fsencode(key), None)
        else:
            environ[os.fsencode(key)] = os.fsencode(value)
    return environ


def _variables(
    before: Mapping[bytes, bytes], after: Mapping[bytes, bytes], names: Iterable[str]
) -> dict[str, list[object]]:
    """The variables among `names` that differ, as the other differences are; secrets masked."""
    return {
        f"{policy.ENV}{name}": [_shown(before, name), _shown(after, name)]
        for name in names
        if before.get(os.fsencode(name)) != after.get(os.fsencode(name))
    }


def _shown(environ: Mapping[bytes, bytes], name: str) -> str | None:
    value = environ.get(os.fsencode(name))
    return None if value is None else masked({name: os.fsdecode(value)})[name]


def _refusal(spec: Spec, environ: Mapping[bytes, bytes]) -> Refused | None:
    try:
        preflight.check(spec, environ)
    except Refused as refusal:
        return refusal
    return None
