"""Words decide, the sound may tip."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import pytest

from domain.deadlines import Deadline
from domain.errors import EmotionFailed
from domain.speech import AudioClip, Emotion, EmotionLabel
from speech.emotion_text import DATA
from speech.local_emotion import NUDGE, LocalEmotion, judge
from speech.prosody import Prosody
from tests.fakes.speech import tone

SHOUTING = Prosody(-8.0, 330.0, 14.0, 0.8, 0.1, 6.0)
MURMURING = Prosody(-45.0, 90.0, 1.0, 0.6, 0.4, 2.0)
TYPICAL = Prosody(-24.0, 160.0, 7.0, 0.7, 0.1, 4.0)
THRESHOLD = 0.4


def told(**shares: float) -> dict[EmotionLabel, float]:
    shares = {"happy": 0.0, "sad": 0.0, "angry": 0.0, "fear": 0.0, **shares}
    shares["neutral"] = 1.0 - sum(shares.values())
    return shares  # type: ignore[return-value]


def found(prosody: Prosody | None = None, **shares: float) -> Emotion:
    return judge(told(**shares), prosody, threshold=THRESHOLD)


@pytest.mark.parametrize("label", ["happy", "sad", "angry", "fear"])
def test_the_strongest_feeling_is_named_when_it_is_sure_enough(
    label: EmotionLabel,
) -> None:
    assert found(None, **{label: 0.6}) == Emotion(label, 0.6, ("text",))


def test_below_the_threshold_it_is_neutral() -> None:
    assert found(angry=0.39, sad=0.31) == Emotion("neutral", 0.61, ("text",))


def test_less_sure_than_of_neutral_is_neutral() -> None:
    assert found(angry=0.45) == Emotion("neutral", 0.55, ("text",))


def test_a_voice_far_from_typical_tips_a_close_decision() -> None:
    close = THRESHOLD - NUDGE / 2
    rest = (1.0 - close) / 3
    others = {"sad": rest, "fear": rest}
    assert found(TYPICAL, angry=close, **others).label == "neutral"
    assert found(SHOUTING, angry=close, **others).label == "angry"
    assert found(SHOUTING, happy=close, **others).label == "happy"
    assert found(MURMURING, angry=THRESHOLD + NUDGE / 2, sad=0.4).label == "neutral"


@pytest.mark.parametrize("label", ["sad", "fear"])
def test_a_voice_tells_nothing_of_sadness_and_fear(label: EmotionLabel) -> None:
    for prosody in (SHOUTING, MURMURING):
        assert found(prosody, **{label: THRESHOLD - 0.01}).label == "neutral"
        assert found(prosody, **{label: 0.6}).label == label


def test_a_voice_alone_decides_nothing() -> None:
    assert found(SHOUTING).label == "neutral"
    assert found(SHOUTING, angry=0.1).label == "neutral"
    assert found(MURMURING, angry=0.9).label == "angry"


def test_the_ranking_is_that_of_the_words() -> None:
    assert found(SHOUTING, sad=0.5, angry=0.49).label == "sad"


def test_sound_is_named_only_when_there_was_a_voice_in_it() -> None:
    assert found(TYPICAL, angry=0.6).heard_in == ("text", "sound")
    assert found(None, angry=0.6).heard_in == ("text",)


async def read(reader: LocalEmotion, text: str, clip: AudioClip | None) -> Emotion:
    emotion = await reader.read(text, clip, language="en", deadline=Deadline.after(9.0))
    assert emotion is not None
    return emotion


async def test_silence_is_not_heard_in() -> None:
    reader = LocalEmotion()
    silence = AudioClip(bytes(64_000), 16_000)
    assert (await read(reader, "I hate this", silence)).heard_in == ("text",)


async def test_no_words_are_neutral_however_they_sound() -> None:
    loud = AudioClip(tone(2.0, tone_hz=400.0), 16_000)
    assert (await read(LocalEmotion(), "", loud)).label == "neutral"


async def test_other_languages_are_read_as_english() -> None:
    reader = LocalEmotion()
    one = await reader.read(
        "I hate this", None, language="ms", deadline=Deadline.after(9.0)
    )
    assert one == await read(reader, "I hate this", None)


async def test_the_loop_goes_on_while_a_long_recording_is_read() -> None:
    reader = LocalEmotion()
    await reader.start()
    clip = AudioClip(tone(30.0), 16_000)
    reading = asyncio.create_task(read(reader, "please " * 300, clip))
    gaps = []
    while not reading.done():
        before = time.monotonic()
        await asyncio.sleep(0)
        gaps.append(time.monotonic() - before)
    await reading
    assert len(gaps) > 20


async def test_a_missing_model_is_a_failure_and_the_state_says_so(
    tmp_path: Path,
) -> None:
    shutil.copy(DATA / "emotion_en.npz", tmp_path)
    reader = LocalEmotion(folder=tmp_path)
    await reader.start()
    assert reader.state() == "unavailable"
    assert (await read(reader, "I hate this", None)).label == "angry"
    with pytest.raises(EmotionFailed):
        await reader.read("halo", None, language="id", deadline=Deadline.after(9.0))


def test_the_shipped_models_are_there() -> None:
    assert LocalEmotion().state() == "ok"
