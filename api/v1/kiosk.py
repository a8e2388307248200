"""`/v1/kiosk/sessions`: one visitor after the other at a device that many use."""

from __future__ import annotations

import io
from typing import Any

import segno
from flask import Response
from pydantic import Field

from api.context import caller, edge, services
from api.kiosk_access import SESSION_HEADER, load_session
from api.openapi import Responses, empty, errors_of, json_of
from api.routes import Parameters, Routes, json_response
from api.v1 import kiosk_examples as examples
from api.v1.fields import Outgoing
from domain.errors import (
    AppError,
    BadRequest,
    Forbidden,
    LinksUnavailable,
    StateUnavailable,
    VisitorSessionEnded,
    VisitorSessionRequired,
)
from domain.visitors import VisitorSession

VISIT_PATH = "/visit"
# Middle: a screen has no scratches, but it has reflections.
_QR_ERROR_LEVEL = "m"
_QR_QUIET_ZONE = 4


class SessionHeaders(Parameters):
    """Headers of a request within a session."""

    session: str | None = Field(
        None,
        alias=SESSION_HEADER,
        description="`session` of `POST /v1/kiosk/sessions`.",
        max_length=128,
    )


class KioskSession(Outgoing):
    """How a session stands; `links` tells whether a phone can be let in."""

    conversation_id: str
    expires_at: float
    silence_seconds: float
    links: bool


class NewKioskSession(KioskSession):
    """A session that has just begun; its secret is told once."""

    session: str


class VisitLink(Outgoing):
    """A link that opens the conversation on a phone, once; `qr_svg` shows it."""

    url: str
    qr_svg: str
    expires_at: float


def build_routes() -> Routes:
    """Return the blueprint of the sessions."""
    routes = Routes(
        "kiosk",
        tag="Kiosk",
        about="For devices that many people use, one after the other.",
        models=(KioskSession, NewKioskSession, VisitLink),
        url_prefix="/v1/kiosk/sessions",
    )
    within = (VisitorSessionRequired, VisitorSessionEnded)
    routes.post(
        "",
        operation_id="begin_visitor_session",
        summary="Begin with a new visitor",
        description=examples.BEGIN,
        responses=_with(
            "201",
            json_of(NewKioskSession, examples.NEW_SESSION, description="It began."),
        ),
    )(begin)
    routes.post(
        "/current/touch",
        operation_id="touch_visitor_session",
        summary="Say that the visitor is still there",
        description="A turn says so, too. Not counted by the rate limit.",
        responses=_with(
            "200",
            json_of(KioskSession, examples.SESSION, description="It goes on."),
            *within,
        ),
    )(touch)
    routes.delete(
        "/current",
        operation_id="end_visitor_session",
        summary="Let the visitor go",
        description=examples.END,
        responses=_with("204", empty("It ended, for every door."), *within),
    )(end)
    routes.post(
        "/current/link",
        operation_id="link_visitor_phone",
        summary="Make a one-time link for the visitor's phone",
        description=examples.LINK,
        responses=_with(
            "201",
            json_of(VisitLink, examples.LINK_MADE, description="Shown once."),
            *within,
            LinksUnavailable,
        ),
    )(link)
    return routes


def _with(status: str, answer: dict[str, Any], *errors: type[AppError]) -> Responses:
    return {status: answer} | errors_of(
        BadRequest, Forbidden, StateUnavailable, *errors
    )


async def begin() -> Response:
    """Begin a session; what was said before it is out of reach of this device."""
    visitors = services().visitors
    if visitors is None:
        raise Forbidden
    secret, session = await visitors.begin(caller())
    return json_response({"session": secret} | _body(session), status=201)


async def touch(header: SessionHeaders) -> Response:
    """Prolong the session."""
    return json_response(_body(await _load(header)))


async def end(header: SessionHeaders) -> Response:
    """End the session and forget its conversation."""
    visitors = services().visitors
    if visitors is None:
        raise Forbidden
    if not header.session:
        raise VisitorSessionRequired
    await visitors.end(caller(), header.session)
    return Response(status=204)


async def link(header: SessionHeaders) -> Response:
    """Make a link; its token is in the fragment, which no server is ever sent."""
    base = edge().options.public_url
    session = await _load(header)
    visitors = services().visitors
    if base is None or visitors is None:
        raise LinksUnavailable
    made = await visitors.make_link(session)
    url = f"{base.rstrip('/')}{VISIT_PATH}#{made.token}"
    code = segno.make(url, error=_QR_ERROR_LEVEL, micro=False)
    drawn = io.BytesIO()
    code.save(
        drawn,
        kind="svg",
        border=_QR_QUIET_ZONE,
        light="#fff",
        omitsize=True,
        xmldecl=False,
        nl=False,
    )
    body = {
        "url": url,
        "qr_svg": drawn.getvalue().decode("ascii"),
        "expires_at": made.expires_at,
    }
    return json_response(body, status=201)


async def _load(header: SessionHeaders) -> VisitorSession:
    return await load_session(caller(), services().visitors, header.session)


def _body(session: VisitorSession) -> dict[str, object]:
    visitors = services().visitors
    return {
        "conversation_id": session.conversation_id,
        "expires_at": session.expires_at,
        "silence_seconds": visitors.silence_seconds if visitors else 0.0,
        "links": edge().options.public_url is not None,
    }
