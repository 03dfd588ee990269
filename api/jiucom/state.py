"""The objects of a process, made once by `create_app` and passed to every handler as `ctx.app`."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from jiucom.auth.accounts import Accounts
from jiucom.auth.passwords import Passwords
from jiucom.auth.tokens import Tokens
from jiucom.cache.cache import Cache
from jiucom.cache.redis import RedisClient
from jiucom.clock import Clock
from jiucom.db import Database
from jiucom.db.replicas import Replicas
from jiucom.db.totals import Totals
from jiucom.db.views import Views
from jiucom.guesses import Guesses
from jiucom.jobs.backlog import Backlog
from jiucom.limiter import RateLimiter
from jiucom.mail import Outbox
from jiucom.realtime.endpoint import Realtime
from jiucom.runtime_settings import RuntimeSettings
from jiucom.settings import Settings
from jiucom.telemetry.metrics import Metrics
from jiucom.telemetry.tracing import Tracing
from jiucom.web.context import Context as _Context
from jiucom.web.overload import Overload
from jiucom.worker import Background


@dataclass(slots=True)
class AppState:
    """All of it is ready before the first request."""

    settings: Settings
    clock: Clock
    metrics: Metrics
    tracing: Tracing
    db: Database
    replicas: Replicas
    redis: RedisClient
    cache: Cache
    tokens: Tokens
    accounts: Accounts
    passwords: Passwords
    outbox: Outbox
    backlog: Backlog
    limiter: RateLimiter
    overload: Overload
    guesses: Guesses
    runtime: RuntimeSettings
    totals: Totals
    views: Views
    realtime: Realtime
    background: Background
    started_at: datetime
    # The encoded OpenAPI document.
    document: bytes = b"{}"
    # Set on SIGTERM: readiness says DOWN while the last requests finish.
    stopping: bool = False


# The first argument of every handler.
Context: TypeAlias = _Context[AppState]
