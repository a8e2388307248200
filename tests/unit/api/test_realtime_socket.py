"""The realtime door: who comes in, what is refused, how it ends."""

from __future__ import annotations

import asyncio
import base64
import itertools
from typing import Any

import pytest

from api.context import Edge, Options
from api.cors import CORSPolicy
from api.realtime.connection import MAX_ERRORS, ConnectionLimits
from api.realtime.socket import RealtimeSocket
from domain.callers import Caller
from stores.realtime_secrets import SharedSecrets
from tests.fakes.realtime_check import problems_of
from tests.fakes.services import (
    DEVICE_KEY,
    KEY,
    OTHER_KEY,
    FakeParts,
    make_parts,
)
from tests.fakes.socket_client import SocketClient, socket_scope, with_key
from tests.fakes.speech import tone
from utils.metrics import Metrics

ANSWER = "Pendaftaran dibuka 1 Maret 2026 [1]."


def make_edge(parts: FakeParts, *, origins: str = "*") -> Edge:
    options = Options(version="0", cors=CORSPolicy.parse(origins))
    return Edge(services=parts.services(), options=options, metrics=Metrics())


def make_socket(
    parts: FakeParts | None = None, *, origins: str = "*", **options: Any
) -> RealtimeSocket:
    edge = make_edge(parts or make_parts(), origins=origins)
    return RealtimeSocket(edge, **options)


def connect(
    socket: RealtimeSocket, *, headers: dict[str, str] | None = None, **scope: Any
) -> SocketClient:
    fields = with_key() if headers is None else headers
    return SocketClient(socket, socket_scope(headers=fields, **scope))


def append(pcm: bytes) -> dict[str, str]:
    audio = base64.b64encode(pcm).decode()
    return {"type": "input_audio_buffer.append", "audio": audio}


def typed(text: str) -> dict[str, Any]:
    content = [{"type": "input_text", "text": text}]
    item = {"type": "message", "role": "user", "content": content}
    return {"type": "conversation.item.create", "item": item}


async def test_a_key_opens_a_conversation_and_a_question_is_answered() -> None:
    parts = make_parts()
    async with connect(make_socket(parts), query="conversation_id=desk-1") as client:
        created = await client.next()
        assert client.status == 101
        assert created["session"]["x.conversation_id"] == "desk-1"
        assert problems_of(created) == []
        client.send(append(tone(0.6, rate_hz=24_000)))
        client.send(append(bytes(48_000)))
        done = await client.next("response.done")

    assert done["response"]["status"] == "completed"
    messages = parts.conversations.kept["default", "desk-1"].messages
    assert [one.text for one in messages] == ["kapan pendaftaran dibuka", ANSWER]


async def test_without_a_name_each_connection_has_a_conversation_of_its_own() -> None:
    socket, names = make_socket(), []
    for _ in range(2):
        async with connect(socket, query="model=gpt-realtime") as client:
            names.append((await client.next())["session"]["x.conversation_id"])

    assert len(set(names)) == 2


@pytest.mark.parametrize(
    ("headers", "protocols"),
    [
        ({"Authorization": f"Bearer {KEY}"}, []),
        ({"X-API-Key": KEY}, ["realtime"]),
        ({}, ["realtime", f"openai-insecure-api-key.{KEY}"]),
        ({"X-API-Key": KEY}, ["realtime", f"openai-insecure-api-key.{KEY}"]),
    ],
)
async def test_a_key_may_come_in_a_header_or_as_a_subprotocol(
    headers: dict[str, str], protocols: list[str]
) -> None:
    async with connect(make_socket(), headers=headers, protocols=protocols) as client:
        assert client.status == 101
        wanted = "realtime" if protocols else None
        assert client.sent[0]["subprotocol"] == wanted


@pytest.mark.parametrize(
    ("headers", "protocols", "query"),
    [
        ({}, [], ""),
        ({}, ["realtime"], ""),
        ({"Authorization": "Bearer wrong"}, [], ""),
        ({}, [], f"api_key={KEY}"),
        ({}, [f"openai-insecure-api-key.{KEY}x"], ""),
        ({}, ["openai-insecure-api-key."], ""),
        ({"X-API-Key": KEY}, [f"openai-insecure-api-key.{OTHER_KEY}"], ""),
        ({"Authorization": f"Bearer ek_{'x' * 43}"}, [], ""),
        ({"Authorization": f"Bearer {'k' * 9_000}"}, [], ""),
    ],
)
async def test_no_key_no_handshake(
    headers: dict[str, str], protocols: list[str], query: str
) -> None:
    async with connect(
        make_socket(), headers=headers, protocols=protocols, query=query
    ) as client:
        assert client.status == 401
        assert client.problem["code"] == "not_authenticated"


