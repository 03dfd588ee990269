"""A dashboard's variables: what may be chosen, what is chosen, and their place in queries."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .prometheus import Prometheus
from .timerange import TimeRange

ALL = "$__all"


@dataclass(frozen=True)
class Variable:
    """A variable with its options; `value` is always one of them, so that no visitor can write into a query."""

    name: str
    label: str
    options: list[str]
    value: str
    all_value: str

    @property
    def text(self) -> str:
        """What takes the variable's place in a query: escaped, as it stands inside quotes."""
        if self.value != ALL:
            return self.value.replace("\\", "\\\\").replace('"', '\\"')
        return self.all_value or "|".join(
            re.escape(option).replace("\\", "\\\\") for option in self.options if option != ALL
        )


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of `$name`, `${name}` and `${name:format}`; unknown names stay as they are."""
    return re.sub(r"\$(?:(\w+)|{(\w+)(?::\w+)?})", lambda mark: values.get(mark[1] or mark[2], mark[0]), text)


async def resolve(
    model: dict[str, Any], asked: Mapping[str, str], prometheus: Prometheus, span: TimeRange
) -> list[Variable]:
    """Find the options of each variable and the value chosen (`var-<name>` in `asked`). Raises QueryError."""
    found: list[Variable] = []
    for item in model.get("templating", {}).get("list", []):
        known = {variable.name: variable.text for variable in found} | span.macros()
        options = await _options(item, known, prometheus, span)
        if item.get("includeAll"):
            options = [ALL, *options]
        current = (item.get("current") or {}).get("value", "")
        wanted = asked.get(f"var-{item['name']}", current)
        value = wanted if wanted in options else next(iter(options), "")
        found.append(
            Variable(item["name"], item.get("label") or item["name"], options, value, item.get("allValue", ""))
        )
    return found


async def _options(
    item: dict[str, Any], known: Mapping[str, str], prometheus: Prometheus, span: TimeRange
) -> list[str]:
    query = item.get("query", "")
    text = query.get("query", "") if isinstance(query, dict) else query
    if item["type"] != "query":
        return [option.strip() for option in text.split(",") if option.strip()]
    call = re.fullmatch(
        r"label_values\((?:(?P<match>.+),)?\s*(?P<label>\w+)\s*\)", fill(text, known).strip(), re.DOTALL
    )
    if not call:
        return []
    return sorted(await prometheus.label_values(call["label"], call["match"] or "", span))
