"""Claims and replies as they lie in Redis; each repeats whose it is."""

from __future__ import annotations

import secrets

import orjson

from domain.ports import StoredReply
from stores.owners import owner_is_gone, sign

_VERSION = 1


def encode_claim(tenant: str, route: str, fingerprint: str) -> bytes:
    """Return the value of a claim; no two are the same."""
    return orjson.dumps(
        {
            "v": _VERSION,
            "tenant": tenant,
            "route": route,
            "fingerprint": fingerprint,
            # Tells this claim from a later one of the same request.
            "token": sign(secrets.token_hex(8)),
        }
    )


def claimed_fingerprint(value: bytes) -> str:
    """Return the fingerprint of a claim, "" when it cannot be read."""
    try:
        return str(orjson.loads(value)["fingerprint"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""


def claimant_is_gone(value: bytes) -> bool:
    """Return whether the process that claimed is known to have ended."""
    try:
        return owner_is_gone(str(orjson.loads(value)["token"]))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return False


def encode_reply(
    tenant: str, route: str, fingerprint: str, reply: StoredReply
) -> bytes:
    """Return a line about the reply, then its body as it is."""
    head = orjson.dumps(
        {
            "v": _VERSION,
            "tenant": tenant,
            "route": route,
            "fingerprint": fingerprint,
            "status": reply.status,
            "headers": dict(reply.headers),
        }
    )
    return head + b"\n" + reply.body


def decode_reply(
    value: bytes, tenant: str, route: str
) -> tuple[str, StoredReply] | None:
    """Return fingerprint and reply; None when damaged or somebody else's."""
    head, _, body = value.partition(b"\n")
    try:
        fields = orjson.loads(head)
        if (fields["v"], fields["tenant"], fields["route"]) != (
            _VERSION,
            tenant,
            route,
        ):
            return None
        headers = {str(k): str(v) for k, v in fields["headers"].items()}
        reply = StoredReply(int(fields["status"]), headers, body)
        return str(fields["fingerprint"]), reply
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return None
