from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import BaseMessage
from langgraph.checkpoint.memory import InMemorySaver

from agents.rag import RagAgent
from agents.upstream import ChatModel
from domain.conversations import Message
from domain.curated import CuratedAnswer
from domain.deadlines import Deadline
from domain.errors import (
    AppError,
    RetrievalUnavailable,
    StoreUnavailable,
    TurnTimeout,
    UpstreamError,
)
from domain.ports import CuratedAnswers
from domain.turns import (
    AnswerCompleted,
    AnswerDelta,
    RetrievalCompleted,
    TurnEvent,
    TurnStarted,
)
from stores.messages import from_langchain
from tests.fakes.answerer import (
    CALLER,
    FakeConversations,
    FakeFeedback,
    FakeRetriever,
    ask,
    make_passage,
    make_turn,
)

ADMISSION = make_passage(
    "Pendaftaran mahasiswa baru dibuka pada 1 Maret 2026. Biaya pendaftaran mahasiswa"
    " baru adalah Rp300.000. Kantor pendaftaran ada di Gedung Anggrek.",
    title="Panduan PMB",
    url="https://uls.example/pmb",
)
LIBRARY = make_passage(
    "The library opens at 08:00. Undergraduate students may borrow six books for 14"
    " days.",
    title="Library guide",
)


class Script:
    """A model that says one thing, forever if asked to; counts its cancellations."""

    def __init__(self, *pieces: str, hang: bool = False, error: AppError | None = None):
        self.pieces, self.hang, self.error = pieces, hang, error
        self.prompts: list[list[BaseMessage]] = []
        self.cancelled = 0

    async def stream_text(self, messages: Sequence[BaseMessage]) -> AsyncGenerator[str]:
        self.prompts.append(list(messages))
        try:
            if self.error is not None:
                raise self.error
            for piece in self.pieces:
                yield piece
            if self.hang:
                await asyncio.sleep(600)
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise


class Desk:
    """An agent with everything around it in memory."""

    def __init__(
        self, *, script: Script | None = None, curated: CuratedAnswers | None = None
    ) -> None:
        self.retriever = FakeRetriever([ADMISSION, LIBRARY])
        self.conversations = FakeConversations()
        self.feedback = FakeFeedback()
        self.saver = InMemorySaver()
        model = None
        if script is not None:
            model = ChatModel(
                script,
                name="script",
                client_errors=(ZeroDivisionError,),
                read_error=lambda _: AppError(),
                timeout_seconds=30,
            )
        self.agent = RagAgent(
            retriever=self.retriever,
            conversations=self.conversations,
            checkpointer=self.saver,
            feedback=self.feedback,
            model=model,
            curated=curated,
        )

    def stored(self, conversation_id: str = "desk-1") -> list[Message]:
        found = self.saver.get_tuple(
            {"configurable": {"thread_id": f"{CALLER.tenant}/{conversation_id}"}}
        )
        if found is None:
            return []
        messages: list[BaseMessage] = found.checkpoint["channel_values"]["messages"]
        return [from_langchain(one) for one in messages]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def collect(desk: Desk, *args: Any, **fields: Any) -> list[TurnEvent]:
    return [event async for event in desk.agent.stream(make_turn(*args, **fields))]


async def test_events_come_in_order_and_deltas_add_up(desk: Desk) -> None:
    events = await collect(desk, "Kapan pendaftaran mahasiswa baru dibuka?")

    kinds = [type(event) for event in events]
    assert kinds[:2] == [TurnStarted, RetrievalCompleted]
    assert kinds[-1] is AnswerCompleted
    assert set(kinds[2:-1]) == {AnswerDelta}


async def test_an_answer_quotes_cites_and_times_itself(desk: Desk) -> None:
    answer = await ask(
        desk.agent, make_turn("Kapan pendaftaran mahasiswa baru dibuka?")
    )

    assert answer.answered
    assert answer.language == "id"
    assert "1 Maret 2026" in answer.text
    assert answer.sources == "https://uls.example/pmb"
    assert 0.5 < answer.confidence <= 1.0
    assert {"understand", "retrieve", "decide", "generate", "total"} <= set(
        answer.exec_time
    )


