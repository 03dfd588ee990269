"""What the documents of the SBOM say, against what the images themselves say of their packages."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from modules import result, start
from packageurl import PackageURL

from testing.images import image

from .sources import REPOSITORY, removing

MODULE = REPOSITORY / "roles/images/library/images_sbom.py"
# How the image's own Python lists the packages that lie outside Debian's directories.
PYTHON = """
import importlib.metadata as m, sysconfig
for one in m.distributions(path=[sysconfig.get_path("purelib")]): print(one.name, one.version)
"""


@pytest.fixture(scope="module")
def project(daemon: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose containers are not started, of a Python, a Java and a C image, and of one that was not built here."""
    directory = tmp_path_factory.mktemp("sbom")
    name = directory.name
    containers = []
    with removing(daemon, name):
        references = [image("grafana"), image("zipkin"), image("redis"), f"{name}:1"]
        daemon.images.get(references[2]).tag(name, "1")
        try:
            for number, reference in enumerate(references):
                labels = {"com.docker.compose.project": name, "com.docker.compose.service": f"s{number}"}
                containers.append(daemon.containers.create(reference, ["none"], labels=labels))
            yield directory
        finally:
            for container in containers:
                container.remove(v=True)


def write(project: Path, check: bool = False) -> dict[str, Any]:
    given: dict[str, Any] = {"project": project.name, "image_prefix": "localhost/jiucom/", "path": str(project)}
    said = result(start(MODULE, check=check, **given))
    assert not said.get("failed"), said
    return said


def never_started(daemon: docker.DockerClient) -> set[str | None]:
    """The containers that the module makes, and others like them; tests beside this one make containers that run."""
    listed = daemon.containers.list(all=True, ignore_removed=True, filters={"status": "created"})
    return {one.id for one in listed if one.attrs["Config"]["Cmd"] == ["none"]}


@pytest.fixture(scope="module")
def documents(project: Path, daemon: docker.DockerClient) -> dict[str, dict[str, Any]]:
    before = never_started(daemon)
    assert write(project, check=True)["changed"]
    assert list(project.iterdir()) == []
    said = write(project)
    assert (said["changed"], said["missing"]) == (True, [f"{project.name}:1"])
    assert never_started(daemon) == before, "a container was left behind"
    return {file.name.partition(".")[0]: json.loads(file.read_text()) for file in project.iterdir()}


def run(reference: str, *command: str) -> str:
    base = ["docker", "run", "--rm", "--network=none", f"--entrypoint={command[0]}", reference]
    return subprocess.run([*base, *command[1:]], check=True, capture_output=True, text=True).stdout


def listed(document: dict[str, Any], kind: str) -> dict[str, str]:
    return {one["name"]: one["version"] for one in document["components"] if one["purl"].startswith(f"pkg:{kind}/")}


def test_they_are_cyclonedx(documents: dict[str, dict[str, Any]]) -> None:
    assert sorted(documents) == ["board", "redis", "zipkin"]
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    for document in documents.values():
        assert validator.validate_str(json.dumps(document)) is None
        for one in document["components"]:
            assert PackageURL.from_string(one["purl"]).to_string() == one["purl"]


@pytest.mark.parametrize("name", ["board", "redis", "zipkin"])
def test_every_package_of_debian_is_listed(name: str, documents: dict[str, dict[str, Any]]) -> None:
    reference = documents[name]["metadata"]["component"]["bom-ref"]
    query = run(reference, "dpkg-query", "--show", "--showformat=${Package} ${Version}\n")
    assert listed(documents[name], "deb") == dict(line.split() for line in query.splitlines())


def test_every_package_of_python_is_listed(documents: dict[str, dict[str, Any]]) -> None:
    reference = documents["board"]["metadata"]["component"]["bom-ref"]
    installed = dict(
        line.lower().replace("_", "-").split() for line in run(reference, "python", "-c", PYTHON).splitlines()
    )
    assert "starlette" in installed
    assert listed(documents["board"], "pypi") == installed


def test_every_jar_is_listed(documents: dict[str, dict[str, Any]]) -> None:
    document = documents["zipkin"]
    jars = run(document["metadata"]["component"]["bom-ref"], "sh", "-c", "ls /zipkin/BOOT-INF/lib").split()
    # Behind the version there may be a classifier, as in netty-common-4.1.1-linux.jar.
    named = tuple(f"{one['name']}-{one['version']}" for one in document["components"])
    assert len(jars) > 100
    assert [name for name in jars if not name.startswith(named)] == []
    assert listed(document, "generic")["zipkin"].startswith("3.")
    assert any(
        one["purl"].startswith("pkg:maven/com.fasterxml.jackson.core/jackson-core@") for one in document["components"]
    )


def test_a_second_run_changes_nothing_and_removes_unused_documents(
    project: Path, documents: dict[str, dict[str, Any]]
) -> None:
    before = {file: file.read_bytes() for file in project.iterdir()}
    assert not write(project)["changed"]
    assert {file: file.read_bytes() for file in project.iterdir()} == before
    (project / "old.cdx.json").write_text("{}")
    (project / "redis.cdx.json").write_text("broken")
    assert write(project)["changed"]
    assert {file: file.read_bytes() for file in project.iterdir()} == before
