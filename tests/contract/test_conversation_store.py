"""One suite for every way conversations are kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from config import Settings
from domain.deadlines import Deadline
from domain.documents import Citation
from domain.errors import (
    BadRequest,
    ConversationBusy,
    ConversationNotFound,
    MessageNotFound,
)
from stores.checkpoints import RedisCheckpointer
from stores.conversations import RedisConversationStore
from stores.redis_client import RedisConnection
from tests.fakes.conversations import Chat, turns_of
from tests.fakes.redis_server import RedisServer
from utils.checkpointer import build_state


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["scripts", "no scripts", "with fallback", "refuse", "file"])
async def chat(
    request: pytest.FixtureRequest,
    redis_server: RedisServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Chat]:
    if request.param in ("scripts", "no scripts"):
        connection = RedisConnection(url=redis_server.url)
        prefix = "t" + uuid4().hex
        saver = RedisCheckpointer(
            connection, prefix=prefix, scripting=request.param == "scripts"
        )
        store = RedisConversationStore(saver.runner, saver, prefix=prefix)
        yield Chat(store, saver)
        await connection.aclose()
        return
    redis_server.command("FLUSHALL")
    url: str | None = redis_server.url
    if request.param == "file":
        url = None
        monkeypatch.setattr(
            "stores.embedded_redis.find_program", lambda configured=None: None
        )
    fallback = "refuse" if request.param == "refuse" else "file"
    settings = Settings(
        _env_file=None, redis_url=url, data_dir=tmp_path, state_fallback=fallback
    )
    state = build_state(settings)
    await state.start()
    yield Chat(state.conversations, state.checkpointer)
    await state.close()


async def test_a_conversation_is_listed_loaded_renamed_and_deleted(chat: Chat) -> None:
    await chat.ask("one")
    lease = await chat.ask("two")

    page = await chat.store.list_conversations("acme", limit=10)
    assert [(line.id, line.title, line.turns) for line in page.items] == [
        ("desk", "one", 2)
    ]
    assert page.next_cursor is None
    assert lease.degraded == ()
    assert await chat.texts() == turns_of("one", "two")
    loaded = await chat.store.load_conversation("acme", "desk")
    assert loaded.summary == page.items[0]
    assert loaded.summary.expires_at == loaded.summary.updated_at + 86_400

    renamed = await chat.store.rename_conversation("acme", "desk", title="Mine")
    assert renamed.title == "Mine"
    await chat.ask("three")
    (line,) = (await chat.store.list_conversations("acme", limit=10)).items
    assert (line.title, line.turns) == ("Mine", 3)

    await chat.store.delete_conversation("acme", "desk")
    assert (await chat.store.list_conversations("acme", limit=10)).items == ()
    with pytest.raises(ConversationNotFound):
        await chat.store.load_conversation("acme", "desk")
    await chat.ask("anew")
    assert await chat.texts() == turns_of("anew")
    (line,) = (await chat.store.list_conversations("acme", limit=10)).items
    assert (line.title, line.turns) == ("anew", 1)


async def test_what_does_not_exist_is_not_found(chat: Chat) -> None:
    store = chat.store
    with pytest.raises(ConversationNotFound):
        await store.load_conversation("acme", "nothing")
    with pytest.raises(ConversationNotFound):
        await store.rename_conversation("acme", "nothing", title="x")
    with pytest.raises(ConversationNotFound):
        await store.delete_conversation("acme", "nothing")


async def test_tenants_neither_see_nor_touch_each_other(chat: Chat) -> None:
    await chat.ask("mine", tenant="acme")
    await chat.ask("theirs", tenant="other")

    assert await chat.texts(tenant="acme") == turns_of("mine")
    assert await chat.texts(tenant="other") == turns_of("theirs")
    for tenant in ("acme", "other"):
        page = await chat.store.list_conversations(tenant, limit=10)
        assert [line.id for line in page.items] == ["desk"]
    await chat.store.delete_conversation("other", "desk")
    assert await chat.texts(tenant="acme") == turns_of("mine")
    assert (await chat.store.list_conversations("third", limit=10)).items == ()


async def test_pages_follow_each_other_without_gap_or_repetition(chat: Chat) -> None:
    names = [f"c{number}" for number in range(7)]
    for name in names:
        await chat.ask("hello", conversation=name)

    seen: list[str] = []
    cursor = None
    while True:
        page = await chat.store.list_conversations("acme", limit=3, cursor=cursor)
        seen += [line.id for line in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert seen == names[::-1]


@pytest.mark.parametrize("cursor", ["", "x", "!!", "bm9uc2Vuc2U", "W10", "é" * 4])
async def test_a_foreign_cursor_is_refused(chat: Chat, cursor: str) -> None:
    if not cursor:
        for number in range(3):
            await chat.ask("hello", conversation=f"c{number}")
        page = await chat.store.list_conversations("acme", limit=1)
        assert page.next_cursor
        with pytest.raises(BadRequest):
            await chat.store.list_conversations(
                "other", limit=1, cursor=page.next_cursor
            )
        return
    with pytest.raises(BadRequest):
        await chat.store.list_conversations("acme", limit=1, cursor=cursor)


async def test_turns_of_one_conversation_run_one_after_another_in_order(
    chat: Chat,
) -> None:
    names = [f"q{number}" for number in range(5)]
    turns = []
    for name in names:
        turns.append(asyncio.create_task(chat.ask(name)))
        # Each has taken its place in line before the next one comes.
        await asyncio.sleep(0.05)
    await asyncio.gather(*turns)

    assert await chat.texts() == turns_of(*names)


async def test_a_sixth_turn_is_refused_and_the_line_moves_on(chat: Chat) -> None:
    started, go = asyncio.Event(), asyncio.Event()

    async def hold_back() -> None:
        started.set()
        await go.wait()

    chat.before_answer = hold_back
    first = asyncio.create_task(chat.ask("q0"))
    await started.wait()
    waiting = []
    for number in range(1, 5):
        waiting.append(asyncio.create_task(chat.ask(f"q{number}")))
        await asyncio.sleep(0.05)

    with pytest.raises(ConversationBusy) as refused:
        await chat.ask("q5")
    assert refused.value.retry_after_seconds
    waiting.pop().cancel()
    go.set()
    await asyncio.gather(first, *waiting)
    await chat.ask("q6")

    assert await chat.texts() == turns_of("q0", "q1", "q2", "q3", "q6")


async def test_a_turn_waits_no_longer_than_its_deadline(chat: Chat) -> None:
    async with chat.store.turn("acme", "desk", deadline=Deadline.after(30)):
        with pytest.raises(ConversationBusy):
            async with chat.store.turn("acme", "desk", deadline=Deadline.after(0.2)):
                pass
    await chat.ask("after")
    assert await chat.texts() == turns_of("after")


async def test_other_conversations_do_not_wait(chat: Chat) -> None:
    async with (
        chat.store.turn("acme", "one", deadline=Deadline.after(5)),
        chat.store.turn("acme", "two", deadline=Deadline.after(5)),
        chat.store.turn("other", "one", deadline=Deadline.after(5)),
    ):
        pass


async def test_a_turn_that_stores_nothing_leaves_nothing(chat: Chat) -> None:
    async with chat.store.turn("acme", "desk", deadline=Deadline.after(5)):
        pass
    assert (await chat.store.list_conversations("acme", limit=10)).items == ()
    with pytest.raises(ConversationNotFound):
        await chat.store.load_conversation("acme", "desk")


@pytest.mark.parametrize("name", ["a:b{c}d\0e", "{}", "}{", "%", "%2F", "*?[x]", "ä\n"])
async def test_strange_conversation_ids_are_names_like_any_other(
    chat: Chat, name: str
) -> None:
    await chat.ask("hello", conversation=name)
    await chat.ask("hi", conversation=name + "x")

    assert await chat.texts(conversation=name) == turns_of("hello")
    page = await chat.store.list_conversations("acme", limit=10)
    assert {line.id for line in page.items} == {name, name + "x"}
    await chat.store.delete_conversation("acme", name)
    assert await chat.texts(conversation=name + "x") == turns_of("hi")


def cited(index: int) -> Citation:
    return Citation(
        index=index,
        document_id="doc_1",
        title="Guide",
        file="guide.pdf",
        quote="A sentence.",
        score=0.5,
    )


async def test_an_amended_message_is_what_everybody_reads_from_then_on(
    chat: Chat,
) -> None:
    await chat.ask("one")
    await chat.ask("two")
    before = await chat.store.load_conversation("acme", "desk")
    answer = before.messages[1]

    amended = await chat.store.amend_message(
        "acme",
        "desk",
        answer.id,
        text="answer",
        citations=[cited(2)],
        extra={"interrupted": True},
        deadline=Deadline.after(5),
    )

    assert (amended.text, amended.created_at) == ("answer", answer.created_at)
    after = await chat.store.load_conversation("acme", "desk")
    assert after.messages[1] == amended
    assert amended.citations == (cited(2),)
    assert amended.extra == {"interrupted": True}
    assert after.messages[0] == before.messages[0]
    assert after.messages[2:] == before.messages[2:]
    assert (after.summary.title, after.summary.turns) == ("one", 2)
    await chat.ask("three")
    assert await chat.texts() == ["one", "answer", *turns_of("two", "three")]
    (line,) = (await chat.store.list_conversations("acme", limit=10)).items
    assert (line.title, line.turns) == ("one", 3)


async def test_a_message_is_amended_between_turns_never_during_one(chat: Chat) -> None:
    await chat.ask("one")
    answer = (await chat.store.load_conversation("acme", "desk")).messages[1]
    started, go = asyncio.Event(), asyncio.Event()

    async def hold_back() -> None:
        started.set()
        await go.wait()

    chat.before_answer = hold_back
    turn = asyncio.create_task(chat.ask("two"))
    await started.wait()
    amending = asyncio.create_task(
        chat.store.amend_message(
            "acme",
            "desk",
            answer.id,
            text="short",
            citations=(),
            extra={},
            deadline=Deadline.after(10),
        )
    )
    await asyncio.sleep(0.1)
    assert not amending.done()
    go.set()
    await asyncio.gather(turn, amending)

    assert await chat.texts() == ["one", "short", *turns_of("two")]


async def test_what_is_not_there_cannot_be_amended(chat: Chat) -> None:
    async def amend(conversation: str, tenant: str = "acme") -> None:
        await chat.store.amend_message(
            tenant,
            conversation,
            "msg_none",
            text="x",
            citations=(),
            extra={},
            deadline=Deadline.after(5),
        )

    await chat.ask("one")
    with pytest.raises(MessageNotFound):
        await amend("desk")
    with pytest.raises(ConversationNotFound):
        await amend("nothing")
    with pytest.raises(ConversationNotFound):
        await amend("desk", tenant="other")
    assert await chat.texts() == turns_of("one")
