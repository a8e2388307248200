"""
Speech from programs of this machine.

Real ones where they are installed; the library of the wheel speaks where espeak-ng is
not. Scripts stand in for programs that misbehave.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from domain.deadlines import Deadline
from domain.errors import SpeechEngineUnavailable, SynthesisFailed
from domain.speech import VoiceStyle
from speech.local_tts import LocalTTS

TEXT = "The library opens at eight in the morning."
ENGLISH = VoiceStyle("en")

# What it was called with goes to a file beside it; a second of a quiet tone comes out.
_RECORDER = """
import json, pathlib, struct, sys
here = pathlib.Path(__file__)
called = {"arguments": sys.argv[1:], "stdin": sys.stdin.read()}
here.with_suffix(".json").write_text(json.dumps(called))
pcm = struct.pack("<h", 900) * 16000
head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 2147479588, b"WAVE", b"fmt ", 16,
                   1, 1, 16000, 32000, 2, 16, b"data", 2147479552)
out = "-o" in sys.argv and sys.argv[sys.argv.index("-o") + 1]
(open(out, "wb") if out else sys.stdout.buffer).write(head + pcm)
"""
_HANGING = """
import os, pathlib, time
pathlib.Path(__file__).with_suffix(".pid").write_text(str(os.getpid()))
time.sleep(60)
"""

Program = Callable[[str], str]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    def write(code: str) -> str:
        path = tmp_path / "program"
        path.write_text(f"#!{sys.executable}\n{code}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return write


@pytest.fixture
async def engine() -> AsyncIterator[LocalTTS]:
    made = LocalTTS.find()
    await made.start()
    yield made
    await made.close()


async def _seconds(
    engine: LocalTTS,
    text: str = TEXT,
    *,
    style: VoiceStyle = ENGLISH,
    seconds: float = 20.0,
) -> float:
    sound = engine.speak(text, style=style, deadline=Deadline.after(seconds))
    return sum([clip.seconds async for clip in sound])


def _called(tmp_path: Path) -> dict[str, object]:
    told = json.loads((tmp_path / "program.json").read_text())
    assert isinstance(told, dict)
    return told


async def test_something_speaks_both_languages_on_every_machine(
    engine: LocalTTS,
) -> None:
    assert engine.state() == "embedded"
    assert engine.voices("id")[0] == "id"
    assert engine.voices("en")[0] == ("slt" if shutil.which("flite") else "en-us")
    assert engine.voices("fr") == ()
    for language in ("id", "en"):
        assert await _seconds(engine, style=VoiceStyle(language)) > 1


async def test_a_calm_answer_takes_longer_than_a_lively_one(engine: LocalTTS) -> None:
    for language in ("id", "en"):
        calm = await _seconds(engine, style=VoiceStyle(language, tone="angry"))
        lively = await _seconds(engine, style=VoiceStyle(language, tone="happy"))

        assert calm > 1.05 * lively


async def test_a_language_nobody_speaks_is_said_so(engine: LocalTTS) -> None:
    with pytest.raises(SpeechEngineUnavailable):
        await _seconds(engine, style=VoiceStyle("fr"))


async def test_espeak_gets_the_text_where_no_option_can_be_hidden(
    program: Program, tmp_path: Path
) -> None:
    engine = LocalTTS(espeak=program(_RECORDER), flite=None)

    seconds = await _seconds(
        engine, "-v id --ipa [[h@l]]\x00 ok", style=VoiceStyle("en", tone="sad")
    )

    called = _called(tmp_path)
    assert seconds == pytest.approx(1.0, abs=0.01)
    assert called["stdin"] == "-v id --ipa  h@l   ok"
    arguments = called["arguments"]
    assert arguments == [
        *("--stdin", "--stdout", "-v", "en-us", "-s", "150", "-p", "42", "-b", "1")
    ]


async def test_flite_gets_the_text_as_one_argument(
    program: Program, tmp_path: Path
) -> None:
    engine = LocalTTS(espeak=None, flite=program(_RECORDER))

    await _seconds(engine, "-o file; $(id)", style=VoiceStyle("en", voice="rms"))
    await engine.close()

    arguments = _called(tmp_path)["arguments"]
    assert isinstance(arguments, list)
    assert arguments[arguments.index("-voice") + 1] == "rms"
    assert arguments[arguments.index("-t") + 1] == "-o file; $(id)"


async def test_long_texts_are_bounded(program: Program, tmp_path: Path) -> None:
    engine = LocalTTS(espeak=program(_RECORDER), flite=None)

    await _seconds(engine, "a" * 5_000)

    assert len(str(_called(tmp_path)["stdin"])) == 1_000


@pytest.mark.parametrize(
    "code",
    ["raise SystemExit(3)", "print('no sound')", "pass"],
    ids=["fails", "speaks text", "is silent"],
)
async def test_a_program_that_misbehaves_is_a_failed_synthesis(
    program: Program, code: str
) -> None:
    engine = LocalTTS(espeak=program(code), flite=None)

    with pytest.raises(SynthesisFailed):
        await _seconds(engine)


async def test_a_program_that_hangs_is_ended(program: Program, tmp_path: Path) -> None:
    engine = LocalTTS(espeak=program(_HANGING), flite=None)

    with pytest.raises(SynthesisFailed):
        await _seconds(engine, seconds=2.0)

    pid = int((tmp_path / "program.pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_program_that_went_away_is_unavailable(tmp_path: Path) -> None:
    engine = LocalTTS(espeak=str(tmp_path / "gone"), flite=None)

    with pytest.raises(SpeechEngineUnavailable):
        await _seconds(engine)
