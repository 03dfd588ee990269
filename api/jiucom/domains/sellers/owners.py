"""A shop is as open as its owner may sell: what happens to it when an account is suspended, loses its role, or goes."""

from jiucom.auth.principal import Role
from jiucom.cache import Cache
from jiucom.db import WriteSession
from jiucom.domains.prices import change_queries, changes
from jiucom.domains.sellers import queries
from jiucom.domains.sellers.schemas import SellerStatus


async def follow(tx: WriteSession, cache: Cache, user_id: int, status: str, role: Role) -> None:
    """Open or close the user's shop as the user's status and role say, and settle the parts that it offers.

    Call it in the transaction that changes them. Applications stay as they are.
    """
    shop = await queries.lock_approved(tx, user_id)
    wanted = _status(status, role)
    if shop is None or shop.status == wanted:
        return
    await queries.set_status(tx, shop.id, wanted)
    await _settle(tx, cache, shop.id)


async def close(tx: WriteSession, cache: Cache, user_id: int) -> None:
    """The user withdraws: the shop or application goes with its name, which is free again. Its price history stays."""
    shop_id = await queries.of_user(tx, user_id)
    if shop_id is not None:
        await queries.close(tx, shop_id)
        await _settle(tx, cache, shop_id)


def _status(owner: str, role: Role) -> SellerStatus:
    if owner == "SUSPENDED":
        return SellerStatus.SUSPENDED
    return SellerStatus.ACTIVE if owner == "ACTIVE" and role != "USER" else SellerStatus.INACTIVE


async def _settle(tx: WriteSession, cache: Cache, shop_id: int) -> None:
    """What follows for the prices of its parts. The shop's row is changed before: new offers wait for it, and see it."""
    offered = await queries.offered_parts(tx, shop_id)
    living = await change_queries.lock(tx, offered)
    await changes.settle(tx, cache, living, by_offers=True)
