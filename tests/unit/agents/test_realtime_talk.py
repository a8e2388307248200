"""A spoken conversation: who speaks when, and what is kept of it."""

from __future__ import annotations

import asyncio
import base64
import dataclasses

import pytest

from agents.early_search import EarlySearch
from domain.documents import SearchQuery, SearchResult
from domain.errors import (
    RateLimited,
    RecognitionFailed,
    StateUnavailable,
    SynthesisFailed,
    VisitorSessionEnded,
)
from domain.realtime import (
    EmotionRead,
    RealtimeConfig,
    RealtimeRefused,
    Refused,
    ResponseEnded,
    ResponseSound,
    ResponseStarted,
    ResponseText,
    SessionLost,
    SilenceNoted,
    SoundFormat,
    SpeechStarted,
    SpeechStopped,
    TextAdded,
    UtteranceCommitted,
    WordsHeard,
    WordsNotHeard,
)
from tests.fakes.services import FakeAnswerer, FakeConversations
from tests.fakes.speech import tone
from tests.fakes.talk import CONFIG, detection, make_talking

ASKED = "kapan pendaftaran dibuka"
ANSWER = "Pendaftaran dibuka 1 Maret 2026 [1]."


def held(conversations: FakeConversations) -> FakeAnswerer:
    """Return an answerer that stops after each word until it is let go."""
    return FakeAnswerer(conversations, pause=asyncio.Event())


async def test_a_spoken_question_is_heard_answered_and_spoken() -> None:
    talking = await make_talking().open()

    ended = await talking.answer()

    kinds = [type(event) for event in talking.events]
    assert kinds[:5] == [
        SpeechStarted,
        SpeechStopped,
        UtteranceCommitted,
        WordsHeard,
        ResponseStarted,
    ]
    assert EmotionRead in kinds
    assert ended.status == "completed"
    assert ended.answer is not None
    assert ended.answer.text == ANSWER
    assert ended.text == "".join(event.text for event in talking.of(ResponseText))
    seconds = sum(len(one.sound) for one in talking.of(ResponseSound)) / 48_000
    assert seconds == pytest.approx(len(ended.text) * 0.06, rel=0.1)
    assert talking.stored() == [ASKED, ANSWER]
    assert {"stt_ms", "llm_ttft_ms", "tts_ttfb_ms", "time_to_first_audio_ms"} <= set(
        ended.metrics
    )
    await talking.talk.close()


async def test_ids_of_items_are_those_of_the_stored_messages() -> None:
    talking = await make_talking().open()

    await talking.answer()

    (committed,) = talking.of(UtteranceCommitted)
    (started,) = talking.of(ResponseStarted)
    kept = talking.conversations.kept["acme", "talk-1"].messages
    assert [one.id for one in kept] == [committed.item_id, started.item_id]
    assert started.previous_id == committed.item_id
    await talking.talk.close()


async def test_an_utterance_begins_before_its_first_speech() -> None:
    talking = await make_talking().open(detection(prefix_padding_ms=128))

    await talking.be_silent(1.024)
    await talking.ask()

    (began,) = talking.of(SpeechStarted)
    assert began.at_ms == 1024 - 128
    (stopped,) = talking.of(SpeechStopped)
    assert 1024 + 600 + 500 <= stopped.at_ms <= 1024 + 600 + 600
    await talking.until(WordsHeard)
    (clip,) = talking.sound.stt.heard
    assert 0.6 + 0.128 < clip.seconds < 0.6 + 0.128 + 0.35
    await talking.talk.close()


async def test_a_click_is_not_somebody_speaking() -> None:
    talking = await make_talking().open()

    await talking.speak(0.05)
    await talking.be_silent(1.0)

    assert talking.events == []
    await talking.talk.close()


async def test_sound_without_words_is_not_answered() -> None:
    talking = make_talking()
    talking.sound.stt.texts = ""
    await talking.open()

    await talking.ask()

    heard = await talking.until(WordsHeard)
    assert heard.transcript.text == ""
    await asyncio.sleep(0.05)
    assert not talking.of(ResponseStarted)
    assert not talking.talk.is_busy
    await talking.talk.close()


async def test_a_recogniser_that_fails_is_told_and_nothing_is_stored() -> None:
    talking = make_talking()
    talking.sound.stt.failure = RecognitionFailed()
    await talking.open()

    await talking.ask()

    failed = await talking.until(WordsNotHeard)
    assert failed.code == "stt_failed"
    await asyncio.sleep(0.05)
    assert not talking.of(ResponseStarted)
    talking.sound.stt.failure = None
    assert (await talking.answer()).status == "completed"
    await talking.talk.close()


