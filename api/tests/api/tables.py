"""Inserts rows that no operation makes: old ones and wrong ones."""

from typing import Any

from jiucom.state import AppState


async def rows(state: AppState, sql: str, *args: Any) -> list[tuple[Any, ...]]:
    async with state.db.read() as session:
        return list(await session.fetch_rows(sql, args))


async def execute(state: AppState, sql: str, *args: Any) -> None:
    async with state.db.transaction() as tx:
        await tx.execute(sql, args)


async def insert(state: AppState, sql: str, *args: Any) -> int:
    async with state.db.transaction() as tx:
        return await tx.insert(sql, args)
