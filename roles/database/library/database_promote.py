#!/usr/bin/python
"""Make a read replica's data the primary's."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine, mysql

DOCUMENTATION = r"""
module: database_promote
short_description: Make a read replica's data the primary's
description:
  - A primary that answers takes no more writes, and the replica waits for the last one; else it applies what it has received.
  - Then both are stopped, and the replica's data directory becomes the primary's; what the primary had stays beside it.
  - The replica copies the new primary when it starts. Names, definitions and passwords stay as they are.
  - Run again after an interruption, it goes on.
options:
  path: {type: path, required: true, description: Directory of the installation.}
  project: {type: str, required: true, description: Name of the Compose project.}
  replica: {type: str, required: true, description: The replica's service.}
  schema: {type: str, required: true, description: The API's schema.}
  seconds: {type: int, default: 60, description: How long the replica may take to apply what it has.}
author: [JIUCOM]
"""
EXAMPLES = """
- database_promote: {path: /opt/jiucom, project: jiucom, replica: mysql-replica-1, schema: jiucom}
"""
RETURN = "lines: {type: list, returned: always, description: What was done and what is lost.}"

# Empty after an interruption: then the replica follows no server any more.
RECEIVED = "SELECT IFNULL(MAX(received_transaction_set), '') FROM performance_schema.replication_connection_status;"


class Promotion:
    """The primary and one replica of a project."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.given = module, module.params
        self.lines: list[str] = []
        self.old = self.volume("mysql").with_name(f"before-promotion-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")

    def fail(self, message: str) -> None:
        """End as failed."""
        self.module.fail_json(msg=message, lines=self.lines)

    def volume(self, service: str) -> Path:
        """Return the directory of a service's volume; it need not be there."""
        name = f"{self.given['project']}_{service}-data"
        try:
            return Path(engine.get(f"/volumes/{name}")["Mountpoint"])
        except engine.EngineError as fault:
            if fault.status != 404:
                raise
            return Path(engine.get("/info")["DockerRootDir"], "volumes", name, "_data")

    def running(self, service: str) -> str | None:
        """Return the id of a service's running container."""
        for one in engine.containers(self.given["project"]).get(service, []):
            if one["State"]["Status"] == "running":
                return str(one["Id"])
        return None

    def compose(self, *command: str) -> None:
        """Run docker compose; ends as failed with what it said."""
        run = subprocess.run(
            ["docker", "compose", "--project-name", self.given["project"], *command],
            cwd=self.given["path"], capture_output=True, text=True, check=False,
        )  # fmt: skip
        if run.returncode:
            self.fail(f"docker compose {' '.join(command)}: {run.stderr.strip()[-600:]}")

    def stop_writes(self, primary: str | None) -> str | None:
        """Let the primary take no more writes; returns what it has executed, None when it does not answer."""
        if primary is None:
            return None
        try:
            return str(mysql.ask(primary, "SET GLOBAL super_read_only = ON; SELECT @@GLOBAL.gtid_executed;", 20)[-1][0])
        except mysql.MySQLError as fault:
            self.lines.append(f"the primary does not answer: {fault}")
            return None

    def allow_writes(self, primary: str | None) -> None:
        """Let the primary go on, after a promotion that was given up."""
        if primary is not None:
            with contextlib.suppress(mysql.MySQLError):
                mysql.ask(primary, "SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF;", 20)

    def catch_up(self, executed: str | None, replica: str) -> None:
        """Let the replica apply what it can get, say what is lost, and end its replication. Raises MySQLError."""
        wanted = (executed if executed is not None else mysql.ask(replica, RECEIVED)[0][0]).replace("\\n", "")
        seconds = self.given["seconds"]
        if mysql.ask(replica, f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{wanted}', {seconds});", seconds + 30)[0][0] != "0":
            missing = mysql.ask(replica, f"SELECT GTID_SUBTRACT('{wanted}', @@GLOBAL.gtid_executed);")[0][0]
            hint = "" if executed is None else "; to give the primary's up, stop it first: docker compose stop mysql"
            raise mysql.MySQLError(f"it has not got {missing} in {seconds} s: see why (make doctor){hint}")
        if executed is not None:
            self.lines.append("nothing is lost: the replica has all that the primary committed")
        else:
            last = "SELECT beat_at, @@GLOBAL.gtid_executed FROM heartbeat;"
            beat, there = mysql.ask(replica, f"USE {self.given['schema']}; {last}")[0]
            self.lines.append(
                f"lost is what the primary committed and did not send before it ended: its last sign of life is of {beat} UTC; "
                f"the replica has {there}"
            )
        mysql.ask(replica, "STOP REPLICA; RESET REPLICA ALL;")

    def swap(self, primary: Path, replica: Path) -> None:
        """Move the data directories."""
        if primary.exists() and any(primary.iterdir()):
            os.rename(primary, self.old)
            self.lines.append(f"what the primary had is in {self.old}: remove it when it is no longer needed")
        elif primary.exists():
            primary.rmdir()
        os.rename(replica, primary)
        self.lines.append(f"mysql has the data that {self.given['replica']} had")

    def renew(self, replica: Path, primary: Path) -> None:
        """Give the replica's volume, where there is one, an empty directory."""
        if replica.parent.exists() and not replica.exists():
            replica.mkdir(mode=0o700)
            shutil.copystat(primary, replica)
            os.chown(replica, primary.stat().st_uid, primary.stat().st_gid)

    def move(self, container: str) -> None:
        """Stop both, and move the data."""
        name, replica = self.given["replica"], self.volume(self.given["replica"])
        # Makes the primary's container and volume, where they are gone.
        self.compose("up", "--no-start", "--no-deps", "--no-recreate", "mysql")
        primary = self.volume("mysql")
        if primary.parent.stat().st_dev != replica.stat().st_dev:
            self.fail(f"{primary} and {replica} are on different file systems: move the data by hand")
        old = self.running("mysql")
        try:
            self.catch_up(self.stop_writes(old), container)
        except mysql.MySQLError as fault:
            self.allow_writes(old)
            self.fail(f"{name} stays a replica: {fault}")
        self.compose("stop", "mysql", name)
        self.swap(primary, replica)

    def run(self) -> None:
        """Promote."""
        name, primary, replica = self.given["replica"], self.volume("mysql"), self.volume(self.given["replica"])
        container = self.running(name)
        # roles/database/files/replica.sh marks a copy that is not whole.
        filled = (replica / "mysql").is_dir() and not (replica / ".cloning").exists()
        if filled and container is None:
            self.fail(f"{name} does not run: start it first, docker compose up -d --no-deps {name}")
        # An interrupted promotion has stopped the replica, and left the primary with the data.
        if not filled and (container is not None or not (primary / "mysql").is_dir()):
            self.fail(f"{name} has no data yet: it copies the primary")
        if self.module.check_mode:
            return
        if filled:
            self.move(str(container))
        self.renew(replica, self.volume("mysql"))
        self.compose("up", "--detach", "--no-deps", "--no-recreate", "--wait", "mysql")
        self.compose("exec", "--no-TTY", "mysql", "sh", "/docker-entrypoint-initdb.d/20-replicas.sh")
        self.compose("up", "--detach", "--no-deps", "--no-recreate", name)
        self.lines.append(f"{name} copies the data of mysql now")


def main() -> None:
    """Run as an Ansible module."""
    options: dict[str, Any] = {name: {"type": "str", "required": True} for name in ("project", "replica", "schema")}
    module = AnsibleModule(
        {"path": {"type": "path", "required": True}, "seconds": {"type": "int", "default": 60}, **options},
        supports_check_mode=True,
    )
    promotion = Promotion(module)
    promotion.run()
    module.exit_json(changed=True, lines=promotion.lines)


if __name__ == "__main__":
    main()
