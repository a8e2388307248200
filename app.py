"""Composition root: the only module that names concrete parts."""

from __future__ import annotations

from api import health, metrics
from api.context import Edge, MemoryRequest, Options
from api.cors import CORSPolicy
from api.errors import install_errors
from api.hooks import install_hooks
from api.metrics import install_accounting
from api.openapi import Application
from api.pages import install_pages
from api.v1 import chat, conversations, documents
from config import Settings
from domain.errors import ConfigurationError
from domain.ports import Services
from utils.metrics import Metrics

VERSION = "0.1.0"

_ABOUT = """\
Answers from an organisation's own documents, with sources.

Send a key as `X-API-Key` or `Authorization: Bearer`. Errors are
`application/problem+json` (RFC 9457) with a `code`, and `X-Request-ID` is on every
answer."""

_MB = 1024 * 1024
# What multipart adds around one file and its fields.
_FRAME_BYTES = 64 * 1024


def create_app(settings: Settings, services: Services | None = None) -> Application:
    """
    Return the Flask application; `api.bridge` serves it.

    Args:
        settings: Of this deployment.
        services: What the routes work with; None builds the real parts.

    Raises:
        ConfigurationError: A part cannot work with these settings.
    """
    if services is None:
        services = build_services(settings)
    application = Application(
        version=VERSION,
        description=_ABOUT,
        schema_changes={
            ("ChatRequest", "message"): {"maxLength": settings.max_message_chars}
        },
    )
    application.request_class = MemoryRequest
    application.url_map.strict_slashes = False
    # A redirect would turn a POST with two slashes into an answer nobody expects.
    application.url_map.merge_slashes = False
    edge = Edge(services=services, options=_options(settings), metrics=Metrics())
    application.extensions["tanya"] = edge
    services.closers.append(edge.blocking.close)
    install_errors(application)
    install_accounting(application)
    install_hooks(application)
    install_pages(application)
    for module in (chat, conversations, documents, health, metrics):
        routes = module.build_routes()
        application.describe(*routes.models)
        application.register_api(routes)
    return application


def _options(settings: Settings) -> Options:
    try:
        cors = CORSPolicy.parse(settings.cors_origins)
    except ValueError as exc:
        raise ConfigurationError(f"CORS_ORIGINS: {exc}") from None
    return Options(
        version=VERSION,
        cors=cors,
        document_bytes=settings.max_document_mb * _MB + _FRAME_BYTES,
        message_chars=settings.max_message_chars,
        turn_seconds=settings.turn_timeout,
    )


def build_services(settings: Settings) -> Services:
    """
    Return the real parts, wired; nothing is connected until the starters ran.

    Raises:
        ConfigurationError: A part cannot work with these settings.
    """
    raise ConfigurationError("services are not wired yet")
