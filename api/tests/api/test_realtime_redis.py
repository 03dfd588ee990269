"""Notifications while Redis is away: on the same replica at once, between replicas as soon as it is back."""

import json
from collections.abc import Callable

import httpx
import pytest

from jiucom.settings import Settings
from testing import servers
from testing.clients import User
from testing.replica import Replica, replica
from testing.stomp import Stomp, stomp
from testing.waiting import eventually

pytestmark = pytest.mark.anyio


def bearer(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {user.token}"}


async def post(server: Replica, user: User, path: str, **body: str) -> int:
    """The id of what was made."""
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{server.url}{path}", json=body, headers=bearer(user))
    assert answer.status_code == 201, answer.text
    return int(answer.json()["data"]["id"])


async def heard(client: Stomp) -> str:
    message: str = json.loads((await client.receive()).body)["linkUrl"]
    return message


async def test_without_redis(changed: Callable[..., Settings], database: Settings, user: User, admin: User) -> None:
    with servers.redis() as (container, port):
        settings = changed(redis_port=port)
        async with (
            replica(settings) as here,
            replica(settings) as there,
            stomp(here.url) as mine,
            stomp(there.url) as mine_too,
        ):
            for each in (mine, mine_too):
                await each.connect(user.token, heart_beat="0,0")
                await each.subscribe()
            comments = (
                f"/posts/{await post(here, user, '/posts', title='제목', content='내용', boardType='FREE')}/comments"
            )
            await post(here, admin, comments, content="둘 다")
            assert await heard(mine) == await heard(mine_too)

            servers.docker("stop", "--time", "0", container)
            await post(here, admin, comments, content="여기만")
            assert await heard(mine)
            with pytest.raises(TimeoutError):
                await mine_too.receive(seconds=0.5)

            servers.docker("start", container)

            async def arrives() -> bool:
                await post(here, admin, comments, content="다시")
                await heard(mine)
                try:
                    await mine_too.receive(seconds=0.2)
                except TimeoutError:
                    return False
                return True

            await eventually(arrives, 10)
