"""Every job of the platform: its name, its crontab line, and its function."""

from jiucom.domains.images import orphans
from jiucom.domains.prices import recompute
from jiucom.jobs import cleanup, counters
from jiucom.jobs.job import Job

JOBS = (
    Job(
        "notifications",
        "remove notifications that were read and are older than 30 days",
        "0 3 * * *",
        cleanup.notifications,
    ),
    Job("expired-tokens", "remove tokens that have expired", "10 * * * *", cleanup.tokens),
    Job("old-mails", "remove mails that went out, or could not, 30 days ago", "30 3 * * *", cleanup.mails),
    Job("image-orphans", "remove images that nothing shows", "20 3 * * *", orphans.remove),
    Job("counters", "compare counters with what they count, and repair them", "40 3 * * *", counters.repair),
    Job("popularity", "derive scores and prices of parts anew", "0 4 * * *", recompute.recompute),
    Job("old-runs", "remove records of old runs", "20 4 * * *", cleanup.runs),
)

BY_NAME = {job.name: job for job in JOBS}
