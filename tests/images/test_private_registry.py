"""A registry behind TLS by an authority of its own and a login: variables open it, and preflight waits for neither."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from modules import result, start

from tests.registry import PASSWORD, USER, Private
from tests.registry import private as registry

from .sources import REPOSITORY, Images, removing

# What site.yml does with the role.
SITE = """
- hosts: localhost
  gather_facts: true
  become: true
  roles: [platform]
  tasks:
    - ansible.builtin.include_role: {name: images, tasks_from: preflight}
    - ansible.builtin.include_role: {name: images}
"""
MODULE = REPOSITORY / "roles/images/library/images_registry.py"


def module(private: Private, check: bool = False, **given: Any) -> dict[str, Any]:
    """Run the module with the right authority and login, or with others."""
    right = {"authority": private.authority.read_text(), "user": USER, "password": PASSWORD}
    return result(start(MODULE, check=check, registry=private.address, **right | given))


@pytest.fixture
def private(
    daemon: docker.DockerClient, registry_image: str, network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Private]:
    """The registry; logins of this machine's user are kept in a home of the test."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with registry(daemon, registry_image, network, tmp_path) as made, removing(daemon, made.address):
        try:
            yield made
        finally:
            shutil.rmtree(f"/etc/docker/certs.d/{made.address}", ignore_errors=True)


def test_it_is_opened_once(private: Private) -> None:
    said = module(private, check=True)
    assert (said["changed"], said["pending"]) == (True, True)
    assert not Path(f"/etc/docker/certs.d/{private.address}").exists()
    said = module(private)
    assert (said.get("failed", False), said["changed"], said["pending"]) == (False, True, False), said
    assert module(private)["changed"] is False
    assert module(private, check=True)["pending"] is False
    assert PASSWORD not in json.dumps(said)


@pytest.mark.parametrize("given", [{"password": "other"}, {"authority": ""}], ids=["another password", "no authority"])
def test_what_the_registry_refuses_is_told_with_the_variables(private: Private, given: dict[str, Any]) -> None:
    said = module(private, **given)
    assert said["failed"]
    assert "docker login" in said["msg"]
    assert "images_registry_password" in said["msg"]


def test_images_come_from_it(private: Private, images: Images) -> None:
    """Before it is open, the plan takes it at its word, as preflight does; a pull then needs both."""
    name = f"{private.address}/{images.name}"
    settings: dict[str, Any] = {"registry_prefix": f"{private.address}/"}
    assert "images_registry_ca" in images.run("registry", check=True, **settings).failures
    believed = images.run("registry", check=True, believe=True, **settings)
    assert believed.resolved[images.name]["source"] == "registry"
    private.push(f"{images.prefix}debian-trixie:base", f"{images.name}:2.3.4")
    module(private)
    assert images.run("registry", **settings).resolved[images.name]["reference"] == f"{name}:2.3.4"


def test_a_run_of_the_site_opens_it_and_pulls(private: Private, images: Images) -> None:
    private.push(f"{images.prefix}debian-trixie:base", f"{images.name}:2.3.4")
    (images.directory / "site.yml").write_text(SITE)
    given: dict[str, Any] = {
        "platform_images": {images.name: {"ref": f"{images.name}:2.3.4"}},
        "images_sources": ["registry"],
        "images_registry_prefix": f"{private.address}/",
        "images_registry_ca": str(private.authority),
        "images_registry_user": USER,
        "images_registry_password": PASSWORD,
    }
    site = images.directory / "site.yml"
    try:
        refused = images.playbook(site, **given | {"images_registry_password": "other"})
        assert "images_registry_password" in refused.failures
        refused = images.playbook(site, **given | {"images_registry_prefix": ""})
        assert "images_registry_prefix, which is empty" in refused.failures
        predicted = images.playbook(site, "--check", **given)
        assert predicted.failures == ""
        first = images.playbook(site, **given)
        assert (first.failures, first.changed) == ("", True)
        assert first.resolved[images.name]["reference"] == f"{private.address}/{images.name}:2.3.4"
        second = images.playbook(site, **given)
        assert (second.failures, second.tasks) == ("", [])
    finally:
        # The role's login is root's own.
        subprocess.run(
            ["docker", "logout", private.address], env={**os.environ, "HOME": "/root"}, check=True, capture_output=True
        )
