"""Engines that are switched off."""

from __future__ import annotations

import pytest

from domain.deadlines import Deadline
from domain.errors import SpeechEngineUnavailable
from domain.speech import AudioClip, VoiceStyle
from speech.off import OffEmotion, OffSTT, OffTTS

CLIP = AudioClip(bytes(3_200), 16_000)


async def test_nothing_is_heard() -> None:
    with pytest.raises(SpeechEngineUnavailable):
        await OffSTT().transcribe(CLIP, language=None, deadline=Deadline.after(1))
    with pytest.raises(SpeechEngineUnavailable):
        async with OffSTT().listen(language=None):
            pass
    assert OffSTT().state() == "off"


async def test_nothing_is_said() -> None:
    with pytest.raises(SpeechEngineUnavailable):
        async for _ in OffTTS().speak(
            "a", style=VoiceStyle("en"), deadline=Deadline.after(1)
        ):
            pass
    assert OffTTS().voices("en") == ()
    assert OffTTS().state() == "off"


async def test_no_emotion_is_read() -> None:
    read = OffEmotion().read

    assert await read("a", None, language="en", deadline=Deadline.after(1)) is None
