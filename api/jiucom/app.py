"""The application: its parts, and the order in which they start and stop."""

import gc
import importlib.util
import pkgutil
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager

import anyio.to_thread
import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from jiucom import domains
from jiucom.actuator import health, loggers, metrics
from jiucom.actuator.business import BusinessGauges
from jiucom.auth.accounts import Accounts
from jiucom.auth.passwords import Passwords
from jiucom.auth.tokens import Tokens
from jiucom.cache import Cache, redis_client
from jiucom.cache.positions import Positions
from jiucom.clock import Clock
from jiucom.db import Database
from jiucom.db.replicas import Replicas
from jiucom.db.totals import Totals
from jiucom.db.views import Views
from jiucom.domains.notifications.announce import Announced
from jiucom.domains.notifications.pushes import StoredPushes, pushes
from jiucom.domains.prices import alerts
from jiucom.domains.sellers import settling
from jiucom.domains.users import renames
from jiucom.guesses import Guesses
from jiucom.jobs.backlog import Backlog
from jiucom.jobs.metrics import JobMetrics
from jiucom.jobs.scheduler import Scheduler
from jiucom.limiter import RateLimiter
from jiucom.mail import Outbox
from jiucom.paths import CONTEXT_PATH
from jiucom.realtime.endpoint import PREFIX as REALTIME
from jiucom.realtime.endpoint import Realtime
from jiucom.runtime_settings import RuntimeSettings
from jiucom.schedule import JOBS
from jiucom.settings import Settings
from jiucom.state import AppState
from jiucom.telemetry.client import Gateway
from jiucom.telemetry.metrics import Metrics
from jiucom.telemetry.observe import Observe
from jiucom.telemetry.runtime import Runtime
from jiucom.telemetry.tracing import Tracing
from jiucom.web import Operation, docs, openapi
from jiucom.web.authentication import Authentication
from jiucom.web.failures import Failures
from jiucom.web.headers import Headers
from jiucom.web.operation import collect
from jiucom.web.overload import Overload
from jiucom.web.routing import Router
from jiucom.worker import Background


def operations(only: Collection[str] | None = None) -> list[Operation]:
    """Every operation: the domains' in alphabetical order (or of `only` some), the actuator's, the documentation's."""
    names = [each.name for each in pkgutil.iter_modules(domains.__path__) if each.ispkg]
    found = [name for name in names if only is None or name in only]
    routes = [f"{domains.__name__}.{name}.routes" for name in found]
    modules = [importlib.import_module(name) for name in routes if importlib.util.find_spec(name)]
    return collect([*modules, health, metrics, loggers, docs])


def create_app(settings: Settings, only: Collection[str] | None = None) -> Starlette:
    """The application, not yet started: its lifespan opens and closes everything. `only`: see `operations`."""
    app = _state(settings)
    known = operations(only)
    app.document = msgspec.json.encode(openapi.document(known))
    router = Router(known, app, {"/swagger-ui": docs.Assets(), REALTIME: app.realtime})
    without_bearer = [
        CONTEXT_PATH + each.path for each in known if each.access == "public" and each.path.startswith("/auth/")
    ]
    starlette = Starlette(
        routes=[_Root(router, app.realtime)],
        # The outermost first.
        middleware=[
            Middleware(Observe, app.metrics.http, app.tracing, Gateway(settings.forwarded_allow_ips)),
            Middleware(Headers),
            Middleware(Failures, app.clock),
            Middleware(Authentication, app.tokens, app.accounts, settings.request_deadline, without_bearer),
        ],
        # Not turned into text here: Failures gives it the error shape.
        exception_handlers={HTTPException: _pass_on},
        lifespan=lambda _: _lifespan(app),
    )
    starlette.state.app = app
    return starlette


def _state(settings: Settings) -> AppState:
    clock, meters = Clock(settings.time_zone), Metrics()
    tracing = Tracing(
        endpoint=settings.zipkin_endpoint,
        service=settings.tracing_service_name,
        rate=settings.tracing_sampling,
        metrics=meters,
    )
    redis, tokens = redis_client(settings, meters), Tokens(settings)
    replicas = Replicas(settings, clock, meters, Positions(redis))
    db = Database(settings, clock, meters, replicas=replicas)
    accounts, limiter = Accounts(db, redis, tokens.access_validity), RateLimiter(settings, redis, meters)
    cache = Cache(redis, db, meters, settings.request_deadline)
    root = CONTEXT_PATH + REALTIME
    realtime = Realtime(settings, meters, db, tokens, accounts, StoredPushes(db), root)
    db.events.subscribe(Announced, lambda event: realtime.push(pushes(event, clock)))
    return AppState(
        settings=settings,
        clock=clock,
        metrics=meters,
        tracing=tracing,
        db=db,
        replicas=replicas,
        redis=redis,
        cache=cache,
        tokens=tokens,
        accounts=accounts,
        passwords=Passwords(),
        outbox=Outbox(settings, db, clock, tracing),
        backlog=Backlog(
            db,
            {
                alerts.KIND: alerts.trigger,
                renames.KIND: renames.step(cache),
                settling.KIND: settling.step(cache),
            },
        ),
        limiter=limiter,
        overload=Overload(clock, meters),
        guesses=Guesses(settings, redis, limiter),
        runtime=RuntimeSettings(redis, tracing),
        totals=Totals(),
        views=Views(settings.request_deadline),
        realtime=realtime,
        background=Background(),
        started_at=clock.now(),
    )


@asynccontextmanager
async def _lifespan(app: AppState) -> AsyncIterator[None]:
    runtime, business, job_metrics = Runtime(), BusinessGauges(app.db, app.cache), JobMetrics(app.db, app.metrics)
    app.metrics.registry.register(runtime)
    app.metrics.registry.register(business)
    jobs = Scheduler(JOBS, app.clock, job_metrics)
    workers = (
        *(runtime, app.replicas, app.runtime, app.accounts, app.cache, app.outbox, app.realtime, app.backlog),
        *(business, job_metrics, jobs, app.background),
    )
    # A worker that fails to stop does not keep the others from stopping.
    async with AsyncExitStack() as stack:
        stack.push_async_callback(anyio.to_thread.run_sync, app.tracing.shutdown)
        await app.db.connect()
        stack.push_async_callback(app.db.disconnect)
        stack.push_async_callback(app.redis.close)
        # Freeze start-up objects out of garbage collection: they live as long as the process.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        for worker in workers:
            stack.push_async_callback(worker.stop)
            worker.start()
        yield


async def _pass_on(_: Request, error: Exception) -> Response:
    raise error


class _Root(BaseRoute):
    """Starlette's only route: our router finds the operation; all WebSockets go to `realtime`."""

    def __init__(self, router: Router, realtime: Realtime) -> None:
        self._router = router
        self._realtime = realtime

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return (Match.NONE if scope["type"] == "lifespan" else Match.FULL), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._router(scope, receive, send)
        elif f"{scope['path']}/".startswith(f"{CONTEXT_PATH}{REALTIME}/"):
            await self._realtime(scope, receive, send)
        else:
            await send({"type": "websocket.close"})
