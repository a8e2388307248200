"""
Speech by Prosa: REST for `https://`, one message a sentence for `wss://`.

A result is taken only as data of the answer itself: a URL in it is not followed.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import urlsplit

from domain.deadlines import Deadline
from domain.errors import AudioUnreadable, SpeechEngineUnavailable, SynthesisFailed
from domain.speech import SAMPLE_BYTES, AudioClip, VoiceStyle
from speech.chunking import split_text
from speech.encoding import resample
from speech.outage import SynthesisRefused
from speech.prosa_jobs import POLL_SECONDS, ProsaJobs
from speech.prosa_socket import Socket
from speech.remote import RemoteFault, retrying, shorten
from speech.resampling import parse_wavs

VENDOR_URL = "wss://tts-api.prosa.ai/v2/speech/tts/streaming"
# 280 are refused.
MAX_CHARS = 279
PIECE_SECONDS = 0.5
AT_ONCE = 2
"""Sentences that are made at the same time; the vendor's accounts allow few."""
_RATES_HZ = (8_000, 16_000, 24_000, 44_100, 48_000)
SLOWEST, FASTEST = 0.5, 2.0


class ProsaTTS:
    """
    Speak with Prosa.

    Args:
        url: `https://.../v2/speech` or `wss://...`; None: the vendor's stream.
        voices: Name of the voice by language.
        timeout_seconds: One sentence.
        poll_seconds: Between two questions about an unfinished job.
    """

    def __init__(
        self,
        *,
        voices: dict[str, str],
        url: str | None = None,
        api_key: str | None = None,
        timeout_seconds: float = 20.0,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._url = url or VENDOR_URL
        self._api_key = api_key
        self._voices = dict(voices)
        self._timeout_seconds = timeout_seconds
        self._needs_key = url is None
        streams = urlsplit(self._url).scheme in {"ws", "wss"}
        self._jobs = (
            None
            if streams
            else ProsaJobs(
                self._url,
                kind="tts",
                api_key=api_key,
                timeout_seconds=timeout_seconds,
                poll_seconds=poll_seconds,
            )
        )
        self._idle: dict[tuple[str, int], Socket] = {}

    def voices(self, language: str) -> Sequence[str]:
        """Return the name of the configured voice of *language*."""
        name = self._voices.get(language)
        return (name,) if name else ()

    def state(self) -> str:
        """Return `ok`, or `unavailable`: the key for the vendor is missing."""
        return "unavailable" if self._needs_key and not self._api_key else "ok"

    async def start(self) -> None:
        """Do nothing: connections are made when something is to be said."""

    async def close(self) -> None:
        """Close the connections."""
        while self._idle:
            _, socket = self._idle.popitem()
            await socket.close()
        if self._jobs is not None:
            await self._jobs.close()

    async def speak(
        self, text: str, *, style: VoiceStyle, deadline: Deadline
    ) -> AsyncIterator[AudioClip]:
        """
        Yield the sound of *text* in half-second pieces at the rate of *style*.

        Longer texts than the vendor takes are cut at sentences, clauses or words.

        Raises:
            SynthesisFailed: The server refused, failed twice or was too slow.
            SpeechEngineUnavailable: The key for the vendor or a voice is missing.
        """
        if self.state() == "unavailable":
            raise SpeechEngineUnavailable("PROSA_TTS_API_KEY is not set.")
        voice = self._choose(style)
        waiting = split_text(text.strip(), max_chars=MAX_CHARS)
        making: list[asyncio.Task[AudioClip]] = []
        try:
            while waiting or making:
                while waiting and len(making) < AT_ONCE:
                    call = self._make(
                        waiting.pop(0), voice=voice, style=style, deadline=deadline
                    )
                    making.append(asyncio.create_task(call))
                clip = await making.pop(0)
                step = int(PIECE_SECONDS * clip.rate_hz) * SAMPLE_BYTES
                for start in range(0, len(clip.pcm), step):
                    yield AudioClip(clip.pcm[start : start + step], clip.rate_hz)
        finally:
            for task in making:
                task.cancel()
            await asyncio.gather(*making, return_exceptions=True)

    def _choose(self, style: VoiceStyle) -> str:
        if style.voice is not None and style.voice in self._voices.values():
            return style.voice
        names = self.voices(style.language)
        if not names:
            raise SpeechEngineUnavailable("Prosa has no voice of this language.")
        return names[0]

    async def _make(
        self, text: str, *, voice: str, style: VoiceStyle, deadline: Deadline
    ) -> AudioClip:
        deadline = shorten(deadline, self._timeout_seconds)
        rate_hz = min(_RATES_HZ, key=lambda known: abs(known - style.rate_hz))
        try:
            if self._jobs is not None:
                config = {
                    "model": voice,
                    "wait": True,
                    # Its range differs between documents of the vendor; 0 is in both.
                    "pitch": 0,
                    "tempo": min(max(style.speed, SLOWEST), FASTEST),
                    "audio_format": "wav",
                    "sample_rate": rate_hz,
                }
                result = await self._jobs.run(config, {"text": text}, deadline=deadline)
                wav = _sound(result)
            else:
                wav = await self._by_stream(
                    text, voice=voice, rate_hz=rate_hz, deadline=deadline
                )
            # Whatever its header claims: the sound ends where the bytes end.
            return resample(parse_wavs(wav), rate_hz=style.rate_hz)
        except RemoteFault as exc:
            if exc.ours:
                raise SynthesisRefused from exc
            raise SynthesisFailed from exc
        except AudioUnreadable as exc:
            raise SynthesisFailed from exc

    async def _by_stream(
        self, text: str, *, voice: str, rate_hz: int, deadline: Deadline
    ) -> bytes:
        kept = self._idle.pop((voice, rate_hz), None)
        if kept is not None:
            try:
                return await self._ask(kept, text, (voice, rate_hz), deadline=deadline)
            except RemoteFault as exc:
                # It was closed while nobody spoke: that says nothing about the server.
                if not exc.again:
                    raise

        async def ask() -> bytes:
            socket = await self._open(voice=voice, rate_hz=rate_hz, deadline=deadline)
            return await self._ask(socket, text, (voice, rate_hz), deadline=deadline)

        return await retrying(ask, engine="prosa tts", deadline=deadline)

    async def _open(self, *, voice: str, rate_hz: int, deadline: Deadline) -> Socket:
        socket = await Socket.open(self._url, headers={}, deadline=deadline)
        config: dict[str, object] = {
            "label": "tanya",
            "model": voice,
            "audio_format": "wav",
            "sample_rate": rate_hz,
        }
        try:
            if self._api_key:
                await socket.send({"token": self._api_key})
            await socket.send(config)
            _check_greeting(await socket.receive(deadline=deadline))
        except BaseException:
            await socket.close()
            raise
        return socket

    async def _ask(
        self, socket: Socket, text: str, key: tuple[str, int], *, deadline: Deadline
    ) -> bytes:
        """Return one sentence of sound; the connection is kept for the next one."""
        whole = False
        try:
            await socket.send({"text": text})
            while isinstance(wav := await socket.receive(deadline=deadline), dict):
                if wav.get("type") == "error":
                    raise RemoteFault("refused", again=False)
            if wav is None:
                raise RemoteFault("closed", again=True)
            whole = True
        finally:
            if whole and key not in self._idle and socket.usable:
                self._idle[key] = socket
            else:
                await socket.close()
        return wav


def _check_greeting(told: dict[str, object] | bytes | None) -> None:
    """Raise `RemoteFault` unless it is the description of the new session."""
    if not isinstance(told, dict) or told.get("type") == "error":
        raise RemoteFault("refused", again=told is None)


def _sound(result: Mapping[str, object]) -> bytes:
    data = result.get("data")
    if not isinstance(data, str):
        raise RemoteFault("no sound", again=False)
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as exc:
        raise RemoteFault("unreadable", again=False) from exc
