"""What RedisCheckpointer promises, on a real server: cost, safety, damage, forks."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any, TypedDict
from uuid import uuid4

import ormsgpack
import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.base.id import uuid6
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, interrupt

from domain.deadlines import Deadline
from domain.errors import ConversationNotFound, LeaseLost, StateCorrupt
from stores.checkpoint_codec import FieldCodec
from stores.checkpoint_keys import new_part_id
from stores.checkpoint_write import DeltaChannelRefused
from stores.checkpoints import RedisCheckpointer
from stores.conversations import RedisConversationStore
from stores.leases import new_token
from stores.redis_client import RedisConnection
from tests.fakes.conversations import Chat, turns_of
from tests.fakes.redis_server import RedisServer


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


class Bench:
    """Workers on one prefix of one server, and a plain look at what is stored."""

    def __init__(self, server: RedisServer) -> None:
        self.url = server.url
        self.prefix = "t" + uuid4().hex
        self.connections: list[RedisConnection] = []
        self.raw: Any = self.connect().sync_client()

    def connect(self, url: str | None = None) -> RedisConnection:
        self.connections.append(RedisConnection(url=url or self.url))
        return self.connections[-1]

    def worker(self, *, durability: str = "exit", **options: Any) -> Chat:
        saver = RedisCheckpointer(self.connect(), prefix=self.prefix, **options)
        store = RedisConversationStore(
            saver.runner,
            saver,
            prefix=self.prefix,
            ttl_seconds=options.get("ttl_seconds", 86_400),
        )
        return Chat(store, saver, durability=durability)

    def stored_keys(self) -> list[bytes]:
        return sorted(self.raw.keys(f"{self.prefix}:*"))

    def state_key(self, tenant: str = "acme", name: str = "desk") -> str:
        return f"{self.prefix}:cp:{{{tenant}%2F{name}}}"

    def fields(self) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = self.raw.hgetall(self.state_key())
        return found

    def received(self) -> int:
        """Bytes the server received so far."""
        return int(self.raw.info("stats")["total_net_input_bytes"])


@pytest.fixture
async def bench(redis_server: RedisServer) -> AsyncIterator[Bench]:
    made = Bench(redis_server)
    yield made
    for connection in made.connections:
        await connection.aclose()
        connection.close()


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def scripting(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


class Counter:
    """Counts the exchanges of a saver's connection: one `use` is one round trip."""

    def __init__(self, connection: RedisConnection) -> None:
        self.count = 0
        self._connection = connection
        self._use = connection.use

    def use(self, *, seconds: float | None = None) -> Any:
        self.count += 1
        return self._use(seconds=seconds)

    def sync_client(self) -> Any:
        return self._connection.sync_client()


def counted(bench: Bench, **options: Any) -> tuple[Chat, Counter]:
    counter = Counter(bench.connect())
    saver = RedisCheckpointer(counter, prefix=bench.prefix, **options)
    store = RedisConversationStore(saver.runner, saver, prefix=bench.prefix)
    return Chat(store, saver, durability=options.pop("durability", "exit")), counter


async def test_a_turn_costs_two_round_trips_and_its_lease_two(bench: Bench) -> None:
    chat, counter = counted(bench)
    other = bench.worker()
    await chat.ask("one")

    counter.count = 0
    await chat.ask("two")
    assert counter.count == 4

    await other.ask("three")
    counter.count = 0
    await chat.ask("four")
    assert counter.count == 5

    chat.durability = "async"
    counter.count = 0
    await chat.ask("five")
    assert counter.count <= 8 + 2


async def test_cost_does_not_grow_with_the_conversation(bench: Bench) -> None:
    chat = bench.worker()
    sent = []
    for number in range(160):
        before = bench.received()
        await chat.ask(f"question {number:03d}")
        sent.append(bench.received() - before)
    early, late = sorted(sent[8:14])[3], sorted(sent[-7:])[3]
    assert late <= early * 1.25
    segments = [name for name in bench.fields() if name.startswith(b"s")]
    assert len(segments) <= 45
    assert bench.raw.memory_usage(bench.state_key()) < 160 * 1500


