"""Which pages of other origins may read an answer; pure, so that any layer may ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

ALLOWED_METHODS = "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
ALLOWED_HEADERS = (
    "Accept, Authorization, Content-Type, Idempotency-Key, X-API-Key,"
    " X-Conversation-Id, X-Kiosk-Session, X-Request-ID"
    # What OpenAI's client sends beside the key when it runs in a page.
    ", OpenAI-Organization, OpenAI-Project, X-Stainless-Arch,"
    " X-Stainless-Helper-Method, X-Stainless-Lang, X-Stainless-OS,"
    " X-Stainless-Package-Version, X-Stainless-Retry-Count,"
    " X-Stainless-Runtime, X-Stainless-Runtime-Version, X-Stainless-Timeout"
)
EXPOSED_HEADERS = (
    "Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After,"
    " X-Request-ID"
    # What an answer in sound says of itself.
    ", X-Answer, X-Answered, X-Confidence, X-Conversation-Id, X-Degraded, X-Emotion,"
    " X-Exec-Time, X-Language, X-Message-Id, X-Sources, X-Spoken, X-Transcript,"
    " X-Warnings"
)
PREFLIGHT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class CORSPolicy:
    """
    Exact origins, or every origin.

    Keys travel in headers and there are no cookies, so credentials are never allowed.

    Attributes:
        origins: `scheme://host[:port]`, lower case; empty when *any_origin*.
    """

    origins: frozenset[str]
    any_origin: bool = False

    @classmethod
    def parse(cls, text: str) -> CORSPolicy:
        """
        Read `*` or a comma separated list of origins; an empty text allows none.

        Raises:
            ValueError: An entry is not `scheme://host[:port]`.
        """
        entries = [part for part in map(str.strip, text.split(",")) if part]
        if "*" in entries:
            return cls(frozenset(), any_origin=True)
        return cls(frozenset(_parse_origin(entry) for entry in entries))

    def headers(self, origin: str | None) -> Sequence[tuple[str, str]]:
        """Return what every answer to a request of *origin* carries, errors too."""
        fields = [("Vary", "Origin")]
        allowed = self._allowed(origin)
        if allowed:
            fields.append(("Access-Control-Allow-Origin", allowed))
            fields.append(("Access-Control-Expose-Headers", EXPOSED_HEADERS))
        return fields

    def preflight_headers(self, origin: str | None) -> Sequence[tuple[str, str]]:
        """Return what the answer to a preflight carries besides."""
        if not self._allowed(origin):
            return []
        return [
            ("Access-Control-Allow-Methods", ALLOWED_METHODS),
            ("Access-Control-Allow-Headers", ALLOWED_HEADERS),
            ("Access-Control-Max-Age", str(PREFLIGHT_SECONDS)),
        ]

    def allows(self, origin: str) -> bool:
        """Return whether pages of *origin* may ask."""
        return self._allowed(origin) is not None

    def _allowed(self, origin: str | None) -> str | None:
        if self.any_origin:
            return "*"
        return origin if origin in self.origins else None


def _parse_origin(entry: str) -> str:
    parts = urlsplit(entry)
    if not parts.scheme or not parts.netloc or parts.path.strip("/") or parts.query:
        raise ValueError("must be scheme://host[:port], comma separated, or *")
    return f"{parts.scheme}://{parts.netloc}".lower()
