"""
Speech from programs on this machine: espeak-ng, and flite's voices for English.

Where no espeak-ng program is found, the library that a wheel bundles speaks in a child
process of ours (`speech.espeak`), which keeps its licence (GPL-3) at arm's length.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from domain.deadlines import Deadline
from domain.errors import (
    AudioUnreadable,
    SpeechEngineUnavailable,
    SynthesisFailed,
    TurnTimeout,
)
from domain.speech import AudioClip, EmotionLabel, VoiceStyle
from speech.encoding import parse_wav, resample
from speech.workers import WorkerPool

# Words a minute. A calm voice answers anger and fear; a lively one answers joy.
_PACE: dict[EmotionLabel, int] = {
    "neutral": 165,
    "happy": 172,
    "sad": 150,
    "angry": 148,
    "fear": 150,
}
_PITCH: dict[EmotionLabel, int] = {
    "neutral": 48,
    "happy": 54,
    "sad": 42,
    "angry": 42,
    "fear": 44,
}
_ESPEAK_VOICES = {"en": ("en-us", "en-gb", "en-us+f3"), "id": ("id", "id+f3", "id+m3")}
_FLITE_VOICES = ("slt", "rms", "awb")
# Bounds of espeak-ng, words a minute.
SLOWEST, FASTEST = 80, 450
MAX_CHARS = 1_000
PIECE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Voice:
    program: str
    name: str


class LocalTTS:
    """
    Speak with what is installed; 10 to 20 ms a sentence with espeak-ng.

    Args:
        espeak: Path of the program, or None for the bundled library.
        flite: Path of the program, or None when it is not installed.
    """

    def __init__(self, *, espeak: str | None, flite: str | None) -> None:
        self._espeak = espeak
        self._flite = flite
        self._bundled: WorkerPool | None = None
        if espeak is None and find_spec("espeakng_loader"):
            self._bundled = WorkerPool("speech.espeak", size=1, memory_mb=512)

    @classmethod
    def find(cls) -> LocalTTS:
        """Return the engine for the programs in PATH."""
        return cls(espeak=shutil.which("espeak-ng"), flite=shutil.which("flite"))

    def voices(self, language: str) -> Sequence[str]:
        """Return the names of the voices of *language*, the default first."""
        flite = _FLITE_VOICES if self._flite and language == "en" else ()
        espeak = _ESPEAK_VOICES.get(language, ()) if self._can_espeak else ()
        return (*flite, *espeak)

    def state(self) -> str:
        """Return `embedded`, or what is missing."""
        if self._can_espeak:
            return "embedded"
        return "degraded" if self._flite else "unavailable"

    async def speak(
        self, text: str, *, style: VoiceStyle, deadline: Deadline
    ) -> AsyncIterator[AudioClip]:
        """
        Yield the sound of *text* (at most 1000 characters) in half-second pieces.

        Raises:
            SynthesisFailed: The program failed or was too slow.
            SpeechEngineUnavailable: Neither program nor library is there.
        """
        words = _plain(text)
        if not words:
            return
        voice = self._choose(style)
        try:
            async with asyncio.timeout(deadline.remaining()):
                wav = await self._wav(words, voice=voice, style=style)
        except (TimeoutError, TurnTimeout) as exc:
            raise SynthesisFailed from exc
        try:
            clip = resample(parse_wav(wav), rate_hz=style.rate_hz)
        except AudioUnreadable as exc:
            raise SynthesisFailed from exc
        step = int(PIECE_SECONDS * clip.rate_hz) * 2
        for start in range(0, len(clip.pcm), step):
            yield AudioClip(clip.pcm[start : start + step], clip.rate_hz)

    async def start(self) -> None:
        """Start the child process of the bundled library, if that is what speaks."""
        if self._bundled is not None:
            with contextlib.suppress(SpeechEngineUnavailable):
                await self._bundled.warm()

    async def close(self) -> None:
        """End the child process of the bundled library."""
        if self._bundled is not None:
            await self._bundled.close()

    @property
    def _can_espeak(self) -> bool:
        return self._espeak is not None or self._bundled is not None

    def _choose(self, style: VoiceStyle) -> _Voice:
        names = self.voices(style.language)
        if not names:
            raise SpeechEngineUnavailable(
                "No speech program is installed; install espeak-ng."
            )
        wanted = style.voice
        name = wanted if wanted is not None and wanted in names else names[0]
        return _Voice("flite" if name in _FLITE_VOICES else "espeak", name)

    async def _wav(self, words: str, *, voice: _Voice, style: VoiceStyle) -> bytes:
        pace, pitch = _pace(style), _PITCH[style.tone]
        if voice.program == "flite":
            # flite reads no text from a pipe; `-t` takes the next argument as it is.
            stretch = _PACE["neutral"] / pace
            arguments = ["-voice", voice.name, "--setf", f"duration_stretch={stretch}"]
            return await _run(
                str(self._flite), *arguments, "-t", words, "-o", "/dev/stdout"
            )
        if self._bundled is not None:
            request = {"op": "speak", "voice": voice.name, "pace": pace, "pitch": pitch}
            _, wav = await self._bundled.call(
                request, words.encode(), timeout_seconds=10
            )
            return wav
        return await _run(
            str(self._espeak),
            *("--stdin", "--stdout", "-v", voice.name, "-s", str(pace)),
            *("-p", str(pitch), "-b", "1"),
            stdin=words.encode(),
        )


def _pace(style: VoiceStyle) -> int:
    """Return words a minute that espeak-ng knows, 80 to 450."""
    pace = round(_PACE[style.tone] * style.speed)
    return min(max(pace, SLOWEST), FASTEST)


def _plain(text: str) -> str:
    # `[[` starts phoneme input, and control characters have no sound.
    kept = "".join(char if char.isprintable() else " " for char in text)
    return kept.replace("[[", " ").replace("]]", " ").strip()[:MAX_CHARS]


async def _run(program: str, *arguments: str, stdin: bytes = b"") -> bytes:
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as exc:
        raise SpeechEngineUnavailable from exc
    try:
        out, _ = await process.communicate(stdin)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise SynthesisFailed
    return out
