# Lives until it is told its exit code, and writes that down as the last thing it does.
#
# usage: child.sh FIFO FOLDER HELPERS
[ "$3" = 0 ] || sleep 86399 &
until read -r code <"$1"; do :; done # who told the one before may not have closed it yet
echo "$code" >"$2/$TSM_RUN" && exit "$code"