async def test_started_leaves_before_retrieval(desk: Desk) -> None:
    desk.retriever.delay = 60
    stream = desk.agent.stream(make_turn("When does the library open?"))

    first = await asyncio.wait_for(anext(stream), 5)

    assert isinstance(first, TurnStarted)
    await stream.aclose()


async def test_question_and_answer_are_stored_together(desk: Desk) -> None:
    turn = make_turn("When does the library open?")

    answer = await ask(desk.agent, turn)

    question, reply = desk.stored()
    assert (question.id, question.text) == (turn.question_id, turn.question.text)
    assert (reply.id, reply.text) == (turn.message_id, answer.text)
    assert reply.citations == answer.citations


async def test_only_messages_are_stored(desk: Desk) -> None:
    await ask(desk.agent, make_turn("When does the library open?"))

    found = desk.saver.get_tuple(
        {"configurable": {"thread_id": f"{CALLER.tenant}/desk-1"}}
    )
    assert found is not None
    assert set(found.checkpoint["channel_values"]) == {"messages"}
    assert not found.pending_writes
    assert "Panduan" not in repr(found.metadata)


async def test_a_follow_up_is_answered_with_the_question_before_it(desk: Desk) -> None:
    await ask(desk.agent, make_turn("Kapan pendaftaran mahasiswa baru dibuka?"))

    answer = await ask(desk.agent, make_turn("Berapa biayanya?"))

    assert "Rp300.000" in answer.text
    query = desk.retriever.queries[-1]
    assert "pendaftaran" in query.text
    assert query.alternatives == ("Berapa biayanya?",)


async def test_an_absent_topic_is_refused_and_taken_down(desk: Desk) -> None:
    answer = await ask(desk.agent, make_turn("Who is the president of France?"))

    assert not answer.answered
    assert answer.citations == ()
    assert answer.sources == ""
    assert "Who is the president of France?" in answer.text
    assert "Maaf" in answer.text
    assert "Sorry" in answer.text
    assert desk.feedback.unanswered == [
        (CALLER.tenant, "Who is the president of France?", "en")
    ]


async def test_a_list_that_cannot_be_written_costs_no_turn(desk: Desk) -> None:
    desk.feedback.error = StoreUnavailable()

    answer = await ask(desk.agent, make_turn("Who is the president of France?"))

    assert not answer.answered


async def test_small_talk_is_answered_without_a_search(desk: Desk) -> None:
    answer = await ask(desk.agent, make_turn("Selamat pagi!"))

    assert answer.answered
    assert answer.citations == ()
    assert desk.retriever.queries == []
    assert desk.feedback.unanswered == []


async def test_a_failed_search_fails_the_turn_and_stores_nothing(desk: Desk) -> None:
    desk.retriever.error = RetrievalUnavailable()

    with pytest.raises(RetrievalUnavailable):
        await ask(desk.agent, make_turn("When does the library open?"))

    assert desk.stored() == []
    assert desk.conversations.open_turns == 0
    assert desk.conversations.leases[-1].turns == 0


async def test_the_deadline_ends_a_turn_and_frees_the_conversation(desk: Desk) -> None:
    desk.retriever.delay = 60

    with pytest.raises(TurnTimeout):
        await ask(desk.agent, make_turn("When does the library open?", seconds=0.05))

    assert desk.stored() == []
    assert desk.conversations.open_turns == 0


async def test_closing_the_stream_cancels_the_model_and_stores_nothing() -> None:
    script = Script("Undergraduate students may borrow six books for ", hang=True)
    desk = Desk(script=script)
    stream = desk.agent.stream(make_turn("How many books may students borrow?"))

    async for event in stream:
        if isinstance(event, AnswerDelta):
            break
    await stream.aclose()

    assert script.cancelled == 1
    assert desk.stored() == []
    assert desk.conversations.open_turns == 0


async def test_the_task_of_a_reader_that_is_cancelled_leaves_nothing_running() -> None:
    desk = Desk(script=Script(hang=True))
    turn = make_turn("How many books may students borrow?")
    reader = asyncio.create_task(ask(desk.agent, turn))
    while not desk.conversations.open_turns:  # noqa: ASYNC110 - the turn takes its place
        await asyncio.sleep(0)

    reader.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reader
    for _ in range(10):
        await asyncio.sleep(0)

    assert desk.conversations.open_turns == 0
    assert desk.stored() == []


