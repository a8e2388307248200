"""Who makes a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CallerKind = Literal["program", "device", "visitor"]


@dataclass(frozen=True, slots=True)
class Caller:
    """
    The owner of a valid key, and the person it speaks for where there is one.

    Attributes:
        tenant: Owner of every stored thing, `[A-Za-z0-9._-]{1,64}`.
        key_id: First 12 hex digits of the key's SHA-256; safe to log and to count by.
        user: Person within the tenant, or None for a program.
        kind: A program has an API key and may do everything; a device, such as a kiosk
            in a hall, may speak and listen; a visitor came through a one-time link.
        conversation_id: The only conversation a visitor has; None for others.
    """

    tenant: str
    key_id: str
    user: str | None = None
    kind: CallerKind = "program"
    conversation_id: str | None = None
