"""Write a CycloneDX document of the packages in an image, by the standard library alone: hosts have no other.

Debian's packages come from dpkg's list, Python's from their metadata, jars from their Maven properties or their names, and
from the recipes' list what none of these knows. Nothing of the image is run.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import uuid
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from email.parser import HeaderParser
from typing import IO, Any
from urllib.parse import quote

_DPKG = "var/lib/dpkg/status"
_SYSTEM = "usr/lib/os-release"
_RECORDED = "usr/local/share/jiucom/packages"
_METADATA = re.compile(r".*\.dist-info/METADATA")
_JAR = re.compile(r"(?:.*/)?(?P<name>[^/]+?)(?:-(?P<version>\d[^/]*))?\.jar")
_POM = re.compile(r"META-INF/maven/[^/]+/[^/]+/pom\.properties")


def _quoted(text: str) -> str:
    """Quote a part of a package URL, in which a colon stands as it is."""
    return quote(text, safe=":~")


def _component(kind: str, name: str, version: str, group: str = "", options: str = "") -> dict[str, Any]:
    """Make a component; its package URL is its reference, too."""
    path = "/".join(_quoted(part) for part in (group, name) if part)
    purl = f"pkg:{kind}/{path}" + (f"@{_quoted(version)}" if version else "") + (f"?{options}" if options else "")
    return {
        "type": "library",
        "bom-ref": purl,
        **({"group": group} if kind == "maven" and group else {}),
        "name": name,
        **({"version": version} if version else {}),
        "purl": purl,
    }


def debian(status: str, release: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield what dpkg's list has as installed. `release` holds the lines of os-release."""
    system = release.get("ID", "debian")
    distro = "-".join(filter(None, (system, release.get("VERSION_ID", ""))))
    for stanza in status.split("\n\n"):
        fields = HeaderParser().parsestr(stanza)
        if str(fields.get("Status", "")).endswith(" installed"):
            options = f"arch={fields['Architecture']}&distro={distro}"
            yield _component("deb", fields["Package"], fields["Version"], system, options)


def python(metadata: str) -> dict[str, Any]:
    """Return the component that the metadata of an installed Python package describe."""
    fields = HeaderParser().parsestr(metadata)
    return _component("pypi", re.sub(r"[-_.]+", "-", fields["Name"]).lower(), fields["Version"])


def jar(path: str, content: bytes) -> dict[str, Any]:
    """Return the component of a jar, with its checksum: by the properties that Maven has left in it, else by its name.

    A jar with those of several projects holds other jars' classes; the one that it is named after is meant.
    """
    hashes = {"hashes": [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}]}
    named = _JAR.fullmatch(path)
    name, version = (named["name"], named["version"] or "") if named else (path, "")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in filter(_POM.fullmatch, archive.namelist()):
            lines = archive.read(entry).decode(errors="replace").splitlines()
            properties = dict(line.strip().partition("=")[::2] for line in lines)
            if properties.get("artifactId") == name and properties.get("groupId"):
                return _component("maven", name, properties.get("version") or version, properties["groupId"]) | hashes
    return _component("generic", name, version) | hashes


def components(export: IO[bytes], recorded: Iterable[tuple[str, str]] = ()) -> list[dict[str, Any]]:
    """Return the components in the files of a container, a stream as `docker export` writes it, sorted by package URL.

    What lies below usr/ and not usr/local/ belongs to Debian's packages, whatever it is written in. `recorded` holds names and
    versions of what no list in the image knows.
    """
    found: list[dict[str, Any]] = []
    status, release, recorded = "", {}, list(recorded)
    with tarfile.open(fileobj=export, mode="r|") as files:
        for member in files:
            path = member.name.removeprefix("./")
            packaged = path.startswith("usr/") and not path.startswith("usr/local/")
            if not member.isfile() or not (
                path in (_DPKG, _SYSTEM, _RECORDED)
                or (not packaged and (_METADATA.fullmatch(path) or path.endswith(".jar")))
            ):
                continue
            reader = files.extractfile(member)
            content = reader.read() if reader else b""
            text = content.decode(errors="replace")
            if path == _DPKG:
                status = text
            elif path == _SYSTEM:
                release = {
                    key: value.strip('"') for key, value in (line.partition("=")[::2] for line in text.splitlines())
                }
            elif path == _RECORDED:
                recorded += [line.partition("=")[::2] for line in text.splitlines()]
            else:
                found.append(jar(path, content) if path.endswith(".jar") else python(text))
    found += debian(status, release)
    known = {one["name"] for one in found}
    found += [_component("generic", name, version) for name, version in recorded if name not in known]
    return sorted({one["purl"]: one for one in found}.values(), key=lambda one: one["purl"])


def document(reference: str, image: Mapping[str, Any], found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the CycloneDX document of an image: the same one each time, as long as the image is the same."""
    name, _, version = reference.rpartition(":")
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, image['Id'])}",
        "version": 1,
        "metadata": {
            "timestamp": image["Created"],
            "component": {"type": "container", "bom-ref": reference, "name": name, "version": version},
            "properties": [{"name": "io.jiucom.image", "value": image["Id"]}],
        },
        "components": found,
        "dependencies": [{"ref": reference, "dependsOn": [one["bom-ref"] for one in found]}],
    }
