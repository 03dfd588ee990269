"""Likes: state and toggle."""

import asyncio
from typing import TypeVar
from weakref import WeakValueDictionary

from jiucom.auth.principal import Principal
from jiucom.cache import keys
from jiucom.db import WriteSession
from jiucom.domains.likes import queries
from jiucom.domains.likes.schemas import Like, TargetType
from jiucom.errors import ApiError, ErrorCode
from jiucom.state import AppState

T = TypeVar("T", Like, queries.Target)

# Toggles of one target wait for each other in the database anyway. Waiting here, a popular target takes one connection of the
# pool instead of all.
_turns: WeakValueDictionary[tuple[TargetType, int], asyncio.Lock] = WeakValueDictionary()


async def state(app: AppState, kind: TargetType, target_id: int, principal: Principal | None) -> Like:
    """Whether the caller likes it, and how many do. Raises L001."""
    async with app.db.read() as session:
        return _existing(await queries.state(session, kind, target_id, principal.user_id if principal else 0))


async def toggle(app: AppState, kind: TargetType, target_id: int, user: Principal) -> Like:
    """Like or unlike. Raises L001."""

    async def work(session: WriteSession) -> Like:
        target = _existing(await queries.lock(session, kind, target_id, user.user_id))
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


def _existing(found: T | None) -> T:
    if found is None:
        raise ApiError(ErrorCode.LIKE_TARGET_NOT_FOUND)
    return found
