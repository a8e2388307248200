"""
Recognition by Prosa, Indonesian first: REST for `https://`, streamed for `wss://`.

Streamed speech is heard while it is spoken: an utterance is one connection.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from domain.deadlines import Deadline
from domain.errors import RecognitionFailed, SpeechEngineUnavailable
from domain.speech import AudioClip, Transcript
from domain.speech_ports import Listening
from language.detection import detect_language
from speech.collecting import CollectedListening
from speech.encoding import encode_wav, resample
from speech.outage import RecognitionRefused
from speech.prosa_jobs import POLL_SECONDS, ProsaJobs
from speech.prosa_socket import Socket
from speech.prosa_utterance import Utterance
from speech.remote import RemoteFault, retrying, shorten

VENDOR_URL = "wss://asr-api.prosa.ai/v2/speech/stt/streaming"
FILE_MODEL, STREAM_MODEL = "stt-general", "stt-general-online"
RATE_HZ = 16_000
# What the vendor hears while the caller waits; longer files are asked for later.
MAX_WAIT_SECONDS = 60.0
CHUNK_BYTES = 16_000
UNKNOWN_CONFIDENCE = 0.8
"""Prosa tells none: it is believed."""


class ProsaSTT:
    """
    Hear with Prosa.

    Args:
        url: `https://.../v2/speech` or `wss://...`; None: the vendor's stream.
        model: None: the general one of the transport.
        timeout_seconds: One recognition.
        poll_seconds: Between two questions about an unfinished job.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        api_key: str | None = None,
        model: str | None = None,
        timeout_seconds: float = 20.0,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._url = url or VENDOR_URL
        self._api_key = api_key
        self._timeout_seconds = timeout_seconds
        self._needs_key = url is None
        streams = urlsplit(self._url).scheme in {"ws", "wss"}
        self._model = model or (STREAM_MODEL if streams else FILE_MODEL)
        self._jobs = (
            None
            if streams
            else ProsaJobs(
                self._url,
                kind="stt",
                api_key=api_key,
                timeout_seconds=timeout_seconds,
                poll_seconds=poll_seconds,
            )
        )

    def state(self) -> str:
        """Return `ok`, or `unavailable`: the key for the vendor is missing."""
        return "unavailable" if self._needs_key and not self._api_key else "ok"

    async def start(self) -> None:
        """Do nothing: connections are made when somebody speaks."""

    async def close(self) -> None:
        """Close the connections."""
        if self._jobs is not None:
            await self._jobs.close()

    async def transcribe(
        self, clip: AudioClip, *, language: str | None, deadline: Deadline
    ) -> Transcript:
        """
        Return what was said in *clip*; empty text when there are no words.

        Raises:
            RecognitionFailed: The server refused, failed twice or was too slow.
            SpeechEngineUnavailable: The key for the vendor is missing.
        """
        self._check()
        if not clip.pcm:
            return Transcript("", language or "id", 0.0)
        deadline = shorten(deadline, self._timeout_seconds)
        try:
            if self._jobs is not None:
                text = await self._by_job(self._jobs, clip, deadline=deadline)
            else:
                text = await self._by_stream(clip, deadline=deadline)
        except RemoteFault as exc:
            if exc.ours:
                raise RecognitionRefused from exc
            raise RecognitionFailed from exc
        return _transcript(text, language=language)

    @contextlib.asynccontextmanager
    async def listen(self, *, language: str | None) -> AsyncIterator[Listening]:
        """Hear one utterance while it is spoken; over REST when it is over."""
        self._check()
        if self._jobs is not None:
            yield CollectedListening(self, language=language)
            return
        deadline = Deadline.after(self._timeout_seconds)
        try:
            utterance = await self._open(deadline=deadline)
        except RemoteFault as exc:
            raise RecognitionFailed from exc
        try:
            yield _Spoken(utterance, language=language)
        finally:
            await utterance.close()

    def _check(self) -> None:
        if self.state() == "unavailable":
            raise SpeechEngineUnavailable("PROSA_STT_API_KEY is not set.")

    async def _by_job(
        self, jobs: ProsaJobs, clip: AudioClip, *, deadline: Deadline
    ) -> str:
        config = {
            "model": self._model,
            "wait": clip.seconds <= MAX_WAIT_SECONDS,
            "include_filler": False,
            "include_partial_results": False,
        }
        data = base64.b64encode(encode_wav(clip)).decode()
        result = await jobs.run(config, {"data": data}, deadline=deadline)
        found = result.get("data")
        parts = found if isinstance(found, list) else [found]
        texts = [text for part in parts if (text := _final_text(part)) is not None]
        if not texts and found != []:
            raise RemoteFault("no transcript", again=False)
        return " ".join(texts)

    async def _by_stream(self, clip: AudioClip, *, deadline: Deadline) -> str:
        pcm = resample(clip, rate_hz=RATE_HZ).pcm

        async def hear() -> str:
            utterance = await self._open(deadline=deadline)
            try:
                for start in range(0, len(pcm), CHUNK_BYTES):
                    await utterance.send(pcm[start : start + CHUNK_BYTES])
                return await utterance.finish(deadline=deadline)
            finally:
                await utterance.close()

        return await retrying(hear, engine="prosa stt", deadline=deadline)

    async def _open(self, *, deadline: Deadline) -> Utterance:
        headers = {"x-api-key": self._api_key} if self._api_key else {}
        socket = await Socket.open(self._url, headers=headers, deadline=deadline)
        config: dict[str, object] = {
            "label": "tanya",
            "model": self._model,
            "audio": {"format": "s16le", "channels": 1, "sample_rate": RATE_HZ},
            "include_filler": False,
            "include_partial": True,
        }
        try:
            await socket.send(config)
        except RemoteFault:
            await socket.close()
            raise
        return Utterance(socket)


class _Spoken:
    """`Listening` over a connection."""

    def __init__(self, utterance: Utterance, *, language: str | None) -> None:
        self._utterance = utterance
        self._language = language
        self._told = ""

    async def feed(self, pcm: bytes) -> Transcript | None:
        try:
            await self._utterance.send(pcm)
        except RemoteFault as exc:
            raise RecognitionFailed from exc
        text = self._utterance.text
        if not text or text == self._told:
            return None
        self._told = text
        return Transcript(text, self._language or "id", 0.0, final=False)

    async def finish(self, *, deadline: Deadline) -> Transcript:
        try:
            text = await self._utterance.finish(deadline=deadline)
        except RemoteFault as exc:
            raise RecognitionFailed from exc
        return _transcript(text, language=self._language)


def _final_text(part: object) -> str | None:
    if not isinstance(part, dict) or part.get("final") is False:
        return None
    text = part.get("transcript")
    return text if isinstance(text, str) else None


def _transcript(text: str, *, language: str | None) -> Transcript:
    words = " ".join(text.split())
    if not words:
        return Transcript("", language or "id", 0.0)
    found = language or detect_language(words, default="id")
    return Transcript(words, found, UNKNOWN_CONFIDENCE)
