"""docs/architecture.md shows the layers that import-linter checks."""

import re
import tomllib
from pathlib import Path

_ROOT = Path(__file__).parents[3]


def test_the_table_of_layers_is_the_checked_contract() -> None:
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = (each for each in settings["contracts"] if each["id"] == "layers")
    checked = [layer.split(" | ") for layer in contract["layers"]]
    table = (_ROOT / "docs/architecture.md").read_text().partition("| layer, from the top |")[2].partition("\n\n")[0]
    shown = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines()[2:]]
    assert shown == checked
