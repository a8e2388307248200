"""
Speech by any server that speaks OpenAI's `POST /audio/speech`.

Samples are asked for without a header and given out while they come; servers that
answer with WAV files, whatever their headers claim, are understood too.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass

import httpx

from domain.deadlines import Deadline
from domain.errors import AudioUnreadable, SpeechEngineUnavailable, SynthesisFailed
from domain.speech import SAMPLE_BYTES, AudioClip, EmotionLabel, VoiceStyle
from speech.chunking import split_text
from speech.encoding import MAX_RATE_HZ, MIN_RATE_HZ
from speech.outage import SynthesisRefused
from speech.remote import REFUSED, RemoteClient, RemoteFault, retrying
from speech.resampling import StreamResampler, parse_wavs

VENDOR_URL = "https://api.openai.com/v1"
VENDOR_VOICES = (
    *("alloy", "ash", "ballad", "coral", "echo", "fable"),
    *("nova", "onyx", "sage", "shimmer", "verse"),
)
MAX_CHARS = 4_096
MAX_SOUND_SECONDS = 300
PIECE_SECONDS = 0.2
SLOWEST, FASTEST = 0.25, 4.0
_INSTRUCTIONS: dict[EmotionLabel, str] = {
    "happy": "Speak in a warm and lively tone.",
    "sad": "Speak in a gentle, compassionate tone, a little slower than usual.",
    "angry": "Speak in a calm, patient and reassuring tone.",
    "fear": "Speak in a calm and reassuring tone, a little slower than usual.",
}
_RATE = re.compile(r"\brate=(\d{4,6})\b")
_MAGIC_BYTES = 4
# Ogg, FLAC and MP3 with a tag: a server that does not know `pcm`.
_FOREIGN = (b"OggS", b"fLaC", b"ID3")
_NO_SOUND = ("application/json", "text/")


class OpenAITTS:
    """
    Speak with an OpenAI-compatible server.

    Args:
        voice: Spoken with unless a style names another one.
        rate_hz: Of the bare samples the server sends; the vendor's are 24 kHz.
        base_url: With `/v1`; None: the vendor's.
        timeout_seconds: Until sound begins, and between two parts of it.
    """

    def __init__(
        self,
        *,
        model: str = "gpt-4o-mini-tts",
        voice: str = "alloy",
        rate_hz: int = 24_000,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout_seconds: float = 20.0,
    ) -> None:
        self._model = model
        self._voice = voice
        self._rate_hz = rate_hz
        self._url = (base_url or VENDOR_URL).rstrip("/") + "/audio/speech"
        self._vendor = base_url is None
        self._has_key = bool(api_key)
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = RemoteClient(headers=headers, timeout_seconds=timeout_seconds)
        # The older models refuse it; so do some servers, which are asked once.
        self._takes_instructions = not model.startswith("tts-1")

    def voices(self, language: str) -> Sequence[str]:  # noqa: ARG002 - all speak both
        """Return the names of the voices, the default first."""
        known = VENDOR_VOICES if self._vendor else ()
        return (self._voice, *(name for name in known if name != self._voice))

    def state(self) -> str:
        """Return `ok`, or `unavailable`: the key for the vendor is missing."""
        return "unavailable" if self._vendor and not self._has_key else "ok"

    async def start(self) -> None:
        """Do nothing: connections are made when something is to be said."""

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def speak(
        self, text: str, *, style: VoiceStyle, deadline: Deadline
    ) -> AsyncIterator[AudioClip]:
        """
        Yield the sound of *text* in pieces as they come, at the rate of *style*.

        Raises:
            SynthesisFailed: The server refused, failed twice or broke off.
            SpeechEngineUnavailable: The key for the vendor is missing.
        """
        if self.state() == "unavailable":
            raise SpeechEngineUnavailable("OPENAI_API_KEY is not set.")
        for part in split_text(text.strip(), max_chars=MAX_CHARS):
            sound = self._say(part, style=style, deadline=deadline)
            try:
                async for clip in sound:
                    yield clip
            except RemoteFault as exc:
                if exc.ours:
                    raise SynthesisRefused from exc
                raise SynthesisFailed from exc
            finally:
                await sound.aclose()

    async def _say(
        self, text: str, *, style: VoiceStyle, deadline: Deadline
    ) -> AsyncGenerator[AudioClip, None]:
        async def begin() -> _Begun:
            return await self._begin(text, style=style, deadline=deadline)

        begun = await retrying(begin, engine="openai", deadline=deadline)
        resampler = StreamResampler(begun.rate_hz, style.rate_hz)
        step = int(PIECE_SECONDS * style.rate_hz) * SAMPLE_BYTES
        ready = bytearray()
        received = 0
        try:
            async for part in begun.parts():
                received += len(part)
                ready += resampler.feed(part)
                while len(ready) >= step:
                    yield AudioClip(bytes(ready[:step]), style.rate_hz)
                    del ready[:step]
                if received > MAX_SOUND_SECONDS * begun.rate_hz * SAMPLE_BYTES:
                    raise RemoteFault("too large", again=False)
        finally:
            await begun.close()
        ready += resampler.finish()
        if ready:
            yield AudioClip(bytes(ready), style.rate_hz)

    async def _begin(
        self, text: str, *, style: VoiceStyle, deadline: Deadline
    ) -> _Begun:
        """Return an answer whose sound has begun; until then it may be asked again."""
        try:
            payload = self._payload(text, style=style)
            reply = await self._client.open(
                "POST", self._url, payload=payload, deadline=deadline
            )
        except RemoteFault as exc:
            if exc.status in REFUSED and "instructions" in payload:
                self._takes_instructions = False
                exc.again = True
            raise
        begun = _Begun(reply, self._client.parts(reply, deadline=deadline))
        try:
            await begun.open(rate_hz=self._rate_hz)
        except BaseException:
            await begun.close()
            raise
        return begun

    def _payload(self, text: str, *, style: VoiceStyle) -> dict[str, object]:
        named = style.voice in self.voices(style.language)
        payload: dict[str, object] = {
            "model": self._model,
            "input": text,
            "voice": style.voice if named else self._voice,
            "response_format": "pcm",
        }
        # Strict servers refuse keys they do not know: what is usual is left out.
        if style.speed != 1.0:
            payload["speed"] = min(max(style.speed, SLOWEST), FASTEST)
        if self._takes_instructions and style.tone in _INSTRUCTIONS:
            payload["instructions"] = _INSTRUCTIONS[style.tone]
        return payload


@dataclass(slots=True)
class _Begun:
    """An answer: bare samples that come, or a whole WAV that was collected."""

    reply: httpx.Response
    stream: AsyncGenerator[bytes, None]
    head: bytes = b""
    rate_hz: int = 0

    async def open(self, *, rate_hz: int) -> None:
        """Read until it is known what comes. Raises `RemoteFault`."""
        kind = str(self.reply.headers.get("content-type", "")).lower()
        if kind.startswith(_NO_SOUND):
            raise RemoteFault("no sound", again=False)
        told = _RATE.search(kind)
        said = int(told[1]) if told else rate_hz
        self.rate_hz = said if MIN_RATE_HZ <= said <= MAX_RATE_HZ else rate_hz
        while len(self.head) < _MAGIC_BYTES:
            part = await anext(self.stream, None)
            if part is None:
                break
            self.head += part
        if not self.head:
            raise RemoteFault("no sound", again=True)
        if self.head.startswith(_FOREIGN):
            raise RemoteFault("another format", again=False)
        if self.head.startswith(b"RIFF"):
            await self._collect()

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield the samples."""
        yield self.head
        async for part in self.stream:
            yield part

    async def close(self) -> None:
        """Give the connection back."""
        await self.stream.aclose()
        await self.reply.aclose()

    async def _collect(self) -> None:
        body = bytearray(self.head)
        async for part in self.stream:
            body += part
            if len(body) > MAX_SOUND_SECONDS * 48_000 * SAMPLE_BYTES:
                raise RemoteFault("too large", again=False)
        try:
            clip = parse_wavs(bytes(body))
        except AudioUnreadable as exc:
            raise RemoteFault("unreadable", again=False) from exc
        self.head, self.rate_hz = clip.pcm, clip.rate_hz