async def test_who_speaks_over_an_answer_stops_it_and_is_answered() -> None:
    talking = await make_talking(answerer=held).open()
    pause = talking.answerer.pause
    assert pause is not None
    await talking.ask()
    await talking.until(ResponseStarted)

    await talking.speak(0.6)
    cancelled = await talking.until(ResponseEnded)
    assert (cancelled.status, cancelled.reason) == ("cancelled", "turn_detected")
    pause.set()
    await talking.be_silent()
    second = await talking.until(ResponseEnded, count=2)

    assert second.status == "completed"
    assert talking.stored() == [
        ASKED,
        "(terpotong)",
        ASKED,
        ANSWER,
    ]
    await talking.talk.close()


async def test_a_grunt_does_not_stop_an_answer() -> None:
    talking = await make_talking(answerer=held).open()
    pause = talking.answerer.pause
    assert pause is not None
    await talking.ask()
    await talking.until(ResponseStarted)

    await talking.speak(0.2)
    await talking.be_silent(0.4)
    pause.set()

    assert (await talking.until(ResponseEnded)).status == "completed"
    assert len(talking.of(SpeechStarted)) == 1
    await talking.talk.close()


async def test_speech_over_sound_that_still_plays_cuts_what_is_stored() -> None:
    talking = await make_talking().open()
    await talking.answer()
    assert talking.stored()[-1] == ANSWER

    # Nothing was played yet, as far as the server knows.
    await talking.answer()

    assert talking.stored()[1] == "(terpotong)"
    assert talking.stored()[3] == ANSWER
    kept = talking.conversations.kept["acme", "talk-1"].messages
    assert kept[1].extra == {"interrupted": True}
    assert kept[1].citations == ()
    await talking.talk.close()


async def test_an_answer_that_was_played_to_its_end_stays_whole() -> None:
    talking = await make_talking().open()
    await talking.answer()
    talking.clock.now += 60

    await talking.answer()

    assert talking.stored()[1] == ANSWER
    await talking.talk.close()


async def test_what_the_client_says_it_played_counts() -> None:
    talking = await make_talking().open()
    ended = await talking.answer()
    (started,) = talking.of(ResponseStarted)
    total_ms = sum(len(one.sound) for one in talking.of(ResponseSound)) / 48
    assert ended.status == "completed"

    talking.talk.truncate(started.item_id, heard_ms=200)
    await talking.until_true(lambda: talking.stored()[-1] == "(terpotong)")
    talking.talk.truncate(started.item_id, heard_ms=round(total_ms))
    await talking.until_true(lambda: True)
    with pytest.raises(RealtimeRefused) as refused:
        talking.talk.truncate("msg_none", heard_ms=1)
    assert refused.value.code == "item_not_found"
    await talking.talk.close()


async def test_a_client_can_cancel_an_answer_and_ask_again() -> None:
    talking = await make_talking(answerer=held).open()
    pause = talking.answerer.pause
    assert pause is not None
    await talking.ask()
    started = await talking.until(ResponseStarted)
    with pytest.raises(RealtimeRefused):
        talking.talk.cancel("resp_other")

    talking.talk.cancel(started.response_id)
    pause.set()

    (ended,) = talking.of(ResponseEnded)
    assert (ended.status, ended.reason) == ("cancelled", "client_cancelled")
    with pytest.raises(RealtimeRefused) as refused:
        talking.talk.cancel(None)
    assert refused.value.code == "response_cancel_not_active"
    await talking.talk.close()


async def test_one_answer_is_on_its_way_at_a_time() -> None:
    talking = await make_talking(answerer=held).open()
    talking.talk.add_text("hello", item_id=None)
    await talking.talk.respond(with_sound=None, metadata={"a": "b"})
    started = await talking.until(ResponseStarted)
    assert started.metadata == {"a": "b"}

    talking.talk.add_text("again", item_id=None)
    with pytest.raises(RealtimeRefused) as refused:
        await talking.talk.respond(with_sound=None, metadata=None)

    assert refused.value.code == "conversation_already_has_active_response"
    await talking.talk.close()


