"""Several hosts in an inventory, and several installations on a host."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.control.checkout import ROOT, output

PLAYBOOK = str(ROOT / ".venv/bin/ansible-playbook")
PORTS = ("gateway", "direct", "prometheus", "grafana", "zipkin")
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}


def play(directory: Path, hosts: dict[str, dict[str, Any]], tasks: list[dict[str, Any]], *words: str) -> str:
    """Run tasks, with the roles' variables known, on hosts that are all this machine; returns what Ansible said."""
    roles = [{"role": path.name, "tags": ["never"]} for path in sorted((ROOT / "roles").iterdir())]
    plays = [{"hosts": "all", "gather_facts": False, "roles": roles, "tasks": tasks}]
    (directory / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False))
    (directory / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": LOCAL, "hosts": hosts}}))
    secrets = f"@{ROOT}/inventories/dev/group_vars/all/secrets.yml"
    command = [PLAYBOOK, str(directory / "play.yml"), "-i", str(directory / "hosts.yml"), "-e", secrets, *words]
    return output(command, directory, env={"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a source of the API that needs one package, of which there is a wheel for each architecture."""
    source = tmp_path / "api"
    shutil.copytree(ROOT / "api/jiucom", source / "jiucom", ignore=shutil.ignore_patterns("__pycache__"))
    [entry] = re.findall(r"^markupsafe==(?:.*\\\n)+.*", (ROOT / "api/requirements.lock").read_text(), re.MULTILINE)
    (source / "requirements.lock").write_text(entry + "\n")
    return source


def test_each_host_gets_the_wheels_of_its_architecture(tmp_path: Path, source: Path) -> None:
    """As far as the archive that is sent: what follows needs a host of that kind."""
    machines = ("x86_64", "aarch64", "x86_64")
    hosts = {f"host{n}": {"machine": machine} for n, machine in enumerate(machines)}
    given = {
        "api_source": str(source),
        "api_cache_dir": str(tmp_path / "cache"),
        "images_resolved": {"python": {"id": "sha256:1", "reference": "python:3"}},
        "platform_dir": str(tmp_path / "platform"),
    }
    seen = {"dest": f"{tmp_path}/{{{{ inventory_hostname }}}}.json", "content": "{{ __api_context | to_json }}"}
    tasks: list[dict[str, Any]] = [
        {"ansible.builtin.set_fact": {"architecture": "{{ machine }}", "cacheable": True}},
        {"ansible.builtin.include_role": {"name": "api", "tasks_from": "preflight"}},
        {"ansible.builtin.include_role": {"name": "api"}},
        {"ansible.builtin.copy": {**seen, "mode": "0600"}, "check_mode": False},
    ]
    play(tmp_path, hosts, tasks, "--check", "-e", json.dumps(given))
    packed = [json.loads((tmp_path / f"{name}.json").read_text()) for name in hosts]
    for machine, one in zip(machines, packed, strict=True):
        members = output(["tar", "--list", "--file", one["archive"]], tmp_path).split()
        [wheel] = [name for name in members if name.endswith(".whl")]
        assert machine in wheel
    assert packed[0]["checksum"] == packed[2]["checksum"] != packed[1]["checksum"]


# What belongs to the host as a whole: Docker's own configuration, apt's, and archives on their way into Docker.
SHARED = ("/etc/docker", "/etc/apt/", "/var/tmp/", "/usr/sbin/")
INSTALLATIONS = {
    name: {
        "platform_project": name,
        "platform_dir": f"/srv/{name}",
        "platform_network_subnet": f"172.30.{90 + n}.0/24",
        "platform_gateway_address": f"172.30.{90 + n}.10",
        **{f"platform_{port}_port": 21000 + 10 * n + m for m, port in enumerate(PORTS)},
    }
    for n, name in enumerate(("shop", "shop-staging"))
}


def test_paths_outside_the_installation_are_named_by_the_project() -> None:
    texts = {path: path.read_text() for path in (ROOT / "roles").glob("*/tasks/*.yml")}
    found = {
        (path.parent.parent.name, match)
        for path, text in texts.items()
        for match in re.findall(r"^\s+(?:path|dest|creates|removes|name): \"?(/[^\"\n]+)", text, re.MULTILINE)
    }
    outside = {(role, path) for role, path in found if not path.startswith(SHARED)}
    assert ("stack", "/etc/systemd/system/{{ platform_project }}.service") in outside
    assert {(role, path) for role, path in outside if "{{ platform_project }}" not in path} == set()


def test_two_installations_on_a_host_share_no_name(tmp_path: Path) -> None:
    """The boot unit, its stamp, and everything that Docker knows by a name."""
    template = "{{{{ lookup('ansible.builtin.template', '{}/roles/stack/templates/{}') }}}}"
    copies: list[dict[str, Any]] = [
        {"ansible.builtin.copy": {"content": template.format(ROOT, name), "dest": dest, "mode": "0600"}}
        for name, dest in (
            ("compose.yaml.j2", f"{tmp_path}/{{{{ platform_project }}}}.yaml"),
            ("jiucom.service.j2", f"{tmp_path}/{{{{ platform_project }}}}.service"),
        )
    ]
    play(tmp_path, INSTALLATIONS, copies)
    seen = []
    for name, given in INSTALLATIONS.items():
        compose = yaml.safe_load((tmp_path / f"{name}.yaml").read_text().replace("@services@", "  none: {}"))
        unit = (tmp_path / f"{name}.service").read_text()
        network = compose["networks"]["jiucom"]
        stamps = set(re.findall(r"/run/[\w.-]+", unit))
        assert compose["name"] == name
        assert {str(volume) for volume in compose["volumes"].values()} == {"None"}, "a name of its own is the project's"
        assert f"WorkingDirectory={given['platform_dir']}\n" in unit
        assert network["ipam"]["config"][0]["subnet"] == given["platform_network_subnet"]
        assert stamps == {f"/run/{name}.started"}
        seen.append({compose["name"], network["name"], given["platform_network_subnet"], *stamps})
    assert seen[0].isdisjoint(seen[1])


def test_two_installations_publish_different_ports(tmp_path: Path) -> None:
    tasks: list[dict[str, Any]] = [
        {
            "ansible.builtin.copy": {
                "content": "{{ platform_published | to_json }}",
                "dest": f"{tmp_path}/{{{{ platform_project }}}}.json",
                "mode": "0600",
            }
        }
    ]
    play(tmp_path, INSTALLATIONS, tasks)
    published = [json.loads((tmp_path / f"{name}.json").read_text()) for name in INSTALLATIONS]
    ports = [{entry.split(":")[1] for entries in one.values() for entry in entries} for one in published]
    assert [len(one) for one in ports] == [len(PORTS)] * 2
    assert ports[0].isdisjoint(ports[1])
