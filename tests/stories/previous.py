"""The release before: its own checkout, environment and images, made once in .cache/previous, and installed on a host."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from hosts import ROOT, Host

# Of 2026-11-25: the nine services as role stack's own template described them, before playbooks/upgrade.yml and all verbs.
COMMIT = "f6e026a"
CHECKOUT = ROOT / ".cache/previous" / COMMIT

# Its playbooks/images.yml would set up this machine's Docker, too.
BUILD = """
- name: The images of the release before
  hosts: jiucom-dev
  roles:
    - role: images
  tasks:
    - name: List them
      ansible.builtin.copy:
        content: "{{ images_resolved.values() | map(attribute='reference') | join(' ') }}"
        dest: "{{ playbook_dir }}/../images.txt"
        mode: "0644"
"""
BUILD_OPTIONS = {
    "images_sources": ["present", "packages"],
    "images_build_dir": "/var/tmp/jiucom-previous",
    # Both releases download the same files.
    "images_cache_dir": str(ROOT / ".cache/images"),
}


def run(*command: str, seconds: int) -> str:
    """Run a command in the checkout, without the variables of today's Ansible; returns its output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MOLECULE_"))}
    environment |= {"ANSIBLE_HOME": str(CHECKOUT / ".cache/ansible"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=seconds, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def play(*arguments: str, seconds: int = 1200) -> str:
    """Run a playbook of the release before, by its own Ansible; returns the output."""
    return run(".venv/bin/ansible-playbook", *arguments, seconds=seconds)


def images() -> list[str]:
    """Make the checkout, its environment and its images, as far as they are not there; returns the images' names."""
    if subprocess.run(["git", "cat-file", "-e", COMMIT], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip(f"this clone has not got commit {COMMIT}: type `git fetch --unshallow`")
    if not CHECKOUT.exists():
        CHECKOUT.mkdir(parents=True)
        packed = subprocess.run(["git", "archive", COMMIT], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "--extract"], cwd=CHECKOUT, input=packed, check=True)
    if not (CHECKOUT / ".venv/ready").exists():
        run("tools/bootstrap.sh", seconds=1200)
    (CHECKOUT / "playbooks/story.yml").write_text(BUILD)
    play("playbooks/story.yml", "-e", json.dumps(BUILD_OPTIONS), seconds=3000)
    return (CHECKOUT / "images.txt").read_text().split()


def install(host: Host) -> str:
    """Install the release before on a host as an operator did, with its own inventory of development; returns the output."""
    host.load(" ".join(images()))
    facts = {
        "ansible_host": host.address,
        "ansible_user": "deploy",
        "ansible_ssh_private_key_file": str(ROOT / ".cache/molecule/id_ed25519"),
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
        "ansible_python_interpreter": "/usr/bin/python3",
        "images_sources": ["present"],
        "platform_min_memory_mb": 3000,
    }
    inventory = CHECKOUT / "inventories/story"
    inventory.mkdir(exist_ok=True)
    if not (inventory / "group_vars").exists():
        (inventory / "group_vars").symlink_to("../dev/group_vars")
    (inventory / "hosts.json").write_text(json.dumps({"all": {"hosts": {host.name: facts}}}))
    return play("site.yml", "-i", str(inventory))
