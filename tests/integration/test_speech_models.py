"""
Engines with models that people bring along, in their real child processes.

The packages are optional: small modules of the same shape stand in for them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.deadlines import Deadline
from domain.errors import RecognitionFailed, SpeechEngineUnavailable
from domain.speech import AudioClip, VoiceStyle
from speech.engines import RecognitionEngine, SpeakingEngine
from speech.faster_whisper_stt import FasterWhisperSTT
from speech.piper_tts import PiperTTS
from speech.sherpa_stt import SherpaSTT
from speech.sherpa_tts import SherpaTTS
from tests.fakes.speech import tone

PACKAGES = Path(__file__).parent.parent / "fakes" / "packages"
CLIP = AudioClip(tone(1.5), 16_000)
SENTENCES = ["Ask at the Mercusuar Hall.", "The Mercusuar Hall is near Kota Lama."]
TEXT = "Perpustakaan buka pukul delapan"


@pytest.fixture(autouse=True)
def _packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PACKAGES))
    monkeypatch.setenv("PYTHONPATH", str(PACKAGES))


def whisper_model(folder: Path, kind: str = "fine") -> Path:
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    (folder / "model.bin").write_text(kind)
    return folder


def piper_voice(folder: Path, name: str, code: str, hertz: int = 200) -> Path:
    (folder / f"{name}.onnx").write_text("fine")
    told = {"language": {"code": code}, "hertz": hertz}
    (folder / f"{name}.onnx.json").write_text(json.dumps(told))
    return folder / f"{name}.onnx"


def sherpa_model(folder: Path, *names: str, text: str = "fine") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(text)
    return folder


async def _seconds(
    engine: SpeakingEngine, style: VoiceStyle, text: str = TEXT
) -> float:
    sound = engine.speak(text, style=style, deadline=Deadline.after(30))
    clips = [clip async for clip in sound]
    assert {clip.rate_hz for clip in clips} == {style.rate_hz}
    return sum(clip.seconds for clip in clips)


@pytest.fixture
async def whisper(tmp_path: Path) -> AsyncIterator[FasterWhisperSTT]:
    engine = FasterWhisperSTT(whisper_model(tmp_path), vocabulary=lambda: SENTENCES)
    yield engine
    await engine.close()


# Whisper.


async def test_whisper_hears_with_the_names_of_the_documents(
    whisper: FasterWhisperSTT,
) -> None:
    await whisper.start()

    heard = await whisper.transcribe(CLIP, language="id", deadline=Deadline.after(30))

    assert heard.text == "id 1.5 Mercusuar Hall, Kota Lama"
    assert heard.language == "id"
    assert heard.confidence == pytest.approx(0.905, abs=0.001)


async def test_whisper_chooses_among_our_languages(whisper: FasterWhisperSTT) -> None:
    heard = await whisper.transcribe(CLIP, language=None, deadline=Deadline.after(30))

    assert heard.language == "id"


async def test_whisper_hears_an_utterance_when_it_is_over(
    whisper: FasterWhisperSTT,
) -> None:
    async with whisper.listen(language="en") as listening:
        assert await listening.feed(CLIP.pcm) is None
        heard = await listening.finish(deadline=Deadline.after(30))

    assert heard.text.startswith("en 1.5")


async def test_a_child_that_dies_is_replaced_and_asked_again(
    whisper: FasterWhisperSTT, tmp_path: Path
) -> None:
    await whisper.start()
    (tmp_path / "die-once").touch()

    heard = await whisper.transcribe(CLIP, language="en", deadline=Deadline.after(30))

    assert heard.text
    assert whisper.state() == "embedded"


async def test_a_caller_without_time_gets_no_transcript(
    whisper: FasterWhisperSTT,
) -> None:
    await whisper.start()

    with pytest.raises(RecognitionFailed):
        await whisper.transcribe(CLIP, language="en", deadline=Deadline.after(-1))


@pytest.mark.parametrize("kind", ["broken", "exit"])
async def test_a_model_that_cannot_be_read_is_named_by_its_setting(
    tmp_path: Path, kind: str
) -> None:
    engine = FasterWhisperSTT(whisper_model(tmp_path, kind), vocabulary=list)
    before = engine.state()

    await engine.start()

    assert (before, engine.state()) == ("embedded", "unavailable")
    with pytest.raises(SpeechEngineUnavailable, match="STT_MODEL_PATH") as caught:
        await engine.transcribe(CLIP, language="en", deadline=Deadline.after(30))
    assert str(tmp_path) not in caught.value.detail
    await engine.close()


@pytest.mark.parametrize("lacking", ["model.bin", "config.json", "tokenizer.json"])
async def test_a_folder_that_would_make_the_library_fetch_files_is_refused(
    tmp_path: Path, lacking: str
) -> None:
    engine = FasterWhisperSTT(whisper_model(tmp_path), vocabulary=list)
    (tmp_path / lacking).unlink()

    assert engine.state() == "unavailable"
    with pytest.raises(
        SpeechEngineUnavailable, match=f"STT_MODEL_PATH has no {lacking}"
    ):
        await engine.transcribe(CLIP, language="en", deadline=Deadline.after(30))


# Sherpa hears.


@pytest.mark.parametrize(
    ("name", "files", "words"),
    [
        ("any", ["t-encoder.onnx", "t-decoder.onnx", "t-tokens.txt"], "whisper id 1.5"),
        (
            "any",
            ["encoder.onnx", "decoder.onnx", "joiner.onnx", "tokens.txt"],
            "transducer 1.5",
        ),
        ("sherpa-onnx-sense-voice-x", ["model.onnx", "tokens.txt"], "sense-voice 1.5"),
        ("an-omnilingual-asr", ["model.int8.onnx", "tokens.txt"], "omnilingual 1.5"),
    ],
)
async def test_sherpa_tells_models_by_their_files(
    tmp_path: Path, name: str, files: list[str], words: str
) -> None:
    engine = SherpaSTT(sherpa_model(tmp_path / name, *files))
    await engine.start()

    heard = await engine.transcribe(CLIP, language="id", deadline=Deadline.after(30))
    state = engine.state()
    await engine.close()

    assert state == "embedded"
    assert (heard.text, heard.language) == (words, "id")
    assert heard.confidence == (0.819 if "transducer" in words else 0.8)


async def test_the_quantised_file_is_taken_where_there_are_two(tmp_path: Path) -> None:
    folder = sherpa_model(tmp_path, "e-decoder.onnx", "e-tokens.txt")
    sherpa_model(folder, "e-encoder.onnx", text="broken")
    sherpa_model(folder, "e-encoder.int8.onnx")
    engine = SherpaSTT(folder)

    heard = await engine.transcribe(CLIP, language="en", deadline=Deadline.after(30))
    await engine.close()

    assert heard.text == "whisper en 1.5"


async def test_sherpa_names_what_a_folder_lacks(tmp_path: Path) -> None:
    empty = SherpaSTT(tmp_path)
    unknown = SherpaSTT(sherpa_model(tmp_path / "x", "model.onnx", "tokens.txt"))
    broken = SherpaSTT(
        sherpa_model(
            tmp_path / "y",
            "a-encoder.onnx",
            "a-decoder.onnx",
            "tokens.txt",
            text="broken",
        )
    )
    await broken.start()

    for engine, lacking in (
        (empty, "tokens.txt"),
        (unknown, "model of a known kind"),
        (broken, "cannot be loaded"),
    ):
        assert engine.state() == "unavailable"
        with pytest.raises(SpeechEngineUnavailable, match=lacking):
            await engine.transcribe(CLIP, language="en", deadline=Deadline.after(30))
        await engine.close()


# Piper.


async def test_piper_speaks_each_language_with_its_voice(tmp_path: Path) -> None:
    piper_voice(tmp_path, "id_ID-news-medium", "id_ID")
    piper_voice(tmp_path, "en_US-lessac-medium", "en_US")
    engine = PiperTTS(tmp_path)
    await engine.start()

    assert engine.state() == "embedded"
    assert engine.voices("id") == ("id_ID-news-medium",)
    assert engine.voices("en") == ("en_US-lessac-medium",)
    for style in (VoiceStyle("id"), VoiceStyle("en", rate_hz=24_000)):
        assert await _seconds(engine, style) == pytest.approx(
            len(TEXT) * 0.06, abs=0.02
        )
    await engine.close()


async def test_pace_follows_tone_and_speed(tmp_path: Path) -> None:
    engine = PiperTTS(piper_voice(tmp_path, "id_ID-news-medium", "id_ID"))

    usual = await _seconds(engine, VoiceStyle("id"))
    calm = await _seconds(engine, VoiceStyle("id", tone="angry"))
    fast = await _seconds(engine, VoiceStyle("id", speed=2.0))
    await engine.close()

    assert calm > usual
    assert fast == pytest.approx(usual / 2, rel=0.02)


async def test_a_speaking_child_that_dies_is_replaced(tmp_path: Path) -> None:
    engine = PiperTTS(piper_voice(tmp_path, "id_ID-news-medium", "id_ID"))
    await engine.start()
    (tmp_path / "die-once").touch()

    assert await _seconds(engine, VoiceStyle("id")) > 1
    await engine.close()


async def test_older_voices_tell_their_language_by_that_of_espeak(
    tmp_path: Path,
) -> None:
    voice = piper_voice(tmp_path, "old", "xx")
    (tmp_path / "old.onnx.json").write_text(json.dumps({"espeak": {"voice": "en-us"}}))

    assert PiperTTS(voice).voices("en") == ("old",)


async def test_piper_names_what_is_missing(tmp_path: Path) -> None:
    broken = PiperTTS(piper_voice(tmp_path, "id_ID-news-medium", "id_ID"))
    (tmp_path / "id_ID-news-medium.onnx").write_text("broken")
    await broken.start()
    (tmp_path / "empty").mkdir()

    for engine, lacking in (
        (PiperTTS(None), "TTS_MODEL_PATH is not set"),
        (PiperTTS(tmp_path / "empty"), "TTS_MODEL_PATH has no voice"),
        (broken, "TTS_MODEL_PATH cannot be loaded by piper-tts"),
    ):
        assert engine.state() == "unavailable"
        with pytest.raises(SpeechEngineUnavailable, match=lacking):
            await _seconds(engine, VoiceStyle("id"))
        await engine.close()


async def test_a_language_without_a_voice_is_said_so(tmp_path: Path) -> None:
    engine = PiperTTS(piper_voice(tmp_path, "id_ID-news-medium", "id_ID"))

    with pytest.raises(SpeechEngineUnavailable, match="no voice of this language"):
        await _seconds(engine, VoiceStyle("en"))
    await engine.close()


# Sherpa speaks.


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("vits-piper-id_ID-news", ["id_ID-news.onnx"]),
        ("kokoro-id", ["model.onnx", "voices.bin"]),
        ("matcha-id", ["model-steps-3.onnx", "vocos-22khz-univ.onnx"]),
    ],
)
async def test_sherpa_speaks_with_a_lexicon(
    tmp_path: Path, name: str, files: list[str]
) -> None:
    folder = sherpa_model(tmp_path / name, *files, "tokens.txt", "lexicon.txt")
    engine = SherpaTTS(folder)
    await engine.start()

    assert engine.state() == "embedded"
    assert engine.voices("id") == (name,)
    assert await _seconds(engine, VoiceStyle("id")) == pytest.approx(
        len(TEXT) * 0.06, abs=0.02
    )
    await engine.close()


async def test_sherpa_pronounces_by_espeak_where_there_is_no_lexicon(
    tmp_path: Path,
) -> None:
    folder = sherpa_model(tmp_path / "vits-id", "model.onnx", "tokens.txt")
    engine = SherpaTTS(folder)
    if shutil.which("espeak-ng") is None:
        assert engine.state() == "unavailable"
        return

    seconds = await _seconds(engine, VoiceStyle("id"), "buka")
    await engine.close()

    # b ˈ u k a: the mark of stress is a sound of its own to the voice.
    assert seconds == pytest.approx(5 * 0.06, abs=0.01)


async def test_a_folder_of_folders_is_one_voice_each(tmp_path: Path) -> None:
    for name in ("vits-piper-id_ID-x", "kokoro-en-v0_19", "unnamed"):
        sherpa_model(tmp_path / name, "model.onnx", "tokens.txt", "lexicon.txt")
    engine = SherpaTTS(tmp_path)

    assert engine.voices("en") == ("kokoro-en-v0_19", "unnamed")
    assert engine.voices("id") == ("unnamed", "vits-piper-id_ID-x")


async def test_sherpa_names_what_speech_lacks(tmp_path: Path) -> None:
    broken = SherpaTTS(
        sherpa_model(
            tmp_path / "b-id", "model.onnx", "tokens.txt", "lexicon.txt", text="broken"
        )
    )
    await broken.start()

    for engine, lacking in (
        (SherpaTTS(tmp_path / "none"), "TTS_MODEL_PATH has no voice"),
        (broken, "TTS_MODEL_PATH cannot be loaded by sherpa-onnx"),
    ):
        assert engine.state() == "unavailable"
        with pytest.raises(SpeechEngineUnavailable, match=lacking):
            await _seconds(engine, VoiceStyle("id"))
        await engine.close()


# All.


@pytest.mark.parametrize(
    ("engine", "setting"),
    [
        (FasterWhisperSTT(None, vocabulary=list), "STT_MODEL_PATH"),
        (SherpaSTT(None), "STT_MODEL_PATH"),
    ],
)
async def test_an_unset_path_is_told_before_anybody_asks(
    engine: RecognitionEngine, setting: str
) -> None:
    await engine.start()

    assert engine.state() == "unavailable"
    with pytest.raises(SpeechEngineUnavailable, match=f"{setting} is not set"):
        await engine.transcribe(CLIP, language="en", deadline=Deadline.after(1))
    with pytest.raises(SpeechEngineUnavailable):
        async with engine.listen(language="en"):
            pass
