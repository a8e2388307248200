"""One spoken conversation: what is heard, what is said, who interrupts whom."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from agents.realtime_ear import OVER_FRAMES, START_FRAMES, Began, Ear, Ended, Sound
from agents.realtime_input import Inbox, Utterance, empty_buffer
from agents.realtime_memory import HeardKeeper
from agents.realtime_response import Asked, Response
from agents.realtime_sound import SoundIn
from domain.callers import Caller
from domain.deadlines import Deadline
from domain.errors import AppError, VisitorSessionEnded
from domain.realtime import (
    CancelReason,
    RealtimeConfig,
    RealtimeEvent,
    RealtimeRefused,
    Refused,
    SessionLost,
    SilenceNoted,
    SpeechStarted,
    SpeechStopped,
    TextAdded,
    UtteranceCommitted,
)
from domain.realtime_ports import Admit
from domain.speech import AudioClip
from domain.speech_ports import VoiceActivity
from domain.turns import Question, Turn

if TYPE_CHECKING:
    from agents.realtime import RealtimeTalks

log = logging.getLogger(__name__)

RATE_HZ = 16_000
_KEPT_RESPONSES = 16
LINGER_SECONDS = 8.0
"""What a turn that was spoken over has to be stored, until the next one goes ahead."""
# So much is listened to at a time; the loop is free in between.
_SLICE_BYTES = RATE_HZ * 2 // 5


class Talk:
    """Satisfies `domain.realtime_ports.RealtimeSession`: one conversation."""

    def __init__(
        self,
        home: RealtimeTalks,
        caller: Caller,
        conversation_id: str,
        *,
        config: RealtimeConfig,
        emit: Callable[[RealtimeEvent], None],
        admit: Admit,
        detector: VoiceActivity,
    ) -> None:
        self._home = home
        self._caller = caller
        self._conversation_id = conversation_id
        self._config = config
        self._emit = emit
        self._admit = admit
        self._detector = detector
        self._sound = SoundIn(config.hears)
        self._ear = Ear(detector, config.detection) if config.detection else None
        self._inbox = Inbox(home, caller.tenant, emit=emit)
        self._utterance: Utterance | None = None
        self._active: Response | None = None
        self._responses: OrderedDict[str, Response] = OrderedDict()
        self._last_id: str | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: dict[str, asyncio.Task[None]] = {}
        self._heard = HeardKeeper(home.conversations, caller.tenant, conversation_id)
        self._idle: asyncio.TimerHandle | None = None
        self._spoke_at = home.clock()

    @property
    def config(self) -> RealtimeConfig:
        """What holds now."""
        return self._config

    @property
    def is_busy(self) -> bool:
        """Whether an answer is on its way."""
        return self._active is not None

    def configure(self, config: RealtimeConfig) -> None:
        """Let *config* hold from now on; an answer on its way keeps its own."""
        if config.hears != self._config.hears:
            self._sound = SoundIn(config.hears)
        if config.detection is None:
            self._forget_utterance()
            self._ear = None
        elif self._ear is None:
            self._ear = Ear(self._detector, config.detection)
            self._inbox.take_recording()
        else:
            self._ear.detection = config.detection
        self._config = config

    async def hear(self, sound: bytes) -> None:
        """Take sound in the session's format. Raises `RealtimeRefused`."""
        pcm = self._sound.feed(sound)
        for at in range(0, len(pcm), _SLICE_BYTES):
            self._listen(pcm[at : at + _SLICE_BYTES])
            await asyncio.sleep(0)

    def commit(self) -> None:
        """End the utterance. Raises `RealtimeRefused`: there is none."""
        if self._ear is None:
            self._add_recording(self._inbox.take_recording())
            return
        ended = self._ear.end()
        if ended is None:
            raise empty_buffer()
        self._end_utterance(ended)

    def clear(self) -> None:
        """Forget the sound that is no utterance yet."""
        self._inbox.take_recording()
        self._forget_utterance()

    def add_text(self, text: str, *, item_id: str | None) -> None:
        """Take a typed question. Raises `RealtimeRefused`: no room, or a known id."""
        item_id = item_id or self._home.new_id()
        if self._inbox.knows(item_id) or item_id in self._responses:
            raise RealtimeRefused(
                "item_id_taken", "There is an item of this id.", param="item.id"
            )
        self._inbox.add_text(text, item_id=item_id, language=self._config.language)
        self._emit(TextAdded(item_id, self._last_id, text))
        self._last_id = item_id

    async def respond(
        self, *, with_sound: bool | None, metadata: dict[str, str] | None
    ) -> None:
        """Answer what was said since the last answer. Raises `RealtimeRefused`."""
        if self._active is not None:
            raise RealtimeRefused(
                "conversation_already_has_active_response",
                "An answer is on its way; cancel it or wait for its end.",
            )
        if not self._inbox.waiting:
            raise RealtimeRefused(
                "conversation_has_no_input", "There is no question to answer."
            )
        try:
            await self._admit()
        except AppError as exc:
            self._refuse(exc)
            return
        response = self._new_response(with_sound=with_sound, metadata=metadata)
        response.start(previous_id=self._last_id)
        self._run(self._answer(response), response)

    def cancel(self, response_id: str | None) -> None:
        """End the answer that is on its way. Raises `RealtimeRefused`."""
        active = self._active
        if active is None or response_id not in {None, active.id}:
            raise RealtimeRefused(
                "response_cancel_not_active", "No such answer is on its way."
            )
        self._stop(active, "client_cancelled")

    def truncate(self, item_id: str, *, heard_ms: int) -> None:
        """Keep of an answer what was heard of it. Raises `RealtimeRefused`."""
        response = self._responses.get(item_id)
        if response is None:
            raise RealtimeRefused(
                "item_not_found", "There is no spoken item of this id.", param="item_id"
            )
        response.heard_ms = heard_ms
        response.told.set()
        self._heard.keep(response)

    async def close(self) -> None:
        """End everything that runs; what was heard is written down first."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._active = None
        self._stop_idle()
        await self._inbox.close()
        await self._heard.close()
        self._home.give_back(self._detector)

    def _listen(self, pcm: bytes) -> None:
        ear = self._ear
        if ear is None:
            self._inbox.record(pcm)
            return
        over = self._is_answering()
        if over and not ear.detection.interrupts:
            if self._utterance is not None:
                self._forget_utterance()
            ear.skip(pcm)
            return
        ear.start_frames = OVER_FRAMES if over else START_FRAMES
        for event in ear.listen(pcm):
            match event:
                case Began(at_ms):
                    self._begin_utterance(at_ms)
                case Sound(spoken) if self._utterance is not None:
                    self._utterance.feed(spoken)
                case Ended():
                    self._end_utterance(event)
                case _:
                    pass
        if ear.voiced:
            self._spoke_at = self._home.clock()

    def _is_answering(self) -> bool:
        if self._active is not None:
            return True
        return any(one.playback.seconds_left > 0 for one in self._latest())

    def _latest(self) -> list[Response]:
        return [next(reversed(self._responses.values()))] if self._responses else []

    def _begin_utterance(self, at_ms: int) -> None:
        self._stop_idle()
        item_id = self._home.new_id()
        self._utterance = self._inbox.begin(item_id, language=self._config.language)
        self._emit(SpeechStarted(item_id, at_ms))
        if self._active is not None:
            self._stop(self._active, "turn_detected")
            return
        for response in self._latest():
            if response.playback.seconds_left > 0 and response.heard_ms is None:
                response.heard_ms = response.playback.heard_ms
                self._heard.keep(response)

    def _end_utterance(self, ended: Ended) -> None:
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            return
        self._emit(SpeechStopped(utterance.item_id, ended.at_ms))
        self._emit(UtteranceCommitted(utterance.item_id, self._last_id))
        self._last_id = utterance.item_id
        utterance.end(AudioClip(ended.pcm, RATE_HZ), ended_at=self._spoke_at)
        self._inbox.add(utterance)
        detection = self._config.detection
        if detection is not None and detection.create_response:
            self._run(self._answer_when_heard(utterance))

    def _add_recording(self, pcm: bytes) -> None:
        if not pcm:
            raise empty_buffer()
        item_id = self._home.new_id()
        self._emit(UtteranceCommitted(item_id, self._last_id))
        self._last_id = item_id
        utterance = self._inbox.begin_recording(
            item_id, AudioClip(pcm, RATE_HZ), language=self._config.language
        )
        self._inbox.add(utterance)

    def _forget_utterance(self) -> None:
        if self._ear is not None:
            self._ear.forget()
        utterance, self._utterance = self._utterance, None
        if utterance is not None:
            self._run(utterance.drop())

    async def _answer_when_heard(self, utterance: Utterance) -> None:
        heard = await utterance.settled()
        if heard is None or not heard.text:
            self._inbox.remove(utterance)
        # Who goes on speaking has not finished the question.
        if not self._inbox.waiting or self._utterance or self._active:
            return
        try:
            await self._admit()
        except AppError as exc:
            self._refuse(exc)
            return
        if self._active is not None or not self._inbox.waiting:
            return
        response = self._new_response(with_sound=None, metadata=None)
        response.start(previous_id=self._last_id)
        self._run(self._answer(response), response)

    def _new_response(
        self, *, with_sound: bool | None, metadata: dict[str, str] | None
    ) -> Response:
        config = self._config
        response = Response(
            id=self._home.new_id().replace("msg_", "resp_"),
            item_id=self._home.new_id(),
            config=config,
            with_sound=config.with_sound if with_sound is None else with_sound,
            emit=self._emit,
            clock=self._home.clock,
            metadata=metadata,
        )
        self._active = response
        self._responses[response.item_id] = response
        while len(self._responses) > _KEPT_RESPONSES:
            self._responses.popitem(last=False)
        return response

    async def _answer(self, response: Response) -> None:
        try:
            asked = await self._inbox.take(clock=self._home.clock)
            if asked is None:
                response.fail("no_speech", "Nobody speaks in the audio.")
                return
            self._last_id = response.item_id
            await self._heard.settled()
            await response.run(
                self._home.speech.voice, self._turn(response, asked), asked
            )
        except VisitorSessionEnded as exc:
            self._emit(SessionLost(exc.code, exc.detail))
        except AppError as exc:
            log.info("realtime_answer_failed", extra={"code": exc.code})
        finally:
            response.ended.set()
            if self._active is response:
                self._active = None
                self._wait_for_words(response)

    def _turn(self, response: Response, asked: Asked) -> Turn:
        return Turn(
            caller=self._caller,
            conversation_id=self._conversation_id,
            question=Question(asked.heard.text, language=asked.heard.language),
            question_id=asked.item_id,
            message_id=response.item_id,
            deadline=Deadline.after(self._home.turn_seconds),
        )

    def _stop(self, response: Response, reason: CancelReason) -> None:
        response.cancel(reason)
        if self._active is response:
            self._active = None
        turn = self._turns.get(response.id)
        if turn is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(self._home.linger_seconds, turn.cancel)
        self._heard.keep(response)

    def _wait_for_words(self, response: Response) -> None:
        detection = self._config.detection
        if detection is None or detection.idle_timeout_ms is None:
            return
        self._stop_idle()
        seconds = response.playback.seconds_left + detection.idle_timeout_ms / 1000
        start_ms = self._ear.position_ms if self._ear is not None else 0
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(seconds, self._note_silence, start_ms)

    def _stop_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _note_silence(self, start_ms: int) -> None:
        self._idle = None
        if self._active is None and self._ear is not None and self._utterance is None:
            end_ms = max(start_ms, self._ear.position_ms)
            self._emit(SilenceNoted(self._home.new_id(), start_ms, end_ms))

    def _refuse(self, error: AppError) -> None:
        if isinstance(error, VisitorSessionEnded):
            self._emit(SessionLost(error.code, error.detail))
        else:
            self._emit(Refused(error.code, error.detail))

    def _run(
        self, work: Coroutine[Any, Any, None], response: Response | None = None
    ) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        if response is not None:
            self._turns[response.id] = task
        task.add_done_callback(lambda done: self._done(done, response))

    def _done(self, task: asyncio.Task[None], response: Response | None) -> None:
        self._tasks.discard(task)
        if response is not None:
            self._turns.pop(response.id, None)
        if task.cancelled() or task.exception() is None:
            return
        # The formatter writes the kind and the frames; messages may hold what was said.
        log.error("realtime_task_failed", exc_info=task.exception())
        if response is not None:
            response.fail("internal_error", "Something went wrong on our side.")
        else:
            self._emit(Refused("internal_error", "Something went wrong on our side."))
