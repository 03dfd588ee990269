"""The OpenAPI document and Swagger UI, served without the internet."""

from importlib.util import find_spec

from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from jiucom.paths import CONTEXT_PATH
from jiucom.web.context import Application, Context
from jiucom.web.operation import endpoint

# The package holds an editor too, which is most of its size; the image keeps only these (api/Dockerfile).
_ASSETS = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "index.css", "favicon-16x16.png", "favicon-32x32.png"})

_PAGE = f"""<!doctype html>
<html lang="ko">
<head>
<meta charset="utf-8">
<title>JIUCOM API</title>
<link rel="stylesheet" href="{CONTEXT_PATH}/swagger-ui/swagger-ui.css">
<link rel="icon" href="{CONTEXT_PATH}/swagger-ui/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{CONTEXT_PATH}/swagger-ui/swagger-ui-bundle.js"></script>
<script src="{CONTEXT_PATH}/swagger-ui/swagger-initializer.js"></script>
</body>
</html>
"""


# A file and not a part of the page, so that a strict content security policy lets it run.
_INITIALIZER = f"""window.onload = () => SwaggerUIBundle({{
  url: "{CONTEXT_PATH}/v3/api-docs", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: true,
}});
"""


def _directory() -> str:
    """Where the package has its files. It is found, not imported: importing it would load a template engine."""
    found = find_spec("swagger_ui")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("swagger_ui")
    return f"{found.submodule_search_locations[0]}/static"


class Assets:
    """The few files of Swagger UI that the page needs, and ours that starts it."""

    def __init__(self) -> None:
        self._files: ASGIApp = StaticFiles(directory=_directory())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == f"{scope['root_path']}/swagger-initializer.js":
            await Response(_INITIALIZER, media_type="text/javascript")(scope, receive, send)
            return
        if scope["path"].rpartition("/")[2] not in _ASSETS:
            scope = {**scope, "path": scope["root_path"] + "/absent"}
        await self._files(scope, receive, send)


@endpoint("GET", "/v3/api-docs", tag="Documentation")
async def api_docs(ctx: Context[Application]) -> Response:
    """OpenAPI 3.1 문서"""
    return Response(ctx.app.document, media_type="application/json")


@endpoint("GET", "/swagger-ui.html", tag="Documentation", status=302)
async def swagger(ctx: Context[Application]) -> Response:
    """Swagger UI로 이동"""
    return RedirectResponse(f"{CONTEXT_PATH}/swagger-ui/index.html", 302)


@endpoint("GET", "/swagger-ui/index.html", tag="Documentation")
async def swagger_page(ctx: Context[Application]) -> Response:
    """Swagger UI"""
    return HTMLResponse(_PAGE)
