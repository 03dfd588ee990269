"""Parts and offers of a test's own, made through the database."""

import itertools
from collections.abc import Sequence
from datetime import date
from typing import Any

from jiucom.domains.prices import alerts, changes
from jiucom.domains.prices.change_queries import Offer
from jiucom.domains.sellers import settling
from jiucom.state import AppState
from testing.waiting import eventually

_numbers = itertools.count(1)


class Shop:
    """Makes what a test needs, and reads what it left."""

    def __init__(self, state: AppState) -> None:
        self.state = state
        self._names: dict[int, str] = {}
        self._sellers: list[int] = []

    async def part(
        self,
        *,
        category: str = "ETC",
        lowest: int | None = None,
        highest: int | None = None,
        deleted: bool = False,
        name: str | None = None,
    ) -> int:
        """A new part; its id."""
        name = name or f"시험 부품 {next(_numbers)}"
        async with self.state.db.transaction() as tx:
            part = await tx.insert(
                "INSERT INTO parts (name, category, manufacturer, lowest_price, highest_price, is_deleted)"
                " VALUES (%s, %s, '시험', %s, %s, %s)",
                (name, category, lowest, highest, deleted),
            )
            await tx.execute("INSERT INTO list_prices VALUES (%s, %s, %s)", (part, lowest, highest))
        self._names[part] = name
        return part

    async def seller(self, *, status: str = "ACTIVE", owner: int | None = None) -> int:
        """A new shop; its id."""
        async with self.state.db.transaction() as tx:
            seller = await tx.insert(
                "INSERT INTO sellers (user_id, name, site_url, status) VALUES (%s, %s, 'https://shop.example.com', %s)",
                (owner, f"시험 판매처 {next(_numbers)}", status),
            )
        self._sellers.append(seller)
        return seller

    def adopt(self, part: int) -> None:
        """Close with a part that the test made in another way."""
        self._names[part] = ""

    async def close(self) -> None:
        """Take everything out of sight: other tests count what the seed has."""
        async with self.state.db.transaction() as tx:
            await tx.execute_many("UPDATE parts SET is_deleted = TRUE WHERE id = %s", [(part,) for part in self._names])
            await tx.execute_many(
                "UPDATE sellers SET status = 'INACTIVE' WHERE id = %s", [(seller,) for seller in self._sellers]
            )

    def name(self, part: int) -> str:
        """The name of a part made here."""
        return self._names[part]

    async def offer(self, part: int, seller: int, price: int, *, available: bool = True) -> None:
        """A seller asks this price from now on."""
        await self.offers([Offer(part, seller, price, None, available)])

    async def offers(self, offers: Sequence[Offer]) -> None:
        """Sellers ask these prices from now on, all or none of them. Returns when the alerts have been triggered."""
        app = self.state
        await app.db.write(lambda tx: changes.put(tx, app.cache, app.clock, offers))
        await self.worked_off()

    async def worked_off(self) -> None:
        """Wait until the backlog has no task left of the parts and shops made here."""
        own = {(alerts.KIND, part) for part in self._names} | {(settling.KIND, seller) for seller in self._sellers}

        async def empty() -> bool:
            return own.isdisjoint(await self.rows("SELECT kind, subject_id FROM backlog"))

        await eventually(empty, 30)

    async def remember(self, part: int, seller: int, price: int, day: date) -> None:
        """A seller asked this price that day."""
        async with self.state.db.transaction() as tx:
            await tx.execute(
                "INSERT INTO price_history (part_id, seller_id, price, record_date) VALUES (%s, %s, %s, %s)",
                (part, seller, price, day),
            )

    async def rows(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        """What is stored."""
        async with self.state.db.read() as session:
            return list(await session.fetch_rows(sql, args))

    async def prices(self, part: int) -> tuple[int | None, int | None]:
        """Lowest and highest price as they are stored."""
        ((lowest, highest),) = await self.rows("SELECT lowest_price, highest_price FROM parts WHERE id = %s", part)
        return lowest, highest
