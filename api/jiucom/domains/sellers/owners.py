"""Opens and closes a shop when its owner's status or role changes."""

from jiucom.auth.principal import Role
from jiucom.cache import Cache
from jiucom.db import WriteSession
from jiucom.domains.prices import change_queries, changes
from jiucom.domains.sellers import queries
from jiucom.domains.sellers.schemas import SellerStatus


async def follow(tx: WriteSession, cache: Cache, user_id: int, status: str, role: Role) -> None:
    """Set the status of the user's shop according to the user's status and role, and settle the parts that it offers.

    Call it in the transaction that changes the user. Pending and rejected applications stay as they are.
    """
    shop = await queries.lock_approved(tx, user_id)
    wanted = _status(status, role)
    if shop is None or shop.status == wanted:
        return
    await queries.set_status(tx, shop.id, wanted)
    await _settle(tx, cache, shop.id)


async def close(tx: WriteSession, cache: Cache, user_id: int) -> None:
    """Close the shop or application of a withdrawing user, and free its name. Its price history stays."""
    shop_id = await queries.of_user(tx, user_id)
    if shop_id is not None:
        await queries.close(tx, shop_id)
        await _settle(tx, cache, shop_id)


def _status(owner: str, role: Role) -> SellerStatus:
    if owner == "SUSPENDED":
        return SellerStatus.SUSPENDED
    return SellerStatus.ACTIVE if owner == "ACTIVE" and role != "USER" else SellerStatus.INACTIVE


async def _settle(tx: WriteSession, cache: Cache, shop_id: int) -> None:
    """Settle the shop's parts. The row of the shop is changed first, so that new offers wait for it and see the new status."""
    offered = await queries.offered_parts(tx, shop_id)
    living = await change_queries.lock(tx, offered)
    await changes.settle(tx, cache, living, by_offers=True)
