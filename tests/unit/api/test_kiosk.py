"""Sessions, links and visits over HTTP, on fakes: what is promised to a visitor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.kiosk_access import admit_conversation
from domain.callers import Caller
from domain.errors import (
    ConversationNotFound,
    Forbidden,
    InvalidConversationID,
    VisitorSessionEnded,
    VisitorSessionRequired,
)
from tests.fakes.http import AUTH, make_client
from tests.fakes.problems import assert_problem
from tests.fakes.services import (
    DEVICE_KEY,
    OTHER_DEVICE_KEY,
    OTHER_KEY,
    SECOND_DEVICE_KEY,
    FakeParts,
    make_parts,
)

DEVICE = {"X-API-Key": DEVICE_KEY}
STRANGERS = {
    "another-device": {"X-API-Key": SECOND_DEVICE_KEY},
    "another-tenant": {"X-API-Key": OTHER_DEVICE_KEY},
}
PUBLIC_URL = "https://tanya.example.ac.id/desk/"
CURRENT = "/v1/kiosk/sessions/current"


@pytest.fixture
async def kiosk(parts: FakeParts) -> AsyncIterator[httpx.AsyncClient]:
    async with make_client(parts, headers=DEVICE, public_url=PUBLIC_URL) as made:
        yield made


async def begin(kiosk: httpx.AsyncClient) -> Any:
    reply = await kiosk.post("/v1/kiosk/sessions")
    assert reply.status_code == 201, reply.text
    return reply.json()


def session_of(body: Any) -> dict[str, str]:
    return {"X-Kiosk-Session": body["session"]}


async def open_visit(kiosk: httpx.AsyncClient, session: dict[str, str]) -> Any:
    link = (await kiosk.post(f"{CURRENT}/link", headers=session)).json()
    token = link["url"].partition("#")[2]
    return (await kiosk.post("/v1/visits", json={"token": token})).json()


async def test_a_session_names_a_conversation_nobody_can_guess(
    kiosk: httpx.AsyncClient,
) -> None:
    bodies = [await begin(kiosk) for _ in range(3)]

    assert len({body["conversation_id"] for body in bodies}) == 3
    for body in bodies:
        assert len(body["session"]) >= 43
        assert body["session"] not in body["conversation_id"]
        assert body["conversation_id"].startswith("visitor-")
        assert body["silence_seconds"] == 60.0
        assert body["links"] is True


async def test_the_secret_is_kept_nowhere(
    parts: FakeParts, kiosk: httpx.AsyncClient
) -> None:
    body = await begin(kiosk)
    link = (await kiosk.post(f"{CURRENT}/link", headers=session_of(body))).json()

    kept = repr(vars(parts.visitors)["_records"])
    assert body["conversation_id"] in kept
    assert body["session"] not in kept
    assert link["url"].partition("#")[2] not in kept


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/touch"), ("POST", "/link"), ("DELETE", "")],
    ids=["touch", "link", "end"],
)
async def test_a_session_is_worth_nothing_at_another_device(
    kiosk: httpx.AsyncClient, stranger: dict[str, str], method: str, path: str
) -> None:
    session = session_of(await begin(kiosk))

    reply = await kiosk.request(method, CURRENT + path, headers=session | stranger)

    assert_problem(reply, 410, "visitor_session_ended")
    still = await kiosk.post(f"{CURRENT}/touch", headers=session)
    assert still.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/touch"), ("POST", "/link"), ("DELETE", "")]
)
async def test_without_a_session_nothing_is_done(
    kiosk: httpx.AsyncClient, method: str, path: str
) -> None:
    missing = await kiosk.request(method, CURRENT + path)
    made_up = await kiosk.request(
        method, CURRENT + path, headers={"X-Kiosk-Session": "made-up"}
    )

    assert_problem(missing, 400, "visitor_session_required")
    assert_problem(made_up, 410, "visitor_session_ended")


async def test_an_ended_session_is_over_for_every_request(
    kiosk: httpx.AsyncClient,
) -> None:
    session = session_of(await begin(kiosk))

    assert (await kiosk.delete(CURRENT, headers=session)).status_code == 204

    for method, path in [("POST", "/touch"), ("POST", "/link"), ("DELETE", "")]:
        reply = await kiosk.request(method, CURRENT + path, headers=session)
        assert_problem(reply, 410, "visitor_session_ended")


async def test_the_end_forgets_a_conversation_unless_a_phone_opened_it(
    parts: FakeParts, kiosk: httpx.AsyncClient
) -> None:
    opened, other = await begin(kiosk), await begin(kiosk)
    visit = await open_visit(kiosk, session_of(opened))
    await kiosk.post("/v1/chat", json={"message": "Kapan?"}, headers=_visitor(visit))
    kept = parts.conversations.kept
    kept["default", other["conversation_id"]] = kept[
        "default", visit["conversation_id"]
    ]

    await kiosk.delete(CURRENT, headers=session_of(other))
    await kiosk.delete(CURRENT, headers=session_of(opened))

    assert set(kept) == {("default", opened["conversation_id"])}


def _visitor(visit: Any) -> dict[str, str]:
    return {
        "X-API-Key": visit["key"],
        "X-Conversation-Id": visit["conversation_id"],
    }


async def test_a_link_stands_on_the_configured_address_and_shows_as_a_code(
    kiosk: httpx.AsyncClient,
) -> None:
    session = session_of(await begin(kiosk))

    reply = await kiosk.post(
        f"{CURRENT}/link", headers=session | {"Host": "evil.example"}
    )

    assert reply.status_code == 201
    body = reply.json()
    assert body["url"].startswith("https://tanya.example.ac.id/desk/visit#")
    assert body["qr_svg"].startswith("<svg")
    assert "script" not in body["qr_svg"]
    assert reply.headers["cache-control"] == "no-store"


async def test_without_a_public_address_there_are_no_links(parts: FakeParts) -> None:
    async with make_client(parts, headers=DEVICE) as kiosk:
        body = await begin(kiosk)

        reply = await kiosk.post(f"{CURRENT}/link", headers=session_of(body))

    assert body["links"] is False
    assert_problem(reply, 503, "links_unavailable")
    assert reply.json()["retryable"] is False


async def test_a_link_opens_once(kiosk: httpx.AsyncClient) -> None:
    session = session_of(await begin(kiosk))
    link = (await kiosk.post(f"{CURRENT}/link", headers=session)).json()
    token = {"token": link["url"].partition("#")[2]}

    first = await kiosk.post("/v1/visits", json=token)
    second = await kiosk.post("/v1/visits", json=token)

    assert first.status_code == 201
    assert_problem(second, 410, "link_used")


async def test_a_link_that_was_not_opened_ends_with_its_session(
    kiosk: httpx.AsyncClient,
) -> None:
    session = session_of(await begin(kiosk))
    link = (await kiosk.post(f"{CURRENT}/link", headers=session)).json()
    await kiosk.delete(CURRENT, headers=session)

    reply = await kiosk.post(
        "/v1/visits", json={"token": link["url"].partition("#")[2]}
    )

    assert_problem(reply, 410, "link_used")


async def test_a_phone_goes_on_after_the_kiosk_and_the_kiosk_does_not(
    parts: FakeParts, kiosk: httpx.AsyncClient
) -> None:
    body = await begin(kiosk)
    visit = await open_visit(kiosk, session_of(body))
    await kiosk.delete(CURRENT, headers=session_of(body))
    phone = _visitor(visit)
    path = f"/v1/conversations/{visit['conversation_id']}"

    asked = await kiosk.post("/v1/chat", json={"message": "Kapan?"}, headers=phone)
    read = await kiosk.get(path, headers={"X-API-Key": visit["key"]})

    assert asked.status_code == 200
    assert read.json()["turns"] == 1
    assert visit["conversation_id"] == body["conversation_id"]
    assert_problem(
        await kiosk.post(f"{CURRENT}/touch", headers=session_of(body)),
        410,
        "visitor_session_ended",
    )
    assert_problem(await kiosk.get(path), 403, "forbidden")


async def test_a_phone_has_one_conversation_and_nothing_else(
    parts: FakeParts, kiosk: httpx.AsyncClient
) -> None:
    async with make_client(parts) as program:
        await program.post(
            "/v1/chat",
            json={"message": "Kapan?"},
            headers={"X-Conversation-Id": "somebody-elses"},
        )
    visit = await open_visit(kiosk, session_of(await begin(kiosk)))
    key = {"X-API-Key": visit["key"]}
    named = {"X-Conversation-Id": "somebody-elses"}
    question = {"message": "Apa?"}
    own = f"/v1/conversations/{visit['conversation_id']}"

    missing = [
        await kiosk.post("/v1/chat", json=question, headers=key | named),
        await kiosk.get("/v1/conversations/somebody-elses", headers=key),
    ]
    forbidden = [
        await kiosk.get("/v1/conversations", headers=key),
        await kiosk.get("/v1/documents", headers=key),
        await kiosk.delete(own, headers=key),
        await kiosk.patch(own, headers=key, json={"title": "x"}),
        await kiosk.post("/v1/kiosk/sessions", headers=key),
    ]

    for reply in missing:
        assert_problem(reply, 404, "conversation_not_found")
    for reply in forbidden:
        assert_problem(reply, 403, "forbidden")


@pytest.mark.parametrize(
    "key",
    [
        "visit_",
        "visit_.",
        "visit_AAAA.BBBB",
        "visit_" + "A" * 43 + "." + "0" * 32,
        "visit_" + "A" * 43 + ".\xe9",
    ],
)
async def test_a_pass_that_was_made_up_is_nobody(
    kiosk: httpx.AsyncClient, key: str
) -> None:
    reply = await kiosk.get(
        "/v1/conversations/kiosk-7", headers=[(b"x-api-key", key.encode("latin-1"))]
    )

    assert_problem(reply, 401, "not_authenticated")


async def test_guessing_links_ends_soon(kiosk: httpx.AsyncClient) -> None:
    parts = make_parts(limit=3)
    async with make_client(parts, headers={}) as stranger:
        replies = [
            await stranger.post("/v1/visits", json={"token": f"guess-{number}"})
            for number in range(5)
        ]

    assert [reply.status_code for reply in replies] == [410] * 3 + [429] * 2


async def test_the_end_of_a_session_is_never_refused_by_the_limit() -> None:
    parts = make_parts(limit=1)
    async with make_client(parts, headers=DEVICE) as kiosk:
        session = session_of(await begin(kiosk))
        refused = await kiosk.post("/v1/kiosk/sessions")
        touched = await kiosk.post(f"{CURRENT}/touch", headers=session)
        ended = await kiosk.delete(CURRENT, headers=session)

    assert refused.status_code == 429
    assert (touched.status_code, ended.status_code) == (200, 204)


@pytest.mark.parametrize("header", ["X-Kiosk-Session", "X-API-Key"])
async def test_a_header_that_comes_twice_is_refused(
    kiosk: httpx.AsyncClient, header: str
) -> None:
    session = session_of(await begin(kiosk))
    sent = list((DEVICE | session).items())

    reply = await kiosk.post(
        f"{CURRENT}/touch", headers=[*sent, (header, "another-one")]
    )

    assert_problem(reply, 400, "bad_request")


async def test_a_program_is_no_kiosk(kiosk: httpx.AsyncClient) -> None:
    for key in (AUTH, {"X-API-Key": OTHER_KEY}):
        reply = await kiosk.post("/v1/kiosk/sessions", headers=key)
        assert_problem(reply, 403, "forbidden")


PROGRAM = Caller("default", "1")
FIRST = Caller("default", "a", kind="device")
PHONE = Caller("default", "p", kind="visitor", conversation_id="visitor-1")


async def test_a_program_names_its_conversation(parts: FakeParts) -> None:
    async def admit(conversation_id: str | None) -> str:
        return await admit_conversation(
            PROGRAM, parts.visitors, conversation_id=conversation_id, session=None
        )

    assert await admit("kiosk-7") == "kiosk-7"
    for wrong in (None, "", "..", "a b", "x" * 129):
        with pytest.raises(InvalidConversationID):
            await admit(wrong)


async def test_a_device_gets_the_conversation_of_its_session(parts: FakeParts) -> None:
    secret, session = await parts.visitors.begin(FIRST)

    async def admit(
        conversation_id: str | None, session: str | None, caller: Caller = FIRST
    ) -> str:
        return await admit_conversation(
            caller, parts.visitors, conversation_id=conversation_id, session=session
        )

    assert await admit(None, secret) == session.conversation_id
    assert await admit(session.conversation_id, secret) == session.conversation_id
    with pytest.raises(Forbidden):
        await admit("kiosk-7", secret)
    with pytest.raises(VisitorSessionRequired):
        await admit(session.conversation_id, None)
    with pytest.raises(VisitorSessionEnded):
        await admit(None, session.conversation_id)
    with pytest.raises(VisitorSessionEnded):
        await admit(None, secret, Caller("default", "b", kind="device"))
    with pytest.raises(VisitorSessionEnded):
        await admit(None, secret, Caller("other", "a", kind="device"))
    await parts.visitors.end(FIRST, secret)
    with pytest.raises(VisitorSessionEnded):
        await admit(session.conversation_id, secret)


async def test_a_phone_gets_its_own_conversation(parts: FakeParts) -> None:
    async def admit(conversation_id: str | None) -> str:
        return await admit_conversation(
            PHONE, parts.visitors, conversation_id=conversation_id, session=None
        )

    assert await admit(None) == "visitor-1"
    assert await admit("visitor-1") == "visitor-1"
    with pytest.raises(ConversationNotFound):
        await admit("visitor-2")


async def test_without_sessions_no_device_may_speak() -> None:
    with pytest.raises(Forbidden):
        await admit_conversation(FIRST, None, conversation_id=None, session="s")
