# Runs one hook, the words after UMASK and CWD, and leaves nobody of its session behind.
#
# It is the leader of that session. Its standard output and error are the hook's, whose words begin with timeout(1).
# Its own last line there tells of a failure, and when that was.
#
# usage: hook.sh DIRECTORY HOOK UMASK CWD ARGV...

exec 3>&2 2>/dev/null # a shell says who was killed
(
    exec 2>&3 3>&-
    umask "$3"
    cd -- "$4" || exit 126
    shift 4
    exec "$@"
)
set -- "$?" "$2"
for _ in 1 2; do # the second time for those who were just being forked
    for pid in $(grep -Ehs "\) [^ZX] [0-9]+ [0-9]+ $$ " /proc/[0-9]*/stat | cut -d ' ' -f 1); do
        [ "$pid" = $$ ] || kill -KILL "$pid" 2>/dev/null
    done
done
[ "$1" = 0 ] || echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) tsm: $2 ended with $1"
exit "$1"