async def test_a_typed_question_is_answered_in_writing_when_asked_to() -> None:
    talking = await make_talking().open()

    talking.talk.add_text("Kapan dibuka?", item_id="mine")
    await talking.talk.respond(with_sound=False, metadata=None)
    ended = await talking.until(ResponseEnded)

    assert talking.of(TextAdded) == [TextAdded("mine", None, "Kapan dibuka?")]
    assert ended.text == ANSWER
    assert not talking.of(ResponseSound)
    assert talking.stored() == ["Kapan dibuka?", ANSWER]
    with pytest.raises(RealtimeRefused) as refused:
        talking.talk.add_text("again", item_id="mine")
    assert refused.value.code == "item_id_taken"
    with pytest.raises(RealtimeRefused) as refused:
        await talking.talk.respond(with_sound=None, metadata=None)
    assert refused.value.code == "conversation_has_no_input"
    await talking.talk.close()


async def test_a_written_answer_that_was_cancelled_keeps_what_was_shown() -> None:
    talking = await make_talking(answerer=held).open()
    pause = talking.answerer.pause
    assert pause is not None
    talking.talk.add_text("Kapan dibuka?", item_id=None)
    await talking.talk.respond(with_sound=False, metadata=None)
    await talking.until(ResponseText)

    talking.talk.cancel(None)
    pause.set()
    await talking.until_true(lambda: len(talking.stored()) == 2)
    await talking.until_true(lambda: talking.stored()[1] != ANSWER)

    assert talking.stored()[1] == "Pendaftaran —"
    await talking.talk.close()


async def test_without_detection_the_client_says_where_an_utterance_ends() -> None:
    config = dataclasses.replace(CONFIG, detection=None)
    talking = await make_talking().open(config)
    await talking.ask()
    assert talking.events == []

    talking.talk.commit()
    heard = await talking.until(WordsHeard)
    await asyncio.sleep(0.02)
    assert not talking.of(ResponseStarted)
    await talking.talk.respond(with_sound=None, metadata=None)

    assert heard.transcript.text == ASKED
    assert (await talking.until(ResponseEnded)).status == "completed"
    with pytest.raises(RealtimeRefused) as refused:
        talking.talk.commit()
    assert refused.value.code == "input_audio_buffer_commit_empty"
    await talking.speak()
    talking.talk.clear()
    with pytest.raises(RealtimeRefused):
        talking.talk.commit()
    await talking.talk.close()


async def test_silence_that_is_committed_fails_the_answer_that_was_asked_for() -> None:
    talking = await make_talking().open(dataclasses.replace(CONFIG, detection=None))
    await talking.be_silent()
    talking.talk.commit()

    await talking.talk.respond(with_sound=None, metadata=None)

    ended = await talking.until(ResponseEnded)
    assert (ended.status, ended.code) == ("failed", "no_speech")
    await talking.until_true(lambda: not talking.talk.is_busy)
    await talking.talk.close()


async def test_a_recording_of_more_than_a_minute_is_refused() -> None:
    talking = await make_talking().open(dataclasses.replace(CONFIG, detection=None))
    minute = bytes(16_000 * 2 * 60)
    await talking.talk.hear(minute)

    with pytest.raises(RealtimeRefused) as refused:
        await talking.speak()

    assert refused.value.code == "input_audio_buffer_full"
    await talking.talk.close()


async def test_an_utterance_of_more_than_a_minute_ends_by_itself() -> None:
    talking = await make_talking().open()

    await talking.talk.hear(tone(61.0))

    (stopped,) = talking.of(SpeechStopped)
    assert 60_000 <= stopped.at_ms <= 61_000
    await talking.talk.close()


async def test_a_commit_ends_the_utterance_at_once() -> None:
    talking = await make_talking().open()
    await talking.speak()

    talking.talk.commit()

    assert (await talking.until(ResponseEnded)).status == "completed"
    with pytest.raises(RealtimeRefused):
        talking.talk.commit()
    await talking.talk.close()


async def test_an_utterance_can_be_cleared() -> None:
    talking = await make_talking().open()
    await talking.speak()

    talking.talk.clear()
    await talking.be_silent()

    assert [type(event) for event in talking.events] == [SpeechStarted]
    await talking.talk.close()


async def test_answers_wait_to_be_asked_for_where_the_client_wants_that() -> None:
    talking = await make_talking().open(detection(create_response=False))
    await talking.ask()
    await talking.until(WordsHeard)
    talking.sound.stt.texts = "and when"
    await talking.ask()
    await talking.until(WordsHeard, count=2)
    assert not talking.of(ResponseStarted)

    await talking.talk.respond(with_sound=None, metadata=None)
    await talking.until(ResponseEnded)

    assert talking.answerer.turns[0].question.text == f"{ASKED} and when"
    await talking.talk.close()


