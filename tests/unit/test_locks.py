"""The lock files, the collections and what is used of them agree."""

from __future__ import annotations

import hashlib
import json
import re
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SITE = Path(sysconfig.get_path("purelib"))
COLLECTIONS = {
    entry["name"]: entry["version"] for entry in yaml.safe_load((ROOT / "requirements.yml").read_text())["collections"]
}


def locked(file: str) -> dict[str, str]:
    """Read a lock file: versions with their conditions and hashes, by package."""
    entries = re.findall(r"^([\w.-]+)((?:.*\\\n)*.*)$", (ROOT / file).read_text(), re.MULTILINE)
    found: dict[str, str] = {}
    for name, rest in entries:
        assert name not in found, f"{file} splits {name}: one version for every Python"
        found[name] = rest
    return found


def version(entry: str) -> str:
    """Return the version of an entry without its conditions."""
    return entry.split()[0]


def hashes(entry: str) -> set[str]:
    """Return the hashes of an entry."""
    return set(re.findall(r"--hash=(\S+)", entry))


@pytest.mark.parametrize("part", ["control.lock", "api/requirements.lock"])
def test_the_smaller_locks_are_parts_of_the_tests_lock(part: str) -> None:
    """So that .venv grows from deploying to testing, and tests run what the image holds."""
    small, everything = locked(part), locked("requirements.lock")
    assert {name: version(rest) for name, rest in small.items()} == {name: version(everything[name]) for name in small}
    assert [name for name, rest in small.items() if hashes(rest) != hashes(everything[name])] == []


def test_deploying_needs_few_packages() -> None:
    """Ansible-core and what it depends on: nothing of Molecule, of the tests or of the API."""
    assert set(locked("control.lock")) <= {
        "ansible-core", "cffi", "cryptography", "jinja2", "markupsafe", "packaging", "pycparser", "pyyaml", "resolvelib",
    }  # fmt: skip


@pytest.mark.parametrize("file", ["control.lock", "collections.lock", "requirements.lock", "api/requirements.lock"])
def test_each_entry_has_hashes_and_no_address(file: str) -> None:
    assert [name for name, rest in locked(file).items() if "--hash=sha256:" not in rest] == []
    assert "://" not in (ROOT / file).read_text()


def test_locks_hold_what_the_groups_ask_for() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    for group, file in (("control", "control.lock"), ("collections", "collections.lock"), ("dev", "requirements.lock")):
        names = {re.split(r"[^\w.-]", wanted)[0].lower() for wanted in groups[group]}
        assert names <= locked(file).keys(), file
    assert set(locked("collections.lock")) == {"ansible", "pip"}
    assert "ansible" not in locked("requirements.lock"), "it is downloaded for its collections, and never installed"


def test_collections_that_are_used_are_those_of_requirements() -> None:
    """Modules of tasks and names in quotes; and what the collections themselves depend on."""
    files = [
        file
        for kind in ("yml", "py")
        for top in ("roles", "playbooks", "molecule", "tests")
        for file in (ROOT / top).rglob(f"*.{kind}")
    ]
    names = re.compile(
        r"""^[\s-]*((?:community|ansible)\.\w+)\.\w+:$|["']((?:community|ansible)\.\w+)\.\w+["']""", re.MULTILINE
    )
    used = {first or second for file in files for first, second in names.findall(file.read_text())} - {
        "ansible.builtin"
    }
    depended = {
        name
        for collection in used & COLLECTIONS.keys()
        for name in json.loads((folder(collection) / "MANIFEST.json").read_text())["collection_info"]["dependencies"]
    }
    assert used | depended == COLLECTIONS.keys()


def folder(collection: str) -> Path:
    """Return where the environment has a collection."""
    return SITE / "ansible_collections" / collection.replace(".", "/")


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_collections_are_galaxy_s_but_for_their_tests(collection: str) -> None:
    """Galaxy's manifest is in each: a checksum of every file, and of the list of checksums."""
    root = folder(collection)
    manifest = json.loads((root / "MANIFEST.json").read_text())
    assert manifest["collection_info"]["version"] == COLLECTIONS[collection]
    listing = (root / "FILES.json").read_bytes()
    assert hashlib.sha256(listing).hexdigest() == manifest["file_manifest_file"]["chksum_sha256"]
    sums = {entry["name"]: entry["chksum_sha256"] for entry in json.loads(listing)["files"] if entry["ftype"] == "file"}
    found = {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    for own in ("MANIFEST.json", "FILES.json"):
        del found[own]
    assert {name for name in found if found[name] != sums.get(name)} == set()
    assert {name for name in sums.keys() - found.keys() if not re.match(r"tests/|docs/|\.", name)} == set()
    assert any(name.startswith("plugins/") for name in found)
