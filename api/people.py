"""Pages with a microphone: `/voice`, `/kiosk`, `/visit`, and what they load."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from flask import Flask, Response, request

from api.context import edge
from domain.errors import NotFound

_FOLDER = Path(__file__).resolve().parent / "static"
_PAGES = ("voice", "kiosk", "visit")
_PARTS = {
    "tanya.css": "text/css; charset=utf-8",
    "answers.js": "text/javascript; charset=utf-8",
    "kiosk.js": "text/javascript; charset=utf-8",
    "languages.js": "text/javascript; charset=utf-8",
    "microphone.js": "text/javascript; charset=utf-8",
    "player.js": "text/javascript; charset=utf-8",
    "service.js": "text/javascript; charset=utf-8",
    "visit.js": "text/javascript; charset=utf-8",
    "voice.js": "text/javascript; charset=utf-8",
    "words.js": "text/javascript; charset=utf-8",
}

# Codes and icons are images in data URLs; no script and no style stands in a page.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "X-Frame-Options": "DENY",
}
# Asked about each time, so that a new version is there at once; the answer is 304.
_FRESH = "no-cache"


def install_people_pages(app: Flask) -> None:
    """Add the pages and `/pages/<name>` to *app*."""
    for name in _PAGES:
        app.add_url_rule(f"/{name}", f"page_{name}", _page(name))
    app.add_url_rule("/pages/<string:name>", "page_part", _part)


def _page(name: str) -> Callable[[], Awaitable[Response]]:
    async def page() -> Response:
        return await _send(f"{name}.html", "text/html; charset=utf-8", _HEADERS)

    return page


async def _part(name: str) -> Response:
    content_type = _PARTS.get(name)
    if content_type is None:
        raise NotFound
    return await _send(name, content_type, {})


async def _send(name: str, content_type: str, headers: dict[str, str]) -> Response:
    content = await edge().blocking.run((_FOLDER / name).read_bytes)
    response = Response(
        content,
        content_type=content_type,
        headers=headers | {"Cache-Control": _FRESH},
    )
    response.set_etag(hashlib.sha256(content).hexdigest()[:32])
    response.make_conditional(request)
    return response
