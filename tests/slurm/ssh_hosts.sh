# Three hosts, each an sshd of its own on a high port of this machine with keys of the test's own; pc3 does not see the shared folder.
# Nothing in /etc, /run or a home folder is touched. Usage: sourced behind lib.sh; `ssh -F $WORK/ssh_config pc1`.
mkdir share
ssh-keygen -q -t ed25519 -N '' -f key
cp key.pub authorized
for host in pc1 pc2 pc3; do
    ssh-keygen -q -t ed25519 -N '' -f "$host.key"
    for try in $(seq 20); do
        port=$((17000 + RANDOM % 14900))
        cat >"$host.conf" <<CONF
Port $port
ListenAddress 127.0.0.1
HostKey $WORK/$host.key
AuthorizedKeysFile $WORK/authorized
PidFile $WORK/pids/$host
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
LogLevel INFO
CONF
        # A /run of its own, for the folder that sshd wants there.
        unshare --mount --propagation private bash -c 'mount -t tmpfs none /run && mkdir -m 755 /run/sshd || exit 1
            [[ $1 != pc3 ]] || mount -t tmpfs none "$2/share"
            exec /usr/sbin/sshd -D -E "$2/$1.log" -f "$2/$1.conf"' sshd "$host" "$WORK" </dev/null >/dev/null 2>&1 &
        server=$!
        disown
        for i in $(seq 100); do
            grep -q 'Server listening' "$host.log" 2>/dev/null && break 2
            kill -0 "$server" 2>/dev/null || break
            sleep 0.05
        done
    done
    grep -q 'Server listening' "$host.log" || fail "no sshd: $(cat "$host.log")"
    printf 'Host %s\nHostName 127.0.0.1\nPort %s\nHostKeyAlias %s\n' "$host" "$port" "$host" >>ssh_config
done
cat >>ssh_config <<CONF
Host off
HostName 127.0.0.1
Port 1
Host *
User root
IdentityFile $WORK/key
IdentitiesOnly yes
UserKnownHostsFile $WORK/known
GlobalKnownHostsFile /dev/null
StrictHostKeyChecking accept-new
LogLevel ERROR
CONF
