#!/bin/bash
# Initialises an empty data directory, then becomes the server.
#
# Variables, each also as X_FILE: MYSQL_ROOT_PASSWORD (required for an empty directory), MYSQL_ROOT_HOST (default %),
# MYSQL_DATABASE, MYSQL_USER, MYSQL_PASSWORD. Files of /docker-entrypoint-initdb.d run once, in the order of their names.
# Passwords travel by standard input and by files only the server's user can read, never on a command line.
set -euo pipefail
shopt -s nullglob

data=/var/lib/mysql
# Present from before the first file until after the last one: with it, the directory holds nothing worth keeping.
unfinished=$data/.initialising
private=

log() { printf '%s [entrypoint] %s\n' "$(date --utc +%FT%TZ)" "$*"; }
die() { log "$*" >&2; exit 1; }

# from_file NAME: NAME takes the contents of the file that NAME_FILE names.
from_file() {
    local name=$1 file=${1}_FILE
    if [[ -n ${!file:-} ]]; then
        [[ -z ${!name:-} ]] || die "$name and $file are both set: use one of them"
        [[ -r ${!file} ]] || die "$file: cannot read ${!file} as user $(id -u)"
        export "$name=$(<"${!file}")"
    fi
    unset "$file"
}

# sql_string TEXT: TEXT as an SQL literal.
sql_string() {
    local text=${1//\\/\\\\}
    printf "'%s'" "${text//\'/\\\'}"
}

# option_string TEXT: TEXT as a value of an option file.
option_string() {
    local text=${1//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}

# Root over the socket; further arguments are those of mysql.
root() { mysql --defaults-extra-file="$private/root.cnf" --protocol=socket --user=root --comments "$@"; }

start_aside() {
    # Without networking nobody can take the half-made server for the real one.
    if ! "$@" --daemonize --skip-networking --mysqlx=OFF --pid-file="$private/mysqld.pid" --log-error="$private/error.log"
    then
        cat "$private/error.log" >&2
        die 'the temporary server did not start'
    fi
}

stop_aside() {
    local pid
    pid=$(<"$private/mysqld.pid")
    root --execute='SHUTDOWN'
    # A daemon is nobody's child to wait for, and the real server needs the files it has locked.
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
}

load_time_zones() {
    mysql_tzinfo_to_sql /usr/share/zoneinfo 2>/dev/null | root --database=mysql
}

create_accounts() {
    local password host=${MYSQL_ROOT_HOST:-%} database=${MYSQL_DATABASE:-} user=${MYSQL_USER:-}
    password=$(sql_string "$MYSQL_ROOT_PASSWORD")
    {
        # Nothing of this belongs in a replica's or a recovery's stream of changes.
        echo 'SET @@SESSION.SQL_LOG_BIN = 0;'
        if [[ -n $database ]]; then
            echo "CREATE DATABASE IF NOT EXISTS \`${database//\`/\`\`}\`;"
        fi
        if [[ -n $user ]]; then
            echo "CREATE USER $(sql_string "$user")@'%' IDENTIFIED BY $(sql_string "$MYSQL_PASSWORD");"
            if [[ -n $database ]]; then
                # In a GRANT, _ and % of a database's name are wildcards.
                local pattern=${database//\`/\`\`}
                pattern=${pattern//_/\\_}
                echo "GRANT ALL ON \`${pattern//%/\\%}\`.* TO $(sql_string "$user")@'%';"
            fi
        fi
        if [[ $host != localhost ]]; then
            echo "CREATE USER 'root'@$(sql_string "$host") IDENTIFIED BY $password;"
            echo "GRANT ALL ON *.* TO 'root'@$(sql_string "$host") WITH GRANT OPTION;"
        fi
        echo "ALTER USER 'root'@'localhost' IDENTIFIED BY $password;"
    } | root
    printf '[client]\npassword=%s\n' "$(option_string "$MYSQL_ROOT_PASSWORD")" >"$private/root.cnf"
}

run_init_files() {
    local file database=()
    [[ -z ${MYSQL_DATABASE:-} ]] || database=(--database="$MYSQL_DATABASE")
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
            *.sh)
                log "running $file"
                # shellcheck disable=SC1090
                if [[ -x $file ]]; then "$file"; else . "$file"; fi ;;
            *.sql) log "reading $file"; root "${database[@]}" <"$file" ;;
            *.sql.gz) log "reading $file"; gunzip --stdout "$file" | root "${database[@]}" ;;
            *) log "ignoring $file" ;;
        esac
    done
}

initialise() {
    [[ -n ${MYSQL_ROOT_PASSWORD:-} ]] || die 'the data directory is empty: set MYSQL_ROOT_PASSWORD_FILE'
    [[ -z ${MYSQL_USER:-} || -n ${MYSQL_PASSWORD:-} ]] || die 'MYSQL_USER is set: set MYSQL_PASSWORD_FILE too'
    [[ ${MYSQL_USER:-} != root ]] || die 'MYSQL_USER names a further account: root exists already'

    private=$(mktemp --directory)
    trap 'rm -rf "$private"' EXIT
    : >"$private/root.cnf"

    log 'initialising the data directory'
    touch "$unfinished"
    "$@" --initialize-insecure
    start_aside "$@"
    load_time_zones
    create_accounts
    run_init_files
    stop_aside
    rm "$unfinished"
    rm -rf "$private"
    trap - EXIT
    log 'initialised'
}

[[ ${1:-} != -* ]] || set -- mysqld "$@"

if [[ ${1:-} == mysqld ]]; then
    for name in MYSQL_ROOT_PASSWORD MYSQL_ROOT_HOST MYSQL_DATABASE MYSQL_USER MYSQL_PASSWORD; do from_file "$name"; done
    [[ -w $data ]] || die "cannot write $data as user $(id -u)"
    if [[ -e $unfinished ]]; then
        log 'the last initialisation was interrupted: starting it over'
        find "$data" -mindepth 1 ! -path "$unfinished" -delete
    fi
    if [[ ! -d $data/mysql ]]; then
        # A shell that is process 1 ignores signals it does not handle.
        trap 'exit 143' TERM INT
        umask 0077
        initialise "$@"
        trap - TERM INT
    fi
    # The server needs none of them, and its environment can be read by docker exec.
    unset MYSQL_ROOT_PASSWORD MYSQL_PASSWORD
fi
exec "$@"
