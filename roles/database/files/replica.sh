#!/bin/bash
# Starts a read replica. An empty volume is filled first, by MySQL's clone plugin, from the primary while that goes on serving.
# SOURCE_HOST, SOURCE_PORT and SOURCE_USER say where that is, SERVER_ID is this server's own.
set -euo pipefail
shopt -s dotglob nullglob

data=/var/lib/mysql
# There until the copy is whole: with it, the directory holds nothing worth keeping.
unfinished=$data/.cloning
# The server that copies listens on no port, so that it is not taken for the replica.
socket=/tmp/clone.sock
aside=(--server-id="$SERVER_ID" --read-only=OFF --super-read-only=OFF --skip-networking --socket="$socket" --pid-file=/tmp/clone.pid)

log() { printf '%s [replica] %s\n' "$(date --utc +%FT%TZ)" "$*"; }

copying() { mysql --no-defaults --socket="$socket" --user=root "$@" 2>&1; }

copy() {
    copying <<SQL
SET GLOBAL clone_valid_donor_list = '$SOURCE_HOST:$SOURCE_PORT';
CLONE INSTANCE FROM '$SOURCE_USER'@'$SOURCE_HOST':$SOURCE_PORT
IDENTIFIED BY '$(sed -e 's/\\/\\\\/g' -e "s/'/''/g" /run/secrets/replica_password)' REQUIRE SSL;
SQL
}

fill() {
    local server said
    rm -rf "${data:?}"/*
    touch "$unfinished"
    mysqld --initialize-insecure "${aside[@]}"
    mysqld "${aside[@]}" --plugin-load-add=mysql_clone.so &
    server=$!
    until copying --execute='SELECT 1' >/dev/null; do
        kill -0 "$server"
        sleep 0.2
    done
    log "copying from $SOURCE_HOST"
    # Whole, it would restart the server, which nothing can do here: error 3707, and the server ends.
    while said=$(copy) || true; [[ $said != *3707* ]]; do
        log "not copied: $said"
        kill -0 "$server"
        sleep 2
    done
    wait "$server" || true
    rm "$unfinished"
    log 'copied'
}

if [[ -e $unfinished || ! -d $data/mysql ]]; then
    # A shell that is process 1 ignores signals it does not handle.
    trap 'exit 143' TERM INT
    umask 0077
    fill
    trap - TERM INT
fi
# The file says which server to follow, with the password of now, each time anew.
exec mysqld --server-id="$SERVER_ID" --init-file=/run/secrets/source.sql
