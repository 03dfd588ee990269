"""The commands of docs/en, which are those of docs/ko: how the story types them, and which it does not, with the reason."""

from __future__ import annotations

import re
from functools import cache

from pages import DOCS, typed

# What a command begins with; everything else that pages show as code names a file, a value, a metric, a fault.
_BEGINS = re.compile(
    r"(?:age-keygen|ansible-playbook|ansible-vault|apt-mark|cd|curl|df|docker|dockerd|du|export|journalctl|make|mkdir|python|ssh|sudo"
    r"|systemctl|tail|playbooks/\S+|/opt/jiucom/\S+|site\.yml) "
)
_PRODUCTION = re.compile(r" ARGS=\"-i inventories/prod --ask-vault-pass\"| -i inventories/prod| --ask-vault-pass")

# Why a command is not typed by the story, by a pattern of the whole command.
NOT_TYPED = {
    r"docker compose|docker inspect|docker login|docker save|dockerd --validate|apt-mark hold|site.yml --check":
        "a part of a command, named in a sentence",
    r"ansible-playbook -vvv --diff": "options, named in a sentence",
    r"cd \S+": "a directory of the operator's own",
    r"docker compose exec opensearch .*/_cluster/allocation/explain": "answers only while a shard has no place",
    r"age-keygen .*|ssh .*|export .*|mkdir -p inventories/.*": "a program of others, on the operator's own machine",
    r"ansible-vault edit.*": "opens an editor",
    r"ansible-playbook playbooks/secrets.yml.*": "writes into the inventory's vault: tests/control/test_secrets.py",
    r"ansible-playbook playbooks/rotate.yml.*": "writes into the inventory's vault: tests/credentials/test_rotation.py",
    r"ansible-playbook playbooks/pin.yml.*": "writes into the inventory: tests/images/test_pins.py",
    r"ansible-playbook playbooks/restore.yml .*until=.*": "needs binary logs: default/test_8_restore.py, backup/test_point.py",
    r"ansible-playbook playbooks/rollback.yml.*": "needs two versions: default/test_8_deploy.py, stack/test_rollout.py",
    r"ansible-playbook playbooks/upgrade.yml.*": "needs two versions: default/test_8_upgrade.py",
    r"ansible-playbook playbooks/purge.yml.*": "leaves no host for the rest: default/test_9_purged.py",
    r"docker image rm .*": "needs a platform of the release before: default/test_9_purged_upgrade.py",
    r"ansible-playbook playbooks/promote.yml.*": "needs a read replica: replica/test_1_role.py",
    r"docker .*mysql-replica-1.*": "read replicas are off: replica/test_1_role.py",
    r"docker compose stop mysql": "before a promotion, which needs a read replica: replica/test_1_role.py",
    r"ansible-playbook site.yml .*docker_upgrade=true": "needs a newer Docker: docker/test_1_repository.py",
    r"ansible-playbook playbooks/images.yml.* -e images_refresh=true": "builds all images anew: tests/images",
    r"(sudo )?/opt/jiucom/tls/certificate.py renew": "dev is without TLS: verify/test_certificate.py",
    r"systemctl status jiucom-certificate": "dev is without TLS: verify/test_certificate.py",
    r"sudo backup/jiucom-backup ship": "ships nowhere here: backup/test_ship.py",
    r"docker compose run --rm -e REPORT_AT= report": "the report is off: monitoring/test_report.py",
    r"docker compose exec redis sh .* CLUSTER .*": "the host has one Redis server: stack/test_redis_cluster.py",
    r"make bench-(load|redis)": "measures, and asks no host",
    r"curl -H .*bulk-upload.*": "needs an administrator's token: api/tests",
    r"ansible-playbook playbooks/swarm.yml.*|docker (node|service|swarm) .*": "needs several hosts: swarm/test_1_cluster.py",
    r"docker exec -it .*jiucom_pictures.*": "needs several hosts, and a terminal for the password",
    r"ansible-playbook playbooks/scale.yml -e replicas=5": "needs several hosts: swarm/test_2_verbs.py",
    r"make (deploy|\.venv/control) BUNDLE=.*": "needs a closed network: docker/test_5_closed.py",
    r"make (deploy|verify|\.venv/control|bench-tracing)": "make test and the scenarios run it",
    r"python -m tools.dashboards.*": "writes into the repository: tests/monitoring/test_dashboards.py, test_compare.py",
}  # fmt: skip

