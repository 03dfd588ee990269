"""MySQL with a read replica on this machine, made by the roles: no host is needed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import engine

from tests.installation import Installation

REPLICA, SECOND = "mysql-replica-1", "mysql-replica-2"


class Databases(Installation):
    """MySQL, its exporter and as many replicas as `more` says."""

    def site(self, replicas: int, *words: str) -> str:
        """What site.yml does with role database; returns what Ansible said."""
        return self.deploy(*words, roles=("database",), database_replicas=replicas)

    def task(self, module: str, replicas: int = 1, **given: Any) -> str:
        """Run a module of role database; returns what Ansible said."""
        task = {module: {"path": str(self.base), "project": self.project, **given}}
        roles: list[Any] = [{"role": "database", "tags": ["never"]}]
        return self.play(roles, [task], "-v", database_replicas=replicas)

    def looked(self, module: str, replicas: Sequence[str] = (REPLICA,)) -> list[dict[str, Any]]:
        """Return what a check or a diagnosis of role database has seen, an entry each."""
        expected = {
            "project": self.project,
            "path": str(self.base),
            "replicas": list(replicas),
            "schema": "jiucom",
            "max_lag": 3,
        }
        more = {"accounts": [], "version": ""}
        kind = module.removeprefix("database_")
        fact = {"check": "checks_database", "diagnose": "findings_database"}[kind]
        roles: list[Any] = [{"role": "database", "tags": ["never"]}]
        answer = self.home / "seen.json"
        tasks: list[dict[str, Any]] = [
            {module: {"expected": expected | more}},
            {"ansible.builtin.copy": {"content": f"{{{{ ansible_facts.{fact} | to_json }}}}", "dest": str(answer)}},
        ]
        self.play(roles, tasks)
        seen: list[dict[str, Any]] = json.loads(answer.read_text())
        return seen

    def sql(self, service: str, statement: str) -> str:
        """Run a statement as root; returns its rows, or the error."""
        root = 'exec 3<<O\n[client]\nuser = root\npassword = "$(cat /run/secrets/root_password)"\nO\n'
        client = "exec mysql --defaults-extra-file=/dev/fd/3 --protocol=socket -N jiucom"
        return self.compose("exec", "-T", service, "sh", "-c", root + client, given=statement, check=False)

    def container(self, service: str) -> str:
        """Return the id of a service's container; empty where it has none."""
        return "".join(str(one["Id"]) for one in engine.containers(self.project).get(service, []))
