"""The port `Answerer`: the agent, with and without a model, and its fake."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from agents.rag import RagAgent
from agents.upstream import ChatModel
from domain.errors import AppError, UpstreamError
from domain.ports import Answerer
from domain.turns import (
    AnswerCompleted,
    AnswerDelta,
    RetrievalCompleted,
    TurnEvent,
    TurnStarted,
)
from tests.fakes.answerer import (
    FakeAnswerer,
    FakeConversations,
    FakeRetriever,
    SayingModel,
    make_passage,
    make_turn,
)

QUESTION = "How many books may undergraduate students borrow?"


def _agent(model: ChatModel | None) -> RagAgent:
    passage = make_passage("Undergraduate students may borrow six books for 14 days.")
    return RagAgent(
        retriever=FakeRetriever([passage]),
        conversations=FakeConversations(),
        checkpointer=InMemorySaver(),
        model=model,
    )


def _model(*, error: AppError | None = None) -> ChatModel:
    said = "Undergraduate students may borrow six books [1]."
    return ChatModel(
        SayingModel(said, error=error),
        name="saying",
        client_errors=(ZeroDivisionError,),
        read_error=lambda _: UpstreamError(),
        timeout_seconds=10,
    )


MAKERS: dict[str, Callable[[], Answerer]] = {
    "extractive": lambda: _agent(None),
    "model": lambda: _agent(_model()),
    "fake": FakeAnswerer,
}


@pytest.fixture(params=sorted(MAKERS))
def answerer(request: pytest.FixtureRequest) -> Answerer:
    return MAKERS[request.param]()


async def _events(answerer: Answerer) -> list[TurnEvent]:
    return [event async for event in answerer.stream(make_turn(QUESTION))]


async def test_a_turn_starts_searches_speaks_and_completes(answerer: Answerer) -> None:
    kinds = [type(event) for event in await _events(answerer)]

    assert kinds[:2] == [TurnStarted, RetrievalCompleted]
    assert set(kinds[2:-1]) == {AnswerDelta}
    assert kinds[-1] is AnswerCompleted


async def test_the_deltas_are_the_answer(answerer: Answerer) -> None:
    events = await _events(answerer)

    said = "".join(event.text for event in events if isinstance(event, AnswerDelta))
    completed = events[-1]
    assert isinstance(completed, AnswerCompleted)
    assert completed.answer.text == said


async def test_the_answer_belongs_to_its_turn(answerer: Answerer) -> None:
    turn = make_turn(QUESTION, conversation_id="desk-7")

    events = [event async for event in answerer.stream(turn)]

    completed = events[-1]
    assert isinstance(completed, AnswerCompleted)
    assert completed.answer.conversation_id == "desk-7"
    assert completed.answer.message_id == turn.message_id
    assert "total" in completed.answer.exec_time
    assert 0 <= completed.answer.confidence <= 1


@pytest.mark.parametrize(
    "answerer",
    [_agent(_model(error=UpstreamError())), FakeAnswerer(error=UpstreamError())],
    indirect=False,
    ids=["model", "fake"],
)
async def test_a_failure_is_an_app_error_and_completes_nothing(
    answerer: Answerer,
) -> None:
    events: list[TurnEvent] = []

    async def run() -> None:
        async for event in answerer.stream(make_turn(QUESTION)):
            events.append(event)  # noqa: PERF401 - kept up to the error

    with pytest.raises(UpstreamError):
        await run()

    assert not any(isinstance(event, AnswerCompleted) for event in events)