async def test_nothing_is_left_of_the_steps_of_an_earlier_turn(
    bench: Bench, scripting: bool
) -> None:
    chat = bench.worker(durability="async", scripting=scripting)
    chat.documents = [{"text": f"passage {number} " * 20} for number in range(4)]
    for name in ("one", "two", "three"):
        await chat.ask(name)
    config = {
        "configurable": {
            "thread_id": "acme/desk",
            "checkpoint_ns": "",
            "checkpoint_id": "1-old",
        }
    }
    saver = chat.saver
    await saver.aput_writes(config, [("messages", "late")], "task")
    await chat.ask("four")

    writes = bench.raw.hkeys(bench.state_key() + ":w")
    assert not [name for name in writes if b"1-old" in name]
    newest = bench.fields()[b"i"]
    assert all(newest in name for name in writes)
    parts = [name for name in bench.fields() if name[:1] in b"sb"]
    assert len(parts) == 4 + 1
    assert await chat.texts() == turns_of("one", "two", "three", "four")


async def test_every_key_ends_with_the_conversation(
    bench: Bench, scripting: bool
) -> None:
    chat = bench.worker(durability="async", scripting=scripting)
    async with chat.store.turn("acme", "desk", deadline=Deadline.after(5)) as lease:
        await chat.run("one", lease)
        lease.describe(title="t", turns=1)
        kept = {key: bench.raw.pttl(key) for key in bench.stored_keys()}
        assert any(key.endswith(b":lock") for key in kept)
    kept |= {key: bench.raw.pttl(key) for key in bench.stored_keys()}

    assert any(b":idx:" in key for key in kept)
    assert all(0 < left <= 86_400_000 for left in kept.values()), kept

    short = bench.worker(ttl_seconds=1000, scripting=scripting)
    await short.ask("one", conversation="short")
    assert 0 < bench.raw.ttl(bench.state_key(name="short")) <= 1000
    bench.raw.expire(bench.state_key(name="short"), 10)
    await short.texts(conversation="short")
    assert bench.raw.ttl(bench.state_key(name="short")) <= 10
    await short.ask("two", conversation="short")
    assert bench.raw.ttl(bench.state_key(name="short")) > 900


async def test_a_flush_between_read_and_write_loses_nothing(
    bench: Bench, scripting: bool
) -> None:
    chat = bench.worker(scripting=scripting)
    await chat.ask("one")
    await chat.ask("two")

    async def flush() -> None:
        bench.raw.delete(*bench.stored_keys())

    chat.before_answer = flush
    await chat.ask("three")
    assert await chat.texts() == turns_of("one", "two", "three")
    assert await bench.worker().texts() == turns_of("one", "two", "three")


@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing", "record"])
async def test_damage_is_set_aside_and_said_once(
    bench: Bench, scripting: bool, damage: str
) -> None:
    await bench.worker(scripting=scripting).ask("one")
    (segment,) = [name for name in bench.fields() if name.startswith(b"s")]
    value = bench.fields()[segment]
    key = bench.state_key()
    if damage == "truncated":
        bench.raw.hset(key, segment, value[:-5])
    elif damage == "flipped":
        bench.raw.hset(key, segment, value[:-9] + bytes([value[-9] ^ 1]) + value[-8:])
    elif damage == "missing":
        bench.raw.hdel(key, segment)
    else:
        bench.raw.hset(key, "h", b"garbage")
    chat = bench.worker(scripting=scripting)

    with pytest.raises(StateCorrupt):
        await chat.ask("two")

    aside = key + ":aside"
    assert bench.raw.hexists(aside, "h")
    assert 0 < bench.raw.ttl(aside) <= 3600
    await chat.ask("two")
    assert await chat.texts() == turns_of("two")


