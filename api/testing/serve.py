"""The server as the image runs it, for tests of what only a process has: `python -m testing.serve PORT [MILLISECONDS]`.

The second argument shortens STOMP's heart-beats. Settings come from the environment.
"""

import os
import sys

from jiucom import server
from jiucom.realtime import session
from jiucom.settings import load
from jiucom.telemetry import logs


def main() -> int:
    settings = load(os.environ)
    logs.configure(settings.log_level, settings.time_zone)
    server.PORT = int(sys.argv[1])
    if len(sys.argv) > 2:
        session.HEARTBEAT = int(sys.argv[2])
    return server.run(settings)


if __name__ == "__main__":
    sys.exit(main())