async def test_guessing_keys_ends_soon() -> None:
    socket = make_socket(make_parts(limit=3))
    codes = []
    for _ in range(4):
        async with connect(socket, headers={"X-API-Key": "guess"}) as client:
            codes.append(client.status)
    assert codes == [401, 401, 401, 429]


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://good.example", 101),
        ("https://evil.example", 403),
        ("https://good.example.evil.example", 403),
        ("null", 403),
        ("https://test.example", 101),
    ],
)
async def test_pages_of_other_origins_are_refused(origin: str, status: int) -> None:
    socket = make_socket(origins="https://good.example")

    async with connect(socket, headers=with_key() | {"Origin": origin}) as client:
        assert client.status == status


@pytest.mark.parametrize("name", ["a b", "..", "x" * 129, "é", ""])
async def test_a_malformed_conversation_id_is_refused(name: str) -> None:
    headers = with_key() | {"X-Conversation-Id": name}

    async with connect(make_socket(), headers=headers) as client:
        assert client.status == 400
        assert client.problem["code"] == "conversation_id_invalid"


async def secret_of(parts: FakeParts, caller: Caller, **options: Any) -> str:
    realtime = parts.services().realtime
    assert realtime is not None
    value, _ = await realtime.secrets.issue(
        caller,
        **{"conversation_id": None, "config": b"", "seconds": 60.0, **options},
    )
    return value


async def test_a_secret_opens_its_conversation_with_its_settings_and_no_other() -> None:
    parts = make_parts()
    config = b'{"output_modalities":["text"],"audio":{"output":{"voice":"one"}}}'
    secret = await secret_of(
        parts, Caller("default", "000000000001"), conversation_id="mine", config=config
    )
    socket = make_socket(parts)
    protocols = ["realtime", f"openai-insecure-api-key.{secret}"]

    async with connect(socket, headers={}, protocols=protocols) as client:
        session = (await client.next())["session"]
        assert session["x.conversation_id"] == "mine"
        assert session["output_modalities"] == ["text"]
        assert session["audio"]["output"]["voice"] == "one"
    async with connect(
        socket, headers={}, protocols=protocols, query="conversation_id=other"
    ) as client:
        assert client.status == 403
    secrets = parts.secrets.kept
    assert all(secret not in name for name in secrets)
    secrets.update({name: (value, 0.0) for name, (value, _) in secrets.items()})
    async with connect(socket, headers={}, protocols=protocols) as client:
        assert client.status == 401


async def test_a_device_speaks_for_the_visitor_of_its_session_alone() -> None:
    parts = make_parts()
    device = Caller("default", "00000000000a", kind="device")
    session, visit = await parts.visitors.begin(device)
    socket = make_socket(parts)
    headers = with_key(DEVICE_KEY)

    async with connect(socket, headers=headers) as client:
        assert client.problem["code"] == "visitor_session_required"
    headers["X-Kiosk-Session"] = session
    async with connect(socket, headers=headers) as client:
        told = (await client.next())["session"]["x.conversation_id"]
        assert told == visit.conversation_id
        await parts.visitors.end(device, session)
        client.send(typed("Kapan?"))
        client.send({"type": "response.create"})
        error = await client.next("error")
        assert error["error"]["code"] == "visitor_session_ended"
        assert await client.closed() == 1008
    async with connect(socket, headers=headers) as client:
        assert client.problem["code"] == "visitor_session_ended"
    assert parts.rag.turns == []


async def test_a_phone_keeps_no_door_of_the_device_open() -> None:
    parts = make_parts()
    device = Caller("default", "00000000000a", kind="device")
    session, visit = await parts.visitors.begin(device)
    socket = make_socket(parts)
    secret, _ = await SharedSecrets(parts.secrets).issue(
        device, conversation_id=visit.conversation_id, config=b"", seconds=60
    )
    link = await parts.visitors.make_link(visit)
    await parts.visitors.open_link(link.token)
    headers = with_key(DEVICE_KEY) | {"X-Kiosk-Session": session}

    async with connect(socket, headers=headers) as client:
        await client.next()
        await parts.visitors.end(device, session)
        client.send(typed("Kapan?"))
        client.send({"type": "response.create"})
        error = await client.next("error")
        assert error["error"]["code"] == "visitor_session_ended"
        assert await client.closed() == 1008
    async with connect(socket, headers={"Authorization": f"Bearer {secret}"}) as client:
        assert client.problem["code"] == "visitor_session_ended"
    assert parts.rag.turns == []


