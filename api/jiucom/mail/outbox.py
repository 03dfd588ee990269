"""The outbox: each mail written to it is sent at least once.

A replica claims due rows by moving their next attempt into the future, so that no other replica takes them, and so that they
are due again if it dies. If it dies between sending a mail and recording that, the mail is sent twice.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import aiosmtplib
from msgspec import Struct

from jiucom.clock import Clock
from jiucom.db import Database, WriteSession
from jiucom.deadline import deadline, within
from jiucom.encoding import json_text
from jiucom.errors import ApiError
from jiucom.mail.addressing import addressed
from jiucom.mail.templates import TEMPLATES
from jiucom.mail.transport import MailRefusedError, possible, send
from jiucom.settings import Settings
from jiucom.telemetry import tracing
from jiucom.telemetry.tracing import Tracing
from jiucom.worker import Worker

log = logging.getLogger(__name__)

# Stored beside the variables of the template: the trace of the request that wrote the mail.
_TRACE = "_trace"

_INTERVAL = 1.0
_BATCH = 5
ATTEMPTS = 8
# Time limits of a step in the database, and of sending one mail (s).
_PATIENCE, _SMTP_PATIENCE = 10.0, 30.0
# Mails that were not tried for so long are dropped: sending was switched off meanwhile.
_STALE = timedelta(days=1)

# Templates of mails that are written by the thousand: other mails go first.
BULK = frozenset({"price-alert"})
# Places in a batch for bulk mails while others are due.
_BULK_SHARE = 1

_INSERT = """
INSERT INTO mail_outbox (recipient, template, variables, dedup_key, bulk)
SELECT mail.recipient, mail.template, mail.variables, mail.dedup_key, mail.bulk FROM JSON_TABLE(%s, '$[*]' COLUMNS (
    recipient VARCHAR(100) PATH '$[0]', template VARCHAR(50) PATH '$[1]', variables JSON PATH '$[2]',
    dedup_key VARCHAR(100) PATH '$[3]', bulk BOOLEAN PATH '$[4]'
)) AS mail
ON DUPLICATE KEY UPDATE id = mail_outbox.id
"""

_DUE = """
SELECT id, recipient, template, variables, attempts, created_at FROM mail_outbox
WHERE sent_at IS NULL AND bulk = %s AND next_attempt_at <= UTC_TIMESTAMP(6) AND attempts < %s
ORDER BY next_attempt_at, id LIMIT %s FOR UPDATE SKIP LOCKED
"""

# Retries after a minute, then twice as long each time: four hours in all.
_CLAIM = """
UPDATE mail_outbox
SET next_attempt_at = UTC_TIMESTAMP(6) + INTERVAL 60 * POW(2, attempts) SECOND, attempts = attempts + 1
WHERE id = %s
"""

_DONE = "UPDATE mail_outbox SET sent_at = UTC_TIMESTAMP(6), last_error = NULL WHERE id = %s"

_FORGET = "DELETE FROM mail_outbox WHERE id = %s"

_FAILED = "UPDATE mail_outbox SET last_error = %s, attempts = IF(%s, %s, attempts) WHERE id = %s"


class Draft(NamedTuple):
    """A mail to write to the outbox; no secrets in `variables`."""

    recipient: str
    template: str
    variables: Mapping[str, Any]
    dedup_key: str | None = None


class Mail(Struct, frozen=True):
    """A row of the outbox."""

    id: int
    recipient: str
    template: str
    variables: dict[str, Any]
    attempts: int  # before this one
    created_at: datetime


async def enqueue(
    tx: WriteSession, recipient: str, template: str, variables: Mapping[str, Any], dedup_key: str | None = None
) -> None:
    """Send a mail if (and only if) the transaction commits; once per `dedup_key`. No secrets in `variables`."""
    await enqueue_all(tx, [Draft(recipient, template, variables, dedup_key)])


async def enqueue_all(tx: WriteSession, mails: Sequence[Draft]) -> None:
    """Send many mails as `enqueue` does, in one statement."""
    trace = tracing.reference()
    rows = []
    for mail in mails:
        if mail.template not in TEMPLATES:
            raise KeyError(mail.template)
        variables = {**mail.variables, _TRACE: trace} if trace else mail.variables
        rows.append((mail.recipient, mail.template, variables, mail.dedup_key, mail.template in BULK))
    if not rows:
        return
    await tx.execute(_INSERT, (json_text(rows),))


class Outbox(Worker):
    """Sends due mails in the background. Mails under way when it stops are sent again later."""

    def __init__(self, settings: Settings, db: Database, clock: Clock, tracing: Tracing) -> None:
        self._settings = settings
        self._db = db
        self._clock = clock
        self._tracing = tracing

    def start(self) -> None:
        """Start, if there is a mail server (or MAIL_TO_LOG)."""
        if possible(self._settings):
            super().start()
        else:
            log.warning("MAIL_HOST is empty: mails are kept, and not sent")

    async def send_due(self) -> int:
        """Try to send one batch; the number of mails."""
        async with deadline(within(_PATIENCE)):
            mails = await self._db.write(_claim)
        await asyncio.gather(*(self._deliver(mail) for mail in mails))
        return len(mails)

    async def _deliver(self, mail: Mail) -> None:
        span = self._tracing.resume(mail.variables.pop(_TRACE, None), f"mail {mail.template}")
        problem: Exception | None = None
        try:
            if await self._send(mail):
                await self._record(_DONE, mail.id)
            else:
                await self._record(_FORGET, mail.id)
        except ApiError as error:
            problem = error
            # The database is away: the claim expires and the mail is sent again.
            log.warning("mail %d will be tried again: %s", mail.id, error.code)
        except Exception as error:
            problem = error
            final = isinstance(error, MailRefusedError | KeyError)
            log.warning("mail %d (%s) was not sent: %s", mail.id, mail.template, type(error).__name__)
            await self._record(_FAILED, _reason(error), final, ATTEMPTS, mail.id)
        finally:
            tracing.finish(span, problem)

    async def _send(self, mail: Mail) -> bool:
        """Send it; False when it must not be sent. Raises what the mail server or the database raises."""
        if not mail.attempts and self._clock.now() - mail.created_at > _STALE:
            return False
        again = mail.attempts > 0
        async with deadline(within(_PATIENCE)):
            found = await self._db.write(
                lambda tx: addressed(tx, mail.template, mail.recipient, mail.variables, again=again)
            )
        if found is None:
            return False
        recipient, variables = found
        content = TEMPLATES[mail.template](variables, self._settings.public_url.rstrip("/"))
        async with asyncio.timeout(_SMTP_PATIENCE):
            await send(self._settings, recipient, content, f"outbox-{mail.id}")
        return True

    async def _record(self, sql: str, *args: Any) -> None:
        """Record the result of a mail. If that fails, the mail is sent again later."""
        try:
            async with deadline(within(_PATIENCE)), self._db.transaction() as tx:
                await tx.execute(sql, args)
        except ApiError as error:
            log.warning("the result of a mail is not recorded: %s", error.code)

    async def _run(self) -> None:
        while True:
            try:
                while await self.send_due() == _BATCH:
                    pass
            except Exception as error:
                log.warning("mails are sent later: %s", error)
            await asyncio.sleep(_INTERVAL)


async def _claim(tx: WriteSession) -> list[Mail]:
    mails = await tx.fetch_all(_DUE, (False, ATTEMPTS, _BATCH - _BULK_SHARE), Mail)
    mails += await tx.fetch_all(_DUE, (True, ATTEMPTS, _BATCH - len(mails)), Mail)
    await tx.execute_many(_CLAIM, [(mail.id,) for mail in mails])
    return mails


def _reason(error: Exception) -> str:
    """The error as it is stored. Of a mail server's answer only the code: its text may quote the mail and a token in it."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{type(error).__name__}: {error.code}"
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return f"{type(error).__name__}: {', '.join(str(refused.code) for refused in error.recipients)}"
    return f"{type(error).__name__}: {error}"[:500]
