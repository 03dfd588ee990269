"""Users whose comments are notifications."""

from __future__ import annotations

import secrets
from typing import Any

import httpx


class Community:
    """An author, and somebody who comments on the author's post, through the gateway."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.author, self.commenter = self._signup(), self._signup()
        post = {"title": "제목", "content": "내용", "boardType": "FREE"}
        self._comments = f"/posts/{self._post('/posts', post, self.author)['id']}/comments"

    def _signup(self) -> str:
        unique = secrets.token_hex(4)
        body = {"email": f"{unique}@example.com", "password": "correct-horse-8", "nickname": f"새사람{unique}"}
        return str(self._post("/auth/signup", body)["accessToken"])

    def _post(self, path: str, body: dict[str, str], token: str = "") -> Any:
        answer = self.http.post(path, json=body, headers=_bearer(token) if token else {})
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def comment(self, text: str) -> None:
        """Whether it was taken is what `told` says: an answer may be lost with its replica."""
        self.http.post(self._comments, json={"content": text}, headers=_bearer(self.commenter))

    def told(self) -> set[int]:
        """The ids of all that the author was told, as they stand in the list."""
        found: set[int] = set()
        for page in range(5):
            answer = self.http.get("/notifications", params={"size": 100, "page": page}, headers=_bearer(self.author))
            answer.raise_for_status()
            found |= {each["id"] for each in answer.json()["data"]["content"]}
        return found


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
