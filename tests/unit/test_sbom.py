"""The parts of an SBOM, from made-up files; tests/images/test_sbom.py compares whole images."""

from __future__ import annotations

import io
import tarfile
import zipfile

from ansible_collections.jiucom.platform.plugins.module_utils import sbom

STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.41-12+deb13u1
Description: text
 Status: deinstall ok config-files

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1:2.0
"""


def packed(name: str = "", **properties: str) -> bytes:
    """A jar with the properties of Maven, if any."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("A.class", b"")
        if properties:
            text = "".join(f"{key}={value}\r\n" for key, value in properties.items())
            archive.writestr(f"META-INF/maven/org.example/{name}/pom.properties", text)
    return file.getvalue()


def export(**files: bytes) -> io.BytesIO:
    """What `docker export` writes."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    stream.seek(0)
    return stream


def test_what_was_removed_from_debian_is_not_listed() -> None:
    found = [one["purl"] for one in sbom.debian(STATUS, {"ID": "debian", "VERSION_ID": "13"})]
    assert found == ["pkg:deb/debian/libc6@2.41-12%2Bdeb13u1?arch=amd64&distro=debian-13"]


def test_a_jar_is_what_maven_says_or_what_its_name_says() -> None:
    own = packed("netty-common", groupId="io.netty", artifactId="netty-common", version="4.1.9")
    assert sbom.jar("lib/netty-common-4.1.9-linux.jar", own)["purl"] == "pkg:maven/io.netty/netty-common@4.1.9"
    shaded = packed("guava", groupId="com.google", artifactId="guava", version="33")
    assert sbom.jar("lib/other-2.0.jar", shaded)["purl"] == "pkg:generic/other@2.0"
    assert sbom.jar("lib/plain.jar", packed())["purl"] == "pkg:generic/plain"


def test_files_of_debian_s_packages_are_listed_with_their_package_alone() -> None:
    metadata = b"Metadata-Version: 2.1\nName: Some_Thing\nVersion: 1.0\n\nName: text\n"
    files = {
        "var/lib/dpkg/status": STATUS.encode(),
        "usr/lib/os-release": b'ID=debian\nVERSION_ID="13"\n',
        "usr/lib/python3/dist-packages/b-1.dist-info/METADATA": metadata,
        "usr/share/java/c-1.jar": packed(),
        "opt/x/lib/python3.13/site-packages/some_thing-1.0.dist-info/METADATA": metadata,
        "usr/local/share/jiucom/packages": b"libc6=2.41\nzipkin=3.5.1\n",
    }
    found = [one["purl"] for one in sbom.components(export(**files), [("python", "3.13.9")])]
    assert found == [
        "pkg:deb/debian/libc6@2.41-12%2Bdeb13u1?arch=amd64&distro=debian-13",
        "pkg:generic/python@3.13.9",
        "pkg:generic/zipkin@3.5.1",
        "pkg:pypi/some-thing@1.0",
    ]