async def test_openings_and_answers_are_counted() -> None:
    parts = make_parts(limit=2)
    socket = make_socket(parts)

    async with connect(socket) as client:
        client.send(typed("one"))
        client.send({"type": "response.create"})
        await client.next("response.done")
        client.send(typed("two"))
        client.send({"type": "response.create"})
        error = await client.next("error")
    assert error["error"]["code"] == "rate_limited"
    async with connect(socket) as client:
        assert client.status == 429
        assert "retry-after" in {name.decode() for name, _ in client.sent[0]["headers"]}


async def test_a_key_has_so_many_connections_and_no_more() -> None:
    socket = make_socket(max_per_key=2, max_connections=3)
    async with connect(socket), connect(socket):
        async with connect(socket) as third:
            assert (third.status, third.problem["code"]) == (429, "rate_limited")
        other = with_key(OTHER_KEY)
        async with connect(socket, headers=other) as client:
            assert client.status == 101
            async with connect(socket, headers=other) as last:
                assert (last.status, last.problem["code"]) == (503, "overloaded")
    async with connect(socket) as client:
        assert client.status == 101


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ("{", "invalid_json", None),
        ("", "invalid_json", None),
        ("[]", "invalid_json", None),
        ('{"type":"x","type":"y"}', "invalid_json", None),
        ("[" * 5_000, "invalid_json", None),
        ({"type": "unheard.of"}, "unknown_event", "type"),
        ({"type": ["session.update"]}, "unknown_event", "type"),
        ({}, "unknown_event", "type"),
        ({"type": "session.update"}, "invalid_value", "session"),
        ({"type": "input_audio_buffer.append"}, "invalid_value", "audio"),
        (
            {"type": "input_audio_buffer.append", "audio": "?"},
            "invalid_audio",
            "audio",
        ),
        (
            {"type": "input_audio_buffer.append", "audio": "A" * 1_400_000},
            "audio_too_large",
            "audio",
        ),
        (
            {"type": "input_audio_buffer.commit"},
            "input_audio_buffer_commit_empty",
            None,
        ),
        ({"type": "response.create"}, "conversation_has_no_input", None),
        ({"type": "response.cancel"}, "response_cancel_not_active", None),
        (
            {
                "type": "conversation.item.truncate",
                "item_id": "no",
                "content_index": 0,
                "audio_end_ms": 1,
            },
            "item_not_found",
            "item_id",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {"type": "message", "role": "assistant", "content": []},
            },
            "invalid_value",
            "item.role",
        ),
    ],
)
async def test_what_cannot_be_understood_is_told_and_the_session_goes_on(
    event: dict[str, Any] | str, code: str, param: str | None
) -> None:
    async with connect(make_socket()) as client:
        await client.next()
        named = event if isinstance(event, str) else {"event_id": "mine", **event}
        client.send(named)
        error = await client.next("error")
        assert problems_of(error) == []
        assert error["error"]["code"] == code
        assert error["error"]["param"] == param
        if not isinstance(event, str):
            assert error["error"]["event_id"] == "mine"
        client.send(typed("Kapan?"))
        client.send({"type": "response.create"})
        assert (await client.next("response.done"))["response"]["status"] == "completed"


async def test_who_is_never_understood_is_sent_away() -> None:
    async with connect(make_socket()) as client:
        for _ in range(MAX_ERRORS + 5):
            client.send("{")
        assert await client.closed() == 1008


async def test_settings_are_told_after_every_change() -> None:
    async with connect(make_socket()) as client:
        session = {
            "type": "realtime",
            "audio": {"input": {"turn_detection": None}},
            "output_modalities": ["text"],
        }
        client.send({"type": "session.update", "session": session})
        updated = await client.next("session.updated")
        assert problems_of(updated) == []
        assert updated["session"]["audio"]["input"]["turn_detection"] is None
        client.send(append(tone(0.5, rate_hz=24_000)))
        client.send({"type": "input_audio_buffer.clear"})
        assert problems_of(await client.next("input_audio_buffer.cleared")) == []
        client.send(append(tone(0.5, rate_hz=24_000)))
        client.send({"type": "input_audio_buffer.commit"})
        await client.next("input_audio_buffer.committed")
        client.send({"type": "response.create"})
        text = await client.next("response.output_text.done")
        assert text["text"] == ANSWER


