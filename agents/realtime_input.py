"""Questions on their way: heard or typed, and what waits for an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from agents.follow_ups import understand
from agents.realtime_hearing import Hearing, tell_language
from agents.realtime_response import Asked
from agents.steps import plan_search
from domain.deadlines import Deadline
from domain.documents import SearchQuery
from domain.errors import AppError
from domain.realtime import RealtimeEvent, RealtimeRefused, WordsHeard, WordsNotHeard
from domain.speech import SAMPLE_BYTES, AudioClip, Transcript
from language.detection import detect_language

if TYPE_CHECKING:
    from agents.realtime import RealtimeTalks

RATE_HZ = 16_000
LONGEST_SECONDS = 60.0
MOST_WAITING = 16
"""Questions nobody wants to have answered are not collected for ever."""
MAX_CHARACTERS = 5_000
"""Of one question, as at every door."""
# Passages that answers are made from; the default of every door.
_MAX_RESULTS = 5
NOTHING = Transcript("", "en", 0.0)


class Inbox:
    """
    What was said and not answered yet, in order.

    Args:
        emit: Called for what was heard of an utterance.
    """

    def __init__(
        self,
        home: RealtimeTalks,
        tenant: str,
        *,
        emit: Callable[[RealtimeEvent], None],
    ) -> None:
        self._home = home
        self._tenant = tenant
        self._emit = emit
        self._known: set[str] = set()
        self._recording = bytearray()
        self._alive: set[Utterance] = set()
        self.waiting: list[Utterance] = []

    def knows(self, item_id: str) -> bool:
        """Return whether there is a question of that id."""
        return item_id in self._known

    def begin(self, item_id: str, *, language: str | None) -> Utterance:
        """Return an utterance that is being spoken."""
        utterance = Utterance(self._home, self._tenant, item_id, language=language)
        self._alive.add(utterance)
        return utterance

    def begin_recording(
        self, item_id: str, clip: AudioClip, *, language: str | None
    ) -> Utterance:
        """Return an utterance that was recorded by the client's own ear."""
        now = self._home.clock()
        utterance = Utterance(
            self._home, self._tenant, item_id, language=language, recording=clip
        )
        self._alive.add(utterance)
        utterance.end(clip, ended_at=now)
        return utterance

    def add(self, utterance: Utterance) -> None:
        """Let *utterance* wait for an answer; its words are told when known."""
        self._known.add(utterance.item_id)
        if len(self.waiting) >= MOST_WAITING:
            self.remove(self.waiting[0])
        self.waiting.append(utterance)
        utterance.tell(self._emit)

    def add_text(self, text: str, *, item_id: str, language: str | None) -> None:
        """Let a typed question wait for an answer. Raises `RealtimeRefused`."""
        if len(self.waiting) >= MOST_WAITING:
            raise RealtimeRefused(
                "too_many_items", "So many questions wait for an answer already."
            )
        found = language or detect_language(text)
        heard = Transcript(text, found, 1.0)
        self._known.add(item_id)
        self.waiting.append(
            Utterance(self._home, self._tenant, item_id, language=language, typed=heard)
        )

    def remove(self, utterance: Utterance) -> None:
        """Forget one that holds no words."""
        self._alive.discard(utterance)
        if utterance in self.waiting:
            self.waiting.remove(utterance)

    async def take(self, *, clock: Callable[[], float]) -> Asked | None:
        """Return everything that waits as one question; None: nothing was said."""
        taken, self.waiting = self.waiting, []
        heard = [(one, await one.settled()) for one in taken]
        self._alive.difference_update(taken)
        spoken = [(one, words) for one, words in heard if words and words.text]
        if not spoken:
            return None
        last, words = spoken[-1]
        text = " ".join(said.text for _, said in spoken)
        confidence = min(said.confidence for _, said in spoken)
        return Asked(
            Transcript(text[:MAX_CHARACTERS], words.language, confidence),
            last.clip,
            last.item_id,
            ended_at=last.ended_at,
            heard_at=clock(),
        )

    def record(self, pcm: bytes) -> None:
        """Add to the recording that the client will end. Raises `RealtimeRefused`."""
        if len(self._recording) + len(pcm) > LONGEST_SECONDS * RATE_HZ * SAMPLE_BYTES:
            raise RealtimeRefused(
                "input_audio_buffer_full", "An utterance lasts at most 60 seconds."
            )
        self._recording += pcm

    def take_recording(self) -> bytes:
        """Return the recording and begin a new one."""
        pcm = bytes(self._recording)
        self._recording.clear()
        return pcm

    async def close(self) -> None:
        """Forget everything; recognisers are free again when this returns."""
        for utterance in [*self._alive, *self.waiting]:
            await utterance.drop()
        self._alive.clear()
        self.waiting.clear()


