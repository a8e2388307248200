"""
Recognition by any server that speaks OpenAI's `POST /audio/transcriptions`.

Names of the documents go along as `prompt`, which is what keeps a general model from
writing them as common words.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from domain.deadlines import Deadline
from domain.errors import RecognitionFailed, SpeechEngineUnavailable
from domain.speech import AudioClip, Transcript
from domain.speech_ports import Listening
from speech.collecting import CollectedListening
from speech.encoding import encode_wav
from speech.lm_text import guess_language
from speech.names import DocumentNames
from speech.outage import RecognitionRefused
from speech.remote import RemoteClient, RemoteFault, retrying, shorten
from speech.whisper import Segment, confidence_of

VENDOR_URL = "https://api.openai.com/v1"
MAX_REPLY_BYTES = 1024 * 1024
_UNKNOWN_FORMAT = frozenset({400, 415, 422})
UNKNOWN_CONFIDENCE = 0.8
"""Of a server that tells none: it is believed."""
_LANGUAGES = {"english": "en", "indonesian": "id"}


class OpenAISTT:
    """
    Hear with an OpenAI-compatible server.

    Args:
        base_url: With `/v1`; None: the vendor's.
        timeout_seconds: One recognition.
        vocabulary: Sentences of the ingested documents; called in a thread.
    """

    def __init__(
        self,
        *,
        model: str = "whisper-1",
        base_url: str | None = None,
        api_key: str | None = None,
        timeout_seconds: float = 20.0,
        vocabulary: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        self._model = model
        self._url = (base_url or VENDOR_URL).rstrip("/") + "/audio/transcriptions"
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = RemoteClient(headers=headers, timeout_seconds=timeout_seconds)
        self._vendor_without_key = base_url is None and not api_key
        self._timeout_seconds = timeout_seconds
        self._names = DocumentNames(vocabulary or list)
        # Only Whisper writes probabilities; a server that refuses is told once.
        self._format = "verbose_json" if "whisper" in model.lower() else "json"

    def state(self) -> str:
        """Return `ok`, or `unavailable`: the key for the vendor is missing."""
        return "unavailable" if self._vendor_without_key else "ok"

    async def start(self) -> None:
        """Read the names of the documents ahead of the first recording."""
        await self._names.find()

    async def transcribe(
        self, clip: AudioClip, *, language: str | None, deadline: Deadline
    ) -> Transcript:
        """
        Return what was said in *clip*; empty text when there are no words.

        Raises:
            RecognitionFailed: The server refused, failed twice or was too slow.
            SpeechEngineUnavailable: The key for the vendor is missing.
        """
        if self._vendor_without_key:
            raise SpeechEngineUnavailable("OPENAI_API_KEY is not set.")
        if not clip.pcm:
            return Transcript("", language or "en", 0.0)
        deadline = shorten(deadline, self._timeout_seconds)
        wav = encode_wav(clip)
        prompt = await self._names.find()

        async def ask() -> bytes:
            return await self._ask(wav, language, prompt, deadline=deadline)

        try:
            body = await retrying(ask, engine="openai stt", deadline=deadline)
        except RemoteFault as exc:
            if exc.ours:
                raise RecognitionRefused from exc
            raise RecognitionFailed from exc
        return _read(body, language=language)

    @contextlib.asynccontextmanager
    async def listen(self, *, language: str | None) -> AsyncIterator[Listening]:
        """Collect one utterance; the server hears it when it is over."""
        yield CollectedListening(self, language=language)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _ask(
        self, wav: bytes, language: str | None, prompt: str, *, deadline: Deadline
    ) -> bytes:
        """Return an answer; in the plainer format if the richer one is refused."""
        try:
            return await self._post(
                wav, language, prompt, form=self._format, deadline=deadline
            )
        except RemoteFault as exc:
            if exc.status not in _UNKNOWN_FORMAT or self._format == "json":
                raise
        body = await self._post(wav, language, prompt, form="json", deadline=deadline)
        # It was the format that was refused, not this recording.
        self._format = "json"
        return body

    async def _post(
        self,
        wav: bytes,
        language: str | None,
        prompt: str,
        *,
        form: str,
        deadline: Deadline,
    ) -> bytes:
        fields = {"model": self._model, "response_format": form}
        fields |= {"language": language} if language else {}
        fields |= {"prompt": prompt} if prompt else {}
        # Servers tell the format by the name of the file.
        return await self._client.fetch(
            "POST",
            self._url,
            fields=fields,
            files={"file": ("speech.wav", wav, "audio/wav")},
            max_bytes=MAX_REPLY_BYTES,
            deadline=deadline,
        )


def _read(body: bytes, *, language: str | None) -> Transcript:
    try:
        reply = json.loads(body)
    except ValueError as exc:
        raise RecognitionFailed from exc
    if not isinstance(reply, dict) or not isinstance(reply.get("text"), str):
        raise RecognitionFailed
    text = " ".join(reply["text"].split())
    segments = reply.get("segments")
    confidence = UNKNOWN_CONFIDENCE
    if isinstance(segments, list) and segments:
        confidence = _confidence(segments)
    if not text or confidence == 0.0:
        return Transcript("", language or "en", 0.0)
    told = str(reply.get("language") or "").lower()
    found = language or _LANGUAGES.get(told, told[:2] if len(told) == 2 else "")
    return Transcript(
        text, found or guess_language(text.lower().split()), round(confidence, 3)
    )


def _confidence(segments: list[Any]) -> float:
    """Return how sure the server was, as Whisper tells it."""
    found = []
    for segment in segments:
        if not isinstance(segment, dict):
            continue
        log_probability = _number(segment.get("avg_logprob"))
        if log_probability is None:
            return UNKNOWN_CONFIDENCE
        silent = _number(segment.get("no_speech_prob")) or 0.0
        found.append(Segment(str(segment.get("text") or ""), log_probability, silent))
    return confidence_of(found)


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None
