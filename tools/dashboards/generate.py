"""File name to file content of every dashboard, in Korean (the manual's language) and English."""

import json
from typing import get_args

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from tools.dashboards import (
    backup_dashboard,
    endpoint_dashboard,
    main_dashboard,
    redis_dashboard,
    replica_dashboard,
    traces_dashboard,
)
from tools.dashboards.parts import Language


def render_all() -> dict[str, str]:
    """Return the JSON text of all dashboards by file name."""
    files = {}
    for language in get_args(Language):
        suffix = "" if language == "ko" else f".{language}"
        files[f"jiucom-main{suffix}.json"] = _render(main_dashboard.build(language))
        files[f"jiucom-backup{suffix}.json"] = _render(backup_dashboard.build(language))
        files[f"jiucom-traces{suffix}.json"] = _render(traces_dashboard.build(language))
        files[f"jiucom-redis{suffix}.json"] = _render(redis_dashboard.build(language))
        files[f"jiucom-replica{suffix}.json"] = _render(replica_dashboard.build(language))
        files[f"jiucom-endpoint{suffix}.json"] = _render(endpoint_dashboard.build(language))
    return files


def _render(board: dashboard.Dashboard) -> str:
    panels = [panel for panel in board.panels or [] if isinstance(panel, dashboard.Panel)]
    for number, panel in enumerate(panels, start=1):
        panel.id_val = number  # stable ids: links to a panel survive the next generation
    return json.dumps(board, cls=JSONEncoder, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
