"""A program whose first thread ends, while another lives on: it looks like a zombie."""

import ctypes
import signal
import threading

threading.Thread(target=signal.sigwait, args=({signal.SIGUSR1},)).start()
ctypes.CDLL(None).pthread_exit(None)
