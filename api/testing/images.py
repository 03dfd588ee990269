"""Which image stands for a service: the one that `IMAGE_<SERVICE>` names, or the newest this machine built from packages."""

import os
import subprocess

# Where a service's image is built by a recipe of another name.
RECIPES = {"grafana": ("board", "grafana")}


def image(name: str) -> str:
    """The reference of an image; raises LookupError, with what to type, where this machine has none."""
    if reference := os.environ.get("IMAGE_" + name.upper().replace("-", "_")):
        return reference
    for recipe in RECIPES.get(name, (name,)):
        command = [
            "docker",
            "images",
            "--filter",
            "label=io.jiucom.source=packages",
            "--format",
            "{{.Repository}}:{{.Tag}}",
        ]
        listed = subprocess.run([*command, f"localhost/jiucom/{recipe}"], check=True, capture_output=True, text=True)
        # Docker lists the newest first.
        for reference in listed.stdout.split():
            return reference
    raise LookupError(f"no image of {name} on this machine: run `make images`, or set IMAGE_{name.upper()}")
