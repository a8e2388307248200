"""What every reader of emotions promises, whatever reads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from domain.deadlines import Deadline
from domain.errors import EmotionFailed
from domain.speech import AudioClip, Emotion
from speech.engines import EmotionEngine
from speech.fallback_emotion import FallbackEmotion
from speech.http_emotion import HTTPEmotion
from speech.local_emotion import LocalEmotion
from speech.off import OffEmotion
from speech.outage import Outage
from speech.prosa_emotion import ProsaEmotion
from tests.fakes.emotion import FakeEmotion
from tests.fakes.emotion_server import EmotionServer, running_emotion_server
from tests.fakes.speech import tone

LABELS = {"neutral", "happy", "sad", "angry", "fear"}
CLIP = AudioClip(tone(1.0), 16_000)
TEXTS = [
    "",
    " ",
    "?",
    "ya",
    "12345",
    "🙂🙂🙂",
    "\u202eabc\u0000",
    "Where is the library?",
    "saya kesal sekali " * 500,
    "语言 не знаю",
]


@pytest.fixture
async def server() -> AsyncIterator[EmotionServer]:
    async with running_emotion_server() as running:
        yield running


@pytest.fixture(params=["fake", "local", "http", "prosa", "fallback", "off"])
async def reader(
    request: pytest.FixtureRequest, server: EmotionServer
) -> AsyncIterator[EmotionEngine]:
    local = LocalEmotion()
    http = HTTPEmotion(server.url)
    engines: dict[str, EmotionEngine] = {
        "fake": FakeEmotion(),
        "local": local,
        "http": http,
        "prosa": ProsaEmotion(url=f"{server.url}/v2/text/emotion", api_key="k"),
        "fallback": FallbackEmotion(
            http, local, timeout_seconds=5.0, outage=Outage("x")
        ),
        "off": OffEmotion(),
    }
    engine = engines[request.param]
    await engine.start()
    yield engine
    await engine.close()


@pytest.mark.parametrize("language", ["en", "id"])
@pytest.mark.parametrize("text", TEXTS)
async def test_any_text_is_one_of_five_with_a_share_and_where_it_was_heard(
    reader: EmotionEngine, text: str, language: str
) -> None:
    found = await reader.read(text, CLIP, language=language, deadline=Deadline.after(9))

    if isinstance(reader, OffEmotion):
        assert found is None
        return
    assert isinstance(found, Emotion)
    assert found.label in LABELS
    assert 0.0 <= found.score <= 1.0
    assert found.heard_in
    assert set(found.heard_in) <= {"text", "sound"}


async def test_an_unknown_language_is_read_too(reader: EmotionEngine) -> None:
    found = await reader.read(
        "bonjour", CLIP, language="fr", deadline=Deadline.after(9)
    )

    assert found is None or found.label in LABELS


async def test_no_time_left_is_a_failure_of_ours(reader: EmotionEngine) -> None:
    if isinstance(reader, OffEmotion):
        return
    with pytest.raises(EmotionFailed):
        await reader.read(
            "hello", CLIP, language="en", deadline=Deadline(time.monotonic() - 1)
        )


async def test_readings_at_once_do_not_disturb_each_other(
    reader: EmotionEngine,
) -> None:
    alone = await reader.read("halo", CLIP, language="id", deadline=Deadline.after(9))
    together = await asyncio.gather(
        *(
            reader.read("halo", CLIP, language="id", deadline=Deadline.after(9))
            for _ in range(8)
        )
    )

    assert together == [alone] * 8


async def test_a_reader_says_how_it_is(reader: EmotionEngine) -> None:
    assert reader.state() == ("off" if isinstance(reader, OffEmotion) else "ok")


async def test_a_closed_reader_can_be_closed_again(reader: EmotionEngine) -> None:
    await reader.close()
    await reader.close()
