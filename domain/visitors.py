"""Visitors of a device that many people use, one after the other."""

from __future__ import annotations

import re
from dataclasses import dataclass

# 160 bits of a digest in lower-case hex; no other door makes up such an id.
_CONVERSATION = re.compile(r"visitor-[0-9a-f]{40}")


def is_visitor_conversation(conversation_id: str) -> bool:
    """Return whether that conversation lives and ends with a visitor."""
    return _CONVERSATION.fullmatch(conversation_id) is not None


@dataclass(frozen=True, slots=True)
class VisitorSession:
    """
    One visitor at one device, from the first word to "done" or to silence.

    Attributes:
        device: `key_id` of the device; no other device can use the session.
        conversation_id: Made by the server, bound to the session's secret.
        expires_at: Unix seconds; every sign of life moves it.
    """

    tenant: str
    device: str
    conversation_id: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Pass:
    """
    Something to show at a door: a link's token or a visitor's token.

    Attributes:
        token: 256 random bits; only its digest is kept.
        expires_at: Unix seconds.
    """

    token: str
    tenant: str
    conversation_id: str
    expires_at: float
