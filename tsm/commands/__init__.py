"""The table of commands: one module each, imported when chosen."""

from __future__ import annotations

from tsm.record import Record


class Command(Record):
    """One row: help, manual, completion and dispatch are read off it."""

    name: str
    sentence: str
    aliases: tuple[str, ...] = ()
    takes_argv: bool = False  # what follows `--` is an argv, kept apart as opts.argv

    @property
    def source(self) -> str:
        """The module that holds the command's parser and function."""
        return f"tsm.commands.{self.name}"


_ROWS = (
    Command("start", "start a command as a process, or processes that are down", takes_argv=True),
    Command("stop", "stop processes and everything that belongs to them"),
    Command("restart", "stop processes and start them again"),
    Command("delete", "stop processes and forget them", ("rm",)),
    Command("run", "run a command in the foreground, as containers want it", takes_argv=True),
    Command("dev", "run a command and restart it when files change", takes_argv=True),
    Command("ls", "list processes", ("list", "status", "ps")),
    Command("describe", "show everything about one process", ("show",)),
    Command("logs", "show, search or follow what processes write"),
    Command("rotate", "rotate, compress and remove log files that are due"),
    Command("flush", "empty the log files of processes"),
    Command("patrol", "look at every process once and put right what is not"),
    Command("set", "show or change the settings of processes"),
    Command("pause", "stop processes where they stand"),
    Command("resume", "let paused processes go on"),
    Command("reset", "forget how often processes have been restarted"),
    Command("attach", "adopt a running program as a process"),
    Command("signal", "send a signal to processes"),
    Command("wait", "wait until processes reach a state"),
    Command("pid", "print the pid of a process"),
    Command("env", "show the environment of a process"),
    Command("path", "print where a process keeps its files"),
    Command("save", "save which processes there are and which are wanted up"),
    Command("resurrect", "bring back what save has saved"),
    Command("events", "show what has happened to all processes"),
    Command("history", "show what has happened to one process"),
    Command("metrics", "show what processes use, over time"),
    Command("report", "show how available processes were, and what they used"),
    Command("crashes", "show what was known when processes went wrong"),
    Command("startup", "start processes at boot and look after them each minute"),
    Command("unstartup", "undo startup"),
    Command("check", "verify every file of the home"),
    Command("completion", "print a completion script for a shell"),
)
TABLE = {row.name: row for row in _ROWS}


def command(word: str) -> Command | None:
    """The command of that name or alias."""
    return TABLE.get(word) or next((row for row in _ROWS if word in row.aliases), None)
