"""What the last visitor asked, the next one cannot reach: tried by attacks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import redis

from auth.keys import digest_key
from tests.e2e.kiosk_service import (
    ELSEWHERE,
    HALL,
    QUESTION,
    UPSTAIRS,
    Kiosk,
    in_thread,
    read_log,
    start_kiosks,
)
from tests.fakes.openai_server import OpenAIServer
from tests.fakes.problems import assert_problem
from tests.fakes.spoken import speak
from tests.service import RunningService, start_service

ENDED = (410, "visitor_session_ended")
FORGOTTEN_SECONDS = 30.0


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with start_kiosks() as running:
        yield running


@pytest.fixture(scope="module")
def question() -> bytes:
    return speak(QUESTION, language="id")


@pytest.fixture
def kiosk(service: RunningService) -> Iterator[Kiosk]:
    with Kiosk(service) as made:
        yield made


@pytest.fixture
def staff(service: RunningService) -> Iterator[httpx.Client]:
    """A program of the same tenant: what it cannot see is not there."""
    with service.client() as client:
        yield client


@pytest.fixture
def nobody(service: RunningService) -> Iterator[httpx.Client]:
    """A phone: no key of its own."""
    with httpx.Client(base_url=service.url, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def slow_model() -> Iterator[OpenAIServer]:
    """A model that writes three words a second."""
    server = OpenAIServer(token_delay=0.3)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def hasty(slow_model: OpenAIServer) -> Iterator[RunningService]:
    """A service that takes five seconds for silence, and answers with that model."""
    settings = {
        "LLM_BASE_URL": slow_model.url,
        "LLM_API_KEY": "stub",
        "LLM_MODEL": "stub",
        "KIOSK_SILENCE_SECONDS": "5",
    }
    with start_kiosks(**settings) as running:
        yield running


def path_of(session: Any) -> str:
    return f"/v1/conversations/{session['conversation_id']}"


def test_a_visitor_asks_and_goes_and_nothing_is_left(
    kiosk: Kiosk, staff: httpx.Client, question: bytes
) -> None:
    session = kiosk.begin()

    answer = kiosk.ask(session["session"], question).json()
    kept = staff.get(path_of(session)).json()
    ended = kiosk.end(session["session"])

    assert answer["answered"] is True
    assert "07.30" in answer["answer"]
    assert answer["conversation_id"] == session["conversation_id"]
    assert kept["turns"] == 1
    assert ended.status_code == 204
    assert_problem(staff.get(path_of(session)), 404, "conversation_not_found")
    listed = staff.get("/v1/conversations").json()["items"]
    assert session["conversation_id"] not in {item["id"] for item in listed}


def test_the_conversation_of_the_last_visitor_is_out_of_reach_by_every_door(
    kiosk: Kiosk, question: bytes
) -> None:
    last = kiosk.begin()
    kiosk.ask(last["session"], question)
    kiosk.end(last["session"])
    new = kiosk.begin()
    named = {"X_Conversation_Id": last["conversation_id"]}

    assert_problem(kiosk.ask(last["session"], question), *ENDED)
    assert_problem(kiosk.ask(last["session"], question, **named), *ENDED)
    assert_problem(kiosk.ask(new["session"], question, **named), 403, "forbidden")
    assert_problem(kiosk.ask(None, question, **named), 400, "visitor_session_required")
    for method, path in (("POST", "/touch"), ("POST", "/link"), ("DELETE", "")):
        assert_problem(kiosk.current(last["session"], method, path), *ENDED)
    headers = {
        "X-Conversation-Id": last["conversation_id"],
        "X-Kiosk-Session": new["session"],
    }
    chat = {"message": "Apa yang saya tanyakan tadi?"}
    for reply in (
        kiosk.client.post("/v1/chat", json=chat, headers=headers),
        kiosk.client.get(path_of(last)),
        kiosk.client.get("/v1/conversations"),
        kiosk.client.delete(path_of(last)),
        kiosk.client.patch(path_of(last), json={"title": "x"}),
        kiosk.client.post(
            f"{path_of(last)}/feedback", json={"message_id": "m", "kind": "positive"}
        ),
        kiosk.client.get("/v1/documents"),
    ):
        assert_problem(reply, 403, "forbidden")


def test_a_session_is_worth_nothing_at_another_device(
    service: RunningService, kiosk: Kiosk, question: bytes
) -> None:
    session = kiosk.begin()

    with Kiosk(service, UPSTAIRS) as stranger:
        assert_problem(stranger.ask(session["session"], question), *ENDED)
        assert_problem(stranger.end(session["session"]), *ENDED)
    assert kiosk.current(session["session"], "POST", "/touch").status_code == 200


def test_a_session_is_worth_nothing_to_another_tenant(question: bytes) -> None:
    devices = f"default:{digest_key(HALL)},other:{digest_key(ELSEWHERE)}"
    with (
        start_service({"DEVICE_KEYS": devices}) as service,
        Kiosk(service) as kiosk,
        Kiosk(service, ELSEWHERE) as stranger,
    ):
        session = kiosk.begin()

        assert_problem(stranger.ask(session["session"], question), *ENDED)
        assert_problem(stranger.end(session["session"]), *ENDED)
        assert kiosk.current(session["session"], "POST", "/touch").status_code == 200


def test_the_next_visitor_does_not_get_the_kept_answer_of_the_last(
    kiosk: Kiosk, question: bytes
) -> None:
    once = {"Idempotency_Key": "pressed-once"}
    last = kiosk.begin()
    first = kiosk.ask(last["session"], question, **once)
    again = kiosk.ask(last["session"], question, **once)
    kiosk.end(last["session"])
    new = kiosk.begin()

    stolen = kiosk.ask(last["session"], question, **once)
    fresh = kiosk.ask(new["session"], question, **once)

    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["message_id"] == first.json()["message_id"]
    assert_problem(stolen, *ENDED)
    assert "idempotency-replayed" not in fresh.headers
    assert fresh.json()["conversation_id"] == new["conversation_id"]
    assert fresh.json()["message_id"] != first.json()["message_id"]


def test_kept_answers_go_with_the_conversation(
    service: RunningService, kiosk: Kiosk, question: bytes
) -> None:
    session = kiosk.begin()
    answer = kiosk.ask(session["session"], question, Idempotency_Key="kept").json()
    before = _dump(service)
    kiosk.end(session["session"])

    # A copy of everything that Redis was told and has not dropped.
    after = _dump(service)
    for trace in (answer["message_id"], session["conversation_id"]):
        assert trace.encode() in _without_marks(before)
        assert trace.encode() not in _without_marks(after)


def _dump(service: RunningService) -> bytes:
    socket = next((service.data_dir / "redis").rglob("*.sock"), None)
    assert socket is not None
    client = redis.Redis(unix_socket_path=str(socket))
    kind_of: Callable[[bytes], Any] = client.type
    read: dict[bytes, Callable[[bytes], Any]] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"zset": lambda name: client.zrange(name, 0, -1),
        b"set": client.smembers,
        b"list": lambda name: client.lrange(name, 0, -1),
    }
    lines = [
        name + b" " + repr(read[kind_of(name)](name)).encode()
        for name in client.scan_iter(count=1000)
    ]
    client.close()
    return b"\n".join(lines)


def _without_marks(dump: bytes) -> bytes:
    # That it ended, and that it is looked after once more, is all that may be known.
    return b"\n".join(
        line
        for line in dump.split(b"\n")
        if not line.startswith((b"tanya:kiosk:fate:", b"tanya:kiosk:due "))
    )


@pytest.mark.parametrize("pause", [0.0, 0.1, 0.3, 0.6, 1.0])
def test_an_end_during_a_turn_leaves_nothing(
    kiosk: Kiosk, staff: httpx.Client, question: bytes, pause: float
) -> None:
    session = kiosk.begin()
    thread, replies = in_thread(kiosk.ask, session["session"], question)
    time.sleep(pause)

    assert kiosk.end(session["session"]).status_code == 204
    thread.join(60)

    # Either it was over before the end, or it was told that it is over.
    (reply,) = replies
    assert reply.status_code in {200, 410}, reply.text
    assert_problem(staff.get(path_of(session)), 404, "conversation_not_found")
    assert_problem(kiosk.ask(session["session"], question), *ENDED)


def test_a_turn_in_flight_is_cut_while_the_model_still_writes(
    slow_model: OpenAIServer, hasty: RunningService, question: bytes
) -> None:
    with Kiosk(hasty) as kiosk, hasty.client() as staff:
        session = kiosk.begin()
        asked = slow_model.stats.chat_calls
        thread, replies = in_thread(_read_stream, kiosk, session["session"], question)
        _wait_until_asked(slow_model, asked)
        began = time.monotonic()

        kiosk.end(session["session"])
        thread.join(30)

        ((status, text),) = replies
        assert status == 200
        assert "visitor_session_ended" in text
        assert "response.done" not in text
        assert time.monotonic() - began < 10
        assert_problem(staff.get(path_of(session)), 404, "conversation_not_found")


def _read_stream(kiosk: Kiosk, session: str, audio: bytes) -> tuple[int, str]:
    reply = kiosk.ask(session, audio, Accept="text/event-stream")
    return reply.status_code, reply.text


def _wait_until_asked(model: OpenAIServer, before: int) -> None:
    end = time.monotonic() + 30
    while model.stats.chat_calls == before:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_phone_opens_the_conversation_once_and_keeps_it(
    kiosk: Kiosk, staff: httpx.Client, nobody: httpx.Client, question: bytes
) -> None:
    session = kiosk.begin()
    kiosk.ask(session["session"], question)
    link = kiosk.current(session["session"], "POST", "/link").json()
    token = {"token": link["url"].partition("#")[2]}

    visit = nobody.post("/v1/visits", json=token).json()
    second = nobody.post("/v1/visits", json=token)
    kiosk.end(session["session"])
    phone = {
        "X-API-Key": visit["key"],
        "X-Conversation-Id": visit["conversation_id"],
    }
    read = nobody.get(path_of(session), headers=phone)
    asked = nobody.post(
        "/v1/chat", headers=phone, json={"message": "Berapa denda terlambat?"}
    )

    assert_problem(second, 410, "link_used")
    assert [one["role"] for one in read.json()["messages"]] == ["user", "assistant"]
    assert read.json()["messages"][1]["citations"]
    assert asked.json()["answered"] is True
    assert_problem(kiosk.ask(session["session"], question), *ENDED)
    assert staff.get(path_of(session)).json()["turns"] == 2


def test_no_secret_stands_in_the_log(
    service: RunningService, kiosk: Kiosk, question: bytes
) -> None:
    session = kiosk.begin()
    kiosk.ask(session["session"], question)
    link = kiosk.current(session["session"], "POST", "/link").json()
    token = link["url"].partition("#")[2]
    visit = kiosk.client.post("/v1/visits", json={"token": token}).json()
    kiosk.end(session["session"])

    log = read_log(service)

    assert "/v1/kiosk/sessions" in log
    for secret in (session["session"], token, visit["key"], HALL, QUESTION):
        assert secret not in log


def test_silence_ends_a_session_and_forgets_its_conversation(
    hasty: RunningService, question: bytes
) -> None:
    with Kiosk(hasty) as kiosk, hasty.client() as staff:
        session = kiosk.begin()
        assert kiosk.ask(session["session"], question).status_code == 200
        assert staff.get(path_of(session)).status_code == 200

        end = time.monotonic() + FORGOTTEN_SECONDS
        while staff.get(path_of(session)).status_code != 404:
            assert time.monotonic() < end, "it was not forgotten"
            time.sleep(0.2)

        assert_problem(kiosk.ask(session["session"], question), *ENDED)
