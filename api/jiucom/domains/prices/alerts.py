"""Triggers price alerts: one notification, and one mail to a verified address, per alert and crossing.

A backlog task names a part and the price it has reached. Its alerts are triggered in batches, in the order of their index.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from jiucom.db import WriteSession
from jiucom.domains.notifications.announce import Notice, announce_all
from jiucom.encoding import json_text
from jiucom.jobs.backlog import Task
from jiucom.mail import outbox

KIND = "price-alerts"

_BATCH = 200

# The present price must meet the target too: the price may have risen again since the task was written.
_DUE = """
SELECT price_alerts.id, price_alerts.user_id, IF(users.email_verified_at IS NULL, NULL, users.email) AS email,
    parts.name, price_alerts.target_price, price_alerts.crossings + 1 AS crossing
FROM price_alerts STRAIGHT_JOIN parts ON parts.id = price_alerts.part_id
    STRAIGHT_JOIN users ON users.id = price_alerts.user_id
WHERE price_alerts.part_id = %s AND price_alerts.is_active = TRUE AND price_alerts.is_triggered = FALSE
    AND (price_alerts.target_price > %s OR (price_alerts.target_price = %s AND price_alerts.id > %s))
    AND parts.is_deleted = FALSE AND parts.lowest_price <= price_alerts.target_price
    AND users.status = 'ACTIVE' AND users.is_deleted = FALSE
ORDER BY price_alerts.target_price, price_alerts.id LIMIT %s FOR UPDATE OF price_alerts
"""

_TRIGGER = """
UPDATE JSON_TABLE(%s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS told STRAIGHT_JOIN price_alerts USING (id)
SET is_triggered = TRUE, is_active = FALSE, crossings = crossings + 1, triggered_at = UTC_TIMESTAMP(6)
"""


class Due(Struct, frozen=True):
    """An alert whose target is met. `email` only where it is verified; `crossing` counts how often it fires, with this."""

    alert_id: int
    user_id: int
    email: str | None
    part_name: str
    target: int
    crossing: int


async def trigger(tx: WriteSession, task: Task) -> Sequence[Any] | None:
    """Trigger the next batch of a part's alerts. The position after it, None at the end."""
    price = task.amount or 0
    target, alert_id = task.position or (price, 0)
    due = await tx.fetch_all(_DUE, (task.subject_id, target, target, alert_id, _BATCH), Due)
    if not due:
        return None
    await tx.execute(_TRIGGER, (json_text([each.alert_id for each in due]),))
    await announce_all(tx, [_notice(each, task.subject_id, price) for each in due])
    await outbox.enqueue_all(tx, [_mail(each, each.email, task.subject_id, price) for each in due if each.email])
    return (due[-1].target, due[-1].alert_id) if len(due) == _BATCH else None


def _notice(due: Due, part_id: int, price: int) -> Notice:
    text = f"{due.part_name}의 최저가가 {price:,}원입니다. (목표가 {due.target:,}원)"
    return Notice(due.user_id, "PRICE_ALERT", "목표가 도달", text, f"/parts/{part_id}", _key(due))


def _mail(due: Due, email: str, part_id: int, price: int) -> outbox.Draft:
    variables = {"partId": part_id, "partName": due.part_name, "currentPrice": price, "targetPrice": due.target}
    return outbox.Draft(email, "price-alert", variables, _key(due))


def _key(due: Due) -> str:
    return f"PRICE_ALERT:{due.alert_id}:{due.crossing}"
