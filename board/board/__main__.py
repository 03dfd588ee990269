"""Start board: `python3 -m board`."""

import sys

import uvicorn

from .app import create_app
from .settings import Settings

if __name__ == "__main__":
    try:
        settings = Settings.from_environment()
        app = create_app(settings)
    except (ValueError, OSError) as fault:
        sys.exit(f"board: {fault}")
    uvicorn.run(app, host="0.0.0.0", port=settings.port, access_log=False, server_header=False)  # noqa: S104 - a container
