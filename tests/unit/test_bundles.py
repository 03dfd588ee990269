"""A bundle is refused by the name of the file that is damaged, missing, not listed or not signed; real ssh-keygen."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.jiucom.platform.plugins.module_utils import bundles

ROOT = Path(__file__).parents[2]


def key(path: Path) -> Path:
    """Make an SSH key."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    return path


@pytest.fixture
def signers(tmp_path: Path) -> Path:
    """Name the operator's key as one whose signature counts."""
    public = key(tmp_path / "operator").with_suffix(".pub").read_text()
    (tmp_path / "signers").write_text(f"operator {public}")
    return tmp_path / "signers"


@pytest.fixture
def bundle(tmp_path: Path, signers: Path) -> Path:
    """A bundle of two parts, sealed."""
    made = tmp_path / "a bundle"
    for name in ("images/images.tar.gz", "wheels/app-1/one two.whl"):
        (made / name).parent.mkdir(parents=True)
        (made / name).write_text(name)
    (made / bundles.MANIFEST).write_text(json.dumps({"layout": bundles.LAYOUT}))
    bundles.seal(made, str(signers.with_name("operator")))
    return made


def test_a_sound_bundle_is_taken(bundle: Path, signers: Path) -> None:
    assert bundles.faults(str(bundle), str(signers)) == []
    assert len((bundle / bundles.SUMS).read_text().splitlines()) == 3


def cut(path: Path) -> None:
    path.write_text(path.read_text()[:-1])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda b: cut(b / "images/images.tar.gz"), "images/images.tar.gz is damaged"),
        (lambda b: (b / "wheels/app-1/one two.whl").unlink(), "wheels/app-1/one two.whl is missing"),
        (lambda b: (b / "images/other.tar").write_text(""), "images/other.tar is not listed"),
        (lambda b: (b / "images/link").symlink_to("images.tar.gz"), "images/link is not listed"),
        (lambda b: (b / bundles.MANIFEST).write_text("{}"), "bundle.json is damaged"),
        (lambda b: (b / bundles.SUMS).unlink(), "SHA256SUMS is missing: this is no complete bundle"),
        (lambda b: (b / bundles.SIGNATURE).unlink(), "SHA256SUMS.sig is missing: the bundle is not signed"),
        (lambda b: (b / bundles.SIGNATURE).write_text("none"), "SHA256SUMS.sig is no signature"),
        (lambda b: cut(b / bundles.SUMS), "SHA256SUMS.sig is no signature of SHA256SUMS"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(
    bundle: Path, signers: Path, change: Callable[[Path], object], says: str
) -> None:
    change(bundle)
    [first, *rest] = bundles.faults(str(bundle), str(signers))
    assert first.startswith(f"{bundle}/")
    assert says in first
    assert rest in ([], ["Copy the bundle anew: nothing was touched"])


def test_a_link_in_place_of_a_file_is_refused(bundle: Path, signers: Path, tmp_path: Path) -> None:
    (bundle / "images/images.tar.gz").rename(tmp_path / "elsewhere")
    (bundle / "images/images.tar.gz").symlink_to(tmp_path / "elsewhere")
    assert "images/images.tar.gz is a link" in bundles.faults(str(bundle), str(signers))[0]


def test_new_checksums_by_a_stranger_are_refused(bundle: Path, signers: Path, tmp_path: Path) -> None:
    (bundle / "images/images.tar.gz").write_text("of somebody else")
    (bundle / bundles.SIGNATURE).unlink()
    bundles.seal(bundle, str(key(tmp_path / "stranger")))
    assert "SHA256SUMS.sig is no signature" in bundles.faults(str(bundle), str(signers))[0]


def test_a_signature_for_something_else_is_refused(bundle: Path, signers: Path) -> None:
    (bundle / bundles.SIGNATURE).unlink()
    sign: list[str | Path] = ["ssh-keygen", "-Y", "sign", "-f", str(signers.with_name("operator")), "-n", "git"]
    subprocess.run([*sign, str(bundle / bundles.SUMS)], check=True, capture_output=True)
    assert "SHA256SUMS.sig is no signature" in bundles.faults(str(bundle), str(signers))[0]


def test_without_signers_the_line_to_write_is_told(bundle: Path, tmp_path: Path) -> None:
    [fault] = bundles.faults(str(bundle), str(tmp_path / "none"))
    assert fault.startswith(f"{tmp_path}/none is missing: write a line")
    assert "BUNDLE_SIGNERS" in fault


@pytest.mark.parametrize("name", ["nowhere", "relative"])
def test_what_is_no_directory_is_refused(
    name: str, bundle: Path, signers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bundle.parent)
    given = bundle.name if name == "relative" else str(bundle / name)
    assert f"{given} is no directory" in bundles.faults(given, str(signers))[0]


def test_a_newer_layout_is_refused(bundle: Path, signers: Path) -> None:
    (bundle / bundles.SIGNATURE).unlink()
    (bundle / bundles.MANIFEST).write_text(json.dumps({"layout": bundles.LAYOUT + 1}))
    bundles.seal(bundle, str(signers.with_name("operator")))
    assert "bundle.json: made by a newer checkout" in bundles.faults(str(bundle), str(signers))[0]


def test_many_faults_are_told_in_few_lines(bundle: Path, signers: Path) -> None:
    for number in range(50):
        (bundle / f"{number}.deb").touch()
    told = bundles.faults(str(bundle), str(signers))
    assert len(told) == 22
    assert told[20] == "... and 30 more"


def test_a_key_that_cannot_sign_is_told(bundle: Path, tmp_path: Path) -> None:
    locked = key(tmp_path / "locked")
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "a passphrase", "-f", locked], check=True)
    with pytest.raises(bundles.SealError, match="could not sign with"):
        bundles.seal(bundle, str(locked))


def test_the_tool_before_the_environment_says_the_same(bundle: Path, signers: Path) -> None:
    """By the system's Python without this project's packages, as bootstrap.sh runs it."""
    command = [sys.executable, "-I", str(ROOT / "tools/verify_bundle.py"), str(bundle), str(signers)]
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0
    cut(bundle / "images/images.tar.gz")
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert f"{bundle}/images/images.tar.gz is damaged" in said.stderr


def installed(task: Any) -> Iterator[str]:
    """Yield the packages that apt is to install in a list of tasks; names that are templates are the role's own affair."""
    for one in task if isinstance(task, list) else []:
        names = one.get("ansible.builtin.apt", {}).get("name", [])
        yield from (name for name in ([names] if isinstance(names, str) else names) if "{{" not in name)
        for part in ("block", "rescue", "always"):
            yield from installed(one.get(part))


def test_a_bundle_has_every_package_that_a_role_may_install() -> None:
    """But for those of builds, which need a mirror anyway."""
    files = [path for path in ROOT.glob("roles/*/tasks/*.yml") if path.parts[-3] != "images"]
    wanted = {name for path in files for name in installed(yaml.safe_load(path.read_text()))}
    held = yaml.safe_load((ROOT / "roles/docker/vars/main.yml").read_text())["_docker_bundled"]
    assert {"age", "nftables"} <= wanted
    assert wanted - set(held) == set()
