"""board's pages and the few of Grafana's API paths that health checks and our verification ask."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jinja2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from . import __version__, render
from .auth import COOKIE, LIFETIME, Auth
from .prometheus import Prometheus
from .provisioning import Board, Boards, datasources
from .settings import Settings
from .timerange import TimeRange, seconds

_HERE = Path(__file__).parent
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'",
}
RANGES = {
    "now-5m": "5분",
    "now-15m": "15분",
    "now-1h": "1시간",
    "now-6h": "6시간",
    "now-24h": "24시간",
    "now-7d": "7일",
}
REFRESHES = ("off", "5s", "10s", "30s", "1m", "5m")

Handler = Callable[[Request], Awaitable[Response]]


class Viewer:
    """The handlers, and what they share."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.auth = Auth(settings)
        self.sources = datasources(settings.provisioning)
        self.boards = Boards(settings.provisioning)
        source = next(source for source in self.sources if source["type"] == "prometheus")
        self.prometheus = Prometheus(source["url"])
        self.scrape = seconds(source.get("jsonData", {}).get("timeInterval", "15s"))
        self._templates = jinja2.Environment(loader=jinja2.FileSystemLoader(_HERE / "templates"), autoescape=True)
        self._templates.globals.update(base=settings.base, version=__version__)

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Render a template."""
        return HTMLResponse(self._templates.get_template(template).render(values), status, headers=_HEADERS)

    def for_user(self, handler: Handler, *, api: bool = False) -> Handler:
        """Let only a known user in: pages send others to the login, the API answers 401."""

        async def guarded(request: Request) -> Response:
            if self.auth.user_of(request):
                return await handler(request)
            if api:
                return JSONResponse({"message": "Unauthorized"}, 401)
            asked = request.url.path.removeprefix(self.settings.mount)
            return RedirectResponse(f"{self.settings.base}/login?redirect={asked}", 302)

        return guarded

    async def login(self, request: Request) -> Response:
        """Show the form; take it, or Grafana's JSON, and answer with the session's cookie."""
        target = self._local(request.query_params.get("redirect", "/"))
        if request.method != "POST":
            return (
                RedirectResponse(target, 302) if self.auth.user_of(request) else self.page("login.html", target=target)
            )
        wants_json = request.headers.get("content-type", "").startswith("application/json")
        user, password = await self._credentials(request, wants_json)
        if not self.auth.attempt(user, password):
            if wants_json:
                return JSONResponse({"message": "Invalid username or password"}, 401)
            return self.page(
                "login.html", 401, target=target, fault="이름이나 비밀번호가 다르거나, 시도가 너무 많았습니다."
            )
        done: Response = JSONResponse({"message": "Logged in"}) if wants_json else RedirectResponse(target, 303)
        done.set_cookie(
            COOKIE,
            self.auth.cookie(),
            max_age=LIFETIME,
            path=self.settings.base or "/",
            secure=self.settings.secure_cookie,
            httponly=True,
            samesite="lax",
        )
        return done

    async def logout(self, _request: Request) -> Response:
        """Forget the cookie."""
        gone = RedirectResponse(f"{self.settings.base}/login", 302)
        gone.delete_cookie(COOKIE, path=self.settings.base or "/")
        return gone

    async def home(self, _request: Request) -> Response:
        """List the dashboards."""
        return self.page("home.html", boards=self.boards.all().values())

    async def dashboard(self, request: Request) -> Response:
        """Draw a dashboard, or only its panels where `fragment` asks for the refresh."""
        board = self._board(request)
        asked = dict(request.query_params)
        saved = board.model.get("time", {})
        start, end = asked.get("from", saved.get("from", "now-1h")), asked.get("to", saved.get("to", "now"))
        try:
            span = TimeRange.parse(start, end, self.scrape)
        except ValueError as fault:
            return self.page("message.html", 400, title="잘못된 기간", message=str(fault))
        variables, views = await render.dashboard(board.model, asked, self.prometheus, span, self.settings.zone)
        return self.page(
            "panels.html" if "fragment" in asked else "dashboard.html",
            board=board,
            views=views,
            variables=variables,
            start=start,
            end=end,
            span=span,
            ranges=RANGES,
            refresh=asked.get("refresh", board.model.get("refresh") or "off"),
            refreshes=REFRESHES,
            zone=self.settings.zone.key,
        )

    async def health(self, _request: Request) -> Response:
        """Answer as Grafana does; `ok` means that there are dashboards to show."""
        fine = bool(self.boards.all())
        body = {"database": "ok" if fine else "failing", "version": __version__, "product": "board"}
        return JSONResponse(body, 200 if fine else 503)

    async def api_datasources(self, _request: Request) -> Response:
        """List the datasources."""
        return JSONResponse(self.sources)

    async def api_search(self, request: Request) -> Response:
        """List the dashboards whose titles contain `query`."""
        wanted = request.query_params.get("query", "").lower()
        found = [
            {
                "id": number,
                "uid": board.uid,
                "title": board.title,
                "url": self._address(board),
                "type": "dash-db",
                "tags": board.model.get("tags", []),
                "folderTitle": board.folder,
            }
            for number, board in enumerate(self.boards.all().values(), start=1)
            if wanted in board.title.lower()
        ]
        return JSONResponse(found)

    async def api_dashboard(self, request: Request) -> Response:
        """Return a dashboard's model."""
        board = self._board(request)
        meta = {
            "type": "db",
            "slug": board.slug,
            "url": self._address(board),
            "provisioned": True,
            "provisionedExternalId": board.file.name,
            "canEdit": False,
            "canSave": False,
            "folderTitle": board.folder,
        }
        return JSONResponse({"meta": meta, "dashboard": board.model})

    def _board(self, request: Request) -> Board:
        board = self.boards.all().get(request.path_params["uid"])
        if board is None:
            raise HTTPException(404, "Dashboard not found")
        return board

    def _address(self, board: Board) -> str:
        return f"{self.settings.base}/d/{board.uid}/{board.slug}"

    def _local(self, target: str) -> str:
        """Keep a redirect inside board, whatever the address says."""
        inside = target.startswith("/") and not target.startswith("//") and "\\" not in target
        return self.settings.base + (target if inside else "/")

    @staticmethod
    async def _credentials(request: Request, is_json: bool) -> tuple[str, str]:
        try:
            if is_json:
                body = await request.json()
                return str(body["user"]), str(body["password"])
            form = parse_qs((await request.body()).decode(), keep_blank_values=True)
            return form["user"][0], form["password"][0]
        except (ValueError, KeyError, TypeError):
            return "", ""