class Utterance:
    """
    One question: spoken, recorded or typed.

    Args:
        recording: All of it, when the client decided where it ends.
        typed: Its words, when nobody has to be heard.
    """

    def __init__(
        self,
        home: RealtimeTalks,
        tenant: str,
        item_id: str,
        *,
        language: str | None,
        recording: AudioClip | None = None,
        typed: Transcript | None = None,
    ) -> None:
        self.item_id = item_id
        self.clip: AudioClip | None = None
        self.ended_at = home.clock()
        self._home = home
        self._tenant = tenant
        self._language = language
        self._ahead: SearchQuery | None = None
        self._hearing: Hearing | None = None
        self._telling: asyncio.Task[None] | None = None
        self._words: asyncio.Task[Transcript | None]
        if recording is None and typed is None:
            self._hearing = Hearing(
                home.speech.stt,
                language=language,
                seconds=home.hearing_seconds,
                on_settled=self._search_ahead,
            )
        self._words = asyncio.create_task(self._hear(recording, typed))
        self._failure: AppError | None = None

    def feed(self, pcm: bytes) -> None:
        """Add sound."""
        if self._hearing is not None:
            self._hearing.feed(pcm)

    def end(self, clip: AudioClip, *, ended_at: float) -> None:
        """Say that this was all: *clip* is its sound."""
        self.clip = clip
        self.ended_at = ended_at
        if self._hearing is not None:
            self._hearing.end()

    async def settled(self) -> Transcript | None:
        """Return its words once they are told; None: the recogniser failed."""
        words = await asyncio.shield(self._words)
        if self._telling is not None:
            await asyncio.shield(self._telling)
        return words

    def tell(self, emit: Callable[[RealtimeEvent], None]) -> None:
        """Emit its words when they are known."""
        self._telling = asyncio.create_task(self._tell(emit))

    async def drop(self) -> None:
        """Forget it."""
        tasks = [self._words, *([self._telling] if self._telling else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._hearing is not None:
            await self._hearing.drop()
        self._drop_search()

    async def _hear(
        self, recording: AudioClip | None, typed: Transcript | None
    ) -> Transcript | None:
        if typed is not None:
            return typed
        try:
            if recording is not None:
                return await self._transcribe(recording)
            heard = await self._hearing.words() if self._hearing else NOTHING
        except AppError as exc:
            self._failure = exc
            return None
        ahead, found = self._ahead, _plan(heard, self._tenant)
        if ahead is not None and not self._home.early.is_same(ahead, found):
            self._drop_search()
        return heard

    async def _transcribe(self, recording: AudioClip) -> Transcript:
        speech = self._home.speech
        clip = await speech.find_speech(recording)
        if clip is None:
            return Transcript("", self._language or "en", 0.0)
        self.clip = clip
        heard = await speech.stt.transcribe(
            clip,
            language=self._language,
            deadline=Deadline.after(self._home.hearing_seconds),
        )
        return tell_language(heard, self._language)

    async def _tell(self, emit: Callable[[RealtimeEvent], None]) -> None:
        heard = await asyncio.shield(self._words)
        if heard is not None:
            seconds = self.clip.seconds if self.clip else 0.0
            emit(WordsHeard(self.item_id, heard, seconds))
        elif self._failure is not None:
            failure = self._failure
            emit(WordsNotHeard(self.item_id, failure.code, failure.detail))

    def _search_ahead(self, interim: Transcript) -> None:
        query = _plan(interim, self._tenant)
        self._drop_search()
        if self._home.early.begin(query):
            self._ahead = query

    def _drop_search(self) -> None:
        if self._ahead is not None:
            self._home.early.drop(self._ahead)
            self._ahead = None


def _plan(heard: Transcript, tenant: str) -> SearchQuery:
    """Return what the answerer would look for, were this the whole question."""
    # Questions that lean on earlier ones are looked for otherwise: then this is not
    # found again, and soon forgotten.
    return plan_search(
        understand(heard.text, heard.language), tenant=tenant, max_results=_MAX_RESULTS
    )


def empty_buffer() -> RealtimeRefused:
    """Return what a commit without sound is answered with."""
    return RealtimeRefused(
        "input_audio_buffer_commit_empty", "There is no sound to make an item of."
    )
