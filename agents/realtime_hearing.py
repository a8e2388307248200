"""One utterance on its way through the recogniser, while it is spoken."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Callable

from agents.voice import LANGUAGES
from domain.deadlines import Deadline
from domain.errors import RecognitionFailed
from domain.speech import SAMPLE_BYTES, Transcript
from domain.speech_ports import SpeechToText
from language.detection import detect_language

log = logging.getLogger(__name__)

RATE_HZ = 16_000
# Each call costs a way to another process and back.
_PIECE_BYTES = RATE_HZ * SAMPLE_BYTES // 10
_SETTLED_PIECES = 2
"""A hypothesis that so many further pieces did not change is worth a search."""
_FEWEST_WORDS = 2


class Hearing:
    """
    Feeds one utterance to the recogniser in a task of its own.

    Args:
        language: Spoken, or None to find out.
        seconds: What the recogniser may take for its last pass.
        on_settled: Called with a hypothesis that stays the same for a while.
    """

    def __init__(
        self,
        stt: SpeechToText,
        *,
        language: str | None,
        seconds: float,
        on_settled: Callable[[Transcript], None],
    ) -> None:
        self._stt = stt
        self._language = language
        self._seconds = seconds
        self._on_settled = on_settled
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._interim: Transcript | None = None
        self._unchanged = 0
        self._timer: asyncio.TimerHandle | None = None
        self._task = asyncio.create_task(self._run())
        # A failure is told to whoever asks for the words.
        self._task.add_done_callback(_look_at)

    def feed(self, pcm: bytes) -> None:
        """Add 16-bit samples at 16 kHz; does not wait."""
        self._waiting.put_nowait(pcm)

    def end(self) -> None:
        """Say that this was all; from now on recognition has its seconds."""
        self._waiting.put_nowait(None)
        loop = asyncio.get_running_loop()
        # As long again for what waits in front of the recogniser.
        self._timer = loop.call_later(2 * self._seconds, self._task.cancel)

    async def words(self) -> Transcript:
        """
        Return what was said, once it ended; empty text when there were no words.

        Raises:
            AppError: The recogniser failed.
        """
        try:
            heard = await asyncio.shield(self._task)
        except asyncio.CancelledError:
            if not self._task.cancelled():
                raise
            # Others may have had every recogniser all the time.
            raise RecognitionFailed from None
        finally:
            if self._timer is not None:
                self._timer.cancel()
        return tell_language(heard, self._language)

    async def drop(self) -> None:
        """Forget it; the recogniser is free again when this returns."""
        if self._timer is not None:
            self._timer.cancel()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({self._task})

    async def _run(self) -> Transcript:
        async with self._stt.listen(language=self._language) as listening:
            while (piece := await self._take()) is not None:
                interim = await listening.feed(piece)
                self._note(interim)
            return await listening.finish(deadline=Deadline.after(self._seconds))

    async def _take(self) -> bytes | None:
        """Return the next piece of at least 100 ms, less at the end, None after it."""
        piece = bytearray()
        while len(piece) < _PIECE_BYTES:
            more = await self._waiting.get()
            if more is None:
                if not piece:
                    return None
                self._waiting.put_nowait(None)
                break
            piece += more
        return bytes(piece)

    def _note(self, interim: Transcript | None) -> None:
        if interim is not None and interim.text.strip():
            self._interim, self._unchanged = interim, 0
        elif self._interim is not None:
            self._unchanged += 1
            text = self._interim.text
            if (
                self._unchanged == _SETTLED_PIECES
                and len(text.split()) >= _FEWEST_WORDS
            ):
                self._on_settled(tell_language(self._interim, self._language))


def tell_language(heard: Transcript, asked: str | None) -> Transcript:
    """Return *heard*, trimmed, in one of the languages that are answered in."""
    text = heard.text.strip()
    language = asked or heard.language
    if language not in LANGUAGES:
        # Engines that know a hundred languages take Indonesian for Malay.
        language = detect_language(text)
    return dataclasses.replace(heard, text=text, language=language)


def _look_at(task: asyncio.Task[Transcript]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.info("utterance_not_heard")
