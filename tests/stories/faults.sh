#!/bin/sh
# Faults of a whole platform: faults.sh plant|cure FAULT, on its host in /opt/jiucom. The roles do not know this file.
set -e
kept=/root/kept

keep() { mkdir -p $kept && cp -a "$1" "$kept/$(basename "$1")"; }
back() { cp -a "$kept/$(basename "$1")" "$1"; }
# Without --no-deps, which would give a container another hash than its definition has.
again() { docker compose up --detach --force-recreate --wait "$1"; }
reload() { docker compose exec -T nginx nginx -c /etc/nginx/jiucom/nginx.conf -s reload; }
image() { docker inspect -f '{{.Config.Image}}' "$(docker compose ps --quiet "$1")"; }
sql() { docker compose exec -T -e MYSQL_PWD="$(cat mysql/secrets/root_password)" mysql mysql -uroot -e "$1"; }

# Runs a service by a definition that compose.yaml does not have: override SERVICE YAML.
override() {
    printf 'services:\n  %s:\n%s\n' "$1" "$2" > /root/wrong.yaml
    docker compose --file compose.yaml --file /root/wrong.yaml up --detach "$1"
}

case "$1 $2" in
    "plant mysql") docker compose stop mysql ;;
    "cure mysql") docker compose start mysql ;;

    "plant db-host") override app '    environment: {DB_HOST: nowhere}' ;;
    "plant endpoint") override app '    environment: {ZIPKIN_ENDPOINT: "http://nowhere:9411/api/v2/spans"}' ;;
    "cure db-host" | "cure endpoint" | "cure memory" | "cure contract") again app ;;

    "plant job")
        keep prometheus/conf/prometheus.yml
        sed -i 's/job_name: redis-exporter/job_name: another/' prometheus/conf/prometheus.yml
        docker compose exec -T prometheus sh -c 'kill -HUP 1'
        ;;
    "cure job")
        back prometheus/conf/prometheus.yml
        docker compose exec -T prometheus sh -c 'kill -HUP 1'
        ;;

    "plant datasource")
        keep grafana/provisioning/datasources/datasource.yml
        sed -i 's,//prometheus:,//elsewhere:,' grafana/provisioning/datasources/datasource.yml
        docker compose restart grafana
        ;;
    "cure datasource")
        back grafana/provisioning/datasources/datasource.yml
        docker compose restart grafana
        ;;

    "plant upstream")
        keep nginx/conf/app.conf
        sed -i 's/app:8080/app:8090/' nginx/conf/app.conf
        reload
        ;;
    "cure upstream")
        back nginx/conf/app.conf
        reload
        ;;

    "plant exporter")
        keep mysql-exporter/secrets/my.cnf
        sed -i 's/^password.*/password = wrong/' mysql-exporter/secrets/my.cnf
        docker compose restart mysql-exporter
        ;;
    "cure exporter")
        back mysql-exporter/secrets/my.cnf
        docker compose restart mysql-exporter
        ;;

    "plant password")
        sql "ALTER USER jiucom@'%' IDENTIFIED BY 'another'"
        docker compose restart app
        ;;
    "cure password")
        sql "ALTER USER jiucom@'%' IDENTIFIED BY 'jiucom1234'"
        docker compose restart app
        ;;

    "plant memory") docker compose exec -T app python -c 'x = bytearray(3 * 10**9)' || true ;;

    "plant build")
        docker tag "$(image redis-exporter)" localhost/kept:1
        printf 'FROM localhost/kept:1\nLABEL by=hand\n' | docker build --quiet --tag "$(image redis-exporter)" -
        ;;
    "cure build")
        docker tag localhost/kept:1 "$(image redis-exporter)"
        docker rmi localhost/kept:1
        ;;

    "plant file")
        keep redis/conf/redis.conf
        echo 'maxclients 77' >> redis/conf/redis.conf
        ;;
    "cure file") back redis/conf/redis.conf ;;

    "plant replica") docker compose up --detach --no-recreate --wait --scale app=2 app ;;
    "cure replica") docker compose up --detach --no-recreate --wait --scale app=1 app ;;

    "plant limit") docker update --memory 200m --memory-swap 200m "$(docker compose ps --quiet redis-exporter)" ;;
    "cure limit") again redis-exporter ;;

    "plant port")
        docker compose stop nginx
        setsid python3 -m http.server 80 > /dev/null 2>&1 < /dev/null &
        echo $! > /root/stranger
        sleep 1
        docker compose start nginx || true
        ;;
    "cure port")
        kill "$(cat /root/stranger)"
        while curl --silent --output /dev/null http://127.0.0.1/; do sleep 0.2; done
        docker compose start nginx
        ;;

    "plant lock")
        printf '{"verb": "deploy", "user": "kim", "node": "elsewhere", "boot": "b", "process": 1, "started": 1, "since": 1.0,
            "until": 2.0, "depth": 1, "token": "t"}' > .lock
        ;;
    "cure lock") rm .lock ;;

    "plant deploy")
        sed 's/LOG_LEVEL: .*/LOG_LEVEL: "DEBUG"/' compose.yaml > .compose.next.yaml
        docker compose --project-directory . --file .compose.next.yaml up --detach --no-recreate --wait --scale app=2 app
        ;;
    "cure deploy")
        rm .compose.next.yaml
        docker compose ps --quiet app | xargs docker rm --force
        docker compose up --detach --wait app
        ;;

    "plant contract")
        directory=$(docker compose exec -T app python -c 'import jiucom.db as d; print(d.__path__[0])')/migrations/versions
        newest=$(docker compose exec -T app ls "$directory" | grep -o '^[0-9]*' | tail -n 1)
        cat > /root/0099_gone.py << REVISION
revision = "0099"
down_revision = "$newest"
branch_labels = None
depends_on = None
contract = True


def upgrade() -> None:
    pass
REVISION
        override app "    volumes: ['/root/0099_gone.py:$directory/0099_gone.py:ro']"
        ;;

    "plant disk")
        mkdir -p /var/backups/jiucom
        mount -t tmpfs -o size=20m tmpfs /var/backups/jiucom
        ;;
    "cure disk") umount /var/backups/jiucom ;;

    "plant clock")
        mkdir -p /usr/local/lib/late
        printf 'import time\nreal = time.time\ntime.time = lambda: real() - 7200\n' > /usr/local/lib/late/sitecustomize.py
        printf '#!/bin/sh\nPYTHONPATH=/usr/local/lib/late exec /usr/bin/python3 "$@"\n' > /usr/local/bin/late-python
        chmod 755 /usr/local/bin/late-python
        ;;
    "cure clock") rm -r /usr/local/lib/late /usr/local/bin/late-python ;;

    "plant daemon") systemctl stop docker docker.socket ;;
    "cure daemon") systemctl start docker ;;

    *)
        echo "unknown: $*" >&2
        exit 2
        ;;
esac
