"""The client speaks `http.md` and gives every failure a code."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.fakes.http_service import KEY, FakeService
from ui.client import Delta, Problem, Searched, ServiceClient, ServiceProblem
from ui.replies import ChatMessage


@pytest.fixture
def service() -> FakeService:
    service = FakeService()
    service.add("Library guide", "The library opens at eight.")
    return service


@pytest.fixture
def client(service: FakeService) -> Iterator[ServiceClient]:
    client = ServiceClient("http://fake", KEY, transport=service.transport())
    yield client
    client.close()


def _client(handler: httpx.MockTransport, key: str | None = KEY) -> ServiceClient:
    return ServiceClient("http://fake", key, transport=handler)


def _replying(*chunks: str, kind: str = "text/event-stream") -> ServiceClient:
    def reply(_: httpx.Request) -> httpx.Response:
        body = (chunk.encode() for chunk in chunks)
        return httpx.Response(200, headers={"content-type": kind}, content=body)

    return _client(httpx.MockTransport(reply))


def _problem_of(client: ServiceClient) -> Problem:
    with pytest.raises(ServiceProblem) as caught:
        list(client.ask("c1", "Hello?", idempotency_key="k1"))
    return caught.value.problem


def test_a_question_gives_steps_that_end_with_the_answer(client: ServiceClient) -> None:
    steps = list(client.ask("c1", "When does the library open?", idempotency_key="k1"))

    assert steps[0] == Searched(1)
    text = "".join(step.text for step in steps if isinstance(step, Delta))
    done = steps[-1]
    assert isinstance(done, ChatMessage)
    assert done.text == text == "The library opens at eight. [1]"
    assert done.sources[0].title == "Library guide"
    assert done.sources[0].page == 3


def test_a_stored_answer_may_come_whole() -> None:
    body = json.dumps({"answer": "Eight.", "message_id": "m", "answered": True})
    client = _replying(body, kind="application/json")

    (step,) = client.ask("c1", "When?", idempotency_key="k1")

    assert isinstance(step, ChatMessage)
    assert step.text == "Eight."


def test_every_question_carries_its_idempotency_key(
    service: FakeService, client: ServiceClient
) -> None:
    list(client.ask("c1", "When?", idempotency_key="k7"))

    assert service.idempotency_keys == ["k7"]


def test_leaving_the_steps_closes_the_stream(
    service: FakeService, client: ServiceClient
) -> None:
    steps = client.ask("c1", "When does the library open?", idempotency_key="k1")
    next(steps)

    steps.close()

    assert service.conversations == {}


def test_a_stream_without_an_end_is_broken() -> None:
    delta = 'event: answer.delta\ndata: {"delta": "The"}\n\n'

    assert _problem_of(_replying(delta)).code == "stream_broken"


def test_an_error_in_the_stream_is_a_problem() -> None:
    problem = {"code": "turn_timeout", "status": 504, "request_id": "r9"}
    client = _replying(f"event: error\ndata: {json.dumps(problem)}\n\n")

    assert _problem_of(client) == Problem("turn_timeout", 504, request_id="r9")


def test_half_an_event_is_unreadable() -> None:
    client = _replying("event: answer.delta\ndata: {\n\n")

    assert _problem_of(client).code == "reply_unreadable"


def test_a_refusal_of_the_service_keeps_its_code_and_wait(
    service: FakeService, client: ServiceClient
) -> None:
    wait = {"retry-after": "30"}
    service.failures["/v1/chat"] = (
        429,
        {"code": "rate_limited", "detail": "No."},
        wait,
    )

    found = _problem_of(client)

    assert found == Problem("rate_limited", 429, "No.", 30, "r-1")


def test_an_error_page_of_a_proxy_is_a_problem_too() -> None:
    def reply(_: httpx.Request) -> httpx.Response:
        return httpx.Response(502, text="<html>Bad gateway</html>")

    assert _problem_of(_client(httpx.MockTransport(reply))) == Problem("unknown", 502)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (httpx.ConnectError("refused"), "service_unreachable"),
        (httpx.ReadTimeout("slow"), "service_slow"),
        (httpx.RemoteProtocolError("cut"), "stream_broken"),
    ],
)
def test_a_failed_journey_has_a_code(error: Exception, code: str) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    assert _problem_of(_client(httpx.MockTransport(fail))).code == code


def test_a_reply_that_is_no_object_is_unreadable() -> None:
    with pytest.raises(ServiceProblem) as caught:
        _replying("[1]", kind="application/json").health()

    assert caught.value.problem.code == "reply_unreadable"


def test_a_wrong_key_is_refused(service: FakeService) -> None:
    client = _client(service.transport(), "other")

    assert _problem_of(client).code == "not_authenticated"


def test_an_error_of_the_reader_stays_the_readers(client: ServiceClient) -> None:
    steps = client.ask("c1", "When?", idempotency_key="k1")

    def read() -> None:
        for _ in steps:
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        read()


def test_conversations_come_in_pages(
    service: FakeService, client: ServiceClient
) -> None:
    for number in range(4):
        list(client.ask(f"c{number}", "When?", idempotency_key=str(number)))

    first = client.list_conversations(limit=3)
    second = client.list_conversations(limit=3, cursor=first.next_cursor)

    assert [line.id for line in first.lines] == ["c3", "c2", "c1"]
    assert [line.id for line in second.lines] == ["c0"]
    assert second.next_cursor is None


def test_a_conversation_is_found_renamed_and_deleted(client: ServiceClient) -> None:
    list(client.ask("a.b_c-1", "When does the library open?", idempotency_key="k1"))

    client.rename_conversation("a.b_c-1", title="Hours")
    found = client.find_conversation("a.b_c-1")
    client.delete_conversation("a.b_c-1")

    assert found is not None
    assert found[0].title == "Hours"
    assert [message.role for message in found[1]] == ["user", "assistant"]
    assert client.find_conversation("a.b_c-1") is None


def test_a_failure_to_look_is_not_an_absence(
    service: FakeService, client: ServiceClient
) -> None:
    service.failures["/v1/conversations/c1"] = (503, {"code": "state_unavailable"}, {})

    with pytest.raises(ServiceProblem):
        client.find_conversation("c1")


def test_the_state_a_stored_answer_went_without_is_kept(
    service: FakeService, client: ServiceClient
) -> None:
    service.degraded = ["state"]
    list(client.ask("c1", "When does the library open?", idempotency_key="k1"))

    found = client.find_conversation("c1")

    assert found is not None
    assert found[1][1].degraded == ("state",)


def test_feedback_names_message_and_opinion(
    service: FakeService, client: ServiceClient
) -> None:
    list(client.ask("c1", "When?", idempotency_key="k1"))

    client.send_feedback("c1", "m1", positive=False)

    assert service.feedback == [
        {"conversation_id": "c1", "message_id": "m1", "kind": "negative"}
    ]


def test_the_same_file_again_is_known(client: ServiceClient) -> None:
    first, is_new = client.add_document("a.txt", b"Some text", media_type="text/plain")
    again, is_new_again = client.add_document("a.txt", b"Some text")

    assert (is_new, is_new_again) == (True, False)
    assert again.id == first.id
    assert client.load_document(first.id).settled


def test_a_document_is_listed_and_removed(client: ServiceClient) -> None:
    (document,) = client.list_documents()

    client.remove_document(document.id)

    assert document.title == "Library guide"
    assert client.list_documents() == ()


def test_the_rate_limit_left_is_remembered(client: ServiceClient) -> None:
    client.list_documents()

    assert client.requests_left == 90


def test_health_is_read_with_unknown_parts(
    service: FakeService, client: ServiceClient
) -> None:
    service.health["components"]["new_part"] = "unavailable"

    found = client.health()

    assert (found.status, found.state) == ("healthy", "embedded")
    assert found.components["new_part"] == "unavailable"
