"""The server as the image runs it, for tests of what only a process has: `python -m testing.serve PORT [OPTIONS]`.

The options shorten what tests would wait for. Settings come from the environment.
"""

import argparse
import os
import sys

from jiucom import server
from jiucom.realtime import delivery, session
from jiucom.settings import load
from jiucom.telemetry import logs


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--heartbeat", type=int, default=session.HEARTBEAT, help="of STOMP (ms)")
    parser.add_argument("--look", type=float, default=delivery.LOOK, help="how often notifications are looked for (s)")
    options = parser.parse_args()
    settings = load(os.environ)
    logs.configure(settings.log_level, settings.time_zone)
    server.PORT, session.HEARTBEAT, delivery.LOOK = options.port, options.heartbeat, options.look
    return server.run(settings)


if __name__ == "__main__":
    sys.exit(main())
