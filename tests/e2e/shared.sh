#!/usr/bin/env bash
# Folders and files that several people or other programs share: modes as the umask says, what cannot be written is told with its remedy
# before anything trains, -o replaces nothing that cannot be had again, rm takes what commands wrote.
. "$(dirname "$0")/lib.sh"
WORDS=$WORK/words.err

# does CODE WORDS ARGS...: pixsweep ARGS must end with CODE and say WORDS
does() {
    local expected=$1 words=$2 code=0
    shift 2
    "$PIXSWEEP" "$@" >"$WORDS" 2>&1 </dev/null || code=$?
    [ "$code" -eq "$expected" ] || fail "$* ended with $code, not $expected: $(cat "$WORDS")"
    says "$WORDS" "$words"
}
modes() { stat -c %a "$1"/pixsweep.db "$1"/pixsweep.db-wal "$1"/pixsweep.db-shm "$1"/pixsweep.db.lock "$1"/s/0001-base-s0/records.bin | sort -u; }

make_data data 8 4
experiment exp.yaml s 'n_epochs: 1' 'sample_interval: 1'
experiment more.yaml t 'n_epochs: 1'

step "the database and what belongs to it get the mode of every other file"
for mask in 002:664 022:644 077:600; do
    (umask ${mask%:*} && run 0 res${mask%:*} exp.yaml)
    [ "$(modes res${mask%:*})" = "${mask#*:}" ] || fail "under umask ${mask%:*} the modes are $(modes res${mask%:*})"
done
(umask 002 && "$PIXSWEEP" backup copy.db --results res002 >/dev/null)
[ "$(stat -c %a copy.db)" = 664 ] || fail "the copy's mode is $(stat -c %a copy.db)"

step "a database that may not be written to is told before anything trains, with the command that mends it"
if [ "$(id -u)" = 0 ]; then
    command -v setpriv >/dev/null || { echo "skipped: no setpriv"; exit 77; }
    cat >member <<MEMBER
#!/bin/sh
exec setpriv --reuid=54321 --regid=54322 --clear-groups "$PIXSWEEP" "\$@"
MEMBER
    chmod 755 member "$WORK"
    chgrp -R 54322 res022 && chmod 2775 res022
    remedy='`chmod g+rw .*pixsweep.db\*`, given by root, mends that'
else
    ln -s "$PIXSWEEP" member
    chmod 0444 res022/pixsweep.db
    remedy='`chmod u+rw .*pixsweep.db\*` mends that'
fi
tried() { # tried CODE WORDS ARGS...: the same for the other member of the group
    (PIXSWEEP=$WORK/member && does "$@")
}
tried 2 "$remedy" run more.yaml --results res022
tried 2 "$remedy" cancel s --results res022
tried 0 's/0001-base-s0' ls --results res022
[ ! -e res022/t ] || fail "something was made"
mkdir closed && chmod 0555 closed
printf '#!/bin/sh\nexit 2\n' >launcher && chmod 755 launcher
for place in here ./launcher; do
    tried 2 'you may not write to .*/closed .*choose another --results\|/closed may not be written to .*chmod u+rwx' run more.yaml --results closed --on $place
done
if [ "$(id -u)" = 0 ]; then
    chmod g+w res022/pixsweep.db*
    (umask 002 && tried 0 '1 of 1 runs completed' run more.yaml --results res022)
    expect res022 "SELECT count(*) FROM run" 2
    chmod 755 res022/s
    experiment exp2.yaml s 'n_epochs: 2'
    tried 2 'you may not write to .*res022/s .*chmod g+rwx' run exp2.yaml --results res022
    expect res022 "SELECT count(*) FROM run" 2
fi

step "a place that cannot be written to is told by its cause, and nothing is made"
touch file
for place in file file/below /dev/null/x; do
    does 2 'is no folder; choose another --results' run exp.yaml --results "$place"
done
does 2 'cannot make folder /proc/none' run exp.yaml --results /proc/none
does 2 'is no folder' run exp.yaml --results none --db file/x.db
does 2 'is not a regular file' run exp.yaml --results none --db data
[ ! -e none ] || fail "something was made"

