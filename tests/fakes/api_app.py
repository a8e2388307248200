"""The API on fakes as a server can run it: `gunicorn tests.fakes.api_app:app`."""

from __future__ import annotations

from config import load_settings
from tests.fakes.http import make_bridge
from tests.fakes.services import make_parts

_settings = load_settings()
app = make_bridge(
    make_parts(limit=10**9),
    cors_origins=_settings.cors_origins,
    max_document_mb=_settings.max_document_mb,
)
