"""Opens and closes a shop when its owner's status or role changes."""

from jiucom.auth.principal import Role
from jiucom.db import WriteSession
from jiucom.domains.sellers import queries, settling
from jiucom.domains.sellers.schemas import SellerStatus
from jiucom.jobs import backlog


async def follow(tx: WriteSession, user_id: int, status: str, role: Role) -> None:
    """Set the status of the user's shop according to the user's status and role. The backlog settles its parts (`settling`).

    Call it in the transaction that changes the user. Pending and rejected applications stay as they are.
    """
    shop = await queries.lock_approved(tx, user_id)
    wanted = _status(status, role)
    if shop is None or shop.status == wanted:
        return
    await queries.set_status(tx, shop.id, wanted)
    await backlog.add(tx, settling.KIND, (shop.id, None))


async def close(tx: WriteSession, user_id: int) -> None:
    """Close the shop or application of a withdrawing user, and free its name. Its price history stays."""
    shop_id = await queries.of_user(tx, user_id)
    if shop_id is not None:
        await queries.close(tx, shop_id)
        await backlog.add(tx, settling.KIND, (shop_id, None))


def _status(owner: str, role: Role) -> SellerStatus:
    if owner == "SUSPENDED":
        return SellerStatus.SUSPENDED
    return SellerStatus.ACTIVE if owner == "ACTIVE" and role != "USER" else SellerStatus.INACTIVE