async def test_a_hostile_record_runs_nothing(bench: Bench, tmp_path: Path) -> None:
    target = tmp_path / "made-by-the-record"
    call = ormsgpack.packb(["os", "mkdir", [str(target)]])
    hostile = ormsgpack.packb(ormsgpack.Ext(1, call))
    chat = bench.worker()
    await chat.ask("one")
    codec = FieldCodec()
    (segment,) = [name for name in bench.fields() if name.startswith(b"s")]
    sealed = codec.seal(b"h", "msgpack", hostile)
    bench.raw.hset(bench.state_key(), "h", sealed)
    with pytest.raises(StateCorrupt):
        await bench.worker().ask("two")
    assert not target.exists()

    await chat.ask("one")
    (segment,) = [name for name in bench.fields() if name.startswith(b"s")]
    for kind, payload in (
        ("msgpack", ormsgpack.packb([ormsgpack.Ext(1, call)] * 2)),
        (
            "json",
            b'{"lc":2,"type":"constructor","id":["os","mkdir"],"args":["%s"]}'
            % str(target).encode(),
        ),
        ("pickle", b"cos\nmkdir\n(S'%s'\ntR." % str(target).encode()),
    ):
        bench.raw.hset(bench.state_key(), segment, codec.seal(segment, kind, payload))
        try:
            found = await bench.worker().saver.aget_tuple(
                {"configurable": {"thread_id": "acme/desk", "checkpoint_ns": ""}}
            )
        except StateCorrupt:
            await chat.ask("one")
            (segment,) = [name for name in bench.fields() if name.startswith(b"s")]
        else:
            assert found is not None
        assert not target.exists()


async def test_secrets_in_the_configuration_are_not_stored(bench: Bench) -> None:
    chat = bench.worker(compress_from_bytes=None)
    async with chat.store.turn("acme", "desk", deadline=Deadline.after(5)) as lease:
        token = str(lease.configurable["__fence_token"])
        await chat.graph.ainvoke(
            {"question": "one"},
            {"configurable": {**lease.configurable, "__api_key": "sk-secret"}},
            durability="async",
        )
        lease.describe(title="t", turns=1)
    everything = b"".join(
        bench.raw.dump(key) for key in bench.stored_keys() if not key.endswith(b":lock")
    )
    assert b"sk-secret" not in everything
    assert token.encode() not in everything


async def test_delta_channels_are_refused_where_only_the_newest_is_kept(
    bench: Bench,
) -> None:
    saver = RedisCheckpointer(bench.connect(), prefix=bench.prefix)
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    metadata: Any = {"counters_since_delta_snapshot": {"messages": (1, 1)}}
    with pytest.raises(DeltaChannelRefused):
        await saver.aput(config, empty_checkpoint(), metadata, {})
    assert bench.stored_keys() == []


async def test_another_owner_is_refused_even_under_the_same_key(bench: Bench) -> None:
    chat = bench.worker()
    await chat.ask("one")
    bench.raw.copy(bench.state_key(), bench.state_key("other", "desk"))
    with pytest.raises(StateCorrupt):
        await bench.worker().texts(tenant="other")
    with pytest.raises(StateCorrupt):
        await chat.saver.aget_tuple(
            {
                "configurable": {
                    "thread_id": "acme/desk",
                    "checkpoint_ns": "",
                    "__owner": "other",
                }
            }
        )
    assert await chat.texts() == turns_of("one")


async def test_a_holder_that_slept_past_its_lease_cannot_overwrite(
    bench: Bench, scripting: bool
) -> None:
    sleeper, quick = bench.worker(scripting=scripting), bench.worker()
    await quick.ask("one")

    async def oversleep() -> None:
        bench.raw.delete(bench.state_key() + ":lock")
        await quick.ask("two")

    sleeper.before_answer = oversleep
    with pytest.raises(LeaseLost):
        await sleeper.ask("late")

    async def overtaken() -> None:
        bench.raw.set(bench.state_key() + ":lock", "somebody else", px=5000)

    sleeper.before_answer = overtaken
    with pytest.raises(LeaseLost):
        await sleeper.ask("late again")
    assert bench.raw.get(bench.state_key() + ":lock") == b"somebody else"
    assert await quick.texts() == turns_of("one", "two")


