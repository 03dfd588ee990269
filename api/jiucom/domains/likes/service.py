"""Likes: state and toggle."""

import asyncio
from typing import TypeVar
from weakref import WeakValueDictionary

from jiucom.auth.principal import Principal
from jiucom.cache import keys
from jiucom.db import WriteSession
from jiucom.domains.likes import queries
from jiucom.domains.likes.schemas import Like, TargetType
from jiucom.errors import ErrorCode, found
from jiucom.state import AppState

T = TypeVar("T", Like, queries.Target)

# Toggles of one target wait for each other in the database anyway. Waiting here, a popular target takes one connection of the
# pool instead of all.
_turns: WeakValueDictionary[tuple[TargetType, int], asyncio.Lock] = WeakValueDictionary()


async def get(app: AppState, user: Principal | None, kind: TargetType, target_id: int) -> Like:
    """Whether the caller likes it, and how many do. Raises L001."""
    async with app.db.read() as session:
        return found(
            await queries.state(session, kind, target_id, user.user_id if user else 0), ErrorCode.LIKE_TARGET_NOT_FOUND
        )


async def toggle(app: AppState, user: Principal, kind: TargetType, target_id: int) -> Like:
    """Like or unlike. Raises L001."""

    async def work(session: WriteSession) -> Like:
        target = found(await queries.lock(session, kind, target_id, user.user_id), ErrorCode.LIKE_TARGET_NOT_FOUND)
        liked = not await queries.delete(session, kind, target_id, user.user_id)
        if liked:
            await queries.insert(session, kind, target_id, user.user_id)
        change = 1 if liked else -1
        await queries.count(session, kind, target_id, change)
        if target.post_id is not None:
            shown_in_lists = (keys.POSTS,) if kind is TargetType.POST else ()
            await app.cache.invalidate(session, keys.post(target.post_id), *shown_in_lists)
        return Like(liked=liked, like_count=max(0, target.like_count + change))

    turn = _turns.setdefault((kind, target_id), asyncio.Lock())
    async with turn:
        return await app.db.write(work, retry_duplicates=True)
