"""Settings, from the environment (`X`, or `X_FILE`: the path of a file that holds it). Read once, never changed."""

from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=1, le=65535)]
Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0, le=3600)]
Share = Annotated[float, Meta(ge=0, le=1)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

# A key for HMAC must be as long as the digest; SHA-256 has the shortest one in use.
MIN_SECRET_BYTES = 32

_SECRETS = frozenset(
    {"db_password", "db_migrate_password", "redis_password", "jwt_secret", "jwt_secret_previous", "mail_password"}
)


# Seeds with accounts whose password is known: for development only.
_DEVELOPMENT_SEEDS = ("dev", "demo")


class SettingsError(ValueError):
    """Wrong settings; `problems` holds one line each, starting with the variable's name."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting of the API. The variable of a field is its name in capitals (docs/architecture.md, Interfaces)."""

    jwt_secret: str
    # Signs no new tokens, but tokens signed with it stay valid: so the key can be changed without ending logins.
    jwt_secret_previous: str = ""
    db_host: str = "localhost"
    db_port: Port = 3306
    db_name: str = "jiucom"
    db_username: str = "jiucom"
    db_password: str = ""
    db_migrate_username: str = "jiucom_migrate"
    db_migrate_password: str = ""
    db_pool_size: Positive = 10
    db_acquire_timeout: Seconds = 3
    db_searches: Positive = 2  # full-text searches at a time
    # Read replicas, `host` or `host:port` by commas. Above this lag, reads go to the primary (s).
    db_replicas: str = ""
    db_replica_max_lag: Seconds = 3
    redis_host: str = "localhost"
    redis_port: Port = 6379
    # `host:port` of each server of a cluster, by commas; empty: one server, at REDIS_HOST.
    redis_cluster_nodes: str = ""
    redis_username: str = "app"
    redis_password: str = ""
    jwt_access_validity: Positive = 3_600_000  # ms
    jwt_refresh_validity: Positive = 604_800_000  # ms
    zipkin_endpoint: str = "http://zipkin:9411/api/v2/spans"
    tracing_sampling: Share = 1.0
    tracing_service_name: str = "jiucom-api"
    forwarded_allow_ips: str = "127.0.0.1"  # addresses and networks, by commas
    request_deadline: Seconds = 10
    # Requests per minute.
    rate_limit_login: Positive = 10
    rate_limit_write: Positive = 120
    rate_limit_upload: Positive = 20
    rate_limit_realtime: Positive = 1800  # HTTP requests below /ws, of an address, to one process
    # Open sessions of one process: of a user, of an address, and in all.
    realtime_sessions_per_user: Positive = 8
    realtime_sessions_per_address: Positive = 100
    realtime_sessions: Positive = 2000
    seed: Literal["none", "dev", "demo"] = "none"
    storage_upload_dir: str = "/var/lib/jiucom/uploads"
    mail_host: str = ""
    # Without MAIL_HOST, write mails with their codes and links to the log. For development only.
    mail_to_log: bool = False
    mail_port: Port = 25
    mail_from: str = "no-reply@jiucom.com"
    mail_username: str = ""
    mail_password: str = ""
    mail_starttls: bool = False
    public_url: str = "http://localhost"
    time_zone: str = "Asia/Seoul"
    log_level: LogLevel = "INFO"

    @property
    def replicas(self) -> list[tuple[str, int]]:
        """Name and port of each read replica."""
        return [_server(each) for each in filter(None, self.db_replicas.split(","))]

    @property
    def redis_cluster(self) -> list[tuple[str, int]]:
        """The addresses of REDIS_CLUSTER_NODES. Raises ValueError."""
        return [_address(each.strip()) for each in self.redis_cluster_nodes.split(",") if each.strip()]

    def __repr__(self) -> str:
        shown = ("***" if name in _SECRETS else repr(getattr(self, name)) for name in self.__struct_fields__)
        pairs = (f"{name}={value}" for name, value in zip(self.__struct_fields__, shown, strict=True))
        return f"Settings({', '.join(pairs)})"


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingsError with every problem at once."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for field in msgspec.structs.fields(Settings):
        variable = field.name.upper()
        try:
            raw = _raw(environ, variable)
            if raw is not None:
                values[field.name] = msgspec.convert(raw, field.type, strict=False)
            elif field.required:
                problems.append(f"{variable}: missing (or {variable}_FILE, the path of a file that holds it)")
        except msgspec.ValidationError as error:
            # The value itself may be a secret.
            problems.append(f"{variable}: {str(error)[:1].lower()}{str(error)[1:]}")
        except (OSError, UnicodeDecodeError, ValueError) as error:
            problems.append(f"{variable}: {error}")
    problems += _unusable(values)
    if problems:
        raise SettingsError(problems)
    return Settings(**values)


def _server(text: str) -> tuple[str, int]:
    """Name and port of `host` or `host:port`. Raises ValueError."""
    host, _, port = text.strip().partition(":")
    return host, msgspec.convert(port or 3306, Port, strict=False)


def _raw(environ: Mapping[str, str], variable: str) -> str | None:
    file = environ.get(f"{variable}_FILE")
    if file and environ.get(variable):
        raise ValueError(f"both {variable} and {variable}_FILE are set: use one of them")
    if file:
        return Path(file).read_text().rstrip("\r\n") or None
    # Compose passes an empty string for a variable without a value.
    return environ.get(variable) or None


def _unusable(values: Mapping[str, Any]) -> list[str]:
    """Values of the right type that cannot work."""
    problems = []
    for variable in ("jwt_secret", "jwt_secret_previous"):
        secret = values.get(variable)
        if secret is not None and (size := len(secret.encode())) < MIN_SECRET_BYTES:
            problems.append(f"{variable.upper()}: {size} bytes, {MIN_SECRET_BYTES} at least are needed")
    if values.get("mail_to_log") and values.get("seed", "none") not in _DEVELOPMENT_SEEDS:
        problems.append(
            "MAIL_TO_LOG: for development only (SEED dev or demo): the log would hold links that set passwords"
        )
    for server in filter(None, str(values.get("db_replicas", "")).split(",")):
        try:
            _server(server)
        except ValueError:
            problems.append(f"DB_REPLICAS: {server.strip()!r} is no host, or host:port")
    if zone := values.get("time_zone"):
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            problems.append(f"TIME_ZONE: unknown time zone {zone!r}")
    problems += [
        f"{variable.upper()}: must start with http:// or https://"
        for variable in ("zipkin_endpoint", "public_url")
        if not str(values.get(variable, "http://")).startswith(("http://", "https://"))
    ]
    for each in filter(None, str(values.get("redis_cluster_nodes", "")).split(",")):
        try:
            _address(each.strip())
        except ValueError:
            problems.append(f"REDIS_CLUSTER_NODES: {each.strip()!r} is no host:port")
    for address in filter(None, str(values.get("forwarded_allow_ips", "")).split(",")):
        try:
            ip_network(address.strip())
        except ValueError:
            problems.append(f"FORWARDED_ALLOW_IPS: {address.strip()!r} is no address or network")
    return problems


def _address(text: str) -> tuple[str, int]:
    """Host and port of `host:port`. Raises ValueError."""
    host, _, port = text.rpartition(":")
    if not host:
        raise ValueError(text)
    return host, msgspec.convert(port, Port, strict=False)
