"""The chat model goes wrong in every way: code, time, and nothing half stored."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.fakes.fault_stage import ANSWER, Guest, Stage, set_stage
from tests.fakes.openai_server import OpenAIServer
from tests.fakes.problems import assert_problem

TURN_SECONDS = 4.0
SLACK_SECONDS = 2.0

# What the model does: status, code, and how often it is asked.
FAULTS: dict[str, tuple[int, str, int]] = {
    "busy": (503, "upstream_busy", 3),
    "quota": (503, "upstream_quota", 1),
    "error": (502, "upstream_error", 2),
    "unauthorized": (502, "upstream_error", 1),
    "hang": (504, "turn_timeout", 1),
    "drip": (504, "turn_timeout", 1),
    "cut": (502, "upstream_bad_response", 1),
    "cut-late": (502, "upstream_bad_response", 1),
    "garbage": (502, "upstream_bad_response", 1),
    "empty": (502, "upstream_bad_response", 1),
    "wrong-type": (502, "upstream_bad_response", 1),
    "long-line": (502, "upstream_bad_response", 1),
    "error-event": (502, "upstream_error", 2),
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("model")
    env = {"TURN_TIMEOUT": str(TURN_SECONDS)}
    with set_stage(folder, model="good", env=env) as one:
        yield one


@pytest.fixture
def guest(stage: Stage) -> Iterator[Guest]:
    with stage.guest() as one:
        yield one


@pytest.fixture
def model(stage: Stage) -> Iterator[OpenAIServer]:
    assert stage.model is not None
    assert stage.model_way is not None
    yield stage.model
    stage.model.acting = None
    stage.model_way.heal()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_model_is_told_by_its_code_and_stores_nothing(
    guest: Guest, model: OpenAIServer, name: str
) -> None:
    status, code, calls = FAULTS[name]
    before = guest.told(name, key=f"{name}-before")
    model.acting = name
    asked = model.stats.chat_calls

    began = time.monotonic()
    problem = assert_problem(guest.ask(name, key=f"{name}-fault"), status, code)
    took = time.monotonic() - began
    calls_made = model.stats.chat_calls - asked
    told = guest.health()
    kept = guest.turns(name)

    model.acting = None
    again = guest.told(name, key=f"{name}-fault")
    assert took < TURN_SECONDS + SLACK_SECONDS
    assert calls_made == calls
    assert problem["retryable"] is (name not in {"unauthorized", "quota"})
    assert told["status"] == ("healthy" if name == "unauthorized" else "degraded")
    assert kept == guest.turns(name)[:1]
    assert [answer for _, answer in guest.turns(name)] == [
        before["message_id"],
        again["message_id"],
    ]
    assert guest.health()["components"]["model"] == "ok"


@pytest.mark.parametrize("name", ["error", "drip", "cut-late", "garbage"])
def test_a_stream_that_breaks_ends_with_the_error_and_without_completion(
    guest: Guest, model: OpenAIServer, name: str
) -> None:
    model.acting = name

    events = guest.stream(f"stream-{name}")

    assert events[0][0] == "turn.started"
    assert [kind for kind, _ in events if kind == "answer.completed"] == []
    assert events[-1][0] == "error"
    assert events[-1][1]["code"] == FAULTS[name][1]
    assert guest.messages(f"stream-{name}") == []


@pytest.mark.parametrize("name", ["busy-once", "error-once"])
def test_a_passing_fault_is_not_noticed(
    guest: Guest, model: OpenAIServer, name: str
) -> None:
    model.acting = name

    body = guest.told(f"passing-{name}")

    assert ANSWER in body["answer"]
    assert body["degraded"] == []


@pytest.mark.parametrize(
    ("faults", "status", "code"),
    [
        ({"up": False}, 502, "upstream_error"),
        ({"reset": True}, 502, "upstream_error"),
        ({"blackhole": True}, 504, "turn_timeout"),
        ({"drip": 0.3}, 504, "turn_timeout"),
        ({"garbage": 1.0}, 502, None),
    ],
    ids=["refused", "reset", "swallowed", "dripping", "garbled"],
)
def test_a_spoilt_way_to_the_model_ends_by_the_deadline(
    stage: Stage,
    guest: Guest,
    model: OpenAIServer,
    faults: dict[str, object],
    status: int,
    code: str | None,
) -> None:
    assert stage.model_way is not None
    name = f"way-{'-'.join(faults)}"
    stage.model_way.set(**faults)

    began = time.monotonic()
    reply = guest.ask(name, key=name)
    took = time.monotonic() - began

    assert_problem(reply, status, code)
    assert took < TURN_SECONDS + SLACK_SECONDS
    assert guest.messages(name) == []
    assert guest.health()["components"]["model"] != "ok"
    stage.model_way.heal()
    assert ANSWER in guest.told(name, key=name)["answer"]
    assert len(guest.turns(name)) == 1


def test_a_name_that_nobody_knows_is_an_upstream_error(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("nowhere")
    env = {"LLM_BASE_URL": "http://model.invalid/v1"}
    with set_stage(folder, model="good", env=env) as stage, stage.guest() as guest:
        assert_problem(guest.ask("dns"), 502, "upstream_error")
        assert guest.messages("dns") == []
