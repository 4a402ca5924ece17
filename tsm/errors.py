"""What can go wrong, each kind with the exit status that reports it."""


class TsmError(Exception):
    """One line for the user: lower case, names the process or file, says what would help."""

    status = 1
    help = ""  # what would help, if the message does not say so

    @property
    def line(self) -> str:
        """The whole line."""
        return f"{self}: {self.help}" if self.help else str(self)


class Failed(TsmError):
    """The thing asked for did not happen, or the answer is no."""


class Usage(TsmError):
    """The command line, a name or a value makes no sense."""

    status = 2


class NoSuchProcess(TsmError):
    """No process goes by that name, id or glob."""

    status = 3


class Busy(TsmError):
    """A lock was not had in time."""

    status = 4


class TimedOut(TsmError):
    """What was waited for did not come in time."""

    status = 5


class Broken(TsmError):
    """A file of the home does not hold what its format says."""

    status = 6

    def __init__(self, message: str, advice: str = "tsm check tells what repairs it") -> None:
        super().__init__(message)
        self.help = advice


class Refused(TsmError):
    """The system said no: permission, disk, limits, a port in use."""

    status = 7


def refused(error: OSError) -> Refused:
    """The error of a system call as one of tsm's."""
    where = (
        error.filename.decode(errors="replace")
        if isinstance(error.filename, bytes)
        else error.filename
    )
    return Refused(f"{where}: {error.strerror}" if where else str(error.strerror or error))
