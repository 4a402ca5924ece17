"""A process manager in which the file system is the manager."""

__version__ = "0.1.0"
