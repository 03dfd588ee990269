"""Unpack the collections of requirements.yml from PyPI's package `ansible` into the environment's site-packages.

    python tools/unpack_collections.py WHEEL

The package carries each collection as Galaxy has it, without tests, and 500 MB of others.
"""

from __future__ import annotations

import json
import shutil
import sys
import sysconfig
import zipfile
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def main(wheel: str) -> None:
    """Unpack each collection, or exit with what to change."""
    target = Path(sysconfig.get_path("purelib"))
    with zipfile.ZipFile(wheel) as package:
        files = package.namelist()
        for collection in yaml.safe_load((ROOT / "requirements.yml").read_text())["collections"]:
            name, wanted = collection["name"], collection["version"]
            folder = f"ansible_collections/{name.replace('.', '/')}/"
            members = [file for file in files if file.startswith(folder)]
            carried = (
                json.loads(package.read(f"{folder}MANIFEST.json"))["collection_info"]["version"] if members else "none"
            )
            if carried != wanted:
                sys.exit(
                    f"requirements.yml names {name} {wanted}, and {Path(wheel).name} carries {carried}: name that version"
                )
            shutil.rmtree(target / folder, ignore_errors=True)
            package.extractall(target, members)


if __name__ == "__main__":
    main(sys.argv[1])
