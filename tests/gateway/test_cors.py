"""Which origins get what (C4), where any may ask and one is named."""

from __future__ import annotations

import httpx
import pytest

from .conftest import VARIABLES, running_gateway

NAMED, OTHER = "https://jiucom.example", "https://jiucom-example.test"


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], tuple[str | None, str | None]]:
    """Return the allowed origin, and whether with credentials, by origin and path."""
    names = ("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials")
    variables = VARIABLES | {"gateway_cors_origins": ["*", NAMED]}
    with running_gateway(tmp_path_factory.mktemp("cors"), **variables) as gateway:

        def ask(origin: str, path: str) -> tuple[str | None, str | None]:
            headers = httpx.get(f"http://{gateway.address}{path}", headers={"Origin": origin}).headers
            return headers.get(names[0]), headers.get(names[1])

        return {
            (origin, path): ask(origin, path)
            for origin in (NAMED, OTHER, f"{NAMED}.test")
            for path in ("/api/v1/parts", "/api/v1/ws/info")
        }


def test_a_named_origin_has_credentials(answers: dict[tuple[str, str], tuple[str | None, str | None]]) -> None:
    assert answers[NAMED, "/api/v1/parts"] == (NAMED, "true")


@pytest.mark.parametrize("origin", [OTHER, f"{NAMED}.test"])
def test_other_origins_have_no_credentials_except_for_sockjs(
    answers: dict[tuple[str, str], tuple[str | None, str | None]], origin: str
) -> None:
    assert answers[origin, "/api/v1/parts"] == (origin, None)
    assert answers[origin, "/api/v1/ws/info"] == (origin, "true")
