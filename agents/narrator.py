"""Reading a text out: cut into sentences, made words, spoken one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator

from domain.deadlines import Deadline
from domain.speech import AudioClip, VoiceStyle
from domain.speech_ports import TextToSpeech
from language.clauses import ClauseCutter
from language.detection import detect_language
from language.spoken import to_spoken
from language.stopwords import LANGUAGES


class TextNarrator:
    """
    Read texts out with one engine.

    Args:
        tts: Speaks a sentence.
    """

    def __init__(self, tts: TextToSpeech) -> None:
        self._tts = tts

    async def narrate(
        self,
        text: str,
        *,
        rate_hz: int,
        voice: str | None = None,
        language: str | None = None,
        speed: float = 1.0,
        deadline: Deadline,
    ) -> AsyncIterator[AudioClip]:
        """
        Yield the sound of *text*, a sentence at a time, in the language it is in.

        A voice that belongs to one language decides the language when none is given.

        Raises:
            SynthesisFailed: The engine failed, after retry and fallback.
            SpeechEngineUnavailable: A program or model is missing.
        """
        chosen = language or self._language_of(voice) or detect_language(text)
        style = VoiceStyle(chosen, voice=voice, rate_hz=rate_hz, speed=speed)
        cutter = ClauseCutter(chosen)
        for piece in [*cutter.feed(text), *cutter.flush()]:
            words = to_spoken(piece, chosen)
            if not words:
                continue
            async for clip in self._tts.speak(words, style=style, deadline=deadline):
                yield clip

    def _language_of(self, voice: str | None) -> str | None:
        """Return the one language that has *voice*; None for none and for several."""
        found = [one for one in LANGUAGES if voice and voice in self._tts.voices(one)]
        return found[0] if len(found) == 1 else None
