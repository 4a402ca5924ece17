# Lives until it is told its exit code, and writes that down as the last thing it does.
#
# usage: child.sh FIFO FOLDER HELPERS
[ "$3" = 0 ] || sleep 86399 &
read -r code <"$1" && echo "$code" >"$2/$TSM_RUN" && exit "$code"
