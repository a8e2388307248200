"""Recognition that goes on while its engine is away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

from domain.deadlines import Deadline
from domain.errors import AppError, RecognitionFailed, TurnTimeout
from domain.speech import AudioClip, Transcript
from domain.speech_ports import Listening
from speech.engines import RecognitionEngine
from speech.outage import Outage, RecognitionRefused

RATE_HZ = 16_000


class Reserve(RecognitionEngine, Protocol):
    """An engine that can stand in."""

    def can_hear(self, language: str | None) -> bool:
        """Whether it knows *language* (None: any)."""
        ...

    async def prepare(self) -> None:
        """Make ready cheaply: it may never be used."""
        ...


class FallbackSTT:
    """
    Hear with one engine, and with another one while the first fails.

    A missing program, model or key is no outage: that error is the caller's to see.

    Args:
        timeout_seconds: One recognition by *primary*, its second attempt included.
    """

    def __init__(
        self,
        primary: RecognitionEngine,
        reserve: Reserve,
        *,
        timeout_seconds: float,
        outage: Outage,
    ) -> None:
        self._primary = primary
        self._reserve = reserve
        self._timeout_seconds = timeout_seconds
        self._outage = outage

    def state(self) -> str:
        """Return the engine's state; `degraded` while the reserve hears."""
        if not self._outage.on:
            return self._primary.state()
        return "degraded" if self._reserve.can_hear(None) else "unavailable"

    async def start(self) -> None:
        """Make both ready, the reserve without loading its models."""
        await self._primary.start()
        await self._reserve.prepare()

    async def close(self) -> None:
        """Close both."""
        await self._primary.close()
        await self._reserve.close()

    async def transcribe(
        self, clip: AudioClip, *, language: str | None, deadline: Deadline
    ) -> Transcript:
        """
        Return what was said; empty text when there are no words.

        Raises:
            RecognitionFailed: The engine failed and the reserve cannot hear *language*.
            SpeechEngineUnavailable: A program, model or key is missing.
        """
        if self._outage.may_try():
            try:
                async with asyncio.timeout(self._limit(deadline)):
                    heard = await self._primary.transcribe(
                        clip, language=language, deadline=deadline
                    )
            except (RecognitionFailed, TurnTimeout, TimeoutError) as exc:
                self._note_failure(deadline, exc)
            else:
                self._outage.succeeded()
                return heard
        return await self.transcribe_in_reserve(
            clip, language=language, deadline=deadline
        )

    async def transcribe_in_reserve(
        self, clip: AudioClip, *, language: str | None, deadline: Deadline
    ) -> Transcript:
        """Return what the reserve hears. Raises `RecognitionFailed`."""
        if not self._reserve.can_hear(language):
            raise RecognitionFailed
        try:
            return await self._reserve.transcribe(
                clip, language=language, deadline=deadline
            )
        except (AppError, TurnTimeout) as exc:
            raise RecognitionFailed from exc

    @contextlib.asynccontextmanager
    async def listen(self, *, language: str | None) -> AsyncIterator[Listening]:
        """Hear one utterance while it is spoken, whoever of the two can."""
        async with contextlib.AsyncExitStack() as stack:
            listening: Listening | None = None
            if self._outage.may_try():
                listening = await self._open(stack, language=language)
            if listening is not None:
                yield _Watched(self, listening, language=language)
                return
            if not self._reserve.can_hear(language):
                raise RecognitionFailed
            yield await stack.enter_async_context(
                self._reserve.listen(language=language)
            )

    async def finish(
        self,
        listening: Listening,
        pcm: bytes,
        *,
        language: str | None,
        deadline: Deadline,
    ) -> Transcript:
        """End an utterance of the engine; the reserve hears *pcm* if that fails."""
        try:
            async with asyncio.timeout(self._limit(deadline)):
                heard = await listening.finish(deadline=deadline)
        except (RecognitionFailed, TurnTimeout, TimeoutError) as exc:
            self._note_failure(deadline, exc)
        else:
            self._outage.succeeded()
            return heard
        return await self.transcribe_in_reserve(
            AudioClip(pcm, RATE_HZ), language=language, deadline=deadline
        )

    def note_failure(self) -> None:
        """Note that the engine failed in the middle of an utterance."""
        self._outage.failed()

    async def _open(
        self, stack: contextlib.AsyncExitStack, *, language: str | None
    ) -> Listening | None:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await stack.enter_async_context(
                    self._primary.listen(language=language)
                )
        except (RecognitionFailed, TimeoutError):
            self._outage.failed()
            return None

    def _limit(self, deadline: Deadline) -> float:
        return min(self._timeout_seconds, deadline.remaining())

    def _note_failure(self, deadline: Deadline, exc: Exception) -> None:
        """Trip, unless it was the recording, or the caller had no time: then raise."""
        if isinstance(exc, RecognitionRefused):
            self._outage.succeeded()
            return
        try:
            deadline.remaining()
        except TurnTimeout:
            raise RecognitionFailed from exc
        self._outage.failed()


class _Watched:
    """`Listening` of the engine; what was said is kept for the reserve."""

    def __init__(
        self, owner: FallbackSTT, listening: Listening, *, language: str | None
    ) -> None:
        self._owner = owner
        self._listening: Listening | None = listening
        self._language = language
        self._pcm = bytearray()

    async def feed(self, pcm: bytes) -> Transcript | None:
        self._pcm += pcm
        if self._listening is None:
            return None
        try:
            return await self._listening.feed(pcm)
        except RecognitionFailed:
            self._owner.note_failure()
            self._listening = None
            return None

    async def finish(self, *, deadline: Deadline) -> Transcript:
        pcm = bytes(self._pcm)
        if self._listening is None:
            return await self._owner.transcribe_in_reserve(
                AudioClip(pcm, RATE_HZ), language=self._language, deadline=deadline
            )
        return await self._owner.finish(
            self._listening, pcm, language=self._language, deadline=deadline
        )
