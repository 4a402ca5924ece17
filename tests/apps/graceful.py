"""Says "ready", and lives until SIGTERM, at which it exits 0 as a good server does."""

import signal
import sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("ready", flush=True)
while True:
    signal.pause()
