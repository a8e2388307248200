"""Several processes on shared conversations, and the death of one of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import AppError
from stores.checkpoints import RedisCheckpointer
from stores.conversations import RedisConversationStore
from stores.redis_client import RedisConnection
from tests.fakes.conversations import Chat
from tests.fakes.redis_server import RedisServer

ROOT = Path(__file__).resolve().parents[2]
PROCESSES, TASKS, TURNS, CONVERSATIONS = 4, 4, 10, 6

_WORKER = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from tests.integration.test_state_processes import work
asyncio.run(work(sys.argv[2], sys.argv[3], stall=sys.argv[4] == "stall"))
"""


def open_chat(url: str) -> tuple[Chat, RedisConnection]:
    connection = RedisConnection(url=url)
    saver = RedisCheckpointer(connection)
    return Chat(RedisConversationStore(saver.runner, saver), saver), connection


async def work(url: str, name: str, *, stall: bool) -> None:
    """Ask many questions; print each one whose turn was promised."""
    chat, connection = open_chat(url)
    if stall:

        async def never() -> None:
            print("holding", flush=True)
            await asyncio.sleep(60)

        chat.before_answer = never

    async def ask_some(task: int) -> None:
        for number in range(TURNS):
            place = (task + number) % CONVERSATIONS
            question = f"{name}.{task}.{number}"
            while True:
                try:
                    await chat.ask(question, conversation=f"c{place}")
                except AppError as exc:
                    if not exc.retryable:
                        raise
                    await asyncio.sleep(0.05)
                else:
                    break
            print(f"c{place} {question}", flush=True)

    await asyncio.gather(*(ask_some(task) for task in range(TASKS)))
    await connection.aclose()


def spawn(url: str, name: str, kind: str = "work") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _WORKER, str(ROOT), url, name, kind],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.timeout(170)
async def test_processes_on_shared_conversations_lose_and_mix_nothing(
    tmp_path: Path,
) -> None:
    with RedisServer(tmp_path) as server:
        workers = [spawn(server.url, f"p{number}") for number in range(PROCESSES)]
        promised: dict[str, list[str]] = {}
        for worker in workers:
            out, _ = await asyncio.to_thread(worker.communicate, timeout=150)
            assert worker.returncode == 0
            for line in out.splitlines():
                place, question = line.split()
                promised.setdefault(place, []).append(question)

        chat, connection = open_chat(server.url)
        total = 0
        for place, questions in promised.items():
            texts = await chat.texts(conversation=place)
            asked, answered = texts[::2], texts[1::2]
            assert sorted(asked) == sorted(questions)
            assert answered == [f"answer to {question}" for question in asked]
            total += len(asked)
        assert total == PROCESSES * TASKS * TURNS
        page = await chat.store.list_conversations("acme", limit=50)
        assert sum(line.turns for line in page.items) == total
        await connection.aclose()


async def test_a_killed_holder_does_not_block_its_conversation_for_long(
    tmp_path: Path,
) -> None:
    with RedisServer(tmp_path) as server:
        worker = spawn(server.url, "p", "stall")
        assert worker.stdout is not None
        line = await asyncio.to_thread(worker.stdout.readline)
        assert line == "holding\n"
        worker.kill()
        worker.wait()
        worker.stdout.close()

        chat, connection = open_chat(server.url)
        lease = await chat.ask("after", conversation="c0")
        assert lease.degraded == ()
        assert await chat.texts(conversation="c0") == ["after", "answer to after"]
        await connection.aclose()