async def test_a_spoken_item_can_be_cut_to_what_was_played() -> None:
    parts = make_parts()
    async with connect(make_socket(parts), query="conversation_id=c") as client:
        client.send(typed("Kapan?"))
        client.send({"type": "response.create"})
        done = await client.next("response.done")
        item_id = done["response"]["output"][0]["id"]
        client.send(
            {
                "type": "conversation.item.truncate",
                "item_id": item_id,
                "content_index": 0,
                "audio_end_ms": 100,
            }
        )
        told = await client.next("conversation.item.truncated")
        assert problems_of(told) == []
        client.send(typed("Dan?"))
        client.send({"type": "response.create"})
        await client.next("response.done")

    texts = [one.text for one in parts.conversations.kept["default", "c"].messages]
    assert texts == ["Kapan?", "(terpotong)", "Dan?", ANSWER]


async def test_a_session_ends_after_its_time() -> None:
    limits = ConnectionLimits(session_seconds=0.2)
    async with connect(make_socket(limits=limits)) as client:
        error = await client.next("error")
        assert error["error"]["code"] == "session_expired"
        assert await client.closed() == 1001


async def test_a_silent_client_is_let_go() -> None:
    limits = ConnectionLimits(silent_seconds=0.2)
    async with connect(make_socket(limits=limits)) as client:
        error = await client.next("error")
        assert error["error"]["code"] == "session_idle"
        assert await client.closed() == 1001


async def test_a_client_that_takes_nothing_is_closed() -> None:
    limits = ConnectionLimits(stuck_seconds=0.2)
    async with connect(make_socket(limits=limits)) as client:
        await client.next()
        client.stuck = True
        client.send(typed("Kapan?"))
        client.send({"type": "response.create"})
        assert await client.closed() == 1013


async def test_a_server_that_stops_lets_the_idle_go_at_once() -> None:
    socket = make_socket()
    async with connect(socket) as client:
        await client.next()

        socket.begin_drain()

        error = await client.next("error")
        assert error["error"]["code"] == "server_restarting"
        assert await client.closed() == 1012
    async with connect(socket) as late:
        assert (late.status, late.problem["code"]) == (503, "server_restarting")
    assert socket.connected == 0


async def test_a_server_that_stops_finishes_an_answer_first() -> None:
    parts = make_parts()
    parts.rag.pause = asyncio.Event()
    socket = make_socket(parts)
    async with connect(socket) as client:
        client.send(typed("Kapan?"))
        client.send({"type": "response.create"})
        await client.next("response.created")

        socket.begin_drain()
        await asyncio.sleep(0.05)
        parts.rag.pause.set()

        done = await client.next("response.done")
        assert done["response"]["status"] == "completed"
        assert await client.closed() == 1012


async def test_a_server_that_must_stop_waits_for_no_answer() -> None:
    parts = make_parts()
    parts.rag.pause = asyncio.Event()
    socket = make_socket(parts)
    async with connect(socket) as client:
        client.send(typed("Kapan?"))
        client.send({"type": "response.create"})
        await client.next("response.created")
        socket.begin_drain()

        socket.end_streams()

        assert await client.closed() == 1012
    assert parts.rag.cancelled == 1


async def test_fifty_connections_that_break_off_leave_nothing_behind() -> None:
    parts = make_parts()
    parts.rag.pause = asyncio.Event()
    edge = make_edge(parts)
    socket = RealtimeSocket(edge)
    for number, _ in zip(itertools.cycle(range(5)), range(50), strict=False):
        async with connect(socket) as client:
            if number:
                client.send(append(tone(0.3 * number, rate_hz=24_000)))
            if number > 2:
                client.send(append(bytes(48_000)))
                await client.next("input_audio_buffer.speech_stopped")
            if number > 3:
                await client.next("response.created")

    assert socket.connected == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert b"tanya_realtime_sessions 0.0" in edge.metrics.render()
    parts.rag.pause = None
    async with connect(socket) as client:
        client.send(typed("Kapan?"))
        client.send({"type": "response.create"})
        assert (await client.next("response.done"))["response"]["status"] == "completed"


async def test_no_line_of_the_log_holds_what_was_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    async with connect(make_socket()) as client:
        client.send(append(tone(0.6, rate_hz=24_000)))
        client.send(append(bytes(48_000)))
        await client.next("response.done")

    (line,) = [one for one in caplog.records if one.msg == "realtime_session_ended"]
    said = vars(line)
    assert said["utterances"] == said["responses"] == 1
    assert said["outcomes"] == {"completed": 1}
    everything = " ".join(str(vars(one)) for one in caplog.records)
    assert "pendaftaran" not in everything.lower()
    assert KEY not in everything
