"""Which image stands for a service: the one that `IMAGE_<SERVICE>` names, or the newest this machine built from packages."""

import os
import re
import subprocess


def image(name: str) -> str:
    """The reference of an image; raises LookupError, with what to type, where this machine has none."""
    if reference := os.environ.get("IMAGE_" + name.upper().replace("-", "_")):
        return reference
    command = [
        "docker",
        "images",
        "--filter",
        "label=io.jiucom.source=packages",
        "--format",
        "{{.Repository}}:{{.Tag}}",
    ]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    # Docker lists the newest first.
    for reference in listed:
        if re.fullmatch(rf"(?:localhost/)?jiucom/{name}:[0-9a-f]{{12}}", reference):
            return reference
    raise LookupError(f"no image of {name} on this machine: run `make images`, or set IMAGE_{name.upper()}")
