"""The voice agent: what each stage adds, and what is left when one fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from domain.deadlines import Deadline
from domain.errors import (
    AppError,
    AudioUnreadable,
    EmotionFailed,
    NoSpeech,
    RecognitionFailed,
    SpeechEngineUnavailable,
    SynthesisFailed,
    TurnTimeout,
    UpstreamError,
)
from domain.speech import (
    Emotion,
    EmotionDone,
    SpeechDelta,
    SpeechDone,
    Transcript,
    TranscriptDelta,
    TranscriptDone,
    VoiceCompleted,
    VoiceReply,
    VoiceStyle,
    VoiceTurn,
)
from domain.speech_ports import VoiceEvent
from domain.turns import (
    AnswerCompleted,
    AnswerDelta,
    RetrievalCompleted,
    Turn,
    TurnEvent,
    TurnStarted,
)
from tests.fakes.answerer import make_turn
from tests.fakes.services import FakeAnswerer, FakeConversations
from tests.fakes.sound import FakeSound, recording, silence

SPOKEN = (
    "Pendaftaran dibuka satu Maret dua ribu dua puluh enam,"
    " menurut Panduan P M B, halaman tiga."
)


@pytest.fixture
def rag() -> FakeAnswerer:
    return FakeAnswerer(FakeConversations())


@pytest.fixture
def sound() -> FakeSound:
    return FakeSound()


def _voice_turn(
    audio: bytes | None = None, *, language: str | None = None, seconds: float = 30.0
) -> VoiceTurn:
    return VoiceTurn(
        turn=make_turn("", seconds=seconds),
        audio=recording() if audio is None else audio,
        style=VoiceStyle(language or "en"),
        language=language,
    )


async def _events(
    sound: FakeSound, rag: FakeAnswerer, turn: VoiceTurn | None = None
) -> list[VoiceEvent]:
    return [event async for event in sound.voice(rag).stream(turn or _voice_turn())]


async def _reply(
    sound: FakeSound, rag: FakeAnswerer, turn: VoiceTurn | None = None
) -> VoiceReply:
    last = (await _events(sound, rag, turn))[-1]
    assert isinstance(last, VoiceCompleted)
    return last.reply


async def test_a_spoken_question_is_answered_in_words_and_in_sound(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    reply = await _reply(sound, rag)

    assert reply.transcript.text == "kapan pendaftaran dibuka"
    assert reply.answer.text == "Pendaftaran dibuka 1 Maret 2026 [1]."
    assert reply.spoken == SPOKEN
    assert reply.speech is not None
    assert reply.speech.rate_hz == 16_000
    assert reply.speech.seconds > 2
    assert reply.warnings == ()
    assert set(reply.exec_time) == {
        "speech_to_text",
        "emotion_analysis",
        "process_rag",
        "text_to_speech",
        "total",
    }
    assert rag.turns[0].question.text == "kapan pendaftaran dibuka"
    assert rag.turns[0].question.language == "id"


async def test_events_come_in_the_order_a_listener_needs(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    kinds = [type(event) for event in await _events(sound, rag)]

    assert kinds[:2] == [TranscriptDelta, TranscriptDone]
    assert kinds[-2:] == [SpeechDone, VoiceCompleted]
    assert kinds.count(EmotionDone) == 1
    for early, late in (
        (TranscriptDone, RetrievalCompleted),
        (TurnStarted, RetrievalCompleted),
        (RetrievalCompleted, AnswerDelta),
        (AnswerDelta, SpeechDelta),
        (EmotionDone, SpeechDelta),
    ):
        assert kinds.index(early) < kinds.index(late)


class _WaitsToBeHeard:
    """Writes its second sentence only when somebody has heard the first."""

    def __init__(self, whole: FakeAnswerer) -> None:
        self._whole = whole
        self.heard = asyncio.Event()

    async def stream(self, turn: Turn) -> AsyncGenerator[TurnEvent]:
        yield RetrievalCompleted(1)
        yield AnswerDelta("Pendaftaran dibuka pada bulan Maret tahun depan [1]. ")
        yield AnswerDelta("Berkas ")
        await self.heard.wait()
        yield AnswerDelta("dikirim lewat portal.")
        async for event in self._whole.stream(turn):
            if isinstance(event, AnswerCompleted):
                yield event


async def test_sound_leaves_while_the_answer_is_still_written(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    writer = _WaitsToBeHeard(rag)
    last = None

    async for event in sound.voice(writer).stream(_voice_turn(seconds=5)):
        if isinstance(event, SpeechDelta):
            writer.heard.set()
        last = event

    assert isinstance(last, VoiceCompleted)


async def test_pieces_of_speech_add_up_to_the_reply(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    events = await _events(sound, rag)

    pieces = [event for event in events if isinstance(event, SpeechDelta)]
    last = events[-1]
    assert isinstance(last, VoiceCompleted)
    assert last.reply.speech is not None
    assert b"".join(piece.clip.pcm for piece in pieces) == last.reply.speech.pcm
    assert " ".join(piece.text for piece in pieces if piece.text) == last.reply.spoken
    indices = [piece.index for piece in pieces]
    assert indices == sorted(indices)
    assert indices[0] == 0


@pytest.mark.parametrize("confidence", [0.0, 0.3, 0.549])
async def test_uncertain_words_are_asked_for_again_and_not_guessed(
    sound: FakeSound, rag: FakeAnswerer, confidence: float
) -> None:
    sound.stt.confidence = confidence

    reply = await _reply(sound, rag)

    assert reply.warnings == ("please_repeat",)
    assert not reply.answer.answered
    # Words that were not heard tell no language either.
    assert reply.answer.text.startswith("Maaf, saya kurang jelas mendengarnya.")
    assert reply.answer.text.endswith("Could you say it again?")
    assert reply.speech is not None
    assert rag.turns == []


async def test_a_speaker_whose_language_is_known_is_asked_in_it_alone(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    sound.stt.confidence = 0.2

    reply = await _reply(sound, rag, _voice_turn(language="id"))

    assert reply.answer.text == "Maaf, saya kurang jelas mendengarnya. Boleh diulangi?"


async def test_enough_confidence_is_answered(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    sound.stt.confidence = 0.55

    assert (await _reply(sound, rag)).warnings == ()


async def test_silence_reaches_neither_recogniser_nor_agent(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    with pytest.raises(NoSpeech):
        await _events(sound, rag, _voice_turn(silence()))

    assert sound.stt.heard == []
    assert rag.turns == []


async def test_sound_without_words_is_no_speech(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    sound.stt.texts = "  "

    with pytest.raises(NoSpeech):
        await _events(sound, rag)


async def test_what_is_no_audio_is_refused(sound: FakeSound, rag: FakeAnswerer) -> None:
    with pytest.raises(AppError) as caught:
        await _events(sound, rag, _voice_turn(b"<html>no sound</html>"))

    assert 400 <= caught.value.status < 500
    assert isinstance(caught.value, AudioUnreadable) or caught.value.status == 415


@pytest.mark.parametrize("failure", [RecognitionFailed(), SpeechEngineUnavailable()])
async def test_a_failing_recogniser_fails_the_turn(
    sound: FakeSound, rag: FakeAnswerer, failure: AppError
) -> None:
    sound.stt.failure = failure

    with pytest.raises(type(failure)):
        await _events(sound, rag)

    assert rag.turns == []


async def test_an_unread_emotion_is_a_warning(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    sound.emotion.failure = EmotionFailed()

    reply = await _reply(sound, rag)

    assert reply.emotion is None
    assert reply.warnings == ("emotion_failed",)
    assert reply.spoken == SPOKEN


async def test_an_emotion_that_is_switched_off_is_no_warning(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    sound.emotion.emotion = None

    reply = await _reply(sound, rag)

    assert reply.emotion is None
    assert reply.warnings == ()


async def test_anger_changes_the_tone_and_adds_an_apology_and_an_offer(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    sound.emotion.emotion = Emotion("angry", 0.9, ("text",))

    reply = await _reply(sound, rag)

    assert reply.spoken.startswith("Mohon maaf")
    assert "petugas" in reply.spoken
    assert SPOKEN in reply.spoken
    assert reply.answer.text == "Pendaftaran dibuka 1 Maret 2026 [1]."
    assert {style.tone for _, style in sound.tts.spoken} == {"angry"}


async def test_a_slow_emotion_does_not_hold_the_answer(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    ready = asyncio.Event()
    read = sound.emotion.read

    async def slow(*args: object, **kwargs: object) -> Emotion | None:
        await ready.wait()
        return await read(*args, **kwargs)  # type: ignore[arg-type]

    sound.emotion.read = slow  # type: ignore[method-assign]
    seen = []
    async for event in sound.voice(rag).stream(_voice_turn()):
        seen.append(type(event))
        if isinstance(event, AnswerDelta):
            # Past the patience of the speech, which begins in a neutral tone.
            asyncio.get_running_loop().call_later(1.0, ready.set)

    assert seen.index(EmotionDone) > seen.index(AnswerDelta)
    assert {style.tone for _, style in sound.tts.spoken} <= {"neutral"}


@pytest.mark.parametrize("fail_after", [0, 2])
async def test_failing_speech_leaves_the_answer(
    sound: FakeSound, rag: FakeAnswerer, fail_after: int
) -> None:
    sound.tts.failure, sound.tts.fail_after = SynthesisFailed(), fail_after

    reply = await _reply(sound, rag)

    assert reply.speech is None
    assert reply.warnings == ("tts_failed",)
    assert reply.answer.text == "Pendaftaran dibuka 1 Maret 2026 [1]."


async def test_a_failing_answer_fails_the_turn_after_the_transcript(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    rag.failure_midway = UpstreamError()
    stream = sound.voice(rag).stream(_voice_turn())

    assert isinstance(await anext(stream), TranscriptDelta)
    assert isinstance(await anext(stream), TranscriptDone)
    with pytest.raises(UpstreamError):
        await _drain(stream)


async def _drain(events: AsyncGenerator[VoiceEvent]) -> None:
    async for _ in events:
        pass


async def test_closing_the_stream_cancels_the_answer(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    rag.pause = asyncio.Event()
    stream: AsyncGenerator[VoiceEvent] = sound.voice(rag).stream(_voice_turn())
    async for event in stream:
        if isinstance(event, RetrievalCompleted):
            break

    await stream.aclose()

    assert rag.cancelled == 1


async def test_the_deadline_ends_a_turn_that_hangs(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    rag.pause = asyncio.Event()

    with pytest.raises(TurnTimeout):
        await _events(sound, rag, _voice_turn(seconds=0.3))


@pytest.mark.parametrize(
    ("said", "spoken_language", "expected"),
    [("ms", None, "id"), ("fr", None, "id"), ("en", "id", "id"), ("en", None, "en")],
)
async def test_a_question_is_in_one_of_two_languages(
    sound: FakeSound,
    rag: FakeAnswerer,
    said: str,
    spoken_language: str | None,
    expected: str,
) -> None:
    sound.stt.language = said

    reply = await _reply(sound, rag, _voice_turn(language=spoken_language))

    assert reply.transcript.language == expected
    assert rag.turns[0].question.language == expected


async def test_what_was_heard_already_is_answered_and_spoken(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    turn = make_turn("kapan pendaftaran dibuka")
    heard = Transcript("kapan pendaftaran dibuka", "id", 0.9)

    events = [
        event
        async for event in sound.voice(rag).reply(
            turn, heard, clip=None, style=VoiceStyle("id", rate_hz=24_000)
        )
    ]

    last = events[-1]
    assert isinstance(last, VoiceCompleted)
    assert last.reply.speech is not None
    assert last.reply.speech.rate_hz == 24_000
    assert last.reply.spoken == SPOKEN


async def test_hushed_speech_ends_and_the_turn_is_stored(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    hush = asyncio.Event()
    turn = make_turn("kapan pendaftaran dibuka")
    heard = Transcript("kapan pendaftaran dibuka", "id", 0.9)
    pieces = 0

    async for event in sound.voice(rag).reply(
        turn, heard, clip=None, style=VoiceStyle("id"), hush=hush
    ):
        if isinstance(event, SpeechDelta):
            pieces += 1
            hush.set()
        last = event

    assert isinstance(last, VoiceCompleted)
    assert pieces < 20
    assert last.reply.answer.text == "Pendaftaran dibuka 1 Maret 2026 [1]."
    assert last.reply.warnings == ()


async def test_speech_that_hangs_leaves_the_answer(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    sound.tts.hang = True

    reply = await _reply(sound, rag, _voice_turn(seconds=1.5))

    assert reply.warnings == ("tts_failed",)
    assert reply.answer.text == "Pendaftaran dibuka 1 Maret 2026 [1]."


async def test_speech_gets_the_time_that_is_left(
    sound: FakeSound, rag: FakeAnswerer
) -> None:
    turn = _voice_turn()

    await _events(sound, rag, turn)

    assert isinstance(turn.turn.deadline, Deadline)
    assert len(sound.tts.spoken) == 1
