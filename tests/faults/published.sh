#!/usr/bin/env bash
# A database that is published, handed over or taken over while the disk is full or fails and while the process is killed: one of the two
# files stands there whole, and the same command does it the next time, without leaving anything behind. $4 is the collector of the tests.
. "$(dirname "$0")/lib.sh"
mkdir bin
cp "$(cd "$OLDPWD" && cd "$(dirname "$4")" && pwd)/$(basename "$4")" bin/pixsweep # the library looks at programs of this name only
GONE=999999999

make_data data 16 4
experiment exp.yaml one 'n_epochs: 2'
run 0 whole exp.yaml
PRODUCT=$PIXSWEEP
PIXSWEEP=$WORK/bin/pixsweep

# logged DB SQL: what SQL writes stands in the -wal of DB only, as after a kill
logged() {
    mkdir saved
    sqlite3 -batch "$1" "PRAGMA wal_autocheckpoint = 0; $2" ".shell cp $1 $1-wal saved" >/dev/null
    mv saved/* "$(dirname "$1")" && rmdir saved && rm -f "$1-shm"
}
event="INSERT INTO event (at_ms, level, kind, message) VALUES (1, 'info', 'new', 'm')"

# publish: an old copy, and a database with a row more. hand_over: that row is in the write-ahead log. take_over: there is a copy.
mkdir -p base.publish/own base.hand_over base.take_over
cp whole/pixsweep.db base.publish/own/own.db
"$PIXSWEEP" publish base.publish/own/own.db base.publish/pixsweep.db $GONE || fail "publish"
logged base.publish/own/own.db "$event"
cp whole/pixsweep.db base.hand_over/
logged base.hand_over/pixsweep.db "$event"
[ -s base.hand_over/pixsweep.db-wal ] || fail "no log"
cp base.publish/pixsweep.db base.take_over/
arguments() {
    case $1 in
    publish) echo publish res/own/own.db res/pixsweep.db $GONE ;;
    hand_over) echo hand_over res/pixsweep.db own.db $GONE ;;
    take_over) echo take_over res/pixsweep.db res/pixsweep.db ;;
    esac
}
# The row more: in the database from the start (hand_over), in the new copy only (publish), nowhere (take_over).
events() { sqlite3 -batch "$1" "PRAGMA integrity_check; SELECT count(*) FROM batch_loss; SELECT count(*) FROM event WHERE kind = 'new'" | tr '\n' ' '; }

# one COMMAND RULES
one() {
    local before after
    trial="$2"
    trials=$((trials + 1))
    rm -rf res && cp -rp "base.$1" res
    shimmed "$2" $(arguments "$1")
    [ "$(hit)" != 0 ] || missed=$((missed + 1))
    [ $code -eq 0 ] || [ $code -eq 137 ] || [ -s run.err ] || wrong "$1 ended with $code and says nothing"
    rm -rf seen && cp -rp res seen # a look at the log would change it
    case "$1,$(events seen/pixsweep.db)" in
    publish,"ok 4 "[01]' ' | hand_over,'ok 4 1 ' | take_over,'ok 4 0 ') ;;
    *) wrong "$1: the database has $(events seen/pixsweep.db)" ;;
    esac
    if [ "$(head -c 72 res/pixsweep.db | tail -c 4)" = pxsp ]; then
        [ "$1" = publish ] && [ -e res/pixsweep.db-wal ] && wrong "a log beside a copy"
        [ "$(head -c 20 res/pixsweep.db | tail -c 2 | od -An -t x1)" = ' 01 01' ] || wrong "a copy with a log"
    fi
    # And again, without faults. What was done already cannot be handed over twice.
    "$PIXSWEEP" $(arguments "$1") 2>again.err || grep -q 'is a copy that' again.err || wrong "$1 again: $(cat again.err)"
    case "$1,$(events res/pixsweep.db)" in
    publish,'ok 4 1 ' | hand_over,'ok 4 1 ' | take_over,'ok 4 0 ') ;;
    *) wrong "$1 again: the database has $(events res/pixsweep.db)" ;;
    esac
    [ -z "$(find res -name '*.tmp.*' -o -name '*.publish' -o -name '*-journal')" ] || wrong "left: $(find res)"
}

# The last argument of trial's rules tells what is injected, at so many points spread over all calls.
spread() {
    local command=$1 op=$2 n stride calls
    rm -rf res && cp -rp "base.$command" res
    shimmed "op=$op" $(arguments "$command")
    [ $code -eq 0 ] || fail "$command without faults ended with $code: $(cat run.err)"
    calls=$(seen)
    [ "$calls" -gt 0 ] || fail "no $op in $command"
    stride=$(((calls + $4 - 1) / $4))
    [ "$MODE" = long ] && stride=1
    for n in $(seq $((1 + RANDOM % stride)) $stride "$calls"); do
        one "$command" "op=$op,n=$n,$3"
    done
}

if [ -n "${FAULT_ONLY:-}" ]; then
    for command in publish hand_over take_over; do one $command "$FAULT_ONLY"; done
    exit
fi
for command in publish hand_over take_over; do
    step "$command: killed, and killed in the middle of a write"
    spread $command call action=kill 6
    spread $command write action=half 3
    spread $command rename action=after 1
    step "$command: a disk that is full, or fails"
    spread $command write errno=ENOSPC,count=0 4
    spread $command sync errno=EIO 2
    spread $command open errno=EACCES 3
    spread $command rename errno=EIO 1
    spread $command unlink errno=EIO 2
done
step "the disk has no locks: the claim decides"
one publish 'op=lock,match=pixsweep.db.lock,n=1,count=0,errno=ENOLCK'
[ $code -eq 0 ] || wrong "publishing without locks ended with $code: $(cat run.err)"

step "on a network file system a copy is read, and stays one: commands write into the collector's database, run here is refused"
rm -rf res && cp -rp base.take_over res
sqlite3 -batch base.publish/own/own.db "UPDATE run SET dir = '$WORK/res/own/' || dir" # as a collector has them
nfs="op=statfs,n=1,count=0,value=$((0x6969))"
PIXSWEEP=$PRODUCT
shimmed "$nfs" sql 'SELECT count(*) AS n FROM batch_loss' --format csv --results res
[ "$code $(tail -n 1 run.out)" = '0 4' ] || fail "sql ended with $code: $(cat run.out run.err)"
shimmed "$nfs" run exp.yaml --results res
[ $code -eq 2 ] || fail "run ended with $code: $(cat run.err)"
says run.err 'network file system (NFS).*--db'
cmp res/pixsweep.db base.take_over/pixsweep.db || fail "something was written"
shimmed "$nfs" cancel one --results res
[ $code -eq 0 ] || fail "cancel ended with $code: $(cat run.err)"
says run.err "this goes into $WORK/base.publish/own/own.db"
[ "$(events res/pixsweep.db)" = 'ok 4 1 ' ] || fail "it is not published"
summary