async def test_a_retry_of_a_stored_question_gets_the_stored_answer(desk: Desk) -> None:
    first = await ask(
        desk.agent, make_turn("When does the library open?", question_id="msg_q")
    )

    again = await ask(
        desk.agent, make_turn("When does the library open?", question_id="msg_q")
    )

    assert (again.text, again.message_id) == (first.text, first.message_id)
    assert len(desk.stored()) == 2
    assert len(desk.retriever.queries) == 1


async def test_a_seed_becomes_the_history_of_an_empty_memory(desk: Desk) -> None:
    seed = (
        Message("msg_1", "user", "Kapan pendaftaran mahasiswa baru dibuka?", 1.0),
        Message("msg_2", "assistant", "Pendaftaran dibuka 1 Maret 2026.", 1.0),
    )

    answer = await ask(desk.agent, make_turn("Berapa biayanya?", seed=seed))

    assert "Rp300.000" in answer.text
    assert [one.id for one in desk.stored()][:2] == ["msg_1", "msg_2"]


async def test_a_turn_that_is_not_kept_answers_from_its_seed_and_leaves_nothing(
    desk: Desk,
) -> None:
    await ask(desk.agent, make_turn("When does the library open?"))
    before = desk.stored()
    seed = (
        Message("msg_1", "user", "Kapan pendaftaran mahasiswa baru dibuka?", 1.0),
        Message("msg_2", "assistant", "Pendaftaran dibuka 1 Maret 2026.", 1.0),
    )

    answer = await ask(
        desk.agent, replace(make_turn("Berapa biayanya?", seed=seed), kept=False)
    )

    assert "Rp300.000" in answer.text
    assert desk.stored() == before
    assert len(desk.conversations.leases) == 1
    assert set(desk.saver.storage) == {f"{CALLER.tenant}/desk-1"}


async def test_a_turn_that_is_not_kept_does_not_wait_for_its_namesake(
    desk: Desk,
) -> None:
    conversation = desk.conversations.turn(
        CALLER.tenant, "desk-1", deadline=Deadline.after(10)
    )

    async with conversation:
        answer = await ask(
            desk.agent, replace(make_turn("When does the library open?"), kept=False)
        )

    assert answer.answered


@pytest.mark.parametrize(
    ("earlier", "language"),
    [("Kapan pendaftaran mahasiswa baru dibuka?", "id"), ("When is it open?", "en")],
)
async def test_a_word_of_no_language_is_answered_in_that_of_the_seed(
    desk: Desk, earlier: str, language: str
) -> None:
    seed = (Message("msg_1", "user", earlier, 1.0),)

    answer = await ask(desk.agent, make_turn("2026", seed=seed))

    assert answer.language == language


async def test_the_title_is_the_first_question(desk: Desk) -> None:
    await ask(desk.agent, make_turn("When does the\u202e library open?"))
    await ask(desk.agent, make_turn("Halo"))

    lease = desk.conversations.leases[-1]
    assert (lease.title, lease.turns) == ("When does the library open?", 2)


async def test_what_the_store_lacks_is_said() -> None:
    desk = Desk()
    desk.conversations.degraded = ("state",)

    answer = await ask(desk.agent, make_turn("When does the library open?"))

    assert answer.degraded == ("state",)


async def test_the_selected_text_is_answered_about_first(desk: Desk) -> None:
    turn = make_turn(
        "What does this mean?",
        selected_text="A hold blocks your registration until a debt is paid.",
        page={"title": "Glossary", "url": "https://uls.example/glossary"},
    )

    answer = await ask(desk.agent, turn)

    assert answer.answered
    assert answer.citations[0].title == "Glossary"
    assert "A hold blocks your registration" in answer.text


async def test_the_selected_text_stands_in_when_the_search_is_away(desk: Desk) -> None:
    desk.retriever.error = RetrievalUnavailable()
    turn = make_turn(
        "When does the pool open?", selected_text="The pool opens at 06:30 every day."
    )

    answer = await ask(desk.agent, turn)

    assert "06:30" in answer.text
    assert answer.degraded == ("retrieval",)


