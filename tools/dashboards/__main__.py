"""Write the dashboards to files/dashboards/ (or to the directory given as the only argument)."""

import sys
from pathlib import Path

from tools.dashboards.generate import render_all

DEFAULT_TARGET = Path(__file__).resolve().parents[2] / "files" / "dashboards"

if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_TARGET
    for name, content in render_all().items():
        (target / name).write_text(content, encoding="utf-8")
