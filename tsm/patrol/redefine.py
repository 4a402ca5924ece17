"""Changing the definition of a process that is there."""

from __future__ import annotations

import os
from contextlib import suppress

from tsm.errors import Refused, Usage
from tsm.osproc import accounts, table
from tsm.patrol import begin
from tsm.patrol.define import settled
from tsm.patrol.end import dismiss_launchers
from tsm.patrol.notes import note_status
from tsm.patrol.process import Process, situation
from tsm.patrol.take_down import STOP
from tsm.policy import changes as policy
from tsm.policy import effects
from tsm.policy.environ import masked
from tsm.record import Record, changed
from tsm.store import compression, definitions, documents, environment, journal, runs

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
    rests: bool  # it was a job, is none any more, and is not started for that

    @property
    def moves_logs(self) -> bool:
        """Whether its next run writes its logs to other files."""
        return self.spec.logs.leads != self.process.spec.logs.leads


def redefinition(home: Home, process: Process, changes: Changes) -> Redefinition:
    """What the changes make of the process. Nothing is written. Raises Usage, Refused, Broken.

    It is refused if the process could be started as it is and could not be once changed.
    """
    spec = policy.changed_spec(process.spec, changes)
    if changes.cwd is not None:
        spec = changed(spec, cwd=os.path.abspath(changes.cwd))
    spec = settled(spec)
    given = changes.settings
    what = effects.idle(spec, effects.unusual(spec, given)) or effects.never_had(spec, given)
    if what is not None:
        message = f"{spec.name}: {what}"
        raise Usage(message)
    if spec.logs.compress != process.spec.logs.compress:
        compression.require(spec.logs.compress)
    before = environment.read(home, process.name)
    environ = _environ(spec, before, changes)
    if spec.limits.user != process.spec.limits.user:
        environ = _of_user(spec, environ)
    refusal = _refusal(home, spec, environ)
    if refusal is not None and str(refusal) != str(_refusal(home, process.spec, before)):
        raise refusal
    found = {
        **policy.differences(process.spec, spec),
        **_variables(before, environ, dict.fromkeys((*changes.env, *accounts.VARIABLES))),
    }
    late = any(policy.takes_restart(key) for key in found)
    lives = situation(process, table.boot_id()).child_lives
    freed = process.spec.schedule.job is not None and spec.schedule.job is None
    return Redefinition(
        process,
        spec,
        environ,
        found,
        late and lives,
        spec == process.spec and environ == before,
        freed and not lives,
    )


def carry_out(home: Home, one: Redefinition) -> None:
    """Write it down, and journal it. The caller holds the lock of the process."""
    if one.complete:
        return
    if one.rests:
        runs.want_down(home, one.spec.name, STOP)  # first of all: no patrol may start it
    environment.write(home, one.spec.name, one.environ)
    documents.write_spec(home, one.spec)
    meta = definitions.described(one.process.meta, one.spec)
    if meta != one.process.meta:
        documents.write_meta(home, meta)
    journal.record(home, one.spec.name, "set", {"changed": one.differences})
    if one.rests:
        note_status(home, changed(one.process, meta=meta, down="stop"), "stopped")
        dismiss_launchers([one.process])


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


def _of_user(spec: Spec, environ: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """The environment with what it says of the user renewed, where nobody gave that by name.

    Without a user it is that of whoever runs tsm, as far as that has an account.
    """
    own = changed(spec.limits, user=str(os.geteuid()))
    told: dict[bytes, bytes] = {}
    with suppress(Refused):
        told = accounts.variables(spec.limits if spec.limits.user is not None else own)
    given = {os.fsencode(key) for key in spec.env}
    if spec.env_file is not None:
        with suppress(Refused, Usage):  # --update-env will tell
            given |= environment.read_dotenv(spec.env_file).keys()
    renewed = {os.fsencode(key) for key in accounts.VARIABLES} - given
    kept = {key: value for key, value in environ.items() if key not in renewed}
    return {key: value for key, value in told.items() if key in renewed} | kept


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


def _refusal(home: Home, spec: Spec, environ: Mapping[bytes, bytes]) -> Refused | None:
    try:
        begin.check(home, spec, environ)
    except Refused as refusal:
        return refusal
    return None
