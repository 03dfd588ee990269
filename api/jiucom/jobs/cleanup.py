"""Jobs that remove old rows, in small transactions, so that other transactions do not wait long for locks."""

from jiucom.jobs.job import Report, Tools

_BATCH = 1000

# Read and older than 30 days.
_NOTIFICATIONS = """
UPDATE notifications SET is_deleted = TRUE, deleted_at = UTC_TIMESTAMP(6)
WHERE is_read = TRUE AND is_deleted = FALSE AND created_at < UTC_TIMESTAMP(6) - INTERVAL 30 DAY
ORDER BY id LIMIT %s
"""

# A day after they expire: a revoked login must be known as long as its access tokens may live.
_REFRESH_TOKENS = "DELETE FROM refresh_tokens WHERE expires_at < UTC_TIMESTAMP(6) - INTERVAL 1 DAY ORDER BY id LIMIT %s"
_ACCOUNT_TOKENS = "DELETE FROM account_tokens WHERE expires_at < UTC_TIMESTAMP(6) - INTERVAL 1 DAY ORDER BY id LIMIT %s"

# They hold mail addresses. What waits for two days was written while no mail server is set: it would be dropped unsent.
_MAILS = """
DELETE FROM mail_outbox
WHERE GREATEST(next_attempt_at, COALESCE(sent_at, next_attempt_at)) < UTC_TIMESTAMP(6) - INTERVAL 30 DAY
    OR (sent_at IS NULL AND attempts = 0 AND created_at < UTC_TIMESTAMP(6) - INTERVAL 2 DAY)
ORDER BY id LIMIT %s
"""

# The last success of each job stays: the metrics start from it.
_RUNS = """
DELETE job_runs FROM job_runs JOIN (
    SELECT id FROM (
        SELECT id, ROW_NUMBER() OVER (PARTITION BY job, status ORDER BY id DESC) AS nth, started_at FROM job_runs
    ) AS numbered
    WHERE nth > 1 AND started_at < UTC_TIMESTAMP(6) - INTERVAL 90 DAY LIMIT %s
) AS old USING (id)
"""


async def notifications(tools: Tools) -> Report:
    """Soft-delete notifications that were read long ago."""
    return {"removed": await _in_batches(tools, _NOTIFICATIONS)}


async def tokens(tools: Tools) -> Report:
    """Delete tokens that can no longer be used."""
    return {
        "refreshTokens": await _in_batches(tools, _REFRESH_TOKENS),
        "accountTokens": await _in_batches(tools, _ACCOUNT_TOKENS),
    }


async def mails(tools: Tools) -> Report:
    """Delete mails that were sent or given up long ago, and those that were never tried."""
    return {"removed": await _in_batches(tools, _MAILS)}


async def runs(tools: Tools) -> Report:
    """Delete the records of old runs."""
    return {"removed": await _in_batches(tools, _RUNS)}


async def _in_batches(tools: Tools, sql: str) -> int:
    total = 0
    while True:
        async with tools.db.statement() as session:
            done = await session.execute(sql, (_BATCH,))
        total += done
        if done < _BATCH:
            return total
        tools.progress(f"{total} rows")
