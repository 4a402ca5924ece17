# The launcher: the parent of one child. It records the child's pid and exit; it carries no byte of output.
#
# The child begins with the word for it, a line on 8, once its pid is written down; where there will be no word,
# or the pid cannot be written, nothing has been.
# Standard input is the run record, open for appending. The environment is the child's,
# but for TSM_FOLD_n: NAME=VALUE words that a shell would drop or change. A caught signal is reset for the child,
# an ignored one would not be: hence `trap :`.
#
# usage: launch.sh NAME PYTHON TSM_HOME HOME PATH PYTHONPATH UMASK CWD FOLDED ARGV...

trap : HUP INT QUIT TERM PIPE ALRM USR1 USR2
cd -- "$3/runtime/processes/$1" || exit

( # ends as the child: same pid, same start time
    read -r pid _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ ticks _ </proc/self/stat
    if ! read -r _ <&8 || ! echo "pid $pid $ticks" >&0; then
        read -r _ _ _ parent _ </proc/self/stat
        [ "$parent" = $$ ] && kill -s KILL $$
        exit
    fi
    exec 8<&-
    exec >>current.out 2>>current.err
    umask "$7"
    cd -- "$8" || exit 126
    exec </dev/null
    folded=$9
    shift 9
    unset OLDPWD
    [ "$folded" = 0 ] || while :; do
        eval "set -- \"\$TSM_FOLD_$folded\" \"\$@\"; unset TSM_FOLD_$folded"
        folded=$((folded - 1))
        [ "$folded" = 0 ] && set -- /usr/bin/env -- "$@" && break
    done
    exec "$@"
)
echo "exit $?" >&0
exec 8<&-

# A resident patrol sees to the rest, if there is one that lives and is not stopped.
resident() {
    read -r there begun <../../patrol/resident || return
    read -r stat <"/proc/$there/stat" || return
    set -- ${stat##*) }
    [ "${20}" = "$begun" ] && case $1 in [TtZX]) return 1 ;; esac
}

wanted() {
    [ -f run ] && ! [ -e down ]
}

# A command that writes `down` sees to the rest as well, and so does the launcher of the next run, if it has come
# so far that there is one.
mine() {
    wanted || return
    launched=
    while read -r word rest; do
        case $word in
        id) id=$rest ;;
        launcher) launched=$rest ;;
        esac
    done <run
    [ "$id" = "$TSM_RUN" ] || ! [ "$launched" ]
}

# Most often a resident is at work on it by now, and needs the processor; it dismisses this launcher when it is done.
if wanted && read -r there _ <../../patrol/resident && kill -0 "$there"; then
    PATH=/usr/bin:/bin sleep 0.1
fi

# A resident that does not get round to it in some seconds is not waited for.
again=5
patience=1
while mine; do
    if [ "$patience" -lt 16 ] && resident; then
        pause=$patience patience=$((patience * 2))
    else
        pause=$(/usr/bin/env -i TSM_HOME="$3" HOME="$4" PATH="$5" ${6:+PYTHONPATH="$6"} \
            "$2" -P -m tsm patrol --after-exit -- "$1" 2>>../../patrol/patrol.log) ||
            pause=$((again = again < 300 ? again * 2 : 600)) # tsm is being upgraded, the disk is full
        patience=1
    fi
    [ "$pause" ] && mine || exit 0
    PATH=/usr/bin:/bin sleep "$pause"
done
