"""Settings from the environment variables that Grafana's own image reads."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Settings:
    """What board runs with. `base` is the path that the browser sees, `mount` the path that board itself listens on."""

    admin_user: str
    admin_password: str
    base: str
    mount: str
    secure_cookie: bool
    provisioning: Path
    data: Path
    port: int
    zone: ZoneInfo

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings. Raises ValueError without an administrator's password: board has no default one."""
        file = env.get("GF_SECURITY_ADMIN_PASSWORD__FILE")
        password = Path(file).read_text().strip() if file else env.get("GF_SECURITY_ADMIN_PASSWORD", "")
        if not password:
            raise ValueError("set GF_SECURITY_ADMIN_PASSWORD__FILE (or GF_SECURITY_ADMIN_PASSWORD)")
        root = urlsplit(env.get("GF_SERVER_ROOT_URL", "http://localhost:3000/"))
        base = root.path.rstrip("/")
        return cls(
            admin_user=env.get("GF_SECURITY_ADMIN_USER", "admin"),
            admin_password=password,
            base=base,
            mount=base if env.get("GF_SERVER_SERVE_FROM_SUB_PATH", "false").lower() == "true" else "",
            secure_cookie=root.scheme == "https",
            provisioning=Path(env.get("GF_PATHS_PROVISIONING", "/etc/grafana/provisioning")),
            data=Path(env.get("GF_PATHS_DATA", "/var/lib/grafana")),
            port=int(env.get("GF_SERVER_HTTP_PORT", "3000")),
            zone=ZoneInfo(env.get("TZ", "UTC")),
        )
