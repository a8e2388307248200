"""A client of the application in this process: bridge, Flask and fakes, no socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from api.bridge import Bridge
from api.bridge_body import limits_by_path
from api.realtime.access import ROUTE as REALTIME
from api.realtime.socket import RealtimeSocket
from app import create_app
from config import Settings
from tests.fakes.services import KEY, FakeParts

AUTH = {"X-API-Key": KEY}
CHAT = AUTH | {"X-Conversation-Id": "kiosk-7"}


def make_settings(**values: Any) -> Settings:
    """Return settings of nothing but *values*, whatever the environment holds."""
    return Settings(_env_file=None, **values)


def make_bridge(parts: FakeParts, **values: Any) -> Bridge:
    """Return the ASGI application on *parts*."""
    settings = make_settings(**values)
    services = parts.services()
    application = create_app(settings, services)
    return Bridge(
        application,
        starters=services.starters,
        closers=services.closers,
        body_limit=limits_by_path(
            {
                "/v1/documents": settings.max_document_mb * 1024 * 1024,
                "/v1/audio": settings.max_audio_mb * 1024 * 1024,
                "/v1/audio/transcriptions": settings.max_audio_mb * 1024 * 1024,
            },
            default=128 * 1024,
        ),
        sockets={REALTIME: RealtimeSocket(application.extensions["tanya"])},
        cors_origins=tuple(settings.cors_origins.split(",")),
    )


def make_client(
    parts: FakeParts, *, headers: Mapping[str, str] = AUTH, **values: Any
) -> httpx.AsyncClient:
    """Return a client that sends *headers* with each request."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(make_bridge(parts, **values)),
        base_url="http://tanya.test",
        headers=dict(headers),
    )