async def test_a_model_answers_from_fenced_passages_and_is_cited() -> None:
    script = Script("Undergraduate students may borrow six ", "books for 14 days [1].")
    desk = Desk(script=script)

    answer = await ask(desk.agent, make_turn("How many books may students borrow?"))

    assert answer.text == "Undergraduate students may borrow six books for 14 days [1]."
    assert answer.citations[0].quote.startswith("Undergraduate students")
    assert "Library guide" in str(script.prompts[0][-1].content)


async def test_a_refusal_of_the_gate_asks_no_model() -> None:
    script = Script("Paris [1].")
    desk = Desk(script=script)

    answer = await ask(desk.agent, make_turn("Who is the president of France?"))

    assert not answer.answered
    assert script.prompts == []


async def test_a_model_that_finds_no_answer_refuses() -> None:
    desk = Desk(script=Script("NO_ANSWER"))

    answer = await ask(desk.agent, make_turn("How many books may students borrow?"))

    assert not answer.answered
    assert answer.citations == ()
    assert desk.feedback.unanswered


async def test_an_unsupported_answer_becomes_the_quote() -> None:
    desk = Desk(script=Script("Wizards may borrow 900 dragons [1]."))

    answer = await ask(desk.agent, make_turn("How many books may students borrow?"))

    assert "dragons" not in answer.text
    assert "six books" in answer.text
    assert answer.degraded == ("model",)


async def test_a_failing_model_fails_the_turn_and_stores_nothing() -> None:
    desk = Desk(script=Script(error=UpstreamError()))

    with pytest.raises(UpstreamError):
        await ask(desk.agent, make_turn("How many books may students borrow?"))

    assert desk.stored() == []


async def test_history_page_and_user_reach_the_model_as_data() -> None:
    script = Script("Undergraduate students may borrow six books for 14 days [1].")
    desk = Desk(script=script)
    await ask(desk.agent, make_turn("My name is Ana. Halo"))
    await ask(
        desk.agent,
        make_turn(
            "How many books may students borrow?",
            page={"title": "Borrowing"},
            user={"role": "student"},
        ),
    )

    prompt = str(script.prompts[-1][-1].content)
    assert "My name is Ana" in prompt
    assert "Borrowing" in prompt
    assert "student" in prompt


class CuratedShelf:
    """One answer that people wrote."""

    def list_answers(self, tenant: str) -> list[CuratedAnswer]:
        return [
            CuratedAnswer(
                id="cur_1",
                tenant=tenant,
                question="Kapan pendaftaran dibuka?",
                answer="Pendaftaran dibuka pada bulan Maret.",
                language="id",
                sources=("https://uls.example/resmi",),
            )
        ]


@pytest.mark.parametrize("script", [None, Script("Dari model [1].")])
async def test_a_curated_answer_is_given_without_search_and_model(
    script: Script | None,
) -> None:
    desk = Desk(script=script, curated=CuratedShelf())

    answer = await ask(desk.agent, make_turn("kapan pendaftaran dibuka"))

    assert answer.text == "Pendaftaran dibuka pada bulan Maret. [1]"
    assert answer.sources == "https://uls.example/resmi"
    assert (answer.answered, answer.confidence) == (True, 1.0)
    assert desk.retriever.queries == []
    assert script is None or script.prompts == []
    assert [one.role for one in desk.stored()] == ["user", "assistant"]


async def test_a_question_without_a_curated_answer_is_searched() -> None:
    desk = Desk(curated=CuratedShelf())

    answer = await ask(desk.agent, make_turn("Berapa biaya pendaftaran?"))

    assert "Rp300.000" in answer.text


async def test_a_selected_text_goes_before_a_curated_answer() -> None:
    desk = Desk(curated=CuratedShelf())
    turn = make_turn(
        "Kapan pendaftaran dibuka?", selected_text="Pendaftaran dibuka 9 Juni 2027."
    )

    answer = await ask(desk.agent, turn)

    assert "9 Juni 2027" in answer.text
