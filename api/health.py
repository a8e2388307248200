"""`/health` and `/ready`: told from what is known, without asking anybody now."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from flask import Response, request
from pydantic import Field

from api.context import edge, services
from api.openapi import json_of
from api.routes import Routes, json_response
from api.v1.fields import Outgoing

_AWAY = frozenset({"degraded", "unavailable"})
_STATE_AWAY = frozenset({"file", "unavailable"})

_EXAMPLE_HEALTH = {
    "status": "healthy",
    "version": "0.1.0",
    "redis": "embedded",
    "timestamp": 1772323200,
    "components": {
        "qdrant": "embedded",
        "database": "ok",
        "model": "off",
        "speech_to_text": "off",
        "text_to_speech": "off",
    },
}


class Components(Outgoing):
    """State of each part: ok, embedded, off, degraded or unavailable."""

    qdrant: str
    database: str
    model: str
    speech_to_text: str
    text_to_speech: str


class HealthBody(Outgoing):
    """What the service says about itself."""

    status: Literal["healthy", "degraded"]
    version: str
    redis: Literal["ok", "embedded", "file", "unavailable"]
    timestamp: Annotated[int, Field(description="Unix seconds.")]
    components: Components


class ReadyBody(Outgoing):
    """Whether a turn could be taken now."""

    status: Literal["ready", "not_ready"]
    reasons: list[str] = Field(default_factory=list)


def build_routes() -> Routes:
    """Return the blueprint of the probes."""
    routes = Routes(
        "probes",
        tag="Probes",
        about="For load balancers and monitoring; no key.",
        models=(HealthBody, ReadyBody),
        keyed=False,
    )
    routes.get(
        "/health",
        operation_id="health",
        summary="Is the process alive, and what does it do without?",
        responses={
            "200": json_of(
                HealthBody, _EXAMPLE_HEALTH, description="It can serve (liveness)."
            )
        },
    )(health)
    routes.get(
        "/ready",
        operation_id="ready",
        summary="Could a turn be taken now?",
        responses={
            "200": json_of(ReadyBody, {"status": "ready"}, description="Yes."),
            "503": json_of(
                ReadyBody,
                {"status": "not_ready", "reasons": ["state_unavailable"]},
                description="No: draining, saturated, or the state cannot be reached.",
            ),
        },
    )(ready)
    return routes


async def health() -> Response:
    """Always 200 while the process can serve."""
    probe = services().health
    components, state = probe.components(), probe.state()
    is_degraded = state in _STATE_AWAY or not _AWAY.isdisjoint(components.values())
    return json_response(
        {
            "status": "degraded" if is_degraded else "healthy",
            "version": edge().options.version,
            "redis": state,
            "timestamp": int(time.time()),
            "components": dict(components),
        }
    )


async def ready() -> Response:
    """Ready unless a part says otherwise."""
    reasons = list(services().health.not_ready_reasons())
    if request.environ.get("tanya.draining"):
        reasons.append("draining")
    if request.environ.get("tanya.saturated"):
        reasons.append("saturated")
    if reasons:
        return json_response({"status": "not_ready", "reasons": reasons}, status=503)
    return json_response({"status": "ready"})
