"""Runs of the module and of the role `images` on this machine, for images of the tests' own: the platform is not touched."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import docker
from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.images import archives, recipes
from plugins import load

REPOSITORY = Path(__file__).parents[2]
MODULE: ModuleType = load("roles/images/library/images_obtain.py")
FILTERS: ModuleType = load("roles/images/filter_plugins/images.py")
PLAYBOOK = """
- name: Images
  hosts: localhost
  gather_facts: true
  become: true
  roles:
    - role: platform
    - role: images
"""
RECIPE = """
ARG BASE=debian:trixie-slim
FROM ${{BASE}}
RUN --mount=type=bind,source=common,target=/recipe /recipe/installed {name} 1:{version}+ds1-4 && {command}
COPY {name}/conf /conf
LABEL io.jiucom.product={name} io.jiucom.line=2
"""


@dataclass
class Run:
    """What a run said: `failures` is empty when it ended well."""

    changed: bool
    resolved: dict[str, dict[str, str]] = field(default_factory=dict)
    failures: str = ""
    tasks: list[str] = field(default_factory=list)


class _EndError(Exception):
    def __init__(self, **result: Any) -> None:
        super().__init__(result.get("msg", ""))
        self.result = result


class _Module:
    """What the module uses of AnsibleModule."""

    def __init__(self, params: dict[str, Any], check_mode: bool) -> None:
        self.params, self.check_mode = params, check_mode

    def exit_json(self, **result: Any) -> NoReturn:
        raise _EndError(failed=False, **result)

    def fail_json(self, **result: Any) -> NoReturn:
        raise _EndError(failed=True, **result)


class Images:
    """A table of one image, or of several, and a place for their recipes and archives."""

    def __init__(self, directory: Path, name: str) -> None:
        self.name, self.directory = name, directory
        self.prefix = f"localhost/{name}/"
        self.socket = engine.SOCKET
        self.recipes, self.archives, self.work = directory / "recipes", directory / "archives", directory / "work"
        for folder in (self.recipes / "common", self.archives, self.work):
            folder.mkdir(parents=True)
        (self.recipes / "common/installed").write_bytes((REPOSITORY / "files/images/common/installed").read_bytes())
        (self.recipes / "common/installed").chmod(0o755)
        # What the role's variables read in every run.
        for name in ("zipkin", "opensearch"):
            (self.recipes / name).mkdir()
            artifact = f"files/images/{name}/artifact.env"
            (self.recipes / name / "artifact.env").write_text((REPOSITORY / artifact).read_text())
        self.recipe()

    def recipe(self, command: str = "true", version: str = "2.3") -> None:
        """Write the image's recipe anew."""
        (self.recipes / self.name).mkdir(exist_ok=True)
        (self.recipes / self.name / "conf").write_text("content\n")
        dockerfile = RECIPE.format(name=self.name, command=command, version=version)
        (self.recipes / self.name / "Dockerfile").write_text(dockerfile)

    def settings(self, sources: tuple[str, ...], table: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Return the module's parameters; `table` holds what is known of the images beyond their recipes."""
        names = table.pop("images", {self.name: {"ref": f"{self.name}:2.3.4"}})
        return {
            "table": FILTERS.images_wanted(names, str(self.recipes), sources, **table),
            "image_prefix": self.prefix,
            "project": self.name,
            "work_dir": str(self.work),
            "stage": "",
            "local": True,
            "registry_prefix": "",
            "registry_timeout": 3,
            "believe": False,
            "daemon_options": {},
            "archives": archives.index(str(self.archives), self.directory / "cache.json"),
            "packages_mirror": "",
            "packages_timeout": 10,
            "packages_snapshot": True,
            "ca_bundle": "",
            "refresh": False,
            "plan": {},
            "context": "",
            "socket": self.socket,
            **changes,
        }

    def _call(self, mode: str, check: bool, settings: dict[str, Any]) -> dict[str, Any]:
        run = MODULE.Run(_Module(settings, check))
        try:
            getattr(run, mode)()
        except _EndError as end:
            return end.result
        raise AssertionError(f"{mode} did not end")

    def run(self, *sources: str, check: bool = False, table: dict[str, Any] | None = None, **settings: Any) -> Run:
        """Plan and obtain, as the role's tasks do."""
        given = self.settings(sources, dict(table or {}), **settings)
        plan = self._call("plan", check, given)
        if plan["failed"]:
            return Run(False, failures=plan["msg"])
        if not plan["work"]:
            return Run(False, plan["resolved"])
        if plan["recipes"]:
            context = self.directory / "context.tar"
            content: dict[str, Path] = {}
            for name in plan["recipes"]:
                content |= recipes.files(self.recipes, name)
            recipes.pack(content, context)
            given["context"] = str(context)
        result = self._call("obtain", check, {**given, "plan": plan["plan"]})
        if result["failed"]:
            return Run(result["changed"], failures=result["msg"])
        return Run(result["changed"], result["resolved"])

    def built(self, daemon: docker.DockerClient) -> list[str]:
        """List what recipes have built, bases left out."""
        return [
            tag for image in daemon.images.list() for tag in image.tags if tag.startswith(f"{self.prefix}images-test")
        ]

    def role(self, *arguments: str, **variables: Any) -> Run:
        """Run the role itself."""
        (self.directory / "play.yml").write_text(PLAYBOOK)
        table = {"platform_images": {self.name: {"ref": f"{self.name}:2.3.4"}}}
        return self.playbook(self.directory / "play.yml", *arguments, **(table | variables))

    def playbook(self, path: Path, *arguments: str, **variables: Any) -> Run:
        """Run a playbook with the variables that keep it apart from the platform."""
        given = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "/usr/bin/python3",
            "platform_image_prefix": self.prefix,
            "platform_project": self.name,
            "platform_dir": str(self.directory / "jiucom"),
            "_images_recipes_dir": str(self.recipes),
            "images_cache_dir": str(self.directory / "cache"),
            "images_work_dir": str(self.work),
            "images_archive_dir": str(self.archives),
            "images_packages_snapshot": True,
            "images_registry_timeout": 3,
            **variables,
        }
        given = {name: value for name, value in given.items() if value is not None}
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "--inventory=localhost,"]
        process = subprocess.run(
            [*command, f"--extra-vars={json.dumps(given)}", *arguments, str(path)],
            cwd=REPOSITORY,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
                "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "collections"),
                "ANSIBLE_ROLES_PATH": str(REPOSITORY / "roles"),
                "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        start = process.stdout.find("{")
        assert start >= 0, process.stdout + process.stderr
        return _read(process.returncode, json.loads(process.stdout[start:]))


def _read(code: int, report: dict[str, Any]) -> Run:
    """Take what tests ask about out of Ansible's report."""
    run = Run(changed=bool(report["stats"]["localhost"]["changed"]))
    for play in report["plays"]:
        for task in play["tasks"]:
            result = task["hosts"].get("localhost", {})
            if result.get("changed"):
                run.tasks.append(task["task"]["name"])
            if result.get("failed"):
                run.failures += str(result.get("msg", "")) + "\n"
            run.resolved = result.get("ansible_facts", {}).get("images_resolved") or run.resolved
    assert bool(code) == bool(run.failures), report["stats"]
    return run


def give(daemon: docker.DockerClient, *references: str, env: str = "") -> str:
    """Put the smallest image there can be on the host under each reference; returns its id."""
    changes = ['CMD ["none"]', *([f"ENV {env}"] if env else [])]
    # An image is what it holds: each one is another.
    changes.append(f"LABEL probe={os.urandom(8).hex()}")
    said = daemon.api.import_image_from_data(bytes(10240), changes=changes)
    id_ = str(json.loads(said.splitlines()[-1])["status"])
    for reference in references:
        repository, _, tag = reference.rpartition(":")
        daemon.images.get(id_).tag(repository, tag)
    return id_


def push(daemon: docker.DockerClient, reference: str, env: str = "") -> tuple[str, str]:
    """Put a new image into a registry and off the host; returns its id and its digest."""
    identity = give(daemon, reference, env=env)
    said = daemon.images.push(reference)
    assert "error" not in said, said
    digest = next(name for name in daemon.images.get(reference).attrs["RepoDigests"] if name.startswith(reference[:20]))
    daemon.images.remove(reference)
    return identity, digest.partition("@")[2]


def save(daemon: docker.DockerClient, reference: str, file: Path) -> None:
    with file.open("wb") as archive:
        archive.writelines(daemon.api.get_image(reference))


def gone(daemon: docker.DockerClient, reference: str) -> bool:
    return not any(reference in image.tags for image in daemon.images.list())


@contextlib.contextmanager
def removing(daemon: docker.DockerClient, name: str) -> Iterator[None]:
    """Remove in the end every image whose name or project is the test's own."""
    try:
        yield
    finally:
        for image in daemon.images.list(all=True):
            names = [*image.tags, *(image.attrs.get("RepoDigests") or [])]
            own = [one for one in names if name in one]
            lost = not names and image.labels.get("io.jiucom.project") == name
            with contextlib.suppress(docker.errors.ImageNotFound, docker.errors.APIError):
                for one in own:
                    daemon.images.remove(one, force=True)
                if lost:
                    daemon.images.remove(image.id or "", force=True)