async def test_without_a_lease_the_second_of_two_writers_is_told(bench: Bench) -> None:
    chat, other = bench.worker(), bench.worker()
    await chat.ask("one")
    config: Any = {"configurable": {"thread_id": "acme/desk"}}

    async def overtake() -> None:
        chat.before_answer = nothing
        await other.ask("two")

    async def nothing() -> None: ...

    chat.before_answer = overtake
    with pytest.raises(LeaseLost):
        await chat.graph.ainvoke({"question": "lost"}, config, durability="exit")
    assert await chat.texts() == turns_of("one", "two")


async def test_what_is_deleted_during_a_turn_does_not_come_back(
    bench: Bench, scripting: bool
) -> None:
    chat = bench.worker(scripting=scripting)
    await chat.ask("one")

    async def delete() -> None:
        await chat.store.delete_conversation("acme", "desk")

    async def nothing() -> None: ...

    chat.before_answer = delete
    with pytest.raises(LeaseLost):
        await chat.ask("two")
    with pytest.raises(ConversationNotFound):
        await chat.texts()
    assert (await chat.store.list_conversations("acme", limit=5)).items == ()
    chat.before_answer = nothing
    await chat.ask("three")
    assert await bench.worker().texts() == turns_of("three")


async def test_edits_removals_and_changes_in_place_are_stored(
    bench: Bench, scripting: bool
) -> None:
    chat = bench.worker(scripting=scripting)
    for number in range(20):
        await chat.ask(f"q{number}")
    config: Any = {"configurable": {"thread_id": "acme/desk"}}
    messages = (await chat.graph.aget_state(config)).values["messages"]
    edited = HumanMessage(id=messages[4].id, content="edited")
    removed = RemoveMessage(id=messages[0].id)
    await chat.graph.aupdate_state(
        config, {"messages": [edited, removed]}, as_node="answer"
    )

    for reader in (chat, bench.worker()):
        found = (await reader.graph.aget_state(config)).values["messages"]
        assert len(found) == 39
        assert found[3].text == "edited"

    saver = chat.saver
    found = await saver.aget_tuple(config)
    messages = found.checkpoint["channel_values"]["messages"]
    messages[5].additional_kwargs["tanya"]["note"] = "changed in place"
    version = saver.get_next_version(
        found.checkpoint["channel_versions"]["messages"], None
    )
    changed = {
        **found.checkpoint,
        "id": str(uuid6()),
        "channel_versions": {"messages": version},
    }
    await saver.aput(found.config, changed, found.metadata, {"messages": version})
    for reader in (chat, bench.worker()):
        found = (await reader.graph.aget_state(config)).values["messages"]
        assert found[5].additional_kwargs["tanya"]["note"] == "changed in place"
    found[7].additional_kwargs["tanya"]["note"] = "forgotten"
    again = (await chat.graph.aget_state(config)).values["messages"]
    assert "note" not in again[7].additional_kwargs["tanya"]
    await chat.ask("after")
    assert len(await bench.worker().texts()) == 41


class _Waiting(TypedDict, total=False):
    messages: Annotated[list[Any], add_messages]


@pytest.mark.parametrize("durability", ["exit", "async", "sync"])
async def test_an_interrupted_run_is_resumed_by_another_worker(
    bench: Bench, durability: Any
) -> None:
    def build() -> Any:
        def ask(state: _Waiting) -> _Waiting:
            answer = interrupt("really?")
            return {"messages": [AIMessage(f"you said {answer}")]}

        graph = StateGraph(_Waiting)
        graph.add_node("ask", ask)
        graph.add_edge(START, "ask")
        graph.add_edge("ask", END)
        saver = RedisCheckpointer(bench.connect(), prefix=bench.prefix)
        return graph.compile(checkpointer=saver)

    config = {"configurable": {"thread_id": "t"}}
    paused = await build().ainvoke(
        {"messages": [HumanMessage("hello")]}, config, durability=durability
    )
    assert paused["__interrupt__"][0].value == "really?"

    done = await build().ainvoke(Command(resume="yes"), config, durability=durability)
    assert [message.text for message in done["messages"]] == ["hello", "you said yes"]


