"""run a command and restart it when files change"""

from __future__ import annotations

import argparse
import os
import time

from tsm.context import LOCK_S
from tsm.errors import NoSuchProcess, TsmError, Usage
from tsm.osproc import duties, watch
from tsm.patrol import trial
from tsm.patrol.define import wished
from tsm.patrol.establish import establish, specified
from tsm.patrol.foreground import SIGNALS, Foreground
from tsm.policy.feedback import Change, loop_suspected, sentence
from tsm.policy.restart import outcome
from tsm.policy.state import end_of
from tsm.record import changed
from tsm.store import log_paths
from tsm.view.arguments import add_definition, add_settings, settings_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    from tsm.context import Context
    from tsm.spec import Spec, Watch

_SETTINGS = ("watch", "ignore", "watch-delay", "stop-signal", "stop-timeout")


def configure(parser: ArgumentParser) -> None:
    """Add the arguments. What is not given is absent, so that it can be told from a default."""
    parser.argument_default = argparse.SUPPRESS
    parser.usage = "tsm dev [OPTIONS] 'COMMAND' | -- ARGV..."
    parser.add_argument("words", nargs="*", metavar="COMMAND", help="what to run")
    add_definition(parser, named=False)
    add_settings(parser, _SETTINGS)


def run(opts: Namespace, context: Context) -> int:
    """Run it until Ctrl-C, and leave no process behind."""
    watch.require()
    context.report(trial.remove(context.home, trial.abandoned(context.home)))
    spec, environ = _specified(opts, context)
    watched, spec = spec.watch, trial.on_trial(spec, os.getpid())
    duties.adopt_orphans()
    with (
        duties.Heard(SIGNALS) as heard,
        watch.Watcher(watched, context.home.root) as watcher,
    ):
        stage = Foreground(context.home, spec.name, heard)
        watcher.await_begun()
        for problem in establish(context.home, spec, environ, LOCK_S).problems:
            raise problem
        try:
            Session(stage, watcher, watched, context).go_on()
        finally:
            problems = stage.aside(lambda: trial.remove(context.home, [spec.name]))
            stage.drain()
    return context.report(problems)


class Session:
    """The runs between the start and Ctrl-C."""

    def __init__(
        self, stage: Foreground, watcher: watch.Watcher, watched: Watch, context: Context
    ) -> None:
        self._stage = stage
        self._watcher = watcher
        self._delay_s = watched.delay_s
        self._context = context
        self._began_s = time.monotonic()
        self._changes: list[Change] = []
        self._own: set[str] = set()  # what changes with the starts
        self._told: str | None = None  # the run whose end was told

    def go_on(self) -> None:
        """Restart at each change, until a signal asks to stop."""
        while not self._stage.asked_to_stop:
            self._stage.turn(self._watcher.fd)
            for batch in self._watcher.taken():
                self._meet(batch)
            if self._stage.rests():
                self._tell_end()

    def _meet(self, batch: frozenset[str]) -> None:
        paths = batch - self._own
        paths -= log_paths.among(self._stage.home, paths)
        if not paths:
            return
        at_s = time.monotonic() - self._delay_s
        self._changes = [*self._changes[-9:], Change(self._began_s, at_s, paths)]
        written = loop_suspected(self._changes)
        if written is not None:
            self._own.add(written)
            self._changes = []
            self._say(sentence(_short(written)))
            return
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        self._say(f"{_short(min(paths))}{more} changed: restart")
        try:
            self._stage.aside(lambda: trial.again(self._stage.home, self._stage.name))
        except NoSuchProcess:
            raise
        except TsmError as problem:
            self._say(f"{problem}: waiting for a change")
        self._began_s = time.monotonic()

    def _tell_end(self) -> None:
        last = self._stage.last()
        if last is None or last.id == self._told or last.stopped:
            return
        self._told = last.id
        self._say(f"{outcome(end_of(last, time.time()))}: waiting for a change")

    def _say(self, text: str) -> None:
        self._context.say(f"tsm dev: {text}")


def _specified(opts: Namespace, context: Context) -> tuple[Spec, Mapping[bytes, bytes]]:
    given = dict(vars(opts))
    if not given.get("words") and not opts.argv:
        message = "nothing to run: give a command (see tsm dev --help)"
        raise Usage(message)
    settings = {"watch": (".",), **settings_of(given)}
    wish = wished(given, settings, context.umask)
    spec, _ = specified(wish, context.environ)
    name = trial.free_name(context.home, spec.name)
    return specified(changed(wish, name=name), context.environ)


def _short(path: str) -> str:
    """The path as seen from here, if it lies below."""
    here = os.getcwd()
    return os.path.relpath(path, here) if path.startswith(f"{here}/") else path
