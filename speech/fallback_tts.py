"""Speech that goes on while its engine is away."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import cast

from domain.deadlines import Deadline
from domain.errors import AppError, SynthesisFailed, TurnTimeout
from domain.speech import AudioClip, VoiceStyle
from speech.engines import SpeakingEngine
from speech.outage import Outage, SynthesisRefused


class FallbackTTS:
    """
    Speak with one engine; with another one while the first fails, or has no voice.

    A missing program, model or key is no outage: that error is the caller's to see.

    Args:
        timeout_seconds: One sentence by *primary*, its second attempt included; time in
            which the listener takes what was made does not count.
    """

    def __init__(
        self,
        primary: SpeakingEngine,
        reserve: SpeakingEngine,
        *,
        timeout_seconds: float,
        outage: Outage,
    ) -> None:
        self._primary = primary
        self._reserve = reserve
        self._timeout_seconds = timeout_seconds
        self._outage = outage

    def voices(self, language: str) -> Sequence[str]:
        """Return the engine's voices of *language*, or the reserve's if it has none."""
        return self._primary.voices(language) or self._reserve.voices(language)

    def state(self) -> str:
        """Return the engine's state; `degraded` while the reserve speaks."""
        if not self._outage.on:
            return self._primary.state()
        usable = self._reserve.state() != "unavailable"
        return "degraded" if usable else "unavailable"

    async def start(self) -> None:
        """Make both ready."""
        await self._primary.start()
        await self._reserve.start()

    async def close(self) -> None:
        """Close both."""
        await self._primary.close()
        await self._reserve.close()

    async def speak(
        self, text: str, *, style: VoiceStyle, deadline: Deadline
    ) -> AsyncIterator[AudioClip]:
        """
        Yield the sound of one sentence in pieces, at the rate of *style*.

        A sentence that broke off is not begun again with another voice.

        Raises:
            SynthesisFailed: The engine failed and the reserve cannot speak *style*.
            SpeechEngineUnavailable: A program, model or key is missing.
        """
        if not self._foreign(style) and self._outage.may_try():
            sound = self._primary.speak(text, style=style, deadline=deadline)
            budget = _Budget(self._timeout_seconds, deadline)
            given = False
            try:
                async with contextlib.aclosing(budget.spend_on(sound)) as pieces:
                    async for clip in pieces:
                        if not given:
                            self._outage.succeeded()
                        given = True
                        yield clip
            except SynthesisRefused:
                self._outage.succeeded()
                if given:
                    raise
            except SynthesisFailed:
                if _over(deadline):
                    raise
                self._outage.failed()
                if given:
                    raise
            else:
                return
        reserve = self._speak_in_reserve(text, style=style, deadline=deadline)
        async with contextlib.aclosing(reserve) as pieces:
            async for clip in pieces:
                yield clip

    def _foreign(self, style: VoiceStyle) -> bool:
        """Whether only the reserve has a voice of the language."""
        return (
            self._primary.state() != "unavailable"
            and not self._primary.voices(style.language)
            and bool(self._reserve.voices(style.language))
        )

    async def _speak_in_reserve(
        self, text: str, *, style: VoiceStyle, deadline: Deadline
    ) -> AsyncGenerator[AudioClip, None]:
        if not self._reserve.voices(style.language):
            raise SynthesisFailed
        try:
            async for clip in self._reserve.speak(text, style=style, deadline=deadline):
                yield clip
        except AppError as exc:
            raise SynthesisFailed from exc


def _over(deadline: Deadline) -> bool:
    """Whether it was the caller who had no time."""
    try:
        deadline.remaining()
    except TurnTimeout:
        return True
    return False


class _Budget:
    """Seconds that an engine may take, counted only while it is waited for."""

    def __init__(self, seconds: float, deadline: Deadline) -> None:
        self._left = seconds
        self._deadline = deadline

    async def spend_on(
        self, sound: AsyncIterator[AudioClip]
    ) -> AsyncGenerator[AudioClip, None]:
        """Yield what *sound* yields. Raises `SynthesisFailed` when the time is up."""
        try:
            while (clip := await self._next(sound)) is not None:
                yield clip
        finally:
            # The port says iterator; engines are generators and hold connections.
            await cast("AsyncGenerator[AudioClip, None]", sound).aclose()

    async def _next(self, sound: AsyncIterator[AudioClip]) -> AudioClip | None:
        started = time.monotonic()
        try:
            limit = min(max(0.0, self._left), self._deadline.remaining())
            async with asyncio.timeout(limit):
                return await anext(sound, None)
        except (TimeoutError, TurnTimeout) as exc:
            raise SynthesisFailed from exc
        finally:
            self._left -= time.monotonic() - started