async def test_all_history_is_kept_when_asked_for(bench: Bench) -> None:
    chat = bench.worker(history=None)
    for name in ("one", "two", "three"):
        await chat.ask(name)
    config: Any = {"configurable": {"thread_id": "acme/desk"}}
    states = [state async for state in chat.graph.aget_state_history(config)]
    assert [len(state.values.get("messages", ())) for state in states] == [6, 4, 2]
    older = await bench.worker(history=None).graph.aget_state(states[1].config)
    assert [message.text for message in older.values["messages"]] == turns_of(
        "one", "two"
    )


def test_ids_stay_unique_after_a_fork(redis_server: RedisServer) -> None:
    connection = RedisConnection(url=redis_server.url)
    saver = RedisCheckpointer(connection, prefix="t" + uuid4().hex)
    saver.put(
        {"configurable": {"thread_id": "parent", "checkpoint_ns": ""}},
        empty_checkpoint(),
        {},
        {},
    )
    pipes = []
    for _ in range(3):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            try:
                ids = [new_part_id().decode(), new_token()]
                ids.append(str(saver.get_next_version(None, None)))
                config: Any = {"configurable": {"thread_id": "c", "checkpoint_ns": ""}}
                found = saver.get_tuple(
                    {"configurable": {"thread_id": "parent", "checkpoint_ns": ""}}
                )
                assert found is not None
                assert saver.get_tuple(config) is None
                os.write(writing, " ".join(ids).encode())
            finally:
                os._exit(0)
        os.close(writing)
        pipes.append((reading, child))
    answers = []
    for reading, child in pipes:
        answers += os.read(reading, 10_000).decode().split()
        os.close(reading)
        os.waitpid(child, 0)
    connection.close()
    assert len(answers) == len(set(answers)) == 9


def test_threads_share_one_saver(redis_server: RedisServer) -> None:
    connection = RedisConnection(url=redis_server.url)
    saver = RedisCheckpointer(connection, prefix="t" + uuid4().hex, history=None)

    def work(name: str) -> None:
        parent: Any = {"configurable": {"thread_id": name, "checkpoint_ns": ""}}
        for number in range(20):
            checkpoint = empty_checkpoint()
            values = [HumanMessage(f"{name} {index}") for index in range(number + 1)]
            checkpoint["channel_values"] = {"messages": values}
            checkpoint["channel_versions"] = {"messages": number + 1}
            parent = saver.put(parent, checkpoint, {}, {"messages": number + 1})

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(6):
        config: Any = {"configurable": {"thread_id": f"t{number}", "checkpoint_ns": ""}}
        found = saver.get_tuple(config)
        assert found is not None
        texts = [entry.text for entry in found.checkpoint["channel_values"]["messages"]]
        assert texts == [f"t{number} {index}" for index in range(20)]
    connection.close()


async def test_a_server_whose_scripting_was_renamed_away_is_found_out(
    tmp_path: Path,
) -> None:
    options = []
    for name in ("EVAL", "EVALSHA", "SCRIPT"):
        options += ["--rename-command", name, ""]
    with RedisServer(tmp_path, options=options) as server:
        connection = RedisConnection(url=server.url)
        saver = RedisCheckpointer(connection)
        chat = Chat(RedisConversationStore(saver.runner, saver), saver)
        await asyncio.gather(*(chat.ask(f"q{number}") for number in range(4)))
        assert len(await chat.texts()) == 8
        await chat.store.delete_conversation("acme", "desk")
        await connection.aclose()
