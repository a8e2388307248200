"""`POST /v1/audio/speech`: a text read out, heard before its last sentence is made."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any

from flask import Response

from api import sse
from api.context import Edge, edge
from api.event_streams import Silence
from api.openai.audio_schemas import SpeechRequest
from api.openai.completions import estimate_tokens
from api.openai.models import SPEAK, SPEAK_ALIASES, check_model
from api.openai.streaming import Ahead, openai_stream
from api.streams import AsyncStream
from domain.deadlines import Deadline
from domain.errors import SpeechEngineUnavailable
from domain.speech import AUDIO_MEDIA_TYPES, SAMPLE_BYTES, AudioClip
from domain.speech_ports import SpeechServices

RATE_HZ = 24_000
"""What their clients take `pcm` to be."""

# An emoji has no sound, but a file of no sound at all is not one.
_SILENCE_SECONDS = 0.1


async def create_speech(body: SpeechRequest) -> Response:
    """Read a text out."""
    check_model(body.model, SPEAK, *SPEAK_ALIASES)
    here = edge()
    speech = here.services.speech
    if speech is None:
        raise SpeechEngineUnavailable("Speech is switched off.")
    audio_format = body.response_format or "mp3"
    clips = partial(
        _clips, speech, body, deadline=Deadline.after(here.options.voice_seconds)
    )
    if audio_format == "wav" and body.stream_format is None:
        return await _whole_wav(here, speech, clips())
    parts = partial(_encode, here, speech, clips, audio_format=audio_format)
    if body.stream_format == "sse":
        source = partial(_events, parts, characters=len(body.input))
        return openai_stream(here, lambda: Ahead(source()), sse.write_data)
    return AsyncStream(
        _sound(here, lambda: Ahead(parts())),
        headers=sse.HEADERS,
        mimetype=AUDIO_MEDIA_TYPES[audio_format],
    )


async def _clips(
    speech: SpeechServices, body: SpeechRequest, *, deadline: Deadline
) -> AsyncGenerator[AudioClip]:
    spoken = False
    clips = speech.narrator.narrate(
        body.input,
        rate_hz=RATE_HZ,
        voice=body.voice_name,
        speed=body.speed or 1.0,
        deadline=deadline,
    )
    try:
        async for clip in clips:
            spoken = True
            yield clip
    finally:
        if isinstance(clips, AsyncGenerator):
            await clips.aclose()
    if not spoken:
        yield AudioClip(bytes(SAMPLE_BYTES * int(RATE_HZ * _SILENCE_SECONDS)), RATE_HZ)


async def _whole_wav(
    here: Edge, speech: SpeechServices, clips: AsyncGenerator[AudioClip]
) -> Response:
    pcm = bytearray()
    async with contextlib.aclosing(clips):
        async for clip in clips:
            pcm += clip.pcm
    wav = await here.blocking.run(
        speech.encoder.encode, AudioClip(bytes(pcm), RATE_HZ), audio_format="wav"
    )
    return Response(wav, content_type=AUDIO_MEDIA_TYPES["wav"])


async def _encode(
    here: Edge,
    speech: SpeechServices,
    make_clips: Callable[[], AsyncGenerator[AudioClip]],
    *,
    audio_format: str,
) -> AsyncGenerator[bytes]:
    run = here.blocking.run
    file = await run(speech.encoder.start, audio_format=audio_format, rate_hz=RATE_HZ)
    async with contextlib.aclosing(make_clips()) as clips:
        async for clip in clips:
            yield await run(file.feed, clip)
    yield await run(file.finish)


async def _sound(
    here: Edge, make_source: Callable[[], Ahead[bytes]]
) -> AsyncIterator[bytes]:
    source = make_source()
    here.metrics.stream_opened()
    try:
        # Nothing can fill a silence of sound: the deadline ends it.
        steps = source.steps(silence_seconds=here.options.voice_seconds)
        async with contextlib.aclosing(steps):
            async for part in steps:
                # The status is sent with the first byte, so an empty part must wait.
                if part and not isinstance(part, Silence):
                    yield part
    finally:
        here.metrics.stream_closed()
        await source.close()


async def _events(
    make_parts: Callable[[], AsyncGenerator[bytes]], *, characters: int
) -> AsyncGenerator[Mapping[str, Any]]:
    async with contextlib.aclosing(make_parts()) as parts:
        async for part in parts:
            if part:
                audio = base64.b64encode(part).decode()
                yield {"type": "speech.audio.delta", "audio": audio}
    tokens = estimate_tokens(characters)
    usage = {"input_tokens": tokens, "output_tokens": 0, "total_tokens": tokens}
    yield {"type": "speech.audio.done", "usage": usage}
