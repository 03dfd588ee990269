"""The manual's commands by hand, the start order, and what survives (B1-B6, F3, F4)."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import datetime

from hosts import SERVICES, Host, wait_for

ORDER = [  # (later, earlier, earlier had to be healthy)
    ("app", "mysql", True), ("app", "redis", True),
    ("prometheus", "app", False), ("zipkin", "app", False),
    ("grafana", "prometheus", False),
    ("redis-exporter", "redis", True), ("mysql-exporter", "mysql", True),
    ("nginx", "app", True), ("nginx", "grafana", True), ("nginx", "zipkin", True),
]  # fmt: skip


# What was typed of the commands that the host's own README names.
TYPED: set[str] = set()


def manual(host: Host, command: str, more: str = "", before: str = "", check: bool = True) -> str:
    """Type one of the README's commands as it stands; `more` follows it, such as --wait."""
    TYPED.add(command)
    return host.run(f"{before} docker compose {command} {more}".strip(), check=check)


def moment(text: str) -> datetime:
    """Read Docker's time, whose fraction is finer than Python's."""
    return (
        datetime.fromisoformat(text[:26].rstrip("Z").ljust(26, "0") + "+00:00")
        if "." in text
        else datetime.fromisoformat(text)
    )


def assert_order(host: Host) -> None:
    """Read the start order from StartedAt and the health logs."""
    found = {name: group[0]["State"] for name, group in host.inspect().items()}
    assert set(found) == set(SERVICES)
    started = {name: moment(state["StartedAt"]) for name, state in found.items()}
    for later, earlier, healthy in ORDER:
        assert started[later] > started[earlier], f"{later} started before {earlier}"
        if healthy:
            good = [probe for probe in found[earlier]["Health"]["Log"] if probe["ExitCode"] == 0]
            # Docker keeps five probes: when the first good one is gone, the earliest of those kept is later than it was.
            first = min(datetime.fromisoformat(probe["End"][:26] + probe["End"][-6:]) for probe in good)
            assert len(found[earlier]["Health"]["Log"]) == 5 or started[later] > first, (
                f"{later} did not wait for {earlier}"
            )
    assert max(started, key=lambda name: started[name]) == "nginx"


def sql(host: Host, statement: str) -> str:
    """Run a statement as MySQL's root, whose password stays inside the container."""
    client = f"MYSQL_PWD=$(cat /run/secrets/root_password) mysql -uroot -N -e '{statement}' jiucom"
    return host.run(f'docker compose exec mysql sh -c "{client}"'.replace("$(", "\\$("))


def test_data_survives_down_and_up(host: Host) -> None:
    sql(host, "CREATE TABLE story (id INT PRIMARY KEY)")
    volumes = host.run("docker volume ls --quiet --filter label=com.docker.compose.project=jiucom")
    manual(host, "down")
    assert host.get("/health")[0] == 0
    assert host.run("docker volume ls --quiet --filter label=com.docker.compose.project=jiucom") == volumes
    manual(host, "up -d", "--wait")
    assert "story" in sql(host, "SHOW TABLES").split()


def test_down_v_removes_it_and_up_comes_back_complete(host: Host) -> None:
    manual(host, "down -v")
    assert host.run("docker volume ls --quiet --filter label=com.docker.compose.project=jiucom").strip() == ""
    first = first_answer_while(host, "docker compose up -d --build")
    TYPED.add("up -d --build")
    assert first == 200, "the gateway's first answer on health"
    wait_for(lambda: set(host.health().values()) == {"healthy"}, 120, "every service healthy")
    assert_order(host)
    status, body = host.get("/api/v1/parts?category=CPU")
    assert status == 200
    assert json.loads(body)["data"]["totalElements"] == 5
    tables = sql(host, "SHOW TABLES").split()
    assert "story" not in tables
    assert "price_history" in tables


def first_answer_while(host: Host, command: str) -> int:
    """Run a command on the host and return the status of the first answer the gateway gives meanwhile."""
    running = subprocess.Popen(
        ["docker", "exec", host.name, "sh", "-c", f"cd /opt/jiucom && {command}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    status = 0

    def answered() -> bool:
        nonlocal status
        status = host.get("/api/v1/actuator/health")[0]
        return status != 0

    wait_for(answered, 300, "a first answer")
    assert running.wait(120) == 0
    return status


def replicas_up(host: Host) -> int:
    """Count the API's targets that Prometheus scrapes with success (D1)."""
    query = "wget -q -O - 'http://127.0.0.1:9090/api/v1/targets?state=active'"
    targets = json.loads(host.run(f"docker compose exec prometheus {query}"))["data"]["activeTargets"]
    return sum(t["labels"]["job"] == "jiucom-api" and t["health"] == "up" for t in targets)


def test_the_manuals_other_commands(host: Host) -> None:
    assert "app" in manual(host, "logs -f app", before="timeout 5", check=False)
    before = host.started()
    manual(host, "restart app")
    assert {name for name, since in host.started().items() if since != before[name]} == {"app"}
    wait_for(lambda: host.get("/api/v1/parts?size=1")[0] == 200, 60, "the API after its restart")
    manual(host, "up -d --scale app=3", "--wait")
    assert len(host.inspect()["app"]) == 3
    # F2: the pass-through goes on working with any number of replicas.
    assert {host.get("/api/v1/actuator/health", port=8080)[0] for _ in range(6)} == {200}
    wait_for(lambda: replicas_up(host) == 3, 90, "three targets, one a replica")
    changed, _ = host.apply()
    assert changed > 0
    assert len(host.inspect()["app"]) == 1


def test_each_command_of_the_readme_was_typed(host: Host) -> None:
    """In both languages; the README says which inventory and commit made it, and a run that changes nothing leaves it."""
    text = host.run("cat README.md")
    for part in text.split("\n## ")[1:]:
        assert set(re.findall(r"^\| `docker compose ([^`]+)`", part, re.MULTILINE)) == TYPED
        assert re.search(r"`inventory`.*`default`|`default`.*`inventory`", part)
        assert re.search(r"commit \S+, \d{4}-\d\d-\d\d \d\d:\d\d UTC", part)
    assert host.apply()[0] == 0
    assert host.run("cat README.md") == text


def test_a_reboot_keeps_the_order(host: Host) -> None:
    subprocess.run(["docker", "restart", "--time", "60", host.name], check=True, capture_output=True, timeout=120)
    wait_for(lambda: host.run("systemctl is-active jiucom", check=False).strip() == "active", 240, "the boot unit")
    assert set(host.health().values()) == {"healthy"}
    assert_order(host)
    assert host.get("/api/v1/parts?size=1")[0] == 200