# What stands for a value of the operator's own, in the order in which it is looked for.
VALUES = {
    "docker logs NAME": "docker logs jiucom-redis-1",
    "logs --tail 50 NAME": "logs --tail 50 redis",
    "docker restart NAME": "docker restart jiucom-redis-1",
    "up -d NAME": "up -d redis",
    "grep ADDRESS": "grep -m 1 GET",
    "grep ID": "grep -m 1 GET",
}
# What ends by Ctrl-C alone.
ENDLESS = re.compile(r"logs .*-f|-f .*logs|logs -f|docker stats")

# What changes something, in an order in which each finds what it needs; all others come first.
ORDER = (
    "playbooks/backup.yml", "jiucom-backup backup", "jiucom-backup list", "playbooks/drill.yml", "jiucom-backup drill",
    "playbooks/restore.yml", "jiucom-backup restore", "playbooks/scale.yml -e replicas=3", "playbooks/scale.yml -e replicas=1",
    "playbooks/deploy.yml", "playbooks/contract.yml", "playbooks/images.yml -e images_prune", "playbooks/sampling.yml",
    "maintenance.yml -e state=on", "maintenance.yml -e state=off", "playbooks/stop.yml", "playbooks/start.yml", "restart",
    "up -d NAME", "up -d app", "up -d zipkin", "--scale app=3", "site.yml --tags", "ansible-playbook site.yml$",
    "docker compose down$", "docker compose up -d$", "docker compose down -v", "up -d --build",
)  # fmt: skip


def plain(command: str) -> str:
    """Return a command without the inventory, which the story gives itself, and with the program that runs a playbook."""
    text = _PRODUCTION.sub("", command)
    return f"ansible-playbook {text}" if text.startswith("playbooks/") else text


@cache
def found() -> tuple[str, ...]:
    """Return each command of the pages once."""
    texts = [command for page in sorted((DOCS / "en").glob("*.md")) for command in typed(page.read_text())]
    every = [plain(text) for text in texts if _BEGINS.match(text)]
    # What is typed in the directory of the installation is the same with and without going there.
    return tuple(dict.fromkeys(text.removeprefix("cd /opt/jiucom && ") for text in every))


def why_not(command: str) -> list[str]:
    """Return the patterns of NOT_TYPED that a command matches."""
    return [pattern for pattern in NOT_TYPED if re.fullmatch(pattern, command)]


def in_order() -> list[str]:
    """Return the commands that the story types."""
    return sorted((command for command in found() if not why_not(command)), key=place)


def place(command: str) -> int:
    """Return where in ORDER a command stands, 0 where it does not."""
    text = f"{command}$"
    return max(
        (number for number, part in enumerate(ORDER, 1) if part.removesuffix("$") in command and part in text),
        default=0,
    )


def from_outside(command: str) -> bool:
    """Say whether a command is typed on another machine, as a user of the platform would."""
    return "http://HOST/" in command


def on_the_host(command: str) -> bool:
    """Say whether a command is typed on the host, not on the control node."""
    return not command.startswith(("ansible-playbook", "make"))


def filled(command: str, address: str = "127.0.0.1") -> str:
    """Return a command as the story types it: with values, the host's address too, ended where it ends by Ctrl-C alone."""
    command = command.replace("http://HOST/", f"http://{address}/")
    for text, value in VALUES.items():
        command = command.replace(text, value)
    command = command.removeprefix("sudo ")
    return f"timeout 5 {command}; test $? = 124" if ENDLESS.search(command) else command
