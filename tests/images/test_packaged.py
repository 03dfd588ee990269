"""What the images built from packages promise beyond the official ones. Other images are not asked."""

from __future__ import annotations

import docker
import pytest

from .conftest import image_of
from .service import SECRET, Start, eventually

USERS = {
    "python": "",
    "mysql": "999:999",
    "redis": "999:1000",
    "nginx": "101:101",
    "prometheus": "65534:65534",
    "grafana": "472:0",
    "redis-exporter": "59000:59000",
    "mysql-exporter": "65534:65534",
    "zipkin": "1000:1000",
    "opensearch": "1000:1000",
    "alertmanager": "65534:65534",
    "node-exporter": "65534:65534",
    "nginx-exporter": "1001:1001",
}
NAMES = tuple(USERS)


@pytest.fixture(autouse=True)
def _packaged_only(daemon: docker.DockerClient, request: pytest.FixtureRequest) -> None:
    callspec = getattr(request.node, "callspec", None)
    service = callspec.params.get("name", "mysql") if callspec else "mysql"
    if image_of(daemon, service).labels.get("io.jiucom.source") != "packages":
        pytest.skip(f"{service} is an official image here")


@pytest.mark.parametrize("name", NAMES)
def test_labels_and_user(daemon: docker.DockerClient, name: str) -> None:
    image = image_of(daemon, name)
    packages = dict(line.split("=", 1) for line in image.labels["io.jiucom.packages"].split())
    version = image.labels["org.opencontainers.image.version"]
    assert version[0].isdigit()
    assert next(iter(packages.values())).split(":")[-1].startswith(version), "the first package is the product"
    assert any(tag.endswith(image.labels["io.jiucom.recipe"][:12]) for tag in image.tags)
    assert image.attrs["Config"].get("User", "") == USERS[name]
    assert image.labels["io.jiucom.product"] == ("board" if name == "grafana" else name)
    assert f"{version}.".startswith(f"{image.labels['io.jiucom.line']}.")


@pytest.mark.parametrize("name", NAMES)
def test_images_have_no_files_of_the_build(daemon: docker.DockerClient, name: str) -> None:
    recipes = "/recipe /zipkin.recipe /opensearch.recipe"
    look = f"ls -A /var/lib/apt/lists /run/secrets {recipes} 2>/dev/null | grep -v ':$' | grep -v '^$' || true"
    left = daemon.containers.run(
        image_of(daemon, name).id or "", ["-c", look], entrypoint=["sh"], user="0", remove=True, network_mode="none"
    )
    assert left.decode().split() in ([], ["auxfiles", "partial"], ["partial"])


def test_mysql_starts_an_interrupted_initialisation_over(start: Start) -> None:
    mysql = start("mysql", data="/var/lib/mysql", environment={"MYSQL_ROOT_PASSWORD": SECRET})
    eventually(lambda: "InnoDB initialization has ended" in mysql.logs())
    mysql.container.kill("KILL")
    mysql.container.wait()
    mysql.restart()
    mysql.healthy("grep -q . /var/run/mysqld/mysqld.pid && ! ls /var/lib/mysql/.initialising", 120)
    assert "the last initialisation was interrupted" in mysql.logs()
    assert "Access denied" in mysql.sh("MYSQL_PWD=wrong mysql -u root -e 'SELECT 1'")[1], "root has no password"


def test_mysql_keeps_passwords_to_itself(start: Start) -> None:
    mysql = start("mysql", data="/var/lib/mysql", environment={"MYSQL_ROOT_PASSWORD": "needle-in-process-1"})
    mysql.healthy("grep -q . /var/run/mysqld/mysqld.pid && ! ls /var/lib/mysql/.initialising", 120)
    eventually(lambda: mysql.program()[0].endswith("mysqld"))
    assert "needle" not in mysql.out("cat /proc/1/environ /proc/1/cmdline | tr '\\0' '\\n'")
    assert "needle" not in mysql.logs()


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "set MYSQL_ROOT_PASSWORD_FILE"),
        ({"MYSQL_ROOT_PASSWORD_FILE": "/nowhere"}, "cannot read /nowhere as user 999"),
        ({"MYSQL_ROOT_PASSWORD": "a", "MYSQL_ROOT_PASSWORD_FILE": "/etc/hostname"}, "use one of them"),
        ({"MYSQL_ROOT_PASSWORD": "a", "MYSQL_USER": "u"}, "set MYSQL_PASSWORD_FILE too"),
        ({"MYSQL_ROOT_PASSWORD": "a", "MYSQL_USER": "root", "MYSQL_PASSWORD": "b"}, "root exists already"),
    ],
)
def test_mysql_refuses_by_name(start: Start, environment: dict[str, str], message: str) -> None:
    mysql = start("mysql", data="/var/lib/mysql", environment=environment)
    assert mysql.container.wait()["StatusCode"] == 1
    assert message in mysql.logs()


def test_mysql_makes_the_application_account(start: Start) -> None:
    mysql = start(
        "mysql",
        data="/var/lib/mysql",
        environment={
            "MYSQL_ROOT_PASSWORD": SECRET,
            "MYSQL_DATABASE": "my_shop",
            "MYSQL_USER": "shop",
            "MYSQL_PASSWORD": "word",
        },
    )
    login = "MYSQL_PWD=word mysql --protocol=tcp -h 127.0.0.1 -u shop -N"
    mysql.healthy(f"{login} -e 'SELECT 1'", 120)
    assert "`my\\_shop`.*" in mysql.out(f"{login} -r -e 'SHOW GRANTS'"), "an underscore is a wildcard in a grant"
    mysql.out(f"{login} my_shop -e 'CREATE TABLE t (n INT)'")
