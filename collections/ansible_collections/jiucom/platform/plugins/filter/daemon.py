"""Filters that merge the daemon's configuration over the file that is there.

`docker` is what host_state returns; `options` are the inventory's docker_daemon_options, which win over the file; `defaults` are
this role's, which lose against both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.vars import merge_hash

# Keys that dockerd reloads on SIGHUP. Other keys, and removed ones, need a restart.
_RELOADED = {"debug", "labels", "live-restore", "registry-mirrors", "insecure-registries", "shutdown-timeout"}


def _add_defaults(docker: Mapping[str, Any], merged: dict[str, Any], defaults: Mapping[str, Any]) -> None:
    flags = docker["flags"]
    # On a swarm node live restore is impossible, and each restart would stop the node's containers.
    if docker["swarm"]:
        return
    if "live-restore" not in flags:
        merged.setdefault("live-restore", defaults["live-restore"])
    # The rest needs a restart, which is worth no running container.
    restores = merged.get("live-restore") or docker["live_restore"]
    if (docker["running"] and not restores) or {"log-driver", "log-opt"} & set(flags):
        return
    merged.setdefault("log-driver", defaults["log-driver"])
    if merged["log-driver"] == defaults["log-driver"]:
        merged.setdefault("log-opts", defaults["log-opts"])


def daemon_configuration(
    docker: Mapping[str, Any], defaults: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Merge: every key of the file stays, unless `options` gives another value, or null, which takes it out."""
    found = docker["configuration"]["content"]
    merged = dict(found)
    driver = options.get("log-driver", found.get("log-driver", defaults["log-driver"]))
    # Another log driver would not start with the options that this role has set for its own.
    if driver != defaults["log-driver"] and found.get("log-opts") == defaults["log-opts"]:
        del merged["log-opts"]
    merged |= {key: options[key] for key in ("log-driver", "live-restore") if key in options}
    _add_defaults(docker, merged, defaults)
    merged = merge_hash(merged, dict(options), recursive=True)
    return {key: value for key, value in merged.items() if value is not None}


def daemon_needs_restart(docker: Mapping[str, Any], configuration: Mapping[str, Any]) -> bool:
    """Say whether the running daemon takes the configuration over only by a restart."""
    found = docker["configuration"]["content"]
    added = {key for key, value in configuration.items() if found.get(key) != value}
    return not docker["answers"] or bool(added - _RELOADED) or bool(set(found) - set(configuration))


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which templates find the filters."""
        return {"daemon_configuration": daemon_configuration, "daemon_needs_restart": daemon_needs_restart}