def create_app(settings: Settings) -> Starlette:
    """Build the application. Raises ValueError where the provisioning has no Prometheus."""
    viewer = Viewer(settings)

    async def fault(request: Request, problem: Exception) -> Response:
        status, text = (problem.status_code, problem.detail) if isinstance(problem, HTTPException) else (500, "Error")
        if request.url.path.startswith(f"{settings.mount}/api/"):
            return JSONResponse({"message": text}, status)
        return viewer.page("message.html", status, title=str(status), message=text)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await viewer.prometheus.close()

    routes = [
        Route("/", viewer.for_user(viewer.home)),
        Route("/login", viewer.login, methods=["GET", "POST"]),
        Route("/logout", viewer.logout),
        Route("/d/{uid}", viewer.for_user(viewer.dashboard)),
        Route("/d/{uid}/{slug}", viewer.for_user(viewer.dashboard)),
        Route("/api/health", viewer.health),
        Route("/api/datasources", viewer.for_user(viewer.api_datasources, api=True)),
        Route("/api/search", viewer.for_user(viewer.api_search, api=True)),
        Route("/api/dashboards/uid/{uid}", viewer.for_user(viewer.api_dashboard, api=True)),
        Mount("/public", StaticFiles(directory=_HERE / "static")),
    ]
    if settings.mount:
        home = RedirectResponse(f"{settings.base}/", 302)
        routes = [Route("/", home), Route(settings.mount, home), Mount(settings.mount, routes=routes)]
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={HTTPException: fault, 500: fault},
        max_body_size=8192,
    )
