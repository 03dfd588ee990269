"""The command line with one job more, which has no end: for the test that ends it."""

import asyncio
import sys

from jiucom import schedule
from jiucom.__main__ import main
from jiucom.jobs.job import Job, Report, Tools


async def endless(_: Tools) -> Report:
    await asyncio.sleep(600)
    return {}


schedule.BY_NAME["endless"] = Job("endless", "never ends", "0 0 1 1 *", endless)
sys.exit(main())
