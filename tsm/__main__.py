"""`python -m tsm` is the command `tsm`."""

from tsm.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
