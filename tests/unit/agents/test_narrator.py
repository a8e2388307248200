"""Texts read out: sentence by sentence, in words, in the right language."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from agents.narrator import TextNarrator
from domain.deadlines import Deadline
from domain.errors import SynthesisFailed
from domain.speech import AudioClip, VoiceStyle

INDONESIAN = "Pendaftaran dibuka pada 1 Maret. Biayanya Rp 300.000 untuk semua jalur."
ENGLISH = "The library opens at eight in the morning. It closes at ten in the evening."


class RecordingTTS:
    """Remembers what it was asked to speak; fails at the sentence *fail_at*."""

    def __init__(self, *, fail_at: int | None = None) -> None:
        self.said: list[tuple[str, VoiceStyle]] = []
        self._fail_at = fail_at

    async def speak(
        self, text: str, *, style: VoiceStyle, deadline: Deadline
    ) -> AsyncIterator[AudioClip]:
        if len(self.said) == self._fail_at:
            raise SynthesisFailed
        self.said.append((text, style))
        yield AudioClip(bytes(2 * len(text)), style.rate_hz)

    def voices(self, language: str) -> Sequence[str]:
        return {"en": ("slt", "shared"), "id": ("id+f3", "shared")}[language]

    def state(self) -> str:
        return "embedded"


async def read_out(tts: RecordingTTS, text: str, **wishes: object) -> list[AudioClip]:
    pieces = TextNarrator(tts).narrate(
        text,
        rate_hz=24_000,
        deadline=Deadline.after(10),
        **wishes,  # type: ignore[arg-type]
    )
    return [piece async for piece in pieces]


async def test_each_sentence_is_spoken_apart_and_in_words() -> None:
    tts = RecordingTTS()

    clips = await read_out(tts, INDONESIAN)

    assert [words for words, _ in tts.said] == [
        "Pendaftaran dibuka pada satu Maret.",
        "Biayanya tiga ratus ribu rupiah untuk semua jalur.",
    ]
    assert [len(clip.pcm) // 2 for clip in clips] == [
        len(words) for words, _ in tts.said
    ]
    assert {clip.rate_hz for clip in clips} == {24_000}


@pytest.mark.parametrize(
    ("text", "voice", "language", "spoken_in"),
    [
        (INDONESIAN, None, None, "id"),
        (ENGLISH, None, None, "en"),
        (ENGLISH, "alloy", None, "en"),
        (ENGLISH, "id+f3", None, "id"),
        (ENGLISH, "shared", None, "en"),
        (ENGLISH, "id+f3", "en", "en"),
    ],
)
async def test_the_language_is_given_or_that_of_the_voice_or_that_of_the_text(
    text: str, voice: str | None, language: str | None, spoken_in: str
) -> None:
    tts = RecordingTTS()

    await read_out(tts, text, voice=voice, language=language)

    assert {style.language for _, style in tts.said} == {spoken_in}
    assert {style.voice for _, style in tts.said} == {voice}


async def test_the_pace_reaches_the_engine() -> None:
    tts = RecordingTTS()

    await read_out(tts, ENGLISH, speed=1.5)

    assert {style.speed for _, style in tts.said} == {1.5}


@pytest.mark.parametrize("text", ["", "  \n", "***", "🎉", "---"])
async def test_nothing_to_say_is_silence(text: str) -> None:
    tts = RecordingTTS()

    assert await read_out(tts, text) == []
    assert tts.said == []


async def test_a_failure_reaches_the_listener_after_what_was_spoken() -> None:
    pieces = TextNarrator(RecordingTTS(fail_at=1)).narrate(
        ENGLISH, rate_hz=24_000, deadline=Deadline.after(10)
    )

    assert (await anext(pieces)).pcm
    with pytest.raises(SynthesisFailed):
        await anext(pieces)
