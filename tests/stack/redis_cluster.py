"""Six real Redis servers with the role's own files, as a Compose project of the test's own."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jinja2
import yaml
from ansible_collections.jiucom.platform.plugins.filter.redis_cluster import (
    cluster_addresses,
    cluster_definitions,
    cluster_rows,
)
from ansible_collections.jiucom.platform.plugins.module_utils.quoting import quoted
from ansible_collections.jiucom.platform.plugins.module_utils.redis_cluster import faults, servers
from modules import result, start

from testing.images import image
from testing.paths import let_pass

from .conftest import ROOT, ROW, Project
from .diagnose import diagnose, told

ROLE = ROOT / "roles/cache"
HEALTH = 'the "health\\password'


def eventually(condition: Callable[[], Any], seconds: float = 60) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.3)


class Cluster(Project):
    """The six services as the role defines them, in a network of their own."""

    def __init__(self, base: Path) -> None:
        super().__init__(base, image("redis"))
        # Random, so that other tests at the same time have another one.
        first = ipaddress.ip_address("10.201.0.0") + 64 * secrets.randbelow(1024)
        self.subnet = f"{first}/26"
        self.health = HEALTH
        self.note = ""
        self.define()

    def define(self) -> None:
        """Make definitions and secrets as the role does."""
        self.addresses = cluster_addresses(self.subnet, str(ipaddress.ip_network(self.subnet)[2]))
        self.fixed = {name: {"ipv4_address": address} for name, address in self.addresses.items()}
        row = {**ROW, "uid": 999, "gid": 1000, "port": 6379, "volumes": {"redis-data": "/data"}}
        rows = cluster_rows({"redis": row}, self.addresses)
        self.rows = {name: dict(row) for name, row in rows.items()}
        redis = {
            "compose": {
                "image": image("redis"), "pull_policy": "never",
                "command": ["redis-server", "/usr/local/etc/redis/redis.conf"],
                "volumes": ["redis-data:/data", "./redis/conf:/usr/local/etc/redis:ro", "./redis/secrets:/run/secrets:ro"],
                "health": "sh /usr/local/etc/redis/ask.sh PING | grep -qx PONG",
            },
            "files": {
                "conf/redis.conf": self.rendered("redis.conf.j2") + self.note, "conf/ask.sh": self.rendered("ask.sh.j2"),
            },
            "validate": [],
        }  # fmt: skip
        self.definitions = {
            name: dict(one) for name, one in cluster_definitions({"redis": redis}, self.addresses).items()
        }
        own = {
            "users.acl": self.rendered("users.acl.j2"),
            "replication.conf": self.rendered("replication.conf.j2"),
            "health_password": self.health,
        }
        self.secrets = dict.fromkeys(self.definitions, own)

    def rendered(self, template: str) -> str:
        """Render a template of the role."""
        environment = jinja2.Environment(keep_trailing_newline=True, trim_blocks=True)  # noqa: S701 - no HTML
        environment.filters |= {
            "comment": lambda text: f"# {text}",
            "hash": lambda text, _: hashlib.sha256(text.encode()).hexdigest(),
            "jiucom.platform.redis_quoted": quoted,
        }
        variables = yaml.safe_load((ROLE / "vars/main/services.yml").read_text())
        values = {
            "ansible_managed": "", "platform_services": {"redis": {"port": 6379}}, "platform_cache_addresses": self.addresses,
            "cache_maxmemory": "48mb", "cache_maxmemory_policy": "volatile-ttl",
            "cache_app_username": "app", "cache_app_password": "app",
            "cache_exporter_username": "exporter", "cache_exporter_password": "exporter",
            "cache_health_username": "health", "cache_health_password": self.health,
            "_cache_cluster_rights": variables["_cache_cluster_rights"],
        }  # fmt: skip
        return environment.from_string((ROLE / "templates" / template).read_text()).render(values)

    def arguments(self, **more: Any) -> dict[str, Any]:
        template = (
            f"name: {self.name}\nx-no-proxy: &no-proxy {{http_proxy: ''}}\nservices:\n@services@\n"
            f"networks: {{jiucom: {{ipam: {{config: [{{subnet: {self.subnet}}}]}}}}}}\n"
            f"volumes: {{{', '.join(f'{volume}: {{}}' for row in self.rows.values() for volume in row['volumes'])}}}\n"
        )
        given = super().arguments(template=template, **more)
        # As in the service table: accounts are loaded without a restart.
        given["services"] = [{**service, "reload": True, "reloads": ["secrets"]} for service in given["services"]]
        return given

    def up(self) -> None:
        """Write everything and start what is not as written."""
        self.define()
        self.write()
        self.apply()

    def cluster(self, state: str = "joined", **more: Any) -> dict[str, Any]:
        """Run the role's module; `check` is for check mode."""
        said = self.tried(state, **more)
        assert "msg" not in said, said
        return said

    def tried(self, state: str, patience: int = 60, **more: Any) -> dict[str, Any]:
        """Run the role's module, which may fail."""
        given: dict[str, Any] = {"path": str(self.base), "project": self.name, "addresses": self.addresses}
        return result(
            start(ROLE / "library/cache_cluster.py", state=state, port=6379, patience=patience, **given, **more)
        )

    def missing(self) -> list[str]:
        """What the cluster lacks."""
        return faults(servers(self.name, self.addresses))

    def ask(self, server: str, *commands: str) -> list[str]:
        """Ask as the application, at whichever servers have the keys; returns the answers."""
        lines = "".join(f"{command}\n" for command in commands)
        run = ["redis-cli", "-c", "--user", "app", "--pass", "app", "--no-auth-warning"]
        done = subprocess.run(
            ["docker", "exec", "-i", self.container(server), *run],
            input=lines,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    def primaries(self) -> list[str]:
        """The servers that have slots."""
        return [name for name, server in servers(self.name, self.addresses).items() if server.view().myself.slots]

    def container(self, name: str) -> str:
        """The id of a container."""
        return self.compose("ps", "--all", "--quiet", name).strip()

    def containers(self) -> dict[str, str]:
        """The id of each server's container."""
        return {name: self.container(name) for name in self.addresses}

    def fill(self) -> None:
        """Write a hundred keys."""
        assert self.ask("redis", *(f"SET key:{number} {number}" for number in range(100))).count("OK") == 100

    def lost(self) -> set[int]:
        """The keys that are gone."""
        answers = self.ask("redis-4", *(f"GET key:{number}" for number in range(100)))
        return set(range(100)) - {int(answer) for answer in answers if answer.isdigit()}

    def diagnosed(self) -> set[tuple[str, str]]:
        """What the doctor tells."""
        return told(diagnose("cache", project=self.name, path=str(self.base), accounts=[], cluster=self.addresses))


@contextmanager
def six_servers(base: Path) -> Iterator[Cluster]:
    """The servers, running and not joined yet."""
    let_pass(base)  # the containers' user
    cluster = Cluster(base)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.compose("down", "--timeout", "1", "--volumes", "--remove-orphans")
