# The launcher for machines that are reached by ssh.
NEEDED="sshd ssh ssh-keygen unshare"
. "$(dirname "$0")/lib.sh"
. "$HERE/ssh_hosts.sh"
ssh=(extra=-F extra="$WORK/ssh_config" extra=-o extra=ConnectTimeout=2)

step "five on two hosts, by turns"
submission "share/o 'e" ssh
drive 0 "share/o 'e" "${ssh[@]}" hosts=pc1,pc2 cpus=1 submit 5
tail -n +2 out | sort >ids
is "3 2" sh -c "echo \$(grep -c ^pc1: ids) \$(grep -c ^pc2: ids)"
soon 5 events "share/o 'e" start
is "" diff ids <(awk '{print $2}' "share/o 'e/events" | sort)
drive 0 "share/o 'e" "${ssh[@]}" alive
is "" diff ids <(awk '$3 == "running" {print $1}' out | sort)
drive 0 "share/o 'e" "${ssh[@]}" submit 5
is 5 events "share/o 'e" start

step "one is cancelled, with all of its session"
one=$(head -n 1 ids)
drive 0 "share/o 'e" "${ssh[@]}" cancel "$one" "pc1:1:1" # the second is another process by now: it lives on
soon 1 events "share/o 'e" term
grep -q "^term $one" "share/o 'e/events" || fail "another one: $(cat "share/o 'e/events")"
living() { "$DRIVE" "$WORK/$1" "${ssh[@]}" alive | awk '{n[$3]++} END {print n["running"] + 0, n["unknown"] + 0}'; }
soon "4 0" living "share/o 'e"

step "a host that does not answer leaves its own jobs unknown"
kill -STOP "$(cat pids/pc2)"
soon "2 2" living "share/o 'e"
drive 0 "share/o 'e" "${ssh[@]}" alive
says "pc2 does not answer"
drive 75 "share/o 'e" "${ssh[@]}" cancel $(cat ids)
says "pc2 does not answer or does not obey: its jobs go on"
soon 3 events "share/o 'e" term
kill -CONT "$(cat pids/pc2)"
soon "0 2" sh -c "'$DRIVE' \"$WORK/share/o 'e\" extra=-F extra='$WORK/ssh_config' alive | awk '{n[\$3]++} END {print n[\"unknown\"] + 0, n[\"running\"] + 0}'"
touch "share/o 'e/end"
soon "0 0" living "share/o 'e"

step "a host that is off is left out; none at all: later"
submission share/off ssh
drive 75 share/off "${ssh[@]}" hosts=off submit 2
says "no host answers"
drive 0 share/off "${ssh[@]}" hosts=$'pc1\noff' throttle=1 submit 3
says "warning: launcher: submit: off does not answer and is left out"
soon "1 0" living share/off
touch share/off/end
soon "0 0" living share/off

step "a host that does not see the folder is refused, and nothing is started"
submission share/apart ssh
drive 1 share/apart "${ssh[@]}" hosts=pc1,pc3 submit 2
says "pc3 does not see $WORK/share/apart"
says "pixsweep merge"
is 0 events share/apart start
drive 1 share/apart "${ssh[@]}" submit 2
says "no hosts"
drive 1 share/apart "${ssh[@]}" hosts=-oProxyCommand=x submit 2
says "is no name of a host"

step "a submit that is cut off is found by its name"
submission share/cut ssh
# Once both jobs have started, the launcher and its ssh are killed before it prints an id.
mkdir bin
cat >bin/ssh <<KILLER
#!/bin/bash
/usr/bin/ssh "\$@" || exit
if [[ \$* == *pc2* && -e $WORK/seen ]]; then
    until [[ \$(cat "$WORK/share/cut/events" | wc -l) == 2 ]]; do sleep 0.05; done
    kill -KILL 0
fi
[[ \$* != *pc2* ]] || touch "$WORK/seen"
KILLER
chmod 755 bin/ssh
PATH=$WORK/bin:$PATH drive 75 share/cut "${ssh[@]}" hosts=pc1,pc2 submit 2
says "killed by signal 9"
says unknown
drive 0 share/cut "${ssh[@]}" hosts=pc1,pc2 submit 2
says accepted
soon 2 events share/cut start
is "2 0" living share/cut
mv share/cut share/moved # as a disk that is away: nobody knows, never gone
mkdir share/cut
cp share/moved/{launcher,submission} share/cut
drive 75 share/cut "${ssh[@]}" alive
rm -r share/cut
mv share/moved share/cut
touch share/cut/end
soon "0 0" living share/cut
step "well"
