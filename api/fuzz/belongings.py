"""What a fresh user owns, so that a request's ids lead somewhere: made by the API itself when a request asks for it."""

import io
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any

import requests
from PIL import Image

Headers = Mapping[str, str]


class Belongings:
    """Things of the user that `headers` name, about a part that exists; `other` makes somebody else, by id and headers."""

    def __init__(
        self,
        session: requests.Session,
        url: str,
        headers: Headers,
        part_id: int,
        other: Callable[[], tuple[int, Headers]],
    ) -> None:
        self._session = session
        self._url = url
        self._headers = headers
        self._part_id = part_id
        self._other = other

    def lead(self, case: Any) -> None:
        """Let the ids in a request be the user's own, and let there be what the operation works on."""
        self._prepare(case.operation.label)
        case.path_parameters.update(self._path(case.operation.label, case.path_parameters))
        case.query = self._given(case.query)
        case.body = self._given(case.body)

    def _prepare(self, label: str) -> None:
        if label.startswith("DELETE /favorites"):
            self._made(f"/favorites/parts/{self._part_id}")
        if label.split()[1].startswith("/sellers/products/{partId}"):
            self._made("/sellers/products", partId=self._part_id, price=1000)

    def _path(self, label: str, names: Mapping[str, Any]) -> dict[str, Any]:
        if "directory" in names:
            directory, name = self._image().rsplit("/", 2)[1:]
            return {"directory": directory, "filename": name}
        makers: dict[str, Callable[[], Any]] = {
            "partId": lambda: self._part_id,
            "postId": lambda: self._post,
            "commentId": lambda: self._comment,
            "reviewId": lambda: self._review,
            "buildId": lambda: self._build,
            "targetId": lambda: self._target(names["targetType"]),
            "token": lambda: self._made(f"/builds/{self._build}/share")["shareToken"],
            "alertId": lambda: self._made("/prices/alerts", partId=self._part_id, targetPrice=1000)["id"],
            "notificationId": self._notification,
            "sellerId": self._applicant if "/admin/" in label else lambda: 1,
            "userId": lambda: self._other()[0],
            "name": lambda: "ROOT" if "loggers" in label else "jiucom.users",
        }
        return {name: makers[name]() for name in names if name in makers}

    def _given(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._given(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self._given(item, name) for item in value]
        match name, value:
            case "partId", int():
                return self._part_id
            case "parentId", int():
                return self._comment
            case "file", _:
                return _picture()
        return value

    @cached_property
    def _post(self) -> int:
        return self._id("/posts", boardType="FREE", title="시험", content="시험")

    @cached_property
    def _comment(self) -> int:
        return self._id(f"/posts/{self._post}/comments", content="시험")

    @cached_property
    def _build(self) -> int:
        return self._id("/builds", name="시험", parts=[{"partId": self._part_id, "quantity": 1}])

    @cached_property
    def _review(self) -> int:
        return self._id(f"/parts/{self._part_id}/reviews", rating=5, content="좋습니다")

    def _target(self, kind: str) -> int:
        name = {"COMMENT": "_comment", "BUILD": "_build", "REVIEW": "_review"}.get(kind, "_post")
        return int(getattr(self, name))

    def _notification(self) -> int:
        _, headers = self._other()
        self._sent("POST", f"/posts/{self._post}/comments", json={"content": "시험"}, headers=headers)
        (notification,) = self._sent("GET", "/notifications")["content"]
        return int(notification["id"])

    def _applicant(self) -> int:
        user_id, headers = self._other()
        shop = {"name": f"신청 {user_id}", "siteUrl": "https://example.com"}
        return int(self._sent("POST", "/sellers/register", json=shop, headers=headers)["id"])

    def _image(self) -> str:
        url: str = self._sent("POST", "/images/upload", files={"file": _picture()})["url"]
        return url

    def _id(self, path: str, **body: Any) -> int:
        return int(self._made(path, **body)["id"])

    def _made(self, path: str, **body: Any) -> Any:
        return self._sent("POST", path, json=body or None)

    def _sent(self, method: str, path: str, **options: Any) -> Any:
        options = {"headers": self._headers, **options}
        response = self._session.request(method, self._url + path, timeout=20, **options)
        response.raise_for_status()
        return response.json().get("data")


@cache
def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return file.getvalue()