step "-o replaces neither a database nor what a run has made, by whatever name"
cp -r res002 res && mkdir out
one=res/s/0001-base-s0
ln -s ../res/pixsweep.db out/link.csv
ln res/pixsweep.db out/hard.csv
ln -s "../$one/config.yaml" out/config.csv
ln "$one/images/0.png" out/hard.png
ln "$one/records.bin" out/records.csv
cp copy.db out/other.csv
sqlite3 out/foreign.db 'CREATE TABLE t (a)'
: >out/foreign.db-wal
find res out -type f -print0 | sort -z | xargs -0 sha256sum >before
while read -r path; do
    does 2 'pixsweep backup' export s --results res -o "$path"
    does 2 'pixsweep backup' report s --results res -o "$path"
done <<PATHS
res/pixsweep.db
./out/../res/pixsweep.db
res/pixsweep.db-wal
res/pixsweep.db-shm
res/pixsweep.db-journal
res/pixsweep.db.lock
out/link.csv
out/hard.csv
out/config.csv
out/records.csv
out/other.csv
out/foreign.db
out/foreign.db-wal
$one/records.bin
$one/config.yaml
$one/worker.log
$one/images/0.png
$one/saved_models/generator_min.safetensors
$one/.worker.lock
out/hard.png
PATHS
does 2 'pixsweep backup' plot s --results res -o out/hard.png
does 2 'pixsweep backup' plot s --samples --results res -o "$one/images/0.png"
does 2 'not overwritten' backup res/pixsweep.db --results res
does 2 'that is a folder' export s --results res -o out
does 2 'a device or a pipe' export s --results res -o /dev/null
sha256sum --quiet -c before || fail "something was replaced"
does 0 'out/new.csv: 1 row' export s --results res -o out/new.csv
does 0 'out/new.csv: 1 row' export s --results res -o out/new.csv
does 0 curves.png plot s/0001-base-s0 --results res -o "$one/curves.png"

step "rm takes what commands wrote into the sweep's folder, and names what stays"
does 0 report.html report s --results res
does 0 curves.png plot s --results res
does 0 samples.png plot s --samples --results res
touch res/s/notes.txt "$one/mine.csv"
does 0 '2 other files in their folders stay (s/0001-base-s0/mine.csv, s/notes.txt)' rm s --yes --results res
[ "$(find res/s -type f | sort | tr '\n' ' ')" = "$one/mine.csv res/s/notes.txt " ] || fail "there are: $(find res/s)"
rm -rf res && cp -r res002 res
does 0 report.html report s --results res
does 0 curves.pdf plot s --results res -o res/s/curves.pdf
does 0 'removed s: 1 run' rm s --yes --results res
[ ! -e res/s ] || fail "left: $(find res/s)"
rm -rf res && cp -r res002 res && rm -r "$one"
does 0 'the folder of 1 run was removed by hand before' rm s --yes --results res

step "data that may not be looked into are not called empty; export -o - is standard output"
chmod 000 data
tried 2 "data may not be looked into (permission denied): .chmod u+rx" plan exp.yaml
chmod 755 data
does 0 '^run_id,' export s --table run --format csv --results res002 -o -
[ ! -e ./- ] || fail "a file of the name -"

step "rm: what may not be removed is told before anything is marked as being removed"
rm -rf res && cp -r res002 res
if [ "$(id -u)" = 0 ]; then
    chgrp -R 54322 res && chmod -R g+w res
    chmod 755 "$one/images"
    remedy="you may not write to .*$one/images .*\`chmod g+rwx .*$one/images\`, given by root"
else
    chmod 555 "$one/images"
    remedy="$one/images may not be written to .*\`chmod u+rwx .*$one/images\` mends that"
fi
(umask 002 && tried 2 "nothing was removed: $remedy" rm s --yes --results res)
expect res "SELECT state FROM run" completed
[ -e "$one/config.yaml" ] || fail "it was removed by half"
chmod 775 "$one/images"
(umask 002 && tried 0 'removed s: 1 run' rm s --yes --results res)
[ ! -e "$one/config.yaml" ] || fail "left: $(find "$one")"
