"""Speech by a remote server: the wire format and its faults."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from domain.deadlines import Deadline
from domain.errors import SpeechEngineUnavailable, SynthesisFailed
from domain.speech import AudioClip, VoiceStyle
from speech.openai_tts import OpenAITTS
from tests.fakes.speech import SECONDS_A_CHARACTER
from tests.fakes.speech_server import SpeechServer, running_speech_server

TEXT = "The library opens at eight in the morning."
SECONDS = len(TEXT) * SECONDS_A_CHARACTER
ENGLISH = VoiceStyle("en")


@pytest.fixture
async def server() -> AsyncIterator[SpeechServer]:
    async with running_speech_server() as running:
        yield running


@pytest.fixture
async def engine(server: SpeechServer) -> AsyncIterator[OpenAITTS]:
    made = OpenAITTS(base_url=server.openai_url, api_key="k", timeout_seconds=5)
    yield made
    await made.close()


async def speak(
    engine: OpenAITTS, text: str = TEXT, *, style: VoiceStyle = ENGLISH
) -> list[AudioClip]:
    sound = engine.speak(text, style=style, deadline=Deadline.after(10))
    return [clip async for clip in sound]


async def _drain(sound: AsyncIterator[AudioClip]) -> None:
    async for _ in sound:
        pass


def joined(clips: list[AudioClip]) -> np.ndarray:
    return np.frombuffer(b"".join(clip.pcm for clip in clips), dtype="<i2").astype(int)


def is_a_smooth_tone(samples: np.ndarray, *, rate_hz: int) -> bool:
    """No click: the second difference stays what that of the 220 Hz tone is."""
    inner = samples[200:-200]
    bend = 8_000 * (2 * np.pi * 220 / rate_hz) ** 2
    return bool(
        np.abs(inner).max() > 7_000 and np.abs(np.diff(inner, 2)).max() < 1.5 * bend + 8
    )


async def test_a_sentence_goes_out_with_the_least_that_servers_know(
    server: SpeechServer, engine: OpenAITTS
) -> None:
    await speak(engine)

    assert server.seen == [
        {
            "model": "gpt-4o-mini-tts",
            "input": TEXT,
            "voice": "alloy",
            "response_format": "pcm",
        }
    ]
    assert server.keys == ["Bearer k"]


async def test_sound_comes_in_pieces_without_clicks_at_the_wanted_rate(
    engine: OpenAITTS,
) -> None:
    clips = await speak(engine)

    samples = joined(clips)
    assert len(clips) > 5
    assert {clip.rate_hz for clip in clips} == {16_000}
    assert all(clip.seconds <= 0.2 for clip in clips)
    assert len(samples) / 16_000 == pytest.approx(SECONDS, abs=0.01)
    assert is_a_smooth_tone(samples, rate_hz=16_000)


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 44_100, 48_000])
async def test_any_rate_can_be_wanted(engine: OpenAITTS, rate_hz: int) -> None:
    clips = await speak(engine, style=VoiceStyle("en", rate_hz=rate_hz))

    samples = joined(clips)
    assert len(samples) / rate_hz == pytest.approx(SECONDS, abs=0.01)
    assert is_a_smooth_tone(samples, rate_hz=rate_hz)


async def test_the_first_piece_comes_before_the_last_is_made(
    server: SpeechServer, engine: OpenAITTS
) -> None:
    server.faults = ["stall"]

    sound = engine.speak(TEXT, style=ENGLISH, deadline=Deadline.after(10))
    first = await anext(sound)
    await sound.aclose()  # type: ignore[attr-defined]

    assert first.seconds == pytest.approx(0.2)


async def test_the_rate_of_bare_samples_is_a_setting(server: SpeechServer) -> None:
    server.rate_hz = 22_050
    engine = OpenAITTS(base_url=server.openai_url, rate_hz=22_050)

    samples = joined(await speak(engine))
    await engine.close()

    assert len(samples) / 16_000 == pytest.approx(SECONDS, abs=0.01)


@pytest.mark.parametrize("size", [None, 0, 0x7FFFFFFF, 2_000_000_000, 0xFFFFFFFF])
@pytest.mark.parametrize("shape", ["wav", "wavs"])
async def test_wav_answers_are_read_whatever_their_headers_claim(
    server: SpeechServer, engine: OpenAITTS, shape: str, size: int | None
) -> None:
    server.shape, server.size, server.rate_hz = shape, size, 22_050

    samples = joined(await speak(engine))

    assert len(samples) / 16_000 == pytest.approx(SECONDS, abs=0.01)
    if shape == "wav":
        assert is_a_smooth_tone(samples, rate_hz=16_000)
    # A header that was taken for sound would be louder than the tone.
    assert np.abs(samples).max() < 8_300


@pytest.mark.parametrize("shape", ["pcm", "wav"])
async def test_half_a_sample_at_the_end_is_dropped(
    server: SpeechServer, engine: OpenAITTS, shape: str
) -> None:
    server.faults, server.shape = ["odd"], shape

    samples = joined(await speak(engine))

    assert len(samples) / 16_000 == pytest.approx(SECONDS / 2, abs=0.02)


@pytest.mark.parametrize(
    ("tone", "word"),
    [("angry", "calm"), ("fear", "reassuring"), ("sad", "gentle"), ("happy", "warm")],
)
async def test_the_tone_goes_out_as_instructions(
    server: SpeechServer, engine: OpenAITTS, tone: Any, word: str
) -> None:
    await speak(engine, style=VoiceStyle("en", tone=tone))

    assert word in server.seen[0]["instructions"]


async def test_the_older_models_get_no_instructions(server: SpeechServer) -> None:
    engine = OpenAITTS(model="tts-1-hd", base_url=server.openai_url)

    await speak(engine, style=VoiceStyle("en", tone="angry"))
    await engine.close()

    assert "instructions" not in server.seen[0]


async def test_a_strict_server_is_asked_for_a_tone_once(
    server: SpeechServer, engine: OpenAITTS
) -> None:
    server.strict = True

    for _ in range(2):
        assert await speak(engine, style=VoiceStyle("en", tone="sad"))

    assert ["instructions" in call for call in server.seen] == [True, False, False]


async def test_voice_and_speed_go_out_when_they_are_known(server: SpeechServer) -> None:
    engine = OpenAITTS(voice="af_heart", base_url=server.openai_url)

    await speak(engine, style=VoiceStyle("en", voice="nobody", speed=9.0))
    await engine.close()

    assert server.seen[0]["voice"] == "af_heart"
    assert server.seen[0]["speed"] == 4.0
    assert engine.voices("id") == ("af_heart",)


@pytest.mark.parametrize("fault", [429, 500, 503, "cut", "empty"])
async def test_a_passing_fault_is_tried_again(
    server: SpeechServer, engine: OpenAITTS, fault: int | str
) -> None:
    server.faults = [fault]

    samples = joined(await speak(engine))

    assert len(samples) / 16_000 == pytest.approx(SECONDS, abs=0.01)
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("faults", "calls"),
    [
        ([401], 1),
        ([404], 1),
        ([400], 1),
        ([500, 500], 2),
        (["cut", "cut"], 2),
        (["json"], 1),
        (["garbage"], 1),
        (["mp3"], 1),
        (["empty", "empty"], 2),
    ],
)
async def test_other_faults_are_a_failed_synthesis(
    server: SpeechServer, engine: OpenAITTS, faults: list[int | str], calls: int
) -> None:
    server.faults = list(faults)

    with pytest.raises(SynthesisFailed):
        await speak(engine)

    assert len(server.seen) == calls


async def test_a_short_retry_after_is_kept_and_a_long_one_is_not_waited_for(
    server: SpeechServer, engine: OpenAITTS
) -> None:
    server.faults, server.retry_after = [429], "0.1"
    assert await speak(engine)
    server.faults, server.retry_after = [429], "60"

    with pytest.raises(SynthesisFailed):
        await speak(engine)

    assert len(server.seen) == 3


async def test_a_stream_that_breaks_off_is_not_begun_again(
    server: SpeechServer, engine: OpenAITTS
) -> None:
    server.faults = ["cut-late"]
    sound = engine.speak(TEXT, style=ENGLISH, deadline=Deadline.after(10))

    first = await anext(sound)
    with pytest.raises(SynthesisFailed):
        await _drain(sound)

    assert first.pcm
    assert len(server.seen) == 1


@pytest.mark.parametrize("fault", ["hang", "stall"])
async def test_a_server_that_hangs_is_given_up_in_time(
    server: SpeechServer, fault: str
) -> None:
    server.faults = [fault]
    engine = OpenAITTS(base_url=server.openai_url, timeout_seconds=0.3)

    started = time.monotonic()
    with pytest.raises(SynthesisFailed):
        await speak(engine)
    await engine.close()

    assert time.monotonic() - started < 5


async def test_the_caller_s_deadline_ends_a_call(
    server: SpeechServer, engine: OpenAITTS
) -> None:
    server.faults = ["hang"]

    started = time.monotonic()
    with pytest.raises(SynthesisFailed):
        await _drain(engine.speak(TEXT, style=ENGLISH, deadline=Deadline.after(0.2)))

    assert time.monotonic() - started < 4


async def test_nobody_there_is_a_failed_synthesis() -> None:
    engine = OpenAITTS(base_url="http://127.0.0.1:9/v1")

    with pytest.raises(SynthesisFailed):
        await speak(engine)
    await engine.close()


async def test_nothing_to_say_asks_nobody(
    server: SpeechServer, engine: OpenAITTS
) -> None:
    assert await speak(engine, "  ") == []
    assert server.seen == []


async def test_the_vendor_without_a_key_is_unavailable_before_it_is_asked() -> None:
    engine = OpenAITTS()

    assert engine.state() == "unavailable"
    with pytest.raises(SpeechEngineUnavailable, match="OPENAI_API_KEY"):
        await speak(engine)
