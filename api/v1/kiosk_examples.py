"""Texts and examples of the kiosk's part of the OpenAPI document."""

from __future__ import annotations

from typing import Any

BEGIN = """\
For device keys (`DEVICE_KEYS`), which may speak, listen and do nothing else. Send the
`session` as `X-Kiosk-Session` with each turn: it names the conversation, so
`X-Conversation-Id` is not needed. It ends by silence, or with `DELETE`; after that no
request with a device key reaches that conversation again."""

END = """\
The conversation is removed from every store, unless a phone has opened a link to it. A
turn in flight is cut and leaves nothing behind. Not counted by the rate limit."""

LINK = """\
The link opens this conversation on the visitor's phone, once, within ten minutes, and
only if it was opened before the session ended. Needs `PUBLIC_URL`."""

VISIT = """\
Exchanges the token of a link, once, for a key that is good for one conversation and one
hour: `GET /v1/conversations/{conversation_id}`, `POST /v1/chat` and `POST /v1/audio`
with it as `X-API-Key`. The end of the session at the kiosk does not end it."""

_CONVERSATION = "visitor-5f0c7a9be1d24c6fa3b1d0e8c94f77265f0c7a9b"

SESSION: dict[str, Any] = {
    "conversation_id": _CONVERSATION,
    "expires_at": 1772323260.5,
    "silence_seconds": 60.0,
    "links": True,
}

NEW_SESSION: dict[str, Any] = SESSION | {
    "session": "q3Jb0mUa1m0mJ0mKkq7cYyW8H2rT5vX9zB4nD6pF8sE"
}

LINK_MADE: dict[str, Any] = {
    "url": "https://tanya.example.ac.id/visit#"
    "Zk3Jb0mUa1m0mJ0mKkq7cYyW8H2rT5vX9zB4nD6pF8s",
    "qr_svg": '<svg viewBox="0 0 45 45" class="segno">...</svg>',
    "expires_at": 1772323800.5,
}

VISIT_REQUEST: dict[str, Any] = {"token": LINK_MADE["url"].partition("#")[2]}

VISIT_MADE: dict[str, Any] = {
    "key": "visit_mJ0mKkq7cYyW8H2rT5vX9zB4nD6pF8sEq3Jb0mUa1m0"
    ".9be1d24c6fa3b1d0e8c94f77265f0c7a",
    "conversation_id": _CONVERSATION,
    "expires_at": 1772326800.5,
}
