"""Forks as vfork(2) does, and waits until its child has got to its exec.

usage: vforking.py FIFO: the child opens that before
"""

from __future__ import annotations

import os
import sys
import time

argv = ["sleep", "1000"]
before = (os.POSIX_SPAWN_OPEN, 0, sys.argv[1], os.O_RDONLY, 0)
os.posix_spawn("/bin/sleep", argv, os.environ, file_actions=[before])
time.sleep(1000)
