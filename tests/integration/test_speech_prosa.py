"""Prosa's jobs and streams: the wire formats and their faults."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from domain.deadlines import Deadline
from domain.errors import RecognitionFailed, SpeechEngineUnavailable, SynthesisFailed
from domain.speech import AudioClip, Transcript, VoiceStyle
from domain.speech_ports import Listening
from speech.prosa_stt import ProsaSTT
from speech.prosa_tts import ProsaTTS
from tests.fakes.speech import SECONDS_A_CHARACTER, tone
from tests.fakes.speech_server import WORDS, SpeechServer, running_speech_server

CLIP = AudioClip(tone(2.0), 16_000)
HEARD = " ".join(WORDS)
TEXT = "Perpustakaan buka pukul delapan pagi."
SECONDS = len(TEXT) * SECONDS_A_CHARACTER
INDONESIAN = VoiceStyle("id")
VOICES = {"id": "tts-dimas-formal", "en": "tts-roger"}
TRANSPORTS = ["jobs", "stream"]


@pytest.fixture
async def server() -> AsyncIterator[SpeechServer]:
    async with running_speech_server() as running:
        yield running


def _options(server: SpeechServer, kind: str, transport: str) -> dict[str, Any]:
    url = server.prosa_url if transport == "jobs" else server.stream_url(kind)
    return {"url": url, "api_key": "k", "timeout_seconds": 8.0, "poll_seconds": 0.01}


def _stt(server: SpeechServer, transport: str, **options: Any) -> ProsaSTT:
    return ProsaSTT(**{**_options(server, "stt", transport), **options})


def _tts(server: SpeechServer, transport: str, **options: Any) -> ProsaTTS:
    return ProsaTTS(voices=VOICES, **{**_options(server, "tts", transport), **options})


async def _hear_all(listening: Listening) -> None:
    for _ in range(100):
        await listening.feed(bytes(3_200))
    await listening.finish(deadline=Deadline.after(10))


async def _speak(
    engine: ProsaTTS, text: str = TEXT, *, style: VoiceStyle = INDONESIAN
) -> bytes:
    sound = engine.speak(text, style=style, deadline=Deadline.after(10))
    return b"".join([clip.pcm async for clip in sound])


def _seconds(pcm: bytes, *, rate_hz: int = 16_000) -> float:
    return len(pcm) / 2 / rate_hz


# Hearing.


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_recording_is_heard(server: SpeechServer, transport: str) -> None:
    engine = _stt(server, transport)

    heard = await engine.transcribe(CLIP, language=None, deadline=Deadline.after(10))
    await engine.close()

    assert (heard.text, heard.language) == (HEARD, "id")
    assert heard.confidence > 0.55
    assert heard.final
    assert server.keys == ["k"]


async def test_a_job_goes_out_as_prosa_wants_it(server: SpeechServer) -> None:
    engine = _stt(server, "jobs")

    await engine.transcribe(CLIP, language="id", deadline=Deadline.after(10))
    await engine.close()

    (payload,) = server.seen
    assert payload["config"] == {
        "model": "stt-general",
        "wait": True,
        "include_filler": False,
        "include_partial_results": False,
    }
    assert base64.b64decode(payload["request"]["data"])[44:] == CLIP.pcm


async def test_a_stream_goes_out_as_prosa_wants_it(server: SpeechServer) -> None:
    engine = _stt(server, "stream")

    await engine.transcribe(CLIP, language="id", deadline=Deadline.after(10))
    await engine.close()

    (config,) = server.seen
    assert config["model"] == "stt-general-online"
    assert config["audio"] == {"format": "s16le", "channels": 1, "sample_rate": 16_000}
    assert server.heard == len(CLIP.pcm)


async def test_a_job_that_is_not_done_is_asked_for(server: SpeechServer) -> None:
    server.polls = 3
    engine = _stt(server, "jobs")

    heard = await engine.transcribe(CLIP, language="id", deadline=Deadline.after(10))
    await engine.close()

    assert heard.text == HEARD
    assert server.asked == 3


async def test_a_question_that_is_lost_is_asked_again(server: SpeechServer) -> None:
    server.polls, server.faults = 2, ["none", 503, "cut", 429]
    engine = _stt(server, "jobs")

    heard = await engine.transcribe(CLIP, language="id", deadline=Deadline.after(10))
    await engine.close()

    assert heard.text == HEARD
    assert server.asked == 5


async def test_a_job_that_is_never_done_ends_with_the_timeout(
    server: SpeechServer,
) -> None:
    server.polls = 100_000
    engine = _stt(server, "jobs", timeout_seconds=0.3)

    started = time.monotonic()
    with pytest.raises(RecognitionFailed):
        await engine.transcribe(CLIP, language="id", deadline=Deadline.after(10))
    await engine.close()

    assert time.monotonic() - started < 5


async def test_long_recordings_are_not_waited_for(server: SpeechServer) -> None:
    server.polls = 1
    engine = _stt(server, "jobs")
    long = AudioClip(bytes(61 * 32_000), 16_000)

    assert await engine.transcribe(long, language="id", deadline=Deadline.after(10))
    await engine.close()

    assert server.seen[0]["config"]["wait"] is False


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault", [429, 500, 503, "cut"])
async def test_a_passing_fault_is_tried_again(
    server: SpeechServer, transport: str, fault: int | str
) -> None:
    server.faults = [fault]
    engine = _stt(server, transport)

    heard = await engine.transcribe(CLIP, language="id", deadline=Deadline.after(10))
    await engine.close()

    assert heard.text == HEARD


@pytest.mark.parametrize(
    ("transport", "faults"),
    [
        ("jobs", [401]),
        ("jobs", [500, 500]),
        ("jobs", ["failed"]),
        ("jobs", ["error"]),
        ("jobs", ["no-result"]),
        ("jobs", ["garbage"]),
        ("stream", [401]),
        ("stream", [500, 500]),
        ("stream", ["garbage"]),
        ("stream", ["refused"]),
        ("stream", ["close-early", "close-early"]),
        ("stream", ["no-result", "no-result"]),
    ],
)
async def test_other_faults_are_a_failed_recognition(
    server: SpeechServer, transport: str, faults: list[int | str]
) -> None:
    server.faults = list(faults)
    engine = _stt(server, transport)

    with pytest.raises(RecognitionFailed):
        await engine.transcribe(CLIP, language="id", deadline=Deadline.after(10))
    await engine.close()

    assert not server.faults


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_server_that_hangs_is_given_up_in_time(
    server: SpeechServer, transport: str
) -> None:
    server.faults = ["hang"]
    engine = _stt(server, transport, timeout_seconds=0.3)

    started = time.monotonic()
    with pytest.raises(RecognitionFailed):
        await engine.transcribe(CLIP, language="id", deadline=Deadline.after(10))
    await engine.close()

    assert time.monotonic() - started < 5


async def test_a_name_of_a_job_is_no_path(server: SpeechServer) -> None:
    server.faults = ["evil-id"]
    engine = _stt(server, "jobs")

    with pytest.raises(RecognitionFailed):
        await engine.transcribe(CLIP, language="id", deadline=Deadline.after(10))
    await engine.close()

    assert (server.asked, server.elsewhere) == (0, 0)


async def test_a_redirect_does_not_carry_the_key_away(server: SpeechServer) -> None:
    server.faults = ["redirect"]
    engine = _stt(server, "stream")

    with pytest.raises(RecognitionFailed):
        await engine.transcribe(CLIP, language="id", deadline=Deadline.after(10))
    await engine.close()

    assert server.elsewhere == 0


async def test_silence_has_no_words(server: SpeechServer) -> None:
    server.results = ("",)
    stream, jobs = _stt(server, "stream"), _stt(server, "jobs")

    for engine in (stream, jobs):
        server.faults = ["empty"] if engine is jobs else []
        heard = await engine.transcribe(
            CLIP, language="id", deadline=Deadline.after(10)
        )
        await engine.close()
        assert (heard.text, heard.confidence) == ("", 0.0)


async def test_hypotheses_come_while_somebody_speaks(server: SpeechServer) -> None:
    engine = _stt(server, "stream")
    interim: list[Transcript] = []

    async with engine.listen(language="id") as listening:
        while not interim:
            told = await listening.feed(bytes(3_200))
            interim += [told] if told else []
        heard = await listening.finish(deadline=Deadline.after(10))
    await engine.close()

    assert not interim[0].final
    assert all(HEARD.startswith(each.text) for each in interim)
    assert (heard.text, heard.final) == (HEARD, True)


async def test_several_results_are_one_utterance(server: SpeechServer) -> None:
    server.results = ("selamat pagi", "di mana kantornya")
    engine = _stt(server, "stream")

    heard = await engine.transcribe(CLIP, language="id", deadline=Deadline.after(10))
    await engine.close()

    assert heard.text == "selamat pagi di mana kantornya"


async def test_a_server_that_stays_is_not_waited_for(server: SpeechServer) -> None:
    server.faults = ["stay"]
    engine = _stt(server, "stream")

    heard = await engine.transcribe(CLIP, language="id", deadline=Deadline.after(20))
    await engine.close()

    assert heard.text == HEARD


async def test_the_last_hypothesis_is_what_there_is_without_a_result(
    server: SpeechServer,
) -> None:
    server.faults = ["partials"]
    engine = _stt(server, "stream")

    heard = await engine.transcribe(CLIP, language="id", deadline=Deadline.after(10))
    await engine.close()

    assert heard.text == HEARD


async def test_listening_over_jobs_asks_once(server: SpeechServer) -> None:
    engine = _stt(server, "jobs")

    async with engine.listen(language="id") as listening:
        assert await listening.feed(bytes(3_200)) is None
        assert await listening.feed(bytes(3_200)) is None
        heard = await listening.finish(deadline=Deadline.after(10))
    await engine.close()

    assert heard.text == HEARD
    assert len(server.seen) == 1


async def test_an_utterance_given_up_closes_its_connection(
    server: SpeechServer,
) -> None:
    engine = _stt(server, "stream")

    async with engine.listen(language="id") as listening:
        await listening.feed(bytes(3_200))
    async with engine.listen(language="id") as listening:
        await listening.feed(bytes(3_200))
        heard = await listening.finish(deadline=Deadline.after(10))
    await engine.close()

    assert heard.text.startswith("di")
    assert server.opened == 2


@pytest.mark.parametrize("faults", [["refused"], ["close-early"]])
async def test_a_fault_in_the_middle_ends_the_utterance(
    server: SpeechServer, faults: list[int | str]
) -> None:
    server.faults = list(faults)
    engine = _stt(server, "stream")

    async with engine.listen(language="id") as listening:
        with pytest.raises(RecognitionFailed):
            await _hear_all(listening)
    await engine.close()


async def test_nobody_there_is_a_failed_recognition() -> None:
    for url in ("http://127.0.0.1:9/v2/speech", "ws://127.0.0.1:9/stt"):
        engine = ProsaSTT(url=url, api_key="k")

        with pytest.raises(RecognitionFailed):
            await engine.transcribe(CLIP, language="id", deadline=Deadline.after(10))
        await engine.close()


# Speaking.


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050])
async def test_a_sentence_is_spoken_at_the_wanted_rate(
    server: SpeechServer, transport: str, rate_hz: int
) -> None:
    engine = _tts(server, transport)

    pcm = await _speak(engine, style=VoiceStyle("id", rate_hz=rate_hz))
    await engine.close()

    assert _seconds(pcm, rate_hz=rate_hz) == pytest.approx(SECONDS, abs=0.01)
    assert server.keys == ["k"]


async def test_a_job_of_speech_goes_out_as_prosa_wants_it(
    server: SpeechServer,
) -> None:
    engine = _tts(server, "jobs")

    await _speak(engine, style=VoiceStyle("en"))
    await engine.close()

    (payload,) = server.seen
    assert payload["request"]["text"] == TEXT
    assert payload["config"] == {
        "model": "tts-roger",
        "wait": True,
        "pitch": 0,
        "tempo": 1.0,
        "audio_format": "wav",
        "sample_rate": 16_000,
    }


async def test_sentences_share_a_connection(server: SpeechServer) -> None:
    engine = _tts(server, "stream")

    for _ in range(3):
        assert await _speak(engine)
    await engine.close()

    assert (server.opened, server.texts) == (1, [TEXT] * 3)


async def test_a_connection_that_was_closed_meanwhile_is_opened_anew(
    server: SpeechServer,
) -> None:
    server.faults = ["none", "leave"]
    engine = _tts(server, "stream")

    for _ in range(2):
        assert _seconds(await _speak(engine)) == pytest.approx(SECONDS, abs=0.01)
    await engine.close()

    assert server.opened == 2


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_no_text_reaches_the_limit_of_280_characters(
    server: SpeechServer, transport: str
) -> None:
    text = " ".join([TEXT] * 20)
    engine = _tts(server, transport)

    pcm = await _speak(engine, text)
    await engine.close()

    sent = server.texts or [each["request"]["text"] for each in server.seen]
    assert len(sent) > 2
    assert all(len(each) < 280 for each in sent)
    assert sorted(" ".join(sent).split()) == sorted(text.split())
    assert _seconds(pcm) == pytest.approx(len(text) * SECONDS_A_CHARACTER, rel=0.02)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 2_000_000_000, 0xFFFFFFFF])
async def test_headers_may_lie_about_the_size(
    server: SpeechServer, transport: str, size: int
) -> None:
    server.size = size
    engine = _tts(server, transport)

    pcm = await _speak(engine)
    await engine.close()

    assert _seconds(pcm) == pytest.approx(SECONDS, abs=0.01)
    assert np.abs(np.frombuffer(pcm, dtype="<i2").astype(int)).max() < 8_300


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_what_arrived_of_a_truncated_answer_is_spoken(
    server: SpeechServer, transport: str
) -> None:
    server.faults = ["truncated"]
    engine = _tts(server, transport)

    pcm = await _speak(engine)
    await engine.close()

    assert _seconds(pcm) == pytest.approx(SECONDS / 2, abs=0.02)


async def test_what_the_server_says_between_is_skipped(server: SpeechServer) -> None:
    server.faults = ["chatty"]
    engine = _tts(server, "stream")

    assert _seconds(await _speak(engine)) == pytest.approx(SECONDS, abs=0.01)
    await engine.close()


async def test_a_job_of_speech_is_asked_for_until_it_is_done(
    server: SpeechServer,
) -> None:
    server.polls = 3
    engine = _tts(server, "jobs")

    assert await _speak(engine)
    await engine.close()

    assert server.asked == 3


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault", [429, 500, "cut", "close"])
async def test_a_passing_fault_of_speech_is_tried_again(
    server: SpeechServer, transport: str, fault: int | str
) -> None:
    server.faults = [fault]
    engine = _tts(server, transport)

    assert _seconds(await _speak(engine)) == pytest.approx(SECONDS, abs=0.01)
    await engine.close()


@pytest.mark.parametrize(
    ("transport", "faults"),
    [
        ("jobs", [401]),
        ("jobs", [429, 429]),
        ("jobs", ["failed"]),
        ("jobs", ["no-result"]),
        ("jobs", ["path"]),
        ("jobs", ["bad-base64"]),
        ("jobs", ["bare"]),
        ("stream", [401]),
        ("stream", ["refused"]),
        ("stream", ["close", "close"]),
        ("stream", ["bare"]),
    ],
)
async def test_other_faults_are_a_failed_synthesis(
    server: SpeechServer, transport: str, faults: list[int | str]
) -> None:
    server.faults = list(faults)
    engine = _tts(server, transport)

    with pytest.raises(SynthesisFailed):
        await _speak(engine)
    await engine.close()

    assert not server.faults


async def test_a_link_in_an_answer_is_not_followed(server: SpeechServer) -> None:
    server.faults = ["path"]
    engine = _tts(server, "jobs")

    with pytest.raises(SynthesisFailed):
        await _speak(engine)
    await engine.close()

    assert server.elsewhere == 0


@pytest.mark.parametrize(
    ("transport", "fault"), [("jobs", "hang"), ("stream", "hang"), ("stream", "wait")]
)
async def test_speech_that_hangs_is_given_up_in_time(
    server: SpeechServer, transport: str, fault: str
) -> None:
    server.faults = [fault]
    engine = _tts(server, transport, timeout_seconds=0.3)

    started = time.monotonic()
    with pytest.raises(SynthesisFailed):
        await _speak(engine)
    await engine.close()

    assert time.monotonic() - started < 5


async def test_a_listener_who_leaves_stops_what_is_being_made(
    server: SpeechServer,
) -> None:
    server.faults = ["none", "hang"]
    engine = _tts(server, "jobs")
    sound = engine.speak(
        " ".join([TEXT] * 20), style=INDONESIAN, deadline=Deadline.after(10)
    )

    started = time.monotonic()
    assert (await anext(sound)).pcm
    await sound.aclose()  # type: ignore[attr-defined]
    await engine.close()

    assert time.monotonic() - started < 5


async def test_the_vendor_without_a_key_is_unavailable_before_it_is_asked() -> None:
    hearing, speaking = ProsaSTT(), ProsaTTS(voices=VOICES)

    assert (hearing.state(), speaking.state()) == ("unavailable", "unavailable")
    with pytest.raises(SpeechEngineUnavailable, match="PROSA_STT_API_KEY"):
        await hearing.transcribe(CLIP, language="id", deadline=Deadline.after(1))
    with pytest.raises(SpeechEngineUnavailable, match="PROSA_TTS_API_KEY"):
        await _speak(speaking)