async def test_nobody_is_heard_over_an_answer_in_half_duplex() -> None:
    talking = await make_talking().open(detection(interrupts=False))
    await talking.answer()

    await talking.ask()
    assert len(talking.of(SpeechStarted)) == 1
    talking.clock.now += 60
    assert (await talking.answer()).status == "completed"

    assert talking.stored()[1] == ANSWER
    first, second = talking.of(SpeechStarted)
    assert second.at_ms > first.at_ms + 2_000
    await talking.talk.close()


async def test_who_pauses_within_a_question_is_answered_once() -> None:
    talking = make_talking()
    go = asyncio.Event()
    listen = talking.sound.stt.transcribe

    async def slowly(*args: object, **options: object) -> object:
        await go.wait()
        return await listen(*args, **options)  # type: ignore[arg-type]

    talking.sound.stt.transcribe = slowly  # type: ignore[method-assign, assignment]
    talking.sound.stt.texts = ["where is", "the library"]
    await talking.open()
    await talking.ask()
    await talking.speak()
    go.set()
    await talking.until(WordsHeard)
    await talking.be_silent()

    assert (await talking.until(ResponseEnded)).status == "completed"
    (turn,) = talking.answerer.turns
    assert turn.question.text == "where is the library"
    assert len(talking.of(ResponseStarted)) == 1
    await talking.talk.close()


async def test_silence_after_an_answer_is_told_once() -> None:
    talking = await make_talking().open(detection(idle_timeout_ms=1))
    talking.sound.tts.failure = SynthesisFailed()
    await talking.answer()

    noted = await talking.until(SilenceNoted)

    assert noted.start_ms <= noted.end_ms
    await asyncio.sleep(0.05)
    assert len(talking.of(SilenceNoted)) == 1
    await talking.talk.close()


async def test_words_that_could_not_be_spoken_can_be_read() -> None:
    talking = make_talking()
    talking.sound.tts.failure = SynthesisFailed()
    await talking.open()

    ended = await talking.answer()

    assert ended.status == "completed"
    assert ended.warnings == ("tts_failed",)
    assert "Maret" in ended.text
    assert talking.stored()[-1] == ANSWER
    await talking.talk.close()


async def test_uncertain_words_are_asked_for_again_and_nothing_is_stored() -> None:
    talking = make_talking()
    talking.sound.stt.confidence = 0.2
    await talking.open()

    ended = await talking.answer()

    assert ended.warnings == ("please_repeat",)
    assert talking.stored() == []
    talking.clock.now = 0
    await talking.talk.close()


async def test_a_failing_answer_is_told_and_the_conversation_goes_on() -> None:
    talking = make_talking()
    talking.answerer.failure_first = StateUnavailable()
    await talking.open()

    ended = await talking.answer()
    talking.answerer.failure_first = None

    assert (ended.status, ended.code) == ("failed", "state_unavailable")
    assert (await talking.answer()).status == "completed"
    await talking.talk.close()


async def test_a_fault_of_ours_is_told_without_its_text() -> None:
    talking = make_talking()
    talking.answerer.failure_first = RuntimeError("secret text")
    await talking.open()

    ended = await talking.answer()

    assert (ended.status, ended.code) == ("failed", "internal_error")
    assert "secret" not in str(talking.events)
    await talking.talk.close()


async def test_each_answer_is_admitted_and_a_refusal_is_told() -> None:
    talking = make_talking()
    talking.refusal = RateLimited(retry_after_seconds=5)
    await talking.open()

    await talking.ask()
    refused = await talking.until(Refused)

    assert refused.code == "rate_limited"
    assert talking.answerer.turns == []
    talking.refusal = None
    assert (await talking.answer()).status == "completed"
    assert talking.admitted == 2
    await talking.talk.close()


async def test_a_visitor_who_left_ends_the_conversation() -> None:
    talking = make_talking()
    talking.refusal = VisitorSessionEnded()
    await talking.open()

    await talking.ask()

    assert (await talking.until(SessionLost)).code == "visitor_session_ended"
    await talking.talk.close()


