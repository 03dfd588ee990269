"""board's pages and the few of Grafana's API paths that health checks and our verification ask."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import jinja2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from . import __version__, render
from .auth import COOKIE, LIFETIME, Auth
from .language import LANGUAGE, t
from .prometheus import Prometheus
from .provisioning import Board, Boards, datasources
from .settings import Settings
from .timerange import TimeRange, check_refresh, seconds

_HERE = Path(__file__).parent
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'",
}

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
        self.templates = jinja2.Environment(loader=jinja2.FileSystemLoader(_HERE / "templates"), autoescape=True)
        self.templates.globals.update(
            base=settings.base, version=__version__, zone=settings.zone.key, t=t, language=LANGUAGE
        )

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Render a template."""
        return HTMLResponse(self.templates.get_template(template).render(values), status, headers=_HEADERS)

    def known(self, handler: Handler) -> Handler:
        """Let only a known user in: the API answers others with 401, pages send them to the login."""

        async def guarded(request: Request) -> Response:
            if self.auth.knows(request):
                return await handler(request)
            path = request.url.path.removeprefix(self.settings.mount)
            if path.startswith("/api/"):
                return JSONResponse({"message": "Unauthorized"}, 401)
            asked = f"{path}?{request.url.query}".removesuffix("?")
            return RedirectResponse(f"{self.settings.base}/login?redirect={quote(asked)}", 302)

        return guarded

    async def login(self, request: Request) -> Response:
        """Show the form; take it, or Grafana's JSON, and answer with the session's cookie."""
        target = self._local(request.query_params.get("redirect", "/"))
        if request.method != "POST":
            return RedirectResponse(target, 302) if self.auth.knows(request) else self.page("login.html", target=target)
        is_json = request.headers.get("content-type", "").startswith("application/json")
        try:
            form = await request.json() if is_json else parse_qs((await request.body()).decode())
            user, password = (str(form[name] if is_json else form[name][0]) for name in ("user", "password"))
        except (ValueError, KeyError, TypeError, RecursionError):
            user = password = ""
        if not self.auth.attempt(user, password):
            if is_json:
                return JSONResponse({"message": "Invalid username or password"}, 401)
            return self.page("login.html", 401, target=target, refused=True)
        done = JSONResponse({"message": "Logged in"}) if is_json else RedirectResponse(target, 303)
        path, secure = self.settings.base or "/", self.settings.secure_cookie
        done.set_cookie(COOKIE, self.auth.cookie(), LIFETIME, path=path, secure=secure, httponly=True, samesite="lax")
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
        given = {name: value for name, value in request.query_params.items() if value}
        asked = {"refresh": board.model.get("refresh") or "off", **board.model.get("time", {}), **given}
        try:
            check_refresh(asked["refresh"])
            span = TimeRange.parse(asked.setdefault("from", "now-1h"), asked.setdefault("to", "now"), self.scrape)
        except ValueError as fault:
            return self.page("message.html", 400, title="400", message=str(fault))
        variables, views = await render.dashboard(board.model, asked, self.prometheus, span, self.settings.zone)
        template = "panels.html" if "fragment" in asked else "dashboard.html"
        return self.page(template, board=board, views=views, variables=variables, asked=asked, span=span)

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
        found = [board for board in self.boards.all().values() if wanted in board.title.lower()]
        return JSONResponse([{"type": "dash-db", **self._about(b), "tags": b.model.get("tags", [])} for b in found])

    async def api_dashboard(self, request: Request) -> Response:
        """Return a dashboard's model."""
        board = self._board(request)
        meta = {"type": "db", **self._about(board), "provisioned": True, "canEdit": False, "canSave": False}
        return JSONResponse({"meta": meta, "dashboard": board.model})

    def _about(self, board: Board) -> dict[str, str]:
        url = f"{self.settings.base}/d/{board.uid}/{board.slug}"
        return {"uid": board.uid, "title": board.title, "url": url, "slug": board.slug, "folderTitle": board.folder}

    def _board(self, request: Request) -> Board:
        board = self.boards.all().get(request.path_params["uid"])
        if board is None:
            raise HTTPException(404)
        return board

    def _local(self, target: str) -> str:
        """Keep a redirect inside board, whatever the address says."""
        inside = target.startswith("/") and not target.startswith("//") and "\\" not in target
        return self.settings.base + (target if inside else "/")

    async def fault(self, request: Request, problem: Exception) -> Response:
        """Answer an error as JSON to the API and as a page to people."""
        status, text = (problem.status_code, problem.detail) if isinstance(problem, HTTPException) else (500, "Error")
        if request.url.path.startswith(f"{self.settings.mount}/api/"):
            return JSONResponse({"message": text}, status)
        known = {
            404: t("없는 페이지입니다.", "There is no such page."),
            500: t("오류가 발생했습니다.", "An error occurred."),
        }
        return self.page("message.html", status, title=str(status), message=known.get(status, text))


def create_app(settings: Settings) -> Starlette:
    """Build the application. Raises ValueError where the provisioning has no Prometheus."""
    viewer = Viewer(settings)
    routes = [
        Route("/", viewer.known(viewer.home)),
        Route("/login", viewer.login, methods=["GET", "POST"]),
        Route("/logout", viewer.logout),
        Route("/d/{uid}", viewer.known(viewer.dashboard)),
        Route("/d/{uid}/{slug}", viewer.known(viewer.dashboard)),
        Route("/api/health", viewer.health),
        Route("/api/datasources", viewer.known(viewer.api_datasources)),
        Route("/api/search", viewer.known(viewer.api_search)),
        Route("/api/dashboards/uid/{uid}", viewer.known(viewer.api_dashboard)),
        Mount("/public", StaticFiles(directory=_HERE / "static")),
    ]
    if settings.mount:
        home = RedirectResponse(f"{settings.base}/", 302)
        routes = [Route("/", home), Route(settings.mount, home), Mount(settings.mount, routes=routes)]
    handlers = {HTTPException: viewer.fault, Exception: viewer.fault}
    return Starlette(routes=routes, exception_handlers=handlers, max_body_size=8192)
