"""Speaking with voices that people bring along, in a child process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from domain.deadlines import Deadline
from domain.errors import AudioUnreadable, SpeechEngineUnavailable, SynthesisFailed
from domain.speech import SAMPLE_BYTES, AudioClip, EmotionLabel, VoiceStyle
from speech.chunking import split_text
from speech.encoding import resample
from speech.model_child import ChildLost, ModelChild
from speech.resampling import parse_wavs

MAX_CHARS = 600
PIECE_SECONDS = 0.5
# A calm voice answers anger and fear; a lively one answers joy.
_PACE: dict[EmotionLabel, float] = {
    "neutral": 1.0,
    "happy": 1.05,
    "sad": 0.92,
    "angry": 0.9,
    "fear": 0.92,
}
SLOWEST, FASTEST = 0.5, 2.0

Voices = Mapping[str, Sequence[str]]
"""Names of voices by language, the default first."""


class ModelSpeaker:
    """
    A `TextToSpeech` over a child with voice models.

    Args:
        child: Answers `speak` with a WAV file.
        find_voices: Looks which voices there are.
        setting: Variable that names them.
    """

    def __init__(
        self, child: ModelChild, *, find_voices: Callable[[], Voices], setting: str
    ) -> None:
        self._child = child
        self._find_voices = find_voices
        self._setting = setting

    def voices(self, language: str) -> Sequence[str]:
        """Return the names of the voices of *language*, the default first."""
        return tuple(self._find_voices().get(language, ()))

    def state(self) -> str:
        """Return `embedded`, or `unavailable`: package or voices are missing."""
        return self._child.state()

    async def start(self) -> None:
        """Load the voices."""
        await self._child.start()

    async def close(self) -> None:
        """End the child."""
        await self._child.close()

    async def speak(
        self, text: str, *, style: VoiceStyle, deadline: Deadline
    ) -> AsyncIterator[AudioClip]:
        """
        Yield the sound of *text* in half-second pieces at the rate of *style*.

        Raises:
            SynthesisFailed: The child died twice or was too slow.
            SpeechEngineUnavailable: The package or a voice of the language is missing.
        """
        self._child.check()
        names = self.voices(style.language)
        if not names:
            raise SpeechEngineUnavailable(
                f"{self._setting} has no voice of this language."
            )
        request = {
            "op": "speak",
            "language": style.language,
            "voice": style.voice if style.voice in names else names[0],
            "speed": min(max(_PACE[style.tone] * style.speed, SLOWEST), FASTEST),
        }
        for part in split_text(text.strip(), max_chars=MAX_CHARS):
            try:
                _, wav = await self._child.call(
                    request, part.encode(), deadline=deadline
                )
                clip = resample(parse_wavs(wav), rate_hz=style.rate_hz)
            except (ChildLost, AudioUnreadable) as exc:
                raise SynthesisFailed from exc
            step = int(PIECE_SECONDS * clip.rate_hz) * SAMPLE_BYTES
            for start in range(0, len(clip.pcm), step):
                yield AudioClip(clip.pcm[start : start + step], clip.rate_hz)
