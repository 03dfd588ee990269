"""Which operation a path finds."""

import types
from typing import Any

import pytest

from jiucom.state import Context
from jiucom.web import Id, endpoint
from jiucom.web.operation import collect
from jiucom.web.routing import Router, _find


@endpoint("GET", "/parts/{partId}", tag="Part")
async def one(ctx: Context, part_id: Id) -> None:
    """One."""


@endpoint("GET", "/parts/popular", tag="Part")
async def popular(ctx: Context) -> None:
    """Popular."""


@endpoint("GET", "/parts/{partId}/prices", tag="Part", aliases=("/part/{partId}/prices",))
async def prices(ctx: Context, part_id: Id) -> None:
    """Prices."""


@endpoint("DELETE", "/parts/{partId}", tag="Part", auth="admin")
async def delete(ctx: Context, part_id: Id) -> None:
    """Delete."""


def module(*handlers: Any) -> types.ModuleType:
    made = types.ModuleType(__name__)
    vars(made).update({handler.__name__: handler for handler in handlers})
    return made


class _App:
    class settings:  # noqa: N801
        request_deadline = 1.0


def router(*handlers: Any) -> Router:
    return Router(collect([module(*handlers)]), _App())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "template", "values"),
    [
        ("parts/7", "/parts/{partId}", ["7"]),
        ("parts/popular", "/parts/popular", []),
        ("parts/popular/prices", "/parts/{partId}/prices", ["popular"]),
        ("part/7/prices", "/part/{partId}/prices", ["7"]),
        ("parts/7/", None, []),
        ("parts//prices", None, []),
        ("parts", None, []),
        ("parts/7/prices/1", None, []),
    ],
)
def test_literals_win_wherever_they_stand(path: str, template: str | None, values: list[str]) -> None:
    for handlers in ([one, popular, prices, delete], [prices, delete, popular, one]):
        found: list[str] = []
        node = _find(router(*handlers)._root, path.split("/"), 0, found)
        assert (node.template if node else None, found) == (template, values)


def test_methods_of_a_path_are_one_route() -> None:
    node = _find(router(one, delete)._root, ["parts", "7"], 0, [])
    assert node is not None
    assert sorted(node.endpoints) == ["DELETE", "GET", "HEAD"]


def test_a_path_twice_is_an_error() -> None:
    @endpoint("GET", "/parts/{partId}", tag="Part")
    async def again(ctx: Context, part_id: Id) -> None:
        """Again."""

    with pytest.raises(ValueError, match="twice"):
        router(one, again)


def test_parameters_and_path_must_agree() -> None:
    with pytest.raises(TypeError, match="do not match"):

        @endpoint("GET", "/parts/{partId}", tag="Part")
        async def wrong(ctx: Context, part: Id) -> None:
            """Wrong."""
