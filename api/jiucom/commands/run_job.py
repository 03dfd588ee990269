"""`run-job`: a job of the schedule, now. Exits with 1 when it failed, 3 when it runs elsewhere."""

import argparse

from jiucom.commands.tools import fail, opened, show
from jiucom.jobs.registry import BY_NAME, JOBS
from jiucom.jobs.runner import JobBusyError, Runner
from jiucom.settings import Settings

HELP = "run a job of the schedule now"

_BUSY = 3


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "jobs:\n" + "\n".join(f"  {job.name:15} {job.crontab:12} {job.text}" for job in JOBS)
    parser.add_argument("job", choices=sorted(BY_NAME), metavar="JOB", help="one of those below")


async def run(settings: Settings, options: argparse.Namespace) -> int:
    """Run the job; the exit code."""
    job = BY_NAME[options.job]
    async with opened(settings) as (tools, metrics):
        try:
            report = await Runner(tools, metrics).run(job)
        except JobBusyError:
            fail(f"{job.name} runs on another replica now")
            return _BUSY
    lines = [f"{name}: {count}" for name, count in report.items()]
    show({"job": job.name, "report": dict(report)}, [f"{job.name} done", *lines], as_json=options.json)
    return 0
