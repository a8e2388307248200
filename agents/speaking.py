"""Speaking an answer sentence by sentence, the next one made while one is heard."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence

from agents.spoken_script import Sentence
from domain.deadlines import Deadline
from domain.errors import AppError
from domain.speech import AudioClip, SpeechDelta, VoiceStyle
from domain.speech_ports import TextToSpeech
from domain.streams import closing

log = logging.getLogger(__name__)

AHEAD = 2
"""Sentences made at once; vendors refuse more, and a listener needs no more."""


class Speaker:
    """
    Speak sentences in order, up to two of them made at once.

    Args:
        emit: Called with each piece of sound as soon as it may be played.
        hush: Once set, nothing more is spoken.
    """

    def __init__(
        self,
        tts: TextToSpeech,
        *,
        deadline: Deadline,
        emit: Callable[[SpeechDelta], None],
        hush: asyncio.Event | None = None,
    ) -> None:
        self._tts = tts
        self._deadline = deadline
        self._emit = emit
        self._hush = hush or asyncio.Event()
        self._sentences: asyncio.Queue[Sentence | None] = asyncio.Queue()
        self._begun = asyncio.Event()
        self._room = asyncio.Semaphore(AHEAD)
        self._spans: list[tuple[float, float]] = []

    def say(self, sentence: Sentence) -> None:
        """Speak *sentence* after those that wait."""
        self._sentences.put_nowait(sentence)
        self._begun.set()

    def end(self) -> None:
        """Say that no sentence follows."""
        self._sentences.put_nowait(None)
        self._begun.set()

    async def wait_for_words(self) -> None:
        """Wait until there is a first sentence, or none will come."""
        await self._begun.wait()

    @property
    def busy_seconds(self) -> float:
        """Time in which at least one sentence was being made."""
        total, until = 0.0, 0.0
        for start, end in sorted(self._spans):
            total += max(0.0, end - max(start, until))
            until = max(until, end)
        return total

    async def run(
        self, style: VoiceStyle, *, first: Sequence[Sentence] = ()
    ) -> AudioClip | None:
        """
        Speak until `end`; return everything that was emitted, None when it failed.

        *first* goes ahead of the sentences that wait. Sound that was emitted before a
        failure stays with the listener.
        """
        spoken = bytearray()
        lines: asyncio.Queue[_Line | None] = asyncio.Queue()
        maker = asyncio.create_task(self._make(style, lines, first=first))
        maker.add_done_callback(lambda _: lines.put_nowait(None))
        index = 0
        try:
            while (line := await lines.get()) is not None:
                async for piece in line.pieces():
                    if self._hush.is_set():
                        return AudioClip(bytes(spoken), style.rate_hz)
                    spoken += piece.pcm
                    self._emit(SpeechDelta(piece, index, line.take_words()))
                index += 1
            await maker
        except AppError as exc:
            log.warning("speech_failed", extra={"code": exc.code})
            return None
        finally:
            maker.cancel()
            await asyncio.wait({maker})
        return AudioClip(bytes(spoken), style.rate_hz)

    async def _make(
        self,
        style: VoiceStyle,
        lines: asyncio.Queue[_Line | None],
        *,
        first: Sequence[Sentence],
    ) -> None:
        async with asyncio.TaskGroup() as group:
            async for sentence in self._in_order(first):
                await self._room.acquire()
                if self._hush.is_set():
                    break
                line = _Line(sentence.text)
                lines.put_nowait(line)
                group.create_task(self._synthesise(sentence, style, line))

    async def _in_order(self, first: Sequence[Sentence]) -> AsyncIterator[Sentence]:
        for sentence in first:
            yield sentence
        while (waiting := await self._sentences.get()) is not None:
            yield waiting

    async def _synthesise(
        self, sentence: Sentence, style: VoiceStyle, line: _Line
    ) -> None:
        started = time.monotonic()
        voice = dataclasses.replace(style, language=sentence.language)
        try:
            async with closing(
                self._tts.speak(sentence.text, style=voice, deadline=self._deadline)
            ) as pieces:
                async for piece in pieces:
                    line.put(piece)
        except AppError as exc:
            line.put(exc)
        finally:
            self._spans.append((started, time.monotonic()))
            line.put(None)
            self._room.release()


class _Line:
    """Sound of one sentence on its way, with its words."""

    def __init__(self, words: str) -> None:
        self._words = words
        self._queue: asyncio.Queue[AudioClip | AppError | None] = asyncio.Queue()

    def put(self, piece: AudioClip | AppError | None) -> None:
        """Add sound, or how it ended."""
        self._queue.put_nowait(piece)

    def take_words(self) -> str:
        """Return the words once: they belong to the first piece."""
        words, self._words = self._words, ""
        return words

    async def pieces(self) -> AsyncIterator[AudioClip]:
        """Yield the sound. Raises the `AppError` it ended with."""
        while (piece := await self._queue.get()) is not None:
            if isinstance(piece, AppError):
                raise piece
            yield piece
