"""Server entry: settings, logging, and `app`, the ASGI application of one worker."""

from __future__ import annotations

import sys

from api.bridge import Bridge, BridgeLimits
from api.bridge_body import limits_by_path
from api.bridge_guard import presented_keys
from api.context import Edge
from api.kiosk_access import may_know
from api.realtime.access import ROUTE as REALTIME
from api.realtime.socket import RealtimeSocket
from app import build_services, create_app
from config import Settings, load_settings
from domain.errors import ConfigurationError
from utils.logging_config import configure_logging

MB = 1024 * 1024

# What multipart adds around one file and its fields.
_FRAME_BYTES = 64 * 1024

# gunicorn's code for "this will not work next time either": the arbiter stops.
_APP_LOAD_ERROR = 4


def build_bridge(settings: Settings) -> Bridge:
    """
    Return the application of one worker; nothing is connected until it starts.

    Raises:
        ConfigurationError: A part cannot work with these settings.
    """
    services = build_services(settings)
    application = create_app(settings, services)
    edge: Edge = application.extensions["tanya"]
    options = edge.options
    document_bytes = options.document_bytes
    audio_bytes = settings.max_audio_mb * MB + _FRAME_BYTES
    limits = BridgeLimits()
    return Bridge(
        application,
        starters=services.starters,
        closers=services.closers,
        body_limit=limits_by_path(
            {
                "/v1/documents": document_bytes,
                "/v1/audio": audio_bytes,
                "/v1/audio/transcriptions": audio_bytes,
            },
            default=options.json_bytes,
        ),
        knows=lambda fields: any(
            may_know(services.keys, services.visitors, key)
            for key in presented_keys(fields)
        ),
        cors_origins=tuple(
            origin.strip() for origin in settings.cors_origins.split(",")
        ),
        limits=BridgeLimits(body_bytes=max(limits.body_bytes, 2 * document_bytes)),
        sockets={REALTIME: RealtimeSocket(application.extensions["tanya"])},
        on_refused=edge.metrics.count_refused,
    )


def _load() -> Bridge:
    try:
        settings = load_settings()
        configure_logging(settings)
        return build_bridge(settings)
    except ConfigurationError as exc:
        sys.stderr.write(f"configuration: {exc.detail}\n")
        raise SystemExit(_APP_LOAD_ERROR) from None


app = _load()
