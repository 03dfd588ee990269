#!/usr/bin/python3
"""Report what differs on this host from what was installed: files, containers, networks. Changes nothing else.

Written by Ansible (roles/stack/files/drift.py), with settings.json beside its directory; started by a timer, or by hand as
`jiucom-drift`. What differs is printed and kept as a dated report; where nothing does, it says nothing. Prometheus reads how many
differences there are, and when they were looked for. Exits 1, with the metrics as they were, when it cannot compare.
"""

from __future__ import annotations

import hashlib
import json
import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import comparison, engine
from ansible_collections.jiucom.platform.plugins.module_utils.edits import Edits
from ansible_collections.jiucom.platform.plugins.module_utils.files import replace

HOME = Path(__file__).resolve().parents[1]
BASE = HOME.parent
ADVICE = "ansible-playbook site.yml puts it right; what shall stay belongs in the inventory, or in the repository"


def edited(names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (service, what differs) for files without secrets: their content is known by its hash."""
    known = Edits(BASE).hashes
    for path, hashes in known.items():
        name, file = path.partition("/")[0], BASE / path
        if name not in names and path != "compose.yaml":
            continue
        if not file.is_file():
            yield name, f"{file} is gone"
        elif hashlib.sha256(file.read_bytes()).hexdigest() not in hashes:
            yield name, f"{file} was edited, on {moment(file.stat().st_mtime)}"
    for name in names:
        for file in sorted((BASE / name).rglob("*")):
            path = str(file.relative_to(BASE))
            if file.is_file() and path not in known and not path.startswith(f"{name}/secrets/"):
                yield name, f"{file} was put there, on {moment(file.stat().st_mtime)}"


def environment(container: dict[str, Any], definition: dict[str, Any]) -> Iterator[str]:
    """Name the variables of a container that its definition, and its image, have otherwise. Their values may be secret."""
    image = engine.image(definition["image"]) or {}
    lists = ((image.get("Config") or {}).get("Env") or [], container["Config"]["Env"] or [])
    of_image, present = (dict(entry.split("=", 1) for entry in entries) for entries in lists)
    given = definition.get("environment") or {}
    # Compose writes each `$` twice.
    wanted = of_image | {name: (value or "").replace("$$", "$") for name, value in given.items()}
    for name in sorted(wanted.keys() | present.keys()):
        if wanted.get(name) != present.get(name):
            how = "missing" if name not in present else "changed" if name in wanted else "added"
            yield f"its variable {name} is {how}"


def details(own: list[dict[str, Any]], definition: dict[str, Any], networks: dict[str, Any]) -> list[str]:
    """Say in what containers of another definition differ from it, as far as that can be seen."""
    found: list[str] = []
    for container in own:
        if container["Config"]["Image"] != definition["image"]:
            found.append(f"its image is {container['Config']['Image']} instead of {definition['image']}")
        else:
            found += environment(container, definition)
        found += comparison.by_hand(container, definition, networks)
    return list(dict.fromkeys(found))


def differences() -> list[tuple[str, str]]:
    """Compare files, containers and networks with what was installed: (service, what differs)."""
    written = comparison.read(BASE, BASE / "compose.yaml")
    networks = written.config.get("networks", {})
    rows = {row["name"]: row for row in settings()["services"]}
    services = [
        {"reload": False, "reloads": [], **rows.get(name, {}), "name": name, "scale": replicas(definition)}
        for name, definition in written.config["services"].items()
    ]
    names = [str(service["name"]) for service in services]
    found = list(edited(names))
    in_files = {name for name, _ in found}
    for network in networks.values():
        subnets = [one["subnet"] for one in (network.get("ipam") or {}).get("config") or []]
        if subnets and comparison.moved(network["name"], subnets):
            found.append(("the network", f"{network['name']} has other subnets than {' and '.join(subnets)}"))
    compared = comparison.Comparison(BASE, written.config["name"], services, (BASE / ".key").read_bytes())
    for name, faults in compared.differences(written, names).items():
        for _, why in faults:
            # Which ones is told already.
            if why.startswith(comparison.FILES) and name in in_files:
                continue
            seen = (
                details(compared.found[name], written.service(name), networks) if why == comparison.DEFINITION else []
            )
            found.append((name, "; ".join(seen) or why))
    return found + [(name, "its containers are not in compose.yaml") for name in compared.strangers()]


def replicas(definition: dict[str, Any]) -> int:
    """Return how many containers a definition wants."""
    return int(definition.get("deploy", {}).get("replicas") or definition.get("scale") or 1)


def moment(seconds: float) -> str:
    """Write a time for people."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M UTC}"


def settings() -> dict[str, Any]:
    """Return what the role has written: every_seconds, keep (reports), services as compose_project takes them."""
    found: dict[str, Any] = json.loads((HOME / "settings.json").read_text())
    return found


def report(found: list[tuple[str, str]]) -> None:
    """Print what differs, keep it as a dated report, and remove the oldest reports."""
    now = time.time()
    lines = [f"{len(found)} differences from what was installed, {socket.gethostname()}, {moment(now)}"]
    lines += [f"{service}: {what}" for service, what in found]
    text = "\n".join([*lines, ADVICE]) + "\n"
    print(text, end="")
    reports = HOME / "reports"
    reports.mkdir(mode=0o700, exist_ok=True)
    replace(reports / f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}.txt", text.encode(), -1, -1, 0o600)
    for old in sorted(reports.glob("*.txt"))[: -int(settings()["keep"])]:
        old.unlink()


def measure(count: int) -> None:
    """Write the metrics."""
    values = {
        "differences": count,
        "compared_timestamp_seconds": round(time.time(), 3),
        "interval_seconds": settings()["every_seconds"],
    }
    text = "".join(f"# TYPE jiucom_drift_{name} gauge\njiucom_drift_{name} {value}\n" for name, value in values.items())
    directory = HOME / "metrics"
    directory.mkdir(exist_ok=True)
    # The gateway, another user, reads there, whatever root's umask is.
    directory.chmod(0o755)
    replace(directory / "metrics", text.encode(), -1, -1, 0o644)


def main() -> int:
    """Run as a program."""
    try:
        found = differences()
    except (comparison.ComposeError, engine.EngineError, OSError) as fault:
        print(f"cannot compare: {fault}", file=sys.stderr)
        return 1
    if found:
        report(found)
    measure(len(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
