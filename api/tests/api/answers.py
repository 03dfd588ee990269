"""Reads answers."""

from typing import Any

import httpx


def data(response: httpx.Response, status: int = 200) -> Any:
    """The `data` of a success with this status; None where it has none."""
    body = response.json()
    assert response.status_code == status, response.text
    assert body["success"] is True
    return body.get("data")


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Status and code of an error."""
    body = response.json()
    assert body["success"] is False, response.text
    return response.status_code, body["code"]


def wrong_fields(response: httpx.Response) -> set[str]:
    """The fields that a 400 names."""
    assert refusal(response) == (400, "JIUCOM-401"), response.text
    return {error["field"] for error in response.json()["errors"]}
