"""Single parts. `prices.changes` derives prices, scores and alerts after each change."""

from jiucom import audit
from jiucom.auth.principal import Principal
from jiucom.cache import keys
from jiucom.db import WriteSession
from jiucom.domains.admin_parts import queries
from jiucom.domains.admin_parts.schemas import PartCreate, PartUpdate
from jiucom.domains.parts.schemas import PartDetail
from jiucom.domains.parts.service import read
from jiucom.domains.prices import changes
from jiucom.state import AppState


async def create(app: AppState, admin: Principal, request: PartCreate, address: str) -> PartDetail:
    """A new part."""

    async def work(tx: WriteSession) -> PartDetail:
        values = request.values()
        part_id = await queries.insert(tx, [values])
        await queries.set_prices(tx, [{"id": part_id, **values}])
        await changes.settle(tx, app.cache, [part_id])
        await audit.record(tx, admin.user_id, "PART_CREATED", "PART", part_id, None, values, address)
        return await read(tx, part_id)

    return await app.db.write(work)


async def update(app: AppState, admin: Principal, part_id: int, request: PartUpdate, address: str) -> PartDetail:
    """Change a part. Raises P001."""

    async def work(tx: WriteSession) -> PartDetail:
        await changes.lock(tx, [part_id])
        values = request.values()
        if not values:
            return await read(tx, part_id)
        before = await read(tx, part_id)
        await queries.update(tx, [{"id": part_id, **values}])
        await queries.set_prices(tx, [{"id": part_id, **values}])
        await changes.settle(tx, app.cache, [part_id])
        shown = {name: getattr(before, name) for name in values}
        await audit.record(tx, admin.user_id, "PART_UPDATED", "PART", part_id, shown, values, address)
        return await read(tx, part_id)

    return await app.db.write(work)


async def delete(app: AppState, admin: Principal, part_id: int, address: str) -> None:
    """Take a part out of the catalogue. Raises P001."""

    async def work(tx: WriteSession) -> None:
        await changes.lock(tx, [part_id])
        before = await read(tx, part_id)
        await queries.delete(tx, part_id)
        await app.cache.invalidate(tx, keys.part(part_id))
        shown = {"name": before.name, "category": before.category}
        await audit.record(tx, admin.user_id, "PART_DELETED", "PART", part_id, shown, None, address)

    await app.db.write(work)
