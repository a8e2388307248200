"""Emotion by remote services: the wire formats and their faults."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.deadlines import Deadline
from domain.errors import EmotionFailed
from domain.speech import AudioClip, Emotion
from speech.fallback_emotion import FallbackEmotion
from speech.http_emotion import MAX_TEXT_CHARS, UNKNOWN_SCORE, HTTPEmotion
from speech.local_emotion import LocalEmotion
from speech.outage import Outage
from speech.prosa_emotion import ProsaEmotion
from tests.fakes.emotion_server import EmotionServer, running_emotion_server
from tests.fakes.speech import tone

CLIP = AudioClip(tone(1.0), 16_000)
ONCE: list[int | str] = [400, 401, 403, 404, 422, "garbage", "list", "huge"]
TWICE: list[int | str] = [500, 502, 503, 429, "cut", "truncated"]


@pytest.fixture
async def server() -> AsyncIterator[EmotionServer]:
    async with running_emotion_server() as running:
        yield running


@pytest.fixture(params=["http", "prosa"])
async def engine(
    request: pytest.FixtureRequest, server: EmotionServer
) -> AsyncIterator[HTTPEmotion | ProsaEmotion]:
    found: HTTPEmotion | ProsaEmotion = HTTPEmotion(server.url, timeout_seconds=2.0)
    if request.param == "prosa":
        found = ProsaEmotion(
            url=f"{server.url}/v2/text/emotion", api_key="k", timeout_seconds=2.0
        )
    yield found
    await found.close()


async def _read(engine: Any, text: str = "saya kesal", **options: Any) -> Any:
    options = {"language": "id", "deadline": Deadline.after(9), **options}
    return await engine.read(text, options.pop("clip", CLIP), **options)


async def test_words_go_in_the_address_and_the_sound_as_a_named_wav(
    server: EmotionServer,
) -> None:
    engine = HTTPEmotion(server.url + "/")

    found = await _read(engine, "di mana & kapan?")

    assert found == Emotion("angry", UNKNOWN_SCORE, ("text", "sound"))
    assert server.seen == [
        {
            "text": "di mana & kapan?",
            "name": "speech.wav",
            "head": b"RIFF" + (36 + len(CLIP.pcm)).to_bytes(4, "little") + b"WAVE",
            "bytes": 44 + len(CLIP.pcm),
        }
    ]
    await engine.close()


async def test_a_long_text_keeps_the_address_short(server: EmotionServer) -> None:
    engine = HTTPEmotion(server.url)

    await _read(engine, "ü" * 5_000)

    assert server.seen[0]["text"] == "ü" * MAX_TEXT_CHARS
    await engine.close()


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("happy", "happy"),
        (" Sad ", "sad"),
        ("ANGER", "angry"),
        ("neutral", "neutral"),
        ("fearful", "fear"),
    ],
)
async def test_predictions_of_known_spellings_are_understood(
    server: EmotionServer, said: str, label: str
) -> None:
    server.prediction = {"prediction": said, "score": 0.4}
    engine = HTTPEmotion(server.url)

    assert await _read(engine) == Emotion(label, 0.4, ("text", "sound"))  # type: ignore[arg-type]
    await engine.close()


@pytest.mark.parametrize(
    "reply",
    [
        {"prediction": "confused"},
        {"prediction": None},
        {"prediction": ["angry"]},
        {},
        {"prediction": "angry", "score": "high"},
        {"prediction": "angry", "score": 7},
        {"prediction": "angry", "score": True},
    ],
)
async def test_a_prediction_that_nobody_knows_is_a_failure(
    server: EmotionServer, reply: dict[str, Any]
) -> None:
    server.prediction = reply
    engine = HTTPEmotion(server.url)

    with pytest.raises(EmotionFailed):
        await _read(engine)
    assert len(server.seen) == 1
    await engine.close()


async def test_a_service_of_sound_is_not_asked_without_any(
    server: EmotionServer,
) -> None:
    engine = HTTPEmotion(server.url)

    with pytest.raises(EmotionFailed):
        await _read(engine, clip=None)
    assert server.seen == []


async def test_prosa_gets_the_words_and_the_key(server: EmotionServer) -> None:
    engine = ProsaEmotion(url=f"{server.url}/v2/text/emotion", api_key="secret")

    found = await _read(engine, "Saya kesal.")

    assert found == Emotion("angry", 0.918, ("text",))
    assert server.seen == [{"text": "Saya kesal.", "key": "secret"}]
    await engine.close()


@pytest.mark.parametrize(
    ("sentences", "found"),
    [
        ([[["Joy", 0.8]], [["Joy", 0.9]]], ("happy", 0.85)),
        ([[["Joy", 0.9]], [["Fear", 0.7]]], ("neutral", 0.55)),
        ([[["sadness", 0.59], ["anger", 0.3]]], ("neutral", 0.41)),
        ([[["SADNESS", 0.6]]], ("sad", 0.6)),
    ],
)
async def test_prosa_is_neutral_when_it_is_unsure_or_of_two_minds(
    server: EmotionServer,
    sentences: list[list[list[object]]],
    found: tuple[str, float],
) -> None:
    server.prosa = {
        "emotion": [{"sentences": "x", "emotion": pairs} for pairs in sentences]
    }
    engine = ProsaEmotion(url=f"{server.url}/v2/text/emotion", api_key="k")

    read = await _read(engine)

    assert (read.label, read.score) == found
    await engine.close()


@pytest.mark.parametrize(
    "emotion",
    [
        None,
        [],
        "Anger",
        [{"emotion": [["Disgust", 0.9]]}],
        [{"emotion": [["Anger"]]}],
        [{"emotion": [["Anger", "0.9"]]}],
        [{"emotion": []}],
        [7],
    ],
)
async def test_what_prosa_never_says_is_a_failure(
    server: EmotionServer, emotion: object
) -> None:
    server.prosa = {"emotion": emotion}
    engine = ProsaEmotion(url=f"{server.url}/v2/text/emotion", api_key="k")

    with pytest.raises(EmotionFailed):
        await _read(engine)
    await engine.close()


async def test_the_vendor_is_not_asked_without_a_key() -> None:
    engine = ProsaEmotion()

    assert engine.state() == "unavailable"
    with pytest.raises(EmotionFailed):
        await _read(engine)


@pytest.mark.parametrize("fault", TWICE)
async def test_a_passing_fault_is_tried_again(
    engine: HTTPEmotion | ProsaEmotion, server: EmotionServer, fault: int | str
) -> None:
    server.faults = [fault]

    assert (await _read(engine)).label == "angry"
    assert len(server.seen) == 2


@pytest.mark.parametrize("fault", TWICE)
async def test_a_lasting_fault_is_a_failure_after_two_calls(
    engine: HTTPEmotion | ProsaEmotion, server: EmotionServer, fault: int | str
) -> None:
    server.faults = [fault, fault, fault]

    with pytest.raises(EmotionFailed):
        await _read(engine)
    assert len(server.seen) == 2


@pytest.mark.parametrize("fault", ONCE)
async def test_what_another_call_cannot_mend_is_not_called_again(
    engine: HTTPEmotion | ProsaEmotion, server: EmotionServer, fault: int | str
) -> None:
    server.faults = [fault, fault]

    with pytest.raises(EmotionFailed):
        await _read(engine)
    assert len(server.seen) == 1


async def test_a_service_that_hangs_costs_its_timeout_once(
    engine: HTTPEmotion | ProsaEmotion, server: EmotionServer
) -> None:
    server.faults = ["hang", "hang"]
    started = time.monotonic()

    with pytest.raises(EmotionFailed):
        await _read(engine, deadline=Deadline.after(0.4))
    assert time.monotonic() - started < 1.5
    assert len(server.seen) == 1


async def test_nobody_there_is_a_failure() -> None:
    engine = HTTPEmotion("http://127.0.0.1:9", timeout_seconds=2.0)

    with pytest.raises(EmotionFailed):
        await _read(engine)
    await engine.close()


async def test_a_hanging_service_leaves_the_local_models_time_within_the_same_timeout(
    server: EmotionServer,
) -> None:
    server.faults = ["hang"]
    both = FallbackEmotion(
        HTTPEmotion(server.url, timeout_seconds=1.0),
        LocalEmotion(timeout_seconds=1.0),
        timeout_seconds=1.0,
        outage=Outage("emotion"),
    )
    await both.start()
    started = time.monotonic()

    found = await _read(both, "saya kesal sekali dengan pelayanan ini")

    assert time.monotonic() - started < 2.0
    assert found.label == "angry"
    assert found.heard_in[0] == "text"
    assert both.state() == "degraded"
    await both.close()
