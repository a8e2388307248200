"""Redis goes away and comes back: what people are told, and what is kept."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from config import Settings
from domain.deadlines import Deadline
from domain.errors import ConversationNotFound, StateFull, StateUnavailable
from tests.fakes.conversations import Chat, turns_of
from tests.fakes.redis_server import RedisServer
from utils.checkpointer import State, build_state


class Worker(Chat):
    """A chat with the state it runs on."""

    def __init__(self, state: State) -> None:
        super().__init__(state.conversations, state.checkpointer)
        self.state = state


Start = Callable[..., AbstractAsyncContextManager[Worker]]


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "server") as server:
        yield server


@pytest.fixture
def start(tmp_path: Path, redis_server: RedisServer) -> Start:
    @asynccontextmanager
    async def start_worker(
        host: str = "host", *, fallback: str = "file", url: str | None = None
    ) -> AsyncIterator[Worker]:
        settings = Settings(
            _env_file=None,
            redis_url=url or redis_server.url,
            data_dir=tmp_path / host,
            state_fallback=fallback,
        )
        state = build_state(settings)
        await state.start()
        try:
            yield Worker(state)
        finally:
            await state.close()

    return start_worker


async def wait_until(condition: Callable[[], bool], *, seconds: float = 15.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never happened"
        await asyncio.sleep(0.05)


async def settled(worker: Worker) -> None:
    """Wait until Redis is back and has everything."""
    outage = worker.store._outage  # type: ignore[attr-defined]
    await wait_until(lambda: worker.state.mode() == "ok" and not outage.unsettled)


async def test_an_outage_is_survived_said_and_healed(
    start: Start, redis_server: RedisServer
) -> None:
    async with start() as worker:
        assert (await worker.ask("one")).degraded == ()
        assert worker.state.mode() == "ok"

        redis_server.kill()
        lease = await worker.ask("two")
        assert lease.degraded == ("state",)
        assert worker.state.mode() == "file"
        assert await worker.texts() == turns_of("one", "two")
        (line,) = (await worker.store.list_conversations("acme", limit=5)).items
        assert (line.id, line.title, line.turns) == ("desk", "one", 2)

        redis_server.start()
        await settled(worker)
        assert (await worker.ask("three")).degraded == ()
        assert await worker.texts() == turns_of("one", "two", "three")
        (line,) = (await worker.store.list_conversations("acme", limit=5)).items
        assert (line.title, line.turns) == ("one", 3)
    async with start("elsewhere") as stranger:
        assert await stranger.texts() == turns_of("one", "two", "three")


async def test_redis_dies_while_the_model_answers_and_another_worker_goes_on(
    start: Start, redis_server: RedisServer
) -> None:
    async with start() as first, start() as second:
        await first.ask("one")

        async def kill() -> None:
            redis_server.kill()

        first.before_answer = kill
        lease = await first.ask("two")
        assert lease.degraded == ("state",)

        lease = await second.ask("three")
        assert lease.degraded == ("state",)
        assert await second.texts() == turns_of("one", "two", "three")

        redis_server.start()
        await settled(first)
        await settled(second)
        assert await second.texts() == turns_of("one", "two", "three")
        assert (await second.ask("four")).degraded == ()
        assert await first.texts() == turns_of("one", "two", "three", "four")


async def test_what_one_worker_remembers_reaches_the_others_in_an_outage(
    start: Start, redis_server: RedisServer
) -> None:
    async with start() as first, start() as second:
        await first.ask("one")
        await first.ask("two")
        redis_server.kill()
        await wait_until(lambda: first.state.mode() == "file")
        await wait_until(lambda: second.state.mode() == "file")

        async def told() -> list[str]:
            try:
                return await second.texts()
            except StateUnavailable:
                return []

        until = time.monotonic() + 10
        while await told() != turns_of("one", "two"):
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
        await second.ask("three")
        assert await first.texts() == turns_of("one", "two", "three")


async def test_a_turn_on_another_host_is_merged_not_overwritten(
    start: Start, redis_server: RedisServer
) -> None:
    async with start("a") as a, start("b") as b:
        await a.ask("one")
        redis_server.kill()
        await b.ask("blind")
        await a.ask("two")

        redis_server.start()
        await settled(a)
        await settled(b)

        texts = await a.texts()
        assert sorted(texts) == sorted(turns_of("one", "two", "blind"))
        for question in ("one", "two", "blind"):
            place = texts.index(question)
            assert texts[place + 1] == f"answer to {question}"
        (line,) = (await a.store.list_conversations("acme", limit=5)).items
        assert line.turns == 3
        await b.ask("after")
        assert len(await a.texts()) == 8


async def test_a_conversation_that_exists_unread_is_never_answered_as_new(
    start: Start, redis_server: RedisServer
) -> None:
    async with start() as worker:
        await worker.ask("one")
    async with start() as worker:
        redis_server.kill()

        with pytest.raises(StateUnavailable) as refused:
            await worker.ask("two")
        assert refused.value.retry_after_seconds
        with pytest.raises(StateUnavailable):
            await worker.texts()
        with pytest.raises(StateUnavailable):
            await worker.texts(conversation="who knows")
        (line,) = (await worker.store.list_conversations("acme", limit=5)).items
        assert line.id == "desk"
        assert (await worker.ask("new", conversation="new")).degraded == ("state",)

        redis_server.start()
        await settled(worker)
        await worker.ask("two")
        assert await worker.texts() == turns_of("one", "two")
        assert await worker.texts(conversation="new") == turns_of("new")


async def test_refuse_answers_unavailable_and_recovers(
    start: Start, redis_server: RedisServer
) -> None:
    async with start(fallback="refuse") as worker:
        await worker.ask("one")
        redis_server.kill()
        with pytest.raises(StateUnavailable) as refused:
            await worker.ask("two")
        assert refused.value.retry_after_seconds
        assert worker.state.mode() == "unavailable"

        redis_server.start()
        await wait_until(lambda: worker.state.mode() == "ok")
        await worker.ask("two")
        assert await worker.texts() == turns_of("one", "two")


async def test_redis_that_was_never_there_does_not_stop_the_start(
    start: Start, redis_server: RedisServer
) -> None:
    redis_server.kill()
    async with start() as worker:
        assert worker.state.mode() == "file"
        await worker.ask("one")
        await worker.ask("two")
        redis_server.start()
        await settled(worker)
        assert await worker.texts() == turns_of("one", "two")


@pytest.fixture
def black_hole() -> Iterator[str]:
    """An address whose packets nobody answers: the line of connections is full."""
    with socket.socket() as listener, socket.socket() as filler:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        filler.connect(listener.getsockname())
        blockers = []
        for _ in range(4):
            blocker = socket.socket()
            blocker.setblocking(False)
            blocker.connect_ex(listener.getsockname())
            blockers.append(blocker)
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
        for blocker in blockers:
            blocker.close()


async def test_a_black_hole_delays_one_turn_and_no_other(
    start: Start, black_hole: str
) -> None:
    before = time.monotonic()
    async with start(url=black_hole) as worker:
        assert time.monotonic() - before < 3
        worker.state._tasks[0].cancel()
        worker.store._outage._redis._breaker.reset()  # type: ignore[attr-defined]

        began = time.monotonic()
        lease = await worker.ask("one")
        assert time.monotonic() - began < 1.5
        assert lease.degraded == ("state",)

        spent = []
        for _ in range(20):
            began = time.monotonic()
            async with worker.store.turn("acme", "d", deadline=Deadline.after(5)):
                pass
            spent.append(time.monotonic() - began)
        # Two transactions on a file; the promise is 5 ms, the machine is shared.
        assert sorted(spent)[len(spent) // 2] < 0.05


async def test_what_is_deleted_in_an_outage_stays_deleted(
    start: Start, redis_server: RedisServer
) -> None:
    async with start() as worker, start() as other:
        await worker.ask("one")
        await worker.ask("old", conversation="again")
        assert await other.texts() == turns_of("one")
        assert await other.texts(conversation="again") == turns_of("old")
        redis_server.kill()
        await worker.store.delete_conversation("acme", "desk")
        await other.store.delete_conversation("acme", "again")
        await worker.ask("new", conversation="again")

        with pytest.raises(ConversationNotFound):
            await worker.store.delete_conversation("acme", "desk")
        assert await other.texts(conversation="again") == turns_of("new")
        page = await other.store.list_conversations("acme", limit=5)
        assert [line.id for line in page.items] == ["again"]

        redis_server.start()
        await settled(worker)
        await settled(other)
        with pytest.raises(ConversationNotFound):
            await worker.texts()
        assert await worker.texts(conversation="again") == turns_of("new")
        page = await worker.store.list_conversations("acme", limit=5)
        assert [line.id for line in page.items] == ["again"]
    # Nor does it come back in the next outage.
    async with start() as worker:
        redis_server.kill()
        with pytest.raises((ConversationNotFound, StateUnavailable)):
            await worker.texts()


async def test_a_title_given_in_an_outage_is_kept(
    start: Start, redis_server: RedisServer
) -> None:
    async with start() as worker:
        await worker.ask("one")
        redis_server.kill()
        await worker.store.rename_conversation("acme", "desk", title="Mine")
        with pytest.raises(StateUnavailable):
            await worker.store.rename_conversation("acme", "unknown", title="x")
        redis_server.start()
        await settled(worker)
        await worker.ask("two")
        (line,) = (await worker.store.list_conversations("acme", limit=5)).items
        assert (line.title, line.turns) == ("Mine", 2)


async def test_a_flapping_server_loses_and_repeats_nothing(
    start: Start, redis_server: RedisServer
) -> None:
    async with start() as worker:
        names = [f"q{number}" for number in range(12)]
        for position, name in enumerate(names):
            if position % 3 == 1:
                redis_server.kill()
            if position % 3 == 2:
                redis_server.start()
                await asyncio.sleep(0.3 * (position % 4))
            await worker.ask(name)
        if redis_server.process is None:
            redis_server.start()
        await settled(worker)

        assert await worker.texts() == turns_of(*names)


async def test_a_full_server_is_said_before_a_turn_and_survived_within_one(
    start: Start, redis_server: RedisServer
) -> None:
    def fill() -> None:
        redis_server.command("CONFIG", "SET", "maxmemory", "1")

    def drain() -> None:
        redis_server.command("CONFIG", "SET", "maxmemory", "0")

    async with start() as worker:
        await worker.ask("one")
        fill()
        with pytest.raises(StateFull):
            await worker.ask("two")
        assert await worker.texts() == turns_of("one")
        drain()

        async def fill_now() -> None:
            fill()

        worker.before_answer = fill_now
        lease = await worker.ask("two")
        assert lease.degraded == ("state",)
        drain()
        await settled(worker)
        assert await worker.texts() == turns_of("one", "two")


async def test_a_killed_embedded_server_is_started_again_with_its_data(
    tmp_path: Path,
) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    async with AsyncExitStack() as stack:
        state = build_state(settings)
        embedded = state._embedded
        assert embedded is not None
        stack.callback(embedded.stop)
        await state.start()
        stack.push_async_callback(state.close)
        worker = Worker(state)
        await worker.ask("one")
        assert state.mode() == "embedded"
        # Written to the file of the server at least every second.
        await asyncio.sleep(1.2)

        pid = embedded.find_pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await worker.ask("two")
        outage = worker.store._outage  # type: ignore[attr-defined]
        await wait_until(lambda: state.mode() == "embedded" and not outage.unsettled)
        await worker.ask("three")
        assert await worker.texts() == turns_of("one", "two", "three")
