"""Questions as a microphone would record them, spoken by the engine that is there."""

from __future__ import annotations

import asyncio

from domain.deadlines import Deadline
from domain.speech import SAMPLE_BYTES, AudioClip, VoiceStyle
from speech.encoding import encode_wav
from tests.fakes.http import make_settings
from utils.tts import build_tts

RATE_HZ = 16_000


def speak(text: str, *, language: str, lead: float = 0.5, tail: float = 0.5) -> bytes:
    """
    Return *text* as a WAV file, with silence around it.

    Args:
        text: What is said.
        language: `id` or `en`.
        lead: Seconds before the first word.
        tail: Seconds after the last one.
    """
    pcm = asyncio.run(_speak(text, language))
    quiet = b"\0" * SAMPLE_BYTES
    whole = quiet * int(lead * RATE_HZ) + pcm + quiet * int(tail * RATE_HZ)
    return encode_wav(AudioClip(whole, RATE_HZ))


async def _speak(text: str, language: str) -> bytes:
    engine = build_tts(make_settings())
    style = VoiceStyle(language=language, rate_hz=RATE_HZ)
    try:
        clips = engine.speak(text, style=style, deadline=Deadline.after(30))
        return b"".join([clip.pcm async for clip in clips])
    finally:
        await engine.close()
