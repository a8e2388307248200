from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import pytest
from langchain_core.messages import BaseMessage, HumanMessage

from agents.upstream import ChatModel, RequestRefused, read_reported
from domain.deadlines import Deadline
from domain.errors import (
    AppError,
    TurnTimeout,
    UpstreamBadResponse,
    UpstreamBusy,
    UpstreamError,
    UpstreamQuotaExhausted,
)

MESSAGES = [HumanMessage("Question: why?")]


class Broken(Exception):
    def __init__(self, error: AppError) -> None:
        self.error = error


class ScriptedModel:
    """Each call plays the next script: pieces of text, or an error in their place."""

    def __init__(self, *scripts: Sequence[str | Exception]) -> None:
        self.scripts = list(scripts)
        self.calls = 0
        self.closed = 0

    async def stream_text(self, messages: Sequence[BaseMessage]) -> AsyncGenerator[str]:
        script = self.scripts[min(self.calls, len(self.scripts) - 1)]
        self.calls += 1
        try:
            for piece in script:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.closed += 1


def build(model: ScriptedModel, fallback: ScriptedModel | None = None) -> ChatModel:
    return ChatModel(
        model,
        name="scripted",
        client_errors=(Broken,),
        read_error=lambda exc: exc.error if isinstance(exc, Broken) else AppError(),
        timeout_seconds=10,
        fallback=fallback,
    )


async def test_text_comes_as_it_is() -> None:
    model = ScriptedModel(["a", "b"])

    assert await build(model).complete(MESSAGES, deadline=Deadline.after(5)) == "ab"
    assert model.closed == 1


async def test_a_busy_model_is_asked_again_as_it_says() -> None:
    busy = Broken(UpstreamBusy(retry_after_seconds=0.01))
    model = ScriptedModel([busy], ["fine"])

    assert await build(model).complete(MESSAGES, deadline=Deadline.after(5)) == "fine"


async def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    model = ScriptedModel([Broken(UpstreamBusy(retry_after_seconds=60))])

    with pytest.raises(UpstreamBusy) as caught:
        await build(model).complete(MESSAGES, deadline=Deadline.after(1))

    assert caught.value.retry_after_seconds == 60
    assert model.calls == 1


async def test_a_failed_request_is_tried_once_more() -> None:
    model = ScriptedModel([Broken(UpstreamError())])

    with pytest.raises(UpstreamError):
        await build(model).complete(MESSAGES, deadline=Deadline.after(5))

    assert model.calls == 2


@pytest.mark.parametrize("error", [UpstreamQuotaExhausted(), RequestRefused()])
async def test_what_a_retry_cannot_cure_is_told_at_once(error: AppError) -> None:
    model = ScriptedModel([Broken(error)])

    with pytest.raises(type(error)):
        await build(model).complete(MESSAGES, deadline=Deadline.after(5))

    assert model.calls == 1


async def test_the_fallback_answers_when_no_token_was_sent() -> None:
    model, other = ScriptedModel([Broken(RequestRefused())]), ScriptedModel(["other"])

    text = await build(model, other).complete(MESSAGES, deadline=Deadline.after(5))

    assert text == "other"


async def test_a_begun_answer_is_never_continued_by_another_model() -> None:
    model = ScriptedModel(["half ", Broken(UpstreamError())])
    other = ScriptedModel(["other"])

    with pytest.raises(UpstreamBadResponse):
        await build(model, other).complete(MESSAGES, deadline=Deadline.after(5))

    assert other.calls == 0


@pytest.mark.parametrize("script", [[], ["x" * 40_000, "y" * 40_000]])
async def test_an_empty_or_endless_answer_is_a_bad_one(script: list[str]) -> None:
    with pytest.raises(UpstreamBadResponse):
        await build(ScriptedModel(script)).complete(
            MESSAGES, deadline=Deadline.after(5)
        )


async def test_a_passed_deadline_is_a_timeout() -> None:
    with pytest.raises(TurnTimeout):
        await build(ScriptedModel(["x"])).complete(MESSAGES, deadline=Deadline(0.0))


@pytest.mark.parametrize(
    ("reported", "status", "kind"),
    [
        ({"code": "insufficient_quota"}, 429, UpstreamQuotaExhausted),
        ({"type": "insufficient_quota"}, 429, UpstreamQuotaExhausted),
        (None, 402, UpstreamQuotaExhausted),
        ({"code": 429}, None, UpstreamBusy),
        (None, 429, UpstreamBusy),
        (None, 401, RequestRefused),
        (None, 503, UpstreamError),
        ("broken", None, UpstreamError),
    ],
)
def test_every_reported_error_is_one_of_ours(
    reported: object, status: int | None, kind: type[AppError]
) -> None:
    assert type(read_reported(reported, status=status)) is kind


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (UpstreamError(), "unavailable"),
        (UpstreamQuotaExhausted(), "unavailable"),
        (UpstreamBadResponse(), "degraded"),
        (RequestRefused(), "ok"),
    ],
)
async def test_the_state_is_how_the_last_call_ended(
    error: AppError, state: str
) -> None:
    scripted = ScriptedModel([Broken(error)], [Broken(error)], ["fine"])
    if type(error) is not UpstreamError:
        scripted = ScriptedModel([Broken(error)], ["fine"])
    model = build(scripted)
    assert model.state() == "ok"

    with pytest.raises(AppError):
        await model.complete(MESSAGES, deadline=Deadline.after(5))
    assert model.state() == state

    await model.complete(MESSAGES, deadline=Deadline.after(5))
    assert model.state() == "ok"


async def test_an_answer_of_the_other_model_is_a_degraded_state() -> None:
    refused = ScriptedModel([Broken(UpstreamQuotaExhausted())])
    model = build(refused, ScriptedModel(["other"]))

    assert await model.complete(MESSAGES, deadline=Deadline.after(5)) == "other"
    assert model.state() == "degraded"
