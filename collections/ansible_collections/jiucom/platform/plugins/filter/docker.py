"""Filters of role docker: which packages apt installs, and what preflight refuses.

`docker` is what host_state returns, `settings` the role's `_docker_settings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.daemon import outdated

Docker = Mapping[str, Any]
Settings = Mapping[str, Any]

_PARTS = {"version": "Docker Engine", "compose": "Docker Compose", "buildx": "Docker Buildx"}


def origin(docker: Docker, packages: Mapping[str, list[str]]) -> str:
    """Say whose packages Docker on the host is of: distribution, repository, or neither."""
    return next((source for source, names in packages.items() if set(names[:1]) & set(docker["packages"])), "")


def docker_plan(docker: Docker, settings: Settings) -> dict[str, Any]:
    """Decide what apt does: `source`, and the packages to `install`, `upgrade`, `hold` and `unhold`.

    A complete Docker that is there is kept. What this role installs it holds; the operator's packages keep his choice.
    """
    installed, lists = docker["packages"], settings["packages"]
    source = settings["source"]
    if source == "auto":
        own = not docker["program"] or origin(docker, lists) == "distribution"
        incomplete = outdated(docker, settings["oldest"]) or settings["upgrade"]
        source = "distribution" if own and incomplete else "present"
    there = [name for names in lists.values() for name in names if name in installed]
    held = [name for name in there if installed[name]["held"]]
    install = [name for name in lists.get(source, []) if name not in installed]
    upgrade = there if settings["upgrade"] else []
    hold = install + (upgrade if source != "present" else [name for name in held if name in upgrade])
    return {
        "source": source,
        "install": install + [name for name in settings["helpers"] if install and name not in installed],
        "upgrade": upgrade,
        "unhold": [name for name in held if name in upgrade or not settings["hold"]],
        "hold": hold if settings["hold"] else [],
    }


def package_faults(docker: Docker, settings: Settings) -> list[str]:
    """List why the Docker that is there can neither be used nor be completed."""
    plan, lists, installed = docker_plan(docker, settings), settings["packages"], docker["packages"]
    if not docker["program"]:
        return []
    source, whose = plan["source"], origin(docker, lists)
    if source in lists and source != whose:
        others = " ".join(lists.get(whose, [])) or docker["program"]
        return [
            f"docker_source is {source}, and the host has Docker from elsewhere ({others}), which apt would have to remove: "
            "set docker_source: auto to keep it"
        ]
    if settings["upgrade"] and not whose:
        return [f"docker_upgrade is true, and {docker['program']} comes from no package: replace it by hand"]
    faults = []
    for part in outdated(docker, settings["oldest"]):
        names = lists.get(whose, [])
        package = next((name for name in names if part in name), names[0] if names else "")
        if package in plan["install"] + plan["upgrade"]:
            continue
        if not package and part == "version":
            remedy = f"replace {docker['program']}, which comes from no package, by hand"
        elif not package:
            remedy = f"put a newer docker-{part} into /usr/local/lib/docker/cli-plugins"
        elif package in installed:
            remedy = "run once with --tags docker -e docker_upgrade=true, which upgrades it"
        else:
            remedy = f"apt-get install {package}"
        seen = docker[part] or "missing"
        faults.append(f"{_PARTS[part]} on the host is {seen}, the platform needs {settings['oldest'][part]}: {remedy}")
    return faults


def store_faults(docker: Docker, options: Mapping[str, Any]) -> list[str]:
    """List the options that would put containers, images or volumes out of Docker's sight."""
    if not docker["program"] or not docker["holds_data"]:
        return []
    features = options.get("features") or {}
    moved = {"data-root": docker["root_moves"]}
    if docker["answers"]:
        moved |= {
            "storage-driver": options.get("storage-driver", docker["storage_driver"]) != docker["storage_driver"],
            "userns-remap": bool(options.get("userns-remap", docker["remaps_users"])) != docker["remaps_users"],
            "features": features.get("containerd-snapshotter", docker["snapshotter"]) != docker["snapshotter"],
        }
    return [
        f"docker_daemon_options.{key}: Docker on the host has containers or volumes in {docker['data_root']} with another "
        f"setting, and would no longer see them: leave it out, or move them and set it in {docker['configuration']['path']}"
        for key, moves in moved.items()
        if moves
    ]


def docker_faults(docker: Docker, settings: Settings) -> list[str]:
    """List everything that preflight refuses about Docker, one line each."""
    configuration, options, plan = docker["configuration"], settings["options"], docker_plan(docker, settings)
    faults = []
    if docker["answers"] and not docker["program"]:
        faults.append(
            "Docker answers, but the host has no program dockerd, as with Docker from a snap, which cannot read "
            "this platform's directory: remove it (snap remove docker)"
        )
    if settings["init"] and settings["service_manager"] != "systemd":
        faults.append(
            f"Docker's service needs systemd, and the host runs {settings['service_manager']}: for development only, "
            "set docker_init: false"
        )
    if configuration["fault"]:
        faults.append(
            f"{configuration['path']} is not valid JSON ({configuration['fault']}): correct it, or move it away"
        )
    if docker["swarm"] and (options.get("live-restore") or configuration["content"].get("live-restore")):
        where = "docker_daemon_options" if options.get("live-restore") else configuration["path"]
        faults.append(
            f"The host is a swarm node, where Docker does not start with live-restore: take live-restore out of {where}"
        )
    if plan["source"] == "repository" and plan["install"] + plan["upgrade"]:
        faults += repository_faults(settings)
    return faults + package_faults(docker, settings) + store_faults(docker, options)


def repository_faults(settings: Settings) -> list[str]:
    """List what is wrong with the address and the key of Docker's own repository."""
    url, key = settings["url"], settings["key"]
    if not url.startswith(("http://", "https://")):
        return [
            f"docker_repository_url is {url!r}: set the address of Docker's packages for {settings['distribution']}, "
            "the one that has dists/ below it"
        ]
    if url.startswith("http://") and not key:
        return [
            "docker_repository_url is http, so its key could be anybody's: set https, or docker_repository_key to a file "
            "on the control node with the key that signs the packages"
        ]
    return []


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which templates find the filters."""
        return {"docker_plan": docker_plan, "docker_faults": docker_faults}
