"""The official Python client holds a spoken conversation, and is interrupted."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from tests.e2e.realtime_service import (
    CLIPS,
    QUESTION,
    RATE_HZ,
    SENTENCES,
    SpokenService,
    load_clip,
    spoken_service,
)
from tests.fakes.realtime_check import problems_of

pytestmark = pytest.mark.timeout(300)

PIECE_SECONDS = 0.1


@pytest.fixture(scope="module")
def spoken() -> Iterator[SpokenService]:
    with spoken_service() as running:
        yield running


class Call:
    """One connection of the official client, and everything it was told."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.seen: list[Any] = []

    async def until(self, kind: str) -> Any:
        """Read on to the next event of that type."""
        async with asyncio.timeout(60):
            while True:
                event = await self.connection.recv()
                self.seen.append(event)
                if event.type == kind:
                    return event
                assert event.type != "error", event

    async def speak(self, pcm: bytes, *, pace: float = 1.0) -> None:
        """Send sound as a microphone would."""
        step = int(RATE_HZ * PIECE_SECONDS) * 2
        for at in range(0, len(pcm), step):
            piece = base64.b64encode(pcm[at : at + step]).decode()
            await self.connection.input_audio_buffer.append(audio=piece)
            await asyncio.sleep(PIECE_SECONDS * pace)

    async def type(self, text: str) -> None:
        """Ask in writing, and want an answer."""
        await self.connection.conversation.item.create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": text}],
            }
        )
        await self.connection.response.create()

    def sound(self) -> bytes:
        """Return all the sound that came."""
        return b"".join(
            base64.b64decode(event.delta)
            for event in self.seen
            if event.type == "response.output_audio.delta"
        )


@asynccontextmanager
async def called(spoken: SpokenService, conversation: str) -> AsyncIterator[Call]:
    service = spoken.service
    client = AsyncOpenAI(api_key=service.key, base_url=f"{service.url}/v1")
    async with (
        client,
        client.realtime.connect(
            model="tanya", extra_query={"conversation_id": conversation}
        ) as connection,
    ):
        call = Call(connection)
        created = await call.until("session.created")
        assert created.session.type == "realtime"
        await connection.session.update(
            session={
                "type": "realtime",
                "audio": {"input": {"transcription": {"language": "en"}}},
            }
        )
        await call.until("session.updated")
        yield call
        for event in call.seen:
            assert problems_of(event.to_dict()) == []


def messages_of(spoken: SpokenService, conversation: str) -> list[dict[str, Any]]:
    with spoken.service.client() as client:
        body = client.get(f"/v1/conversations/{conversation}").json()
    found: list[dict[str, Any]] = body["messages"]
    return found


def conversation_in(prompt: list[dict[str, Any]]) -> str:
    """Return what a prompt tells of the conversation so far."""
    text = "\n".join(message["content"] for message in prompt)
    found = re.search(r"<(\w+) conversation>\n(.*?)\n</\1>", text, re.DOTALL)
    assert found, text
    return found[2]


@pytest.mark.parametrize("name", CLIPS)
async def test_a_recording_is_heard_and_answered(
    spoken: SpokenService, name: str
) -> None:
    async with called(spoken, f"clip-{name}") as call:
        await call.speak(load_clip(name) + bytes(RATE_HZ * 2), pace=0.3)
        heard = await call.until(
            "conversation.item.input_audio_transcription.completed"
        )
        done = await call.until("response.done")

    assert len(heard.transcript.split()) >= 2
    assert done.response.status == "completed"
    kinds = [event.type for event in call.seen]
    assert kinds.index("input_audio_buffer.speech_started") < kinds.index(
        "input_audio_buffer.speech_stopped"
    )
    assert len(call.sound()) > RATE_HZ
    (metrics,) = [event for event in call.seen if event.type == "x.metrics"]
    assert metrics.to_dict()["time_to_first_audio_ms"] > 0


async def test_an_interrupted_answer_is_remembered_as_far_as_it_was_heard(
    spoken: SpokenService,
) -> None:
    async with called(spoken, "interrupted") as call:
        await call.type(QUESTION)
        first = await call.until("response.output_audio_transcript.delta")
        await call.until("response.output_audio.delta")
        await call.until("response.output_audio_transcript.delta")
        # All sound so far is that of the first sentence.
        heard_ms = round(len(call.sound()) / 2 / RATE_HZ * 1000)

        speaking = asyncio.create_task(
            call.speak(load_clip("az_weather") + bytes(RATE_HZ * 2))
        )
        await call.until("input_audio_buffer.speech_started")
        cancelled = await call.until("response.done")
        await call.connection.conversation.item.truncate(
            item_id=first.item_id, content_index=0, audio_end_ms=heard_ms
        )
        await call.until("conversation.item.truncated")
        answered = await call.until("response.done")
        await speaking
        await call.type("When does the library open?")
        await call.until("response.done")

    assert cancelled.response.status == "cancelled"
    assert cancelled.response.status_details.reason == "turn_detected"
    assert answered.response.status == "completed"
    kept = messages_of(spoken, "interrupted")
    assert [one["role"] for one in kept] == ["user", "assistant"] * 3
    assert kept[1]["text"] == f"{SENTENCES[0]} —"
    assert kept[2]["text"].startswith("what")
    told = conversation_in(spoken.model.stats.prompts[-1])
    # The model says the same to every question; the first one's answer was cut.
    first_turn = told.partition("\nuser:")[0]
    assert first_turn.endswith(f"{SENTENCES[0]} —")


async def test_without_a_word_of_the_client_time_tells_what_was_heard(
    spoken: SpokenService,
) -> None:
    async with called(spoken, "estimated") as call:
        await call.type(QUESTION)
        await call.until("response.output_audio.delta")
        # At once: nobody can have heard a sentence yet.
        await call.speak(load_clip("az_weather") + bytes(RATE_HZ * 2), pace=0.2)
        await call.until("response.done")
        await call.until("response.done")

    assert messages_of(spoken, "estimated")[1]["text"] == "(interrupted)"


async def test_who_breaks_off_in_the_middle_of_a_word_holds_no_recogniser(
    spoken: SpokenService,
) -> None:
    for number in range(4):
        async with called(spoken, f"broken-{number}") as call:
            await call.speak(load_clip("cards_005")[: RATE_HZ * 3], pace=0.1)
            await call.until("input_audio_buffer.speech_started")

    async with called(spoken, "after") as call:
        await call.speak(load_clip("az_weather") + bytes(RATE_HZ * 2), pace=0.3)
        heard = await call.until(
            "conversation.item.input_audio_transcription.completed"
        )

    assert "weather" in heard.transcript
