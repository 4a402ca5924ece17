"""The layout of the home: where everything lies, and whether the home may be used."""

from __future__ import annotations

import os
import stat

from tsm.errors import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Every file that tsm keeps, relative to the home; the FILES sections of the manual list the same.
FILES = {
    "config.toml": "settings of the toolkit",
    "runtime/last_id": "the highest tsm_id ever given",
    "runtime/processes/NAME/meta.json": "identity and state",
    "runtime/processes/NAME/spec.json": "the definition",
    "runtime/processes/NAME/env": "the environment",
    "runtime/processes/NAME/run": "the run record",
    "runtime/processes/NAME/run.unreported": "the record of a run that is still to be reported",
    "runtime/processes/NAME/down": "present while the process is wanted down",
    "runtime/processes/NAME/NAME.pid": "symbolic link to the pid file",
    "runtime/processes/NAME/current.out": "what the child wrote to its standard output",
    "runtime/processes/NAME/current.err": "what the child wrote to its standard error",
    "runtime/processes/NAME/current.out.idx": "when which byte of it arrived",
    "runtime/processes/NAME/current.err.idx": "when which byte of it arrived",
    "runtime/processes/NAME/current.out.away": "what became of a file that was taken away",
    "runtime/processes/NAME/current.err.away": "what became of a file that was taken away",
    "runtime/processes/NAME/current.out.cut": "what a rotation is about to do",
    "runtime/processes/NAME/current.err.cut": "what a rotation is about to do",
    "runtime/processes/NAME/DATE-NN.out": "what was rotated out of current.out",
    "runtime/processes/NAME/DATE-NN.err": "what was rotated out of current.err",
    "runtime/processes/NAME/DATE-NN.out.gz": "the same, compressed; or .zst",
    "runtime/processes/NAME/DATE-NN.err.gz": "the same, compressed; or .zst",
    "runtime/processes/NAME/DATE-NN.out.idx": "when which byte of it arrived",
    "runtime/processes/NAME/DATE-NN.err.idx": "when which byte of it arrived",
    "runtime/processes/NAME/health.json": "what probes have said of the current run",
    "runtime/processes/NAME/heartbeat": "what a child touches to show that it is well",
    "runtime/processes/NAME/hooks.log": "what hooks wrote, and which of them failed",
    "runtime/processes/NAME/hooks.log.1": "the log of hooks before the current one",
    "runtime/pids/NAME.pid": "the child's pid",
    "runtime/locks/NAME.lock": "the lock of one process",
    "runtime/locks/.home.lock": "the lock of last_id",
    "runtime/locks/.saved.lock": "the lock of the saved files",
    "runtime/locks/.attach.lock": "the lock of adoptions",
    "runtime/locks/.patrol.lock": "the lock of the resident patrol",
    "runtime/patrol.fifo": "what wakes the resident patrol",
    "runtime/patrol/resident": "who the resident patrol is",
    "runtime/patrol/notify": "the socket on which children tell of themselves",
    "runtime/patrol/patrol.log": "what patrols that nobody watched had to say",
    "runtime/patrol/patrol.log.1": "the log before the current one",
    "runtime/saved/SAVE.json": "what save wrote and resurrect reads",
    "db/events/DATE.jsonl": "the events of a day, of all processes",
    "db/history/NAME.jsonl": "the events of one process",
    "db/history/NAME.lost": "how many events of it could not be written",
    "db/metrics/DATE.jsonl": "the samples of a day, of all processes",
    "db/crashes/NAME/TIME-KIND-RUN.json": "a crash report",
    "db/crashes/NAME/TIME-KIND-RUN.json.gz": "a crash report that is large",
}


class Home:
    """The paths below one home. Making one reads and writes nothing."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)
        self.runtime = f"{self.root}/runtime"
        self.processes = f"{self.runtime}/processes"
        self.saved = f"{self.runtime}/saved"
        self.events = f"{self.root}/db/events"
        self.history = f"{self.root}/db/history"
        self.metrics = f"{self.root}/db/metrics"
        self.crashes = f"{self.root}/db/crashes"

    def process(self, name: str) -> str:
        """The process directory."""
        return f"{self.processes}/{name}"

    def file(self, name: str, file: str) -> str:
        """A file of the process directory: `meta.json`, `run`, ..."""
        return f"{self.processes}/{name}/{file}"

    def pid_file(self, name: str) -> str:
        """The file that holds the child's pid, for other programs to read."""
        return f"{self.runtime}/pids/{name}.pid"

    def pid_link(self, name: str) -> str:
        """The symbolic link in the process directory to its pid file."""
        return f"{self.processes}/{name}/{name}.pid"

    def lock_file(self, name: str) -> str:
        """The lock of one process; the name ".home" is the lock of the home."""
        return f"{self.runtime}/locks/{name}.lock"

    def save_file(self, save: str) -> str:
        """What `tsm save SAVE` writes."""
        return f"{self.saved}/{save}.json"

    def names(self) -> list[str]:
        """The names of all process directories, sorted; one with a dot first is unfinished."""
        try:
            found = list(os.scandir(self.processes))
        except FileNotFoundError:
            return []
        return sorted(one.name for one in found if one.name[0] != "." and is_directory(one))


def is_directory(entry: os.DirEntry[str]) -> bool:
    """Whether it is one, or leads to one; a link that leads nowhere does not."""
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False


def chosen(environ: Mapping[str, str]) -> Home:
    """The home that the environment names: TSM_HOME, else ~/.tsm."""
    return Home(environ.get("TSM_HOME") or os.path.expanduser("~/.tsm"))


def check(home: Home) -> bool:
    """Whether the home exists. Raises Refused if somebody else owns it or may write to it."""
    if not home.root.isprintable():
        message = f"{home.root!r}: a home must have a name that can be printed: set TSM_HOME"
        raise Refused(message)
    try:
        status = os.stat(home.root)
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(status.st_mode):
        message = f"{home.root}: not a directory: set TSM_HOME to one"
        raise Refused(message)
    if status.st_uid != os.geteuid():
        message = (
            f"{home.root}: belongs to uid {status.st_uid}, not to you: set TSM_HOME to your own"
        )
        raise Refused(message)
    if status.st_mode & 0o022:
        message = f"{home.root}: others may write to it: chmod go-w {home.root}"
        raise Refused(message)
    return True


def prepare(home: Home) -> None:
    """Make the home and its folders, as far as they are missing."""
    if not check(home):
        os.makedirs(home.root, mode=0o700, exist_ok=True)
        check(home)
    complete(home)


def complete(home: Home) -> None:
    """Make the folders that are missing, as where somebody has removed them."""
    runtime = ("processes", "pids", "locks", "saved", "patrol")
    folders = [f"{home.runtime}/{folder}" for folder in runtime] + [home.events, home.history]
    for folder in folders:
        if not os.path.isdir(folder):
            os.makedirs(folder, mode=0o700, exist_ok=True)
