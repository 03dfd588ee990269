"""What a fresh user owns, so that a path's ids lead somewhere: made by the API itself when a path asks for it."""

from collections.abc import Callable, Mapping
from typing import Any

import requests


class Belongings:
    """Things of the user that these headers name, about a part that exists."""

    def __init__(self, session: requests.Session, url: str, headers: Mapping[str, str], part_id: int) -> None:
        self._session = session
        self._url = url
        self._headers = headers
        self._part_id = part_id

    def of(self, names: Mapping[str, Any]) -> dict[str, Any]:
        """Values for those of a path's parameters that can be owned."""
        makers: dict[str, Callable[[], Any]] = {
            "partId": lambda: self._part_id,
            "postId": self._post,
            "commentId": self._comment,
            "reviewId": lambda: self._made(f"/parts/{self._part_id}/reviews", rating=5, content="좋습니다")["id"],
            "buildId": self._build,
            "token": lambda: self._made(f"/builds/{self._build()}/share")["shareToken"],
            "alertId": lambda: self._made("/prices/alerts", partId=self._part_id, targetPrice=1000)["id"],
            "sellerId": lambda: 1,
            "directory": lambda: "posts",
        }
        if "targetType" in names:
            return {"targetType": "POST", "targetId": self._post()}
        return {name: makers[name]() for name in names if name in makers}

    def _post(self) -> Any:
        return self._made("/posts", boardType="FREE", title="시험", content="시험")["id"]

    def _comment(self) -> Any:
        return self._made(f"/posts/{self._post()}/comments", content="시험")["id"]

    def _build(self) -> Any:
        return self._made("/builds", name="시험", parts=[{"partId": self._part_id, "quantity": 1}])["id"]

    def _made(self, path: str, **body: Any) -> Any:
        response = self._session.post(self._url + path, json=body or None, headers=self._headers, timeout=20)
        response.raise_for_status()
        return response.json()["data"]
