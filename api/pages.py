"""Pages for people: `/` and `/docs`; everything they load comes from here."""

from __future__ import annotations

import importlib.resources
from collections.abc import Awaitable, Callable
from typing import cast

import orjson
from flask import Flask, Response, current_app

from api.context import edge
from api.openapi import Application

_ASSETS = {
    "swagger-ui.css": ("css", "text/css; charset=utf-8"),
    "swagger-ui-bundle.js": ("js", "text/javascript; charset=utf-8"),
}
_DAY = "public, max-age=86400"

# Swagger UI writes style attributes and draws its icons from data URLs.
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HOME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)

_DOCS = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tanya API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<noscript>This page needs JavaScript; the document is at
<a href="openapi.json">openapi.json</a>.</noscript>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""

_START = """"use strict";
window.ui = SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  validatorUrl: null,
  persistAuthorization: false,
  tryItOutEnabled: true
});
"""

_HOME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tanya</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 12vh auto;
  padding: 0 1.25rem; }
h1 { font-size: 1.75rem; margin: 0 0 .5rem; }
li { margin: .4rem 0; }
</style>
</head>
<body>
<h1>Tanya</h1>
<p>Answers from an organisation's own documents, with sources.<br>
<span lang="id">Jawaban dari dokumen organisasi sendiri, dengan sumbernya.</span></p>
<ul>
<li><a href="voice">Ask aloud</a> with a key, or set up a <a href="kiosk">kiosk</a></li>
<li><a href="docs">API documentation</a> and its <a href="openapi.json">OpenAPI
document</a></li>
<li><a href="health">Health</a>, <a href="ready">readiness</a>,
<a href="metrics">metrics</a></li>
</ul>
</body>
</html>
"""


def install_pages(app: Flask) -> None:
    """Add `/`, `/docs` with its parts, and `/openapi.json` to *app*."""
    document = _Document()
    app.add_url_rule("/", "home", _page(_HOME, _HOME_POLICY))
    app.add_url_rule("/docs", "docs", _page(_DOCS, _DOCS_POLICY))
    app.add_url_rule("/docs/start.js", "docs_start", _start)
    app.add_url_rule("/openapi.json", "openapi", document.serve)
    for name in _ASSETS:
        endpoint = f"docs_{name}".replace(".", "_")
        app.add_url_rule(f"/docs/{name}", endpoint, _asset(name))


class _Document:
    """The OpenAPI document, written once and sent as bytes from then on."""

    def __init__(self) -> None:
        self._written: bytes | None = None

    async def serve(self) -> Response:
        """Return the document."""
        if self._written is None:
            application = cast("Application", current_app)
            self._written = orjson.dumps(application.api_doc)
        return Response(self._written, content_type="application/json")


def _page(text: str, policy: str) -> Callable[[], Awaitable[Response]]:
    async def page() -> Response:
        return Response(
            text,
            content_type="text/html; charset=utf-8",
            headers={"Content-Security-Policy": policy, "X-Frame-Options": "DENY"},
        )

    return page


async def _start() -> Response:
    return Response(_START, content_type="text/javascript; charset=utf-8")


def _asset(name: str) -> Callable[[], Awaitable[Response]]:
    folder, content_type = _ASSETS[name]
    file = importlib.resources.files("flask_openapi3_swagger") / "templates"
    path = file / "swagger" / folder / name

    async def asset() -> Response:
        content = await edge().blocking.run(path.read_bytes)
        return Response(
            content, content_type=content_type, headers={"Cache-Control": _DAY}
        )

    return asset
