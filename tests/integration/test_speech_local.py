"""Real recordings through the real recogniser in its child process."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.deadlines import Deadline
from domain.errors import RecognitionFailed
from domain.speech import AudioClip, VoiceStyle
from speech.encoding import parse_wav, resample
from speech.local_stt import LocalSTT
from speech.local_tts import LocalTTS

RECORDINGS = Path(__file__).parent.parent.parent / "samples" / "speech"
SENTENCES = [
    "The Mercusuar Scholarship pays the tuition of forty students every year.",
    "Students apply for the Mercusuar Scholarship at the Sagara office in March.",
    "The library of Kota Sagara is open from eight in the morning until nine at night.",
    "A replacement student card costs fifty thousand rupiah at the security post.",
    "The airport bus leaves from the main gate and costs ten thousand rupiah.",
    "Quiet hours in the residence halls begin at ten in the evening.",
    "Students who live in the halls must return the keys before the summer break.",
    "Pendaftaran mahasiswa baru dibuka pada bulan Maret dan ditutup pada bulan Mei.",
    "Perpustakaan buka dari jam delapan pagi sampai jam sembilan malam.",
    "Biaya kuliah dapat dibayar di bank atau di kantor keuangan universitas.",
    "Mahasiswa yang terlambat membayar biaya kuliah akan dikenakan denda.",
    "Kartu mahasiswa yang hilang dapat diganti di kantor keamanan kampus.",
    "Beasiswa untuk mahasiswa berprestasi dibuka setiap semester di universitas ini.",
]


def _recording(name: str) -> AudioClip:
    return resample(parse_wav((RECORDINGS / name).read_bytes()), rate_hz=16_000)


async def _spoken(text: str, voice: str) -> AudioClip:
    # The program where it is installed, else the library of the wheel.
    engine = LocalTTS(espeak=shutil.which("espeak-ng"), flite=None)
    style = VoiceStyle(voice.partition("-")[0], voice=voice, speed=0.9)
    sound = engine.speak(text, style=style, deadline=Deadline.after(20))
    pcm = b"".join([clip.pcm async for clip in sound])
    await engine.close()
    return AudioClip(pcm, style.rate_hz)


@pytest.fixture
async def plain() -> AsyncIterator[LocalSTT]:
    engine = LocalSTT(list, processes=1)
    yield engine
    await engine.close()


@pytest.fixture
async def taught(tmp_path: Path) -> AsyncIterator[LocalSTT]:
    engine = LocalSTT(lambda: SENTENCES, folder=tmp_path, processes=1)
    await engine.refresh()
    await engine.load()
    yield engine
    await engine.close()


async def test_short_sentences_are_heard_without_documents(plain: LocalSTT) -> None:
    for name, words in (
        ("az_weather.wav", "what's the weather like"),
        ("cards_005.wav", "eight of spades four of clubs seven of hearts"),
    ):
        heard = await plain.transcribe(
            _recording(name), language=None, deadline=Deadline.after(60)
        )

        assert heard.text == words
        assert heard.language == "en"
        assert heard.final
        assert 0.5 < heard.confidence <= 1


async def test_silence_has_no_words(plain: LocalSTT) -> None:
    heard = await plain.transcribe(
        AudioClip(bytes(64_000), 16_000), language=None, deadline=Deadline.after(60)
    )

    assert heard.text == ""
    assert heard.confidence == 0.0


async def test_names_of_the_documents_are_heard(taught: LocalSTT) -> None:
    assert taught.languages == ("en", "id")

    heard = await taught.transcribe(
        await _spoken("what is the mercusuar scholarship", "en-us"),
        language="en",
        deadline=Deadline.after(60),
    )

    assert "mercusuar scholarship" in heard.text


async def test_other_things_are_still_heard_with_documents(taught: LocalSTT) -> None:
    heard = await taught.transcribe(
        _recording("cards_005.wav"), language=None, deadline=Deadline.after(60)
    )

    assert heard.text == "eight of spades four of clubs seven of hearts"


async def test_the_language_is_found_by_what_fits(taught: LocalSTT) -> None:
    heard = await taught.transcribe(
        await _spoken("perpustakaan buka dari jam delapan pagi", "id"),
        language=None,
        deadline=Deadline.after(60),
    )

    assert heard.language == "id"
    assert "perpustakaan" in heard.text


async def test_hypotheses_come_while_somebody_speaks(plain: LocalSTT) -> None:
    clip = _recording("az_weather.wav")
    interim = []

    async with plain.listen(language="en") as listening:
        for start in range(0, len(clip.pcm), 6_400):
            heard = await listening.feed(clip.pcm[start : start + 6_400])
            if heard is not None:
                assert not heard.final
                interim.append(heard.text)
        final = await listening.finish(deadline=Deadline.after(60))

    assert len(interim) >= 2
    assert len(set(interim)) == len(interim)
    assert final.final
    assert final.text == "what's the weather like"


async def test_an_utterance_given_up_leaves_the_child_usable(plain: LocalSTT) -> None:
    clip = _recording("az_weather.wav")
    async with plain.listen(language="en") as listening:
        await listening.feed(clip.pcm[:16_000])

    heard = await plain.transcribe(clip, language="en", deadline=Deadline.after(60))

    assert heard.text == "what's the weather like"


async def test_a_dead_child_is_replaced_and_asked_again(plain: LocalSTT) -> None:
    clip = _recording("az_weather.wav")
    await plain.transcribe(clip, language="en", deadline=Deadline.after(60))
    await plain._pool._idle[0].kill()

    heard = await plain.transcribe(clip, language="en", deadline=Deadline.after(60))

    assert heard.text == "what's the weather like"


async def test_a_recogniser_that_is_too_slow_is_a_failed_recognition(
    plain: LocalSTT,
) -> None:
    clip = AudioClip(_recording("cards_005.wav").pcm * 20, 16_000)

    started = time.monotonic()
    with pytest.raises(RecognitionFailed):
        await plain.transcribe(clip, language="en", deadline=Deadline.after(0.5))

    assert time.monotonic() - started < 5
    heard = await plain.transcribe(
        _recording("az_weather.wav"), language="en", deadline=Deadline.after(60)
    )
    assert heard.text == "what's the weather like"


async def test_the_loop_runs_on_while_two_people_are_heard() -> None:
    engine = LocalSTT(list, processes=2)
    clip = _recording("cards_005.wav")
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    heard = await asyncio.gather(
        *(
            engine.transcribe(clip, language="en", deadline=Deadline.after(60))
            for _ in range(2)
        )
    )
    ticking.cancel()
    await engine.close()

    assert heard[0] == heard[1]
    # In a thread, two or three ticks a second were left.
    assert ticks > 20


async def test_new_documents_are_learnt_and_temporary_files_removed() -> None:
    sentences: list[str] = []
    engine = LocalSTT(lambda: sentences, processes=1)
    await engine.refresh()
    before = engine.languages

    sentences += SENTENCES
    await engine.refresh()
    folder = engine._folder
    await engine.close()

    assert before == ()
    assert engine.languages == ("en", "id")
    assert folder is not None
    assert not folder.exists()
