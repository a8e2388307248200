"""How much a caller may ask: who is calling, and how often."""

from __future__ import annotations

from collections.abc import Sequence

from flask import g, request

from api.context import edge, presented_key, services
from api.doors import FREE_DOORS, check_door
from api.kiosk_access import CONVERSATION_HEADER, identify
from domain.callers import Caller
from domain.errors import NotAuthenticated, RateLimited
from domain.ports import Allowance
from utils.logging_config import tenant_var

_READS = frozenset({"GET", "HEAD"})


async def admit() -> None:
    """
    Let this request in: a valid key within its limit, at a door that is open to it.

    Reads are free, apart from one a window that learns how the key stands: a page that
    shows conversations must not use up the questions of its reader. Requests without a
    valid key are counted by address, apart from every key's own budget, so that
    guessing ends soon and costs the owner of a key nothing.

    Raises:
        NotAuthenticated: No key, or one nobody holds.
        RateLimited: This key, or this address, asked too often.
        Forbidden: This route is not for devices, or not for visitors.
        ConversationNotFound: A visitor asks for another conversation.
    """
    try:
        caller = await _find_caller()
    except NotAuthenticated:
        await count_stranger()
        raise
    g.caller = caller
    tenant_var.set(caller.tenant)
    subject = f"key:{caller.key_id}"
    standings = edge().standings
    rule = str(request.url_rule)
    if request.method in _READS or (request.method, rule) in FREE_DOORS:
        g.allowances = standings.find(subject)
        if g.allowances is None:
            g.allowances = await services().limiter.hit(subject)
            standings.remember(subject, g.allowances)
    else:
        allowances = await services().limiter.hit(subject)
        standings.remember(subject, allowances)
        _refuse_if_over(allowances, kind="key")
    check_door(
        caller,
        request.method,
        rule,
        conversation_ids=(
            (request.view_args or {}).get("conversation_id"),
            request.headers.get(CONVERSATION_HEADER),
        ),
    )


async def count_stranger() -> None:
    """Count a request without a key by its address. Raises `RateLimited`."""
    subject = f"address:{request.remote_addr or 'unknown'}"
    _refuse_if_over(await services().limiter.hit(subject), kind="address")


async def _find_caller() -> Caller:
    here = services()
    caller = await identify(presented_key(), keys=here.keys, visitors=here.visitors)
    if caller is None:
        raise NotAuthenticated
    return caller


def _refuse_if_over(allowances: Sequence[Allowance], *, kind: str) -> None:
    g.allowances = allowances
    waits = [item.reset_seconds for item in allowances if not item.allowed]
    if waits:
        edge().metrics.count_rate_limited(kind)
        raise RateLimited(retry_after_seconds=max(1, *waits))


def limit_headers(allowances: Sequence[Allowance]) -> list[tuple[str, str]]:
    """Return the fields of draft-ietf-httpapi-ratelimit-headers for *allowances*."""
    if not allowances:
        return []
    policy = ", ".join(
        f'"{item.name}";q={item.limit};w={item.window_seconds}' for item in allowances
    )
    state = ", ".join(
        f'"{item.name}";r={max(0, item.remaining)};t={max(0, item.reset_seconds)}'
        for item in allowances
    )
    return [("RateLimit-Policy", policy), ("RateLimit", state)]
