"""Pieces of SQL with their arguments."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL and its arguments, in the order of the placeholders."""

    text: str
    args: tuple[Any, ...] = ()


def where(*conditions: Sql | None) -> Sql:
    """All of the conditions, joined by AND. None stands for a filter that was not given; without any the result is TRUE."""
    given = [each for each in conditions if each is not None]
    text = " AND ".join(each.text for each in given)
    return Sql(text or "TRUE", tuple(arg for each in given for arg in each.args))


def given(condition: str, value: Any) -> Sql | None:
    """A filter such as `given("role = %s", role)`; None where the value is None."""
    return None if value is None else Sql(condition, (value,))
