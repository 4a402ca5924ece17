#!/bin/sh
# Says its arguments on stdout and "oops" on stderr, and lives until a signal ends it.
echo "hello $*"
echo oops >&2
exec sleep infinity