@dataclasses.dataclass
class Noting:
    """A retriever that notes what it was asked."""

    asked: list[SearchQuery] = dataclasses.field(default_factory=list)

    async def search(self, query: SearchQuery) -> SearchResult:
        self.asked.append(query)
        return SearchResult((), "en")


async def test_a_search_begins_while_the_question_is_still_spoken() -> None:
    retriever = Noting()
    early = EarlySearch(retriever)
    talking = await make_talking(early=early).open()

    await talking.speak(2.0)
    await talking.until_true(lambda: retriever.asked)

    assert not talking.of(SpeechStopped)
    assert retriever.asked[0].text == ASKED
    assert retriever.asked[0].tenant == "acme"
    assert early.running == 1
    await talking.talk.close()
    assert early.running == 0


async def test_a_search_for_other_words_is_dropped() -> None:
    retriever = Noting()
    early = EarlySearch(retriever)
    talking = await make_talking(early=early).open()
    await talking.speak(2.0)
    await talking.until_true(lambda: retriever.asked)
    talking.sound.stt.texts = "something else"

    await talking.be_silent()
    await talking.until(WordsHeard)

    assert early.running == 0
    await talking.talk.close()


async def test_telephone_sound_goes_both_ways() -> None:
    law = SoundFormat("pcmu", 8_000)
    config = RealtimeConfig(hears=law, speaks=law)
    talking = await make_talking().open(config)

    spoken = base64.b64decode("/3+A") * 200 + bytes([0x20, 0xA0]) * 2_400
    await talking.talk.hear(spoken)
    await talking.talk.hear(b"\xff" * 8_000)

    await talking.until(ResponseEnded)
    seconds = sum(len(one.sound) for one in talking.of(ResponseSound)) / 8_000
    assert seconds > 1
    (style,) = {style.rate_hz for _, style in talking.sound.tts.spoken}
    assert style == 8_000
    await talking.talk.close()


async def test_settings_hold_from_the_next_answer_on() -> None:
    talking = await make_talking().open()
    config = dataclasses.replace(CONFIG, with_sound=False, voice="id-two", speed=1.5)

    talking.talk.configure(config)
    ended = await talking.answer()

    assert talking.talk.config == config
    assert ended.text == ANSWER
    assert not talking.of(ResponseSound)
    talking.talk.configure(dataclasses.replace(config, with_sound=True))
    await talking.answer()
    style = talking.sound.tts.spoken[-1][1]
    assert (style.voice, style.speed, style.rate_hz) == ("id-two", 1.5, 24_000)
    await talking.talk.close()


async def test_closing_leaves_nothing_running() -> None:
    for number in range(5):
        talking = await make_talking(answerer=held).open()
        turns = talking.answerer.turns
        await talking.ask()
        await talking.until_true(turns.copy)
        if number % 2:
            await talking.speak(1.0)
        await talking.talk.close()
        assert talking.answerer.cancelled == 1

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_recogniser_that_never_comes_back_is_given_up() -> None:
    talking = make_talking(hearing_seconds=0.2)

    async def never(*_args: object, **_options: object) -> object:
        return await asyncio.Event().wait()

    talking.sound.stt.transcribe = never  # type: ignore[method-assign, assignment]
    await talking.open()

    await talking.ask()

    assert (await talking.until(WordsNotHeard)).code == "stt_failed"
    await talking.talk.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_turn_that_does_not_end_holds_the_next_one_up_no_longer() -> None:
    talking = await make_talking(answerer=held, linger_seconds=0.1).open()
    await talking.ask()
    await talking.until_true(talking.answerer.turns.copy)

    await talking.speak(0.6)
    await talking.until(ResponseEnded)
    await talking.be_silent()
    await talking.until_true(lambda: len(talking.answerer.turns) == 2)

    assert talking.answerer.cancelled == 1
    assert talking.stored() == []
    await talking.talk.close()


async def test_questions_that_nobody_wants_answered_do_not_pile_up() -> None:
    talking = await make_talking().open()
    for _ in range(16):
        talking.talk.add_text("x" * 5_000, item_id=None)

    with pytest.raises(RealtimeRefused) as refused:
        talking.talk.add_text("one more", item_id=None)
    await talking.talk.respond(with_sound=False, metadata=None)
    await talking.until(ResponseEnded)

    assert refused.value.code == "too_many_items"
    (turn,) = talking.answerer.turns
    assert len(turn.question.text) == 5_000
    talking.talk.add_text("one more", item_id=None)
    await talking.talk.close()
