"""Filters that make a service's part of compose.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

# The order in which a reader looks for them.
ORDER = (
    "image", "build", "pull_policy", "scale", "init", "user", "entrypoint", "command", "environment", "volumes", "tmpfs",
     "ports", "depends_on", "healthcheck", "restart", "networks", "stop_signal", "stop_grace_period", "cpu_shares",
    "memswap_limit", "deploy", "read_only", "cap_drop", "cap_add", "security_opt", "ulimits", "logging", "labels",
)  # fmt: skip
HEALTH = {"interval": "10s", "timeout": "5s", "retries": 6, "start_interval": "1s"}


def plain(value: Any) -> Any:
    """Turn Ansible's values into Python's own, with each `$` doubled: Compose would replace `$name` by a variable."""
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, str):
        return value.encode().decode().replace("$", "$$")  # a subclass of str, to which Ansible adds the origin
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return [plain(item) for item in value]


class _Dumper(yaml.SafeDumper):
    """YAML with indented lists."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists below their key."""
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # Compose's YAML knows other words and numbers than Python's: only what no parser takes for something else stays bare.
    bare = value[:1].isalpha() and value.replace("-", "").replace("_", "").replace("/", "").replace(".", "").isalnum()
    words = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "inf", "nan"}
    style = None if bare and value.isascii() and value.lower() not in words else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def compose_part(
    definition: Mapping[str, Any], name: str, service: Mapping[str, Any], settings: Mapping[str, Any]
) -> str:
    """Make the part of compose.yaml of service `name`, with a line for its title.

    `definition` has what only this service needs, in Compose's own terms, and `health`: the shell command of its health
    check, with `start_period` in seconds beside it; `tmp`: the size of /tmp; `proxies: true` leaves it the proxies of Docker's
    client configuration. A volume that is an empty text is left out.
    `service` is its row of the service table, `settings` what all services share: `stop_grace_seconds`, `log_max_size`,
    `log_max_files`, `ulimits`, `addresses`, the fixed ones by service, and `services`, the names of all that are in the file. It
    depends on none but these: Compose refuses a dependency that is not there, as in a play of some roles only.
    """
    part = dict(definition)
    part["volumes"] = [volume for volume in part.get("volumes", []) if volume]
    part["depends_on"] = {
        other: how for other, how in part.get("depends_on", {}).items() if other in settings["services"]
    }
    health, start_period = part.pop("health"), part.pop("start_period", 30)
    if part.pop("proxies", False):
        # The images' wget knows no exceptions from a proxy.
        health = f"http_proxy= HTTP_PROXY= {health}"
    else:
        part["environment"] = {"<<": "*no-proxy", **part.get("environment", {})}
    part["user"] = f"{service['uid']}:{service['gid']}"
    part["healthcheck"] = {"test": ["CMD-SHELL", health], "start_period": f"{start_period}s", **HEALTH}
    part["restart"] = "unless-stopped"
    networks, fixed = service.get("networks", ["jiucom"]), settings.get("addresses", {}).get(name)
    part["networks"] = {one: fixed if one == "jiucom" else {} for one in networks} if fixed else list(networks)
    part["stop_grace_period"] = f"{settings['stop_grace_seconds']}s"
    part["cpu_shares"] = max(2, round(float(service["cpus_reserved"]) * 1024))
    part["memswap_limit"] = service["memory"]
    part["deploy"] = {
        "resources": {
            "limits": {
                "cpus": str(service["cpus"]),
                "memory": service["memory"],
                "pids": int(service.get("pids", 256)),
            },
            "reservations": {"memory": service["memory_reserved"]},
        }
    }
    # docs/hardening.md: nothing is writable but volumes and /tmp, no capability is left, processes are bounded.
    part["read_only"] = True
    part["tmpfs"] = [f"/tmp:mode=1777,size={part.pop('tmp', '64m')}", *part.get("tmpfs", [])]  # noqa: S108
    part["cap_drop"] = ["ALL"]
    part["security_opt"] = ["no-new-privileges:true"]
    if settings["ulimits"]:
        part["ulimits"] = settings["ulimits"]
    part["logging"] = {
        "driver": "json-file",
        "options": {"max-size": settings["log_max_size"], "max-file": str(settings["log_max_files"])},
    }
    part["labels"] = {"jiucom.files": "@files@"}
    unknown = part.keys() - set(ORDER)
    if unknown:
        raise ValueError(f"{name}: compose_part has no place for {', '.join(sorted(unknown))}")
    ordered = {key: part[key] for key in ORDER if part.get(key) not in (None, "", [], {})}
    body = yaml.dump(
        plain({name: ordered}),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=4000,
        default_flow_style=False,
    )
    return str(body).replace('"<<": "*no-proxy"', "<<: *no-proxy")


def service_list(
    definitions: Mapping[str, Mapping[str, Any]], services: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Make what the module service_files takes, from a role's definitions of its services.

    A definition has `compose`, as compose_part takes it, and `files`, `directories` and `validate`, as the module takes
    them. A service that is off, and so not in the table `services`, is left out.
    """
    found = []
    for name, service in services.items():
        if name in definitions:
            definition = definitions[name]
            found.append(
                {
                    "name": name,
                    "uid": service["uid"],
                    "gid": service["gid"],
                    "compose": compose_part(definition["compose"], name, service, settings),
                    **{key: definition[key] for key in ("files", "directories", "validate") if key in definition},
                }
            )
    return found


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which templates find the filters."""
        return {"compose_part": compose_part, "service_list": service_list}
