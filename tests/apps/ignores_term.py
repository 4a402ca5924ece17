"""Ignores SIGTERM, says "ready", and lives until SIGKILL."""

import signal

signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True:
    signal.pause()
