#!/usr/bin/python
"""Find out why MySQL does not start, refuses the accounts of the API or of its exporter, or has no replicas that follow (H2)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import engine, mysql
from ansible_collections.jiucom.platform.plugins.module_utils.diagnosis import (
    Diagnosis,
    Fault,
    healthy,
    inside,
    log,
    running,
)
from ansible_collections.jiucom.platform.plugins.module_utils.quoting import quoted
from ansible_collections.jiucom.platform.plugins.module_utils.versions import numbers

DOCUMENTATION = r"""
module: database_diagnose
short_description: Name what is wrong with MySQL and what to type
description: [Changes nothing.]
options: {expected: {type: dict, description: What the role knows and the diagnosis compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- database_diagnose: {expected: {project: jiucom, path: /opt/jiucom, accounts: [], version: 9.7.4}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The findings as findings_database.}"

diagnosis = Diagnosis("database")
DENIED = re.compile(r"Access denied[^\n]*|[^\n]*is not allowed to connect[^\n]*")
# Errors of mysqld when the data directory is of a newer version, or of one that it cannot upgrade.
OTHER_VERSION = re.compile(
    r"Invalid MySQL server (?:up|down)grade|Cannot (?:up|down)grade from|Cannot boot server version"
)
# The data directory's own history of versions, since 8.1.
HISTORY = "mysql_upgrade_history"
# A replica that cannot follow any more is filled anew.
ANEW = "docker compose rm --stop --force {0}; docker volume rm {1}_{0}-data; docker compose up -d {0}"
# The account of the replicas, and what they copy the primary with.
ACCOUNT = "docker compose exec mysql sh /docker-entrypoint-initdb.d/20-replicas.sh"


def without_password(container: str) -> tuple[bool, str]:
    """Log in as root without a password; returns whether MySQL accepts it, and its answer."""
    code, said = inside(container, "mysql", "--user=root", "--execute=SELECT 1")
    return code == 0, said


def refusal(container: str, user: str, password: str) -> str:
    """Log in with an account; returns MySQL's refusal, empty where it lets the account in or does not answer at all."""
    options = f"[client]\nuser = {quoted(user)}\npassword = {quoted(password)}\nhost = 127.0.0.1\nprotocol = tcp\n"
    _, said = inside(
        container,
        "mysql",
        "--defaults-extra-file=/dev/stdin",
        "--connect-timeout=5",
        "--execute=SELECT 1",
        given=options,
    )
    found = DENIED.search(said)
    return found[0] if found else ""


@diagnosis.look
def first_start(expected: dict[str, Any]) -> Iterator[Fault]:
    """MySQL's first start was interrupted: the entry point of the official image takes any data directory for a finished one."""
    for container in running(expected["project"], "mysql")[:1]:
        opened, said = without_password(container["Id"])
        if opened:
            yield Fault(
                "first start interrupted",
                "mysql",
                f"root logs in without a password: {said.strip()}",
                "while it holds no data of yours: docker compose down --volumes; ansible-playbook site.yml",
            )


@diagnosis.look
def accounts(expected: dict[str, Any]) -> Iterator[Fault]:
    """MySQL refuses the password that a service has in its file."""
    for container in running(expected["project"], "mysql")[:1]:
        if without_password(container["Id"])[0]:
            return
        for account in expected["accounts"]:
            file = Path(expected["path"], account["file"])
            if not file.is_file():
                continue
            password = file.read_text()
            if file.suffix == ".cnf":
                found = re.search(r"^password = (.*)$", password, re.MULTILINE)
                password = found[1] if found else ""
            said = refusal(container["Id"], account["user"], password)
            if not said:
                continue
            seen = f"{said} (the password of {file})"
            type_ = (
                f"ansible-playbook site.yml, where that file was changed by hand; where the password was changed in MySQL: "
                f"ALTER USER back; a new one is set by playbooks/rotate.yml -e secret={account['secret']}"
            )
            name = "MySQL exporter refused" if account["service"] == "mysql-exporter" else "secret rejected"
            yield Fault(name, account["service"], seen, type_)


@diagnosis.look
def exporter(expected: dict[str, Any]) -> Iterator[Fault]:
    """The exporter runs and does not reach MySQL, which does answer, by its settings."""
    file = Path(expected["path"], "mysql-exporter/secrets/my.cnf")
    if not healthy(expected["project"], "mysql") or not file.is_file():
        return
    host = re.search(r"^host = (.*)$", file.read_text(), re.MULTILINE)
    if host and host[1] != "mysql":
        type_ = "ansible-playbook site.yml; docker compose restart mysql-exporter"
        yield Fault("MySQL exporter refused", "mysql-exporter", f"{file} names the host {host[1]}, not mysql", type_)


def written_by(container: dict[str, Any]) -> str:
    """Return the version that has written the data directory last, as the volume says; empty where it does not."""
    for mount in container["Mounts"]:
        file = Path(mount.get("Source", ""), HISTORY)
        if mount["Destination"] == "/var/lib/mysql" and file.is_file():
            for entry in reversed(json.loads(file.read_text()).get("upgrade_history", [])):
                # Patch releases are listed below the version that they are of.
                updates = entry.get("update_history") or [{"version_with_update": entry["version"]}]
                return str(updates[-1]["version_with_update"])
    return ""


@diagnosis.look
def volume(expected: dict[str, Any]) -> Iterator[Fault]:
    """The volume was written by a MySQL that this one does not take over from."""
    for container in engine.containers(expected["project"]).get("mysql", [])[:1]:
        refused = [line for line in log(container["Id"]) if OTHER_VERSION.search(line)]
        wrote, image = written_by(container), expected["version"]
        newer = image and wrote and numbers(wrote)[: len(numbers(image))] > numbers(image)
        if newer or (refused and not healthy(expected["project"], "mysql")):
            seen = f"{HISTORY} in the volume names {wrote}, and the image is {image}" if newer else refused[-1]
            yield Fault(
                "MySQL volume of another version",
                "mysql",
                seen,
                "name the version that wrote it: platform_images_overrides: {mysql: {ref: ...}}, then ansible-playbook site.yml; "
                "one line after the other (8.0, 8.4, 9.7), or playbooks/restore.yml",
            )


@diagnosis.look
def replicas(expected: dict[str, Any]) -> Iterator[Fault]:
    """A read replica does not follow the primary, has what the primary has not, or cannot copy it."""
    project = expected["project"]
    primaries = healthy(project, "mysql")
    if not primaries:
        return
    for name in expected["replicas"]:
        for container in healthy(project, name):
            following, _, error = mysql.replication(container["Id"])
            if not following:
                refused = "Access denied" in error or "is not allowed to connect" in error
                stopped = error.startswith("the ")
                type_ = (
                    ACCOUNT if refused else f"docker compose restart {name}" if stopped else ANEW.format(name, project)
                )
                yield Fault("replica does not follow", name, error, type_)
            elif more := mysql.ahead(primaries[0]["Id"], container["Id"]):
                yield Fault(
                    "replica with another history", name, f"{more} is not the primary's", ANEW.format(name, project)
                )
        if running(project, name) and not healthy(project, name):
            lines = log(running(project, name)[0]["Id"])
            said = [line for line in lines if "[replica] not copied: " in line]
            if said and not any("[replica] copied" in line for line in lines[lines.index(said[-1]) :]):
                yield Fault("replica not copied", name, said[-1], ACCOUNT)


if __name__ == "__main__":
    diagnosis.run()
