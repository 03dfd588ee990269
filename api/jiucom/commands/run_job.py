"""`run-job`: runs a job of the schedule now. Exits with 1 when it failed, 3 when another process runs it.

The scheduler starts it too, with `--due`: then it prints no progress and runs at low priority.
"""

import argparse
import os
from datetime import datetime

from jiucom.commands.tools import fail, opened, show
from jiucom.jobs.runner import JobBusyError, Runner
from jiucom.schedule import BY_NAME, JOBS
from jiucom.settings import Settings

HELP = "run a job of the schedule now"

_BUSY = 3
# Low priority, so that the serving process goes first.
_NICENESS = 10


def arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "jobs:\n" + "\n".join(f"  {job.name:15} {job.crontab:12} {job.text}" for job in JOBS)
    parser.add_argument(
        "--due",
        type=datetime.fromisoformat,
        metavar="TIME",
        help="only if it has not run since then; as the schedule does",
    )
    parser.add_argument("job", choices=sorted(BY_NAME), metavar="JOB", help="one of those below")


async def run(settings: Settings, options: argparse.Namespace) -> int:
    """Run the job; the exit code."""
    job = BY_NAME[options.job]
    if options.due:
        os.nice(_NICENESS)
    async with opened(settings, quiet=options.due is not None) as (tools, _):
        try:
            report = await Runner(tools).run(job, options.due)
        except JobBusyError:
            fail(f"{job.name} runs on another replica now")
            return _BUSY
    lines = [f"{name}: {count}" for name, count in report.items()]
    show({"job": job.name, "report": dict(report)}, [f"{job.name} done", *lines], as_json=options.json)
    return 0
