"""Many commands of tsm in one process, for tests that need hundreds: a list of words a line.

Answers each with a line of JSON: status, out, err.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile

from tsm import cli


def main() -> None:
    """Carry them out one after the other."""
    answers = os.fdopen(os.dup(1), "w")
    streams = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115 - until the end
    for line in sys.stdin:
        for number, stream in enumerate(streams, 1):
            stream.seek(0)
            stream.truncate()
            os.dup2(stream.fileno(), number)
        status = cli.main(json.loads(line))
        sys.stdout.flush()
        sys.stderr.flush()
        out, err = (_content(stream.fileno()) for stream in streams)
        answers.write(json.dumps({"status": status, "out": out, "err": err}) + "\n")
        answers.flush()


def _content(fd: int) -> str:
    return os.pread(fd, 1 << 24, 0).decode("utf-8", "surrogateescape")


if __name__ == "__main__":
    main()
