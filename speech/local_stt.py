"""
Recognition on this machine: pocketsphinx in child processes, no download.

English is heard with a general model and one of the ingested documents. Indonesian is
experimental: English acoustics, a dictionary made by rule, and only the documents'
vocabulary.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

from domain.deadlines import Deadline
from domain.errors import (
    AppError,
    RecognitionFailed,
    SpeechEngineUnavailable,
    TurnTimeout,
)
from domain.speech import AudioClip, Transcript
from domain.speech_ports import Listening
from speech.workers import Worker, WorkerPool

log = logging.getLogger(__name__)

RATE_HZ = 16_000
# Two models and the general one, numpy and the voice activity detector.
MEMORY_MB = 1_536
BUILD_SECONDS = 120.0
LOAD_SECONDS = 30.0
FEED_SECONDS = 10.0
REFRESH_SECONDS = 15.0
"""How soon a new document's words are looked for, at the earliest."""
_NOTHING = b"[]"
FIRST_SECONDS = 10.0
"""How long the first utterance waits for the first documents to be learned."""
EXPERIMENTAL = frozenset({"id"})
"""Languages that are heard with the acoustics of another one."""


class LocalSTT:
    """
    Hear English and, with documents in it, Indonesian; costs 0.15 CPU s a second.

    Args:
        vocabulary: Sentences of the ingested documents; called in a thread.
        folder: Where models are kept; None: a temporary folder.
        processes: Utterances heard at once.
    """

    def __init__(
        self,
        vocabulary: Callable[[], Iterable[str]],
        *,
        folder: Path | None = None,
        processes: int = 2,
    ) -> None:
        self._vocabulary = vocabulary
        self._kept = folder
        self._folder: Path | None = folder
        self._processes = processes
        self._pool = WorkerPool(
            "speech.recogniser", size=processes, memory_mb=MEMORY_MB
        )
        self._builder = WorkerPool("speech.recogniser", size=1, memory_mb=MEMORY_MB)
        self._models: dict[str, str] = {}
        self._digest = ""
        self._checked_at: float | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._in_use = False

    def state(self) -> str:
        """Return `embedded`, or `unavailable`: the package pocketsphinx is missing."""
        return "embedded" if find_spec("pocketsphinx") else "unavailable"

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of which documents have made a model."""
        return tuple(sorted(self._models))

    def can_hear(self, language: str | None) -> bool:
        """Whether there is a model: of English always, else of the documents'."""
        return self.state() == "embedded" and (
            language in {None, "en"} or language in self._models
        )

    async def start(self) -> None:
        """Load one child ahead of the first use and learn from the documents later."""
        if self.state() == "embedded":
            await self.prepare()
            await self.load()

    async def prepare(self) -> None:
        """Begin to learn from the documents; nothing is loaded before the first use."""
        if self.state() == "embedded":
            self._refresh_soon()

    async def load(self) -> None:
        """Have one child load every model that is there; a failure is logged."""
        self._in_use = True
        request = self._request("load", None)
        try:
            await self._pool.call(request, timeout_seconds=LOAD_SECONDS)
        except AppError as exc:
            log.warning("recogniser_not_loaded", extra={"code": exc.code})

    async def refresh(self) -> None:
        """
        Build models anew when the documents' sentences have changed.

        A build that fails leaves the models that are there.
        """
        self._checked_at = time.monotonic()
        payload = await asyncio.to_thread(self._sentences)
        digest = hashlib.sha256(payload).hexdigest()[:16]
        if digest == self._digest:
            return
        if payload == _NOTHING:
            self._models, self._digest = {}, digest
            return
        folder = await asyncio.to_thread(self._make_folder, digest)
        request = {"op": "build", "folder": str(folder)}
        try:
            reply, _ = await self._builder.call(
                request, payload, timeout_seconds=BUILD_SECONDS
            )
        except AppError as exc:
            log.warning("speech_models_failed", extra={"code": exc.code})
            return
        finally:
            # A builder keeps what it read; the next build may be far away.
            await self._builder.drain()
        models = reply.get("models")
        self._models = dict(models) if isinstance(models, dict) else {}
        self._digest = digest
        log.info("speech_models_built", extra={"languages": sorted(self._models)})

    async def transcribe(
        self, clip: AudioClip, *, language: str | None, deadline: Deadline
    ) -> Transcript:
        """
        Return what was said in *clip* (16 kHz); empty text when there are no words.

        Raises:
            RecognitionFailed: The child died twice or was too slow.
            SpeechEngineUnavailable: pocketsphinx is not installed.
        """
        self._check()
        self._in_use = True
        await self._learn(deadline)
        request = self._request("recognise", language)
        for attempt in (1, 2):
            try:
                reply, _ = await self._pool.call(
                    request, clip.pcm, timeout_seconds=deadline.remaining()
                )
            except (SpeechEngineUnavailable, TurnTimeout) as exc:
                if attempt == 2 or isinstance(exc, TurnTimeout):
                    raise RecognitionFailed from exc
                log.warning("recogniser_restarted")
                continue
            return _transcript(reply)
        raise RecognitionFailed

    @contextlib.asynccontextmanager
    async def listen(self, *, language: str | None) -> AsyncIterator[Listening]:
        """Hear one utterance while it is spoken; it holds one of the processes."""
        self._check()
        self._in_use = True
        await self._learn(Deadline.after(FIRST_SECONDS))
        request = self._request("start", language)
        async with self._pool.lease() as worker:
            listening = _Utterance(worker, request)
            await listening.start()
            yield listening

    async def close(self) -> None:
        """End the children and remove temporary models."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._refreshing
        await self._pool.close()
        await self._builder.close()
        if self._kept is None and self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
            self._folder = None

    def _check(self) -> None:
        if self.state() != "embedded":
            raise SpeechEngineUnavailable("The package pocketsphinx is not installed.")

    def _request(self, op: str, language: str | None) -> dict[str, object]:
        return {"op": op, "language": language, "models": dict(self._models)}

    async def _learn(self, deadline: Deadline) -> None:
        """Look for new documents; wait for that while nothing is known at all."""
        self._refresh_soon()
        if not self._models and self._refreshing is not None:
            try:
                seconds = min(FIRST_SECONDS, deadline.remaining() / 2)
            except TurnTimeout as exc:
                raise RecognitionFailed from exc
            await asyncio.wait({self._refreshing}, timeout=seconds)

    def _refresh_soon(self) -> None:
        """Look for new documents in the background, not too often."""
        if self._refreshing is not None and not self._refreshing.done():
            return
        checked = self._checked_at
        if checked is None or time.monotonic() - checked >= REFRESH_SECONDS:
            self._refreshing = asyncio.create_task(self._refresh_quietly())

    async def _refresh_quietly(self) -> None:
        known = self._digest
        try:
            await self.refresh()
        except AppError as exc:
            log.warning("speech_vocabulary_failed", extra={"code": exc.code})
        if self._digest != known and self._in_use:
            await self.load()

    def _sentences(self) -> bytes:
        return json.dumps(sorted(set(self._vocabulary()))).encode()

    def _make_folder(self, digest: str) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="tanya-speech-"))
        self._folder.mkdir(parents=True, exist_ok=True)
        # One of its own for each process: nobody reads what another is writing.
        return Path(tempfile.mkdtemp(prefix=f"{digest}-", dir=self._folder))


class _Utterance:
    """`Listening` through a child that is ours for that long."""

    def __init__(self, worker: Worker, request: dict[str, object]) -> None:
        self._worker = worker
        self._request = request

    async def start(self) -> None:
        """Begin; the first one of a child loads its models."""
        await self._call(self._request, seconds=LOAD_SECONDS)

    async def feed(self, pcm: bytes) -> Transcript | None:
        """Add 16-bit mono samples at 16 kHz; an interim hypothesis when it changed."""
        reply = await self._call({"op": "feed"}, pcm, seconds=FEED_SECONDS)
        if not reply.get("text"):
            return None
        language = str(self._request["language"] or "en")
        return Transcript(str(reply["text"]), language, 0.0, final=False)

    async def finish(self, *, deadline: Deadline) -> Transcript:
        """Return what was said. Raises `RecognitionFailed`."""
        request = {**self._request, "op": "finish"}
        return _transcript(await self._call(request, seconds=deadline.remaining()))

    async def _call(
        self, request: dict[str, object], pcm: bytes = b"", *, seconds: float
    ) -> dict[str, object]:
        try:
            async with asyncio.timeout(seconds):
                reply, _ = await self._worker.call(request, pcm)
        except (TimeoutError, SpeechEngineUnavailable) as exc:
            raise RecognitionFailed from exc
        return reply


def _transcript(reply: dict[str, object]) -> Transcript:
    confidence = min(1.0, max(0.0, float(str(reply["confidence"]))))
    return Transcript(str(reply["text"]), str(reply["language"]), confidence)
