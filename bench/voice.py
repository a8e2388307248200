"""
How well, and how cheaply, does the local recogniser hear? `python -m bench.voice`.

Word error rate on recordings (with transcripts.tsv), and on questions about the sample
documents that espeak-ng and flite speak, with and without the documents' model.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.questions import load_cases, load_documents
from domain.deadlines import Deadline
from domain.speech import AudioClip
from language.sentences import split_sentences
from speech.audio import decode
from speech.encoding import parse_wav, resample
from speech.lm_text import spoken_words
from speech.local_stt import LocalSTT

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
DATA = ROOT.parent / "shared" / "data" / "speech"

MAX_WER, MIN_GAIN, MAX_CPU = 0.28, 0.30, 0.20
"""Bars: wrong words on recordings, relative gain by documents, CPU s a second."""
RATE_HZ = 16_000
NOISE = 0.01
"""Noise beneath a synthetic voice, of its loudness (40 dB down)."""
PAUSE_SECONDS = 0.3
VOICES = {
    "en": ("espeak:en-us", "flite:slt", "flite:rms", "flite:awb"),
    "id": ("espeak:id", "espeak:id+f3"),
}


@dataclass(frozen=True, slots=True)
class Utterance:
    """What somebody says."""

    words: tuple[str, ...]
    clip: AudioClip


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over utterances; *cpu* in seconds, models' loading left out."""

    errors: int
    words: int
    seconds: float
    cpu: float
    confident: float
    doubtful: float

    @property
    def wer(self) -> float:
        """Share of wrong words."""
        return self.errors / max(1, self.words)

    @property
    def load(self) -> float:
        """CPU seconds a second of sound."""
        return self.cpu / max(1e-9, self.seconds)

    def __str__(self) -> str:
        return (
            f"WER {self.wer:6.1%} of {self.words} words, CPU {self.load:.3f}, "
            f"mean confidence {self.confident:.2f} right, "
            f"{self.doubtful:.2f} wrong"
        )


def count_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return the edit distance of two runs of words."""
    row = list(range(len(heard) + 1))
    for at, word in enumerate(said, 1):
        diagonal, row[0] = row[0], at
        for place, other in enumerate(heard, 1):
            best = min(row[place] + 1, row[place - 1] + 1, diagonal + (word != other))
            diagonal, row[place] = row[place], best
    return row[-1]


def load_recordings(folder: Path) -> list[Utterance]:
    """Return the recordings that `transcripts.tsv` of *folder* lists."""
    lines = (folder / "transcripts.tsv").read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines[1:]:
        name, *_, transcript = line.split("\t")
        clip = decode((folder / name).read_bytes(), max_seconds=120)
        found.append(Utterance(tuple(transcript.split()), clip))
    return found


def speak_questions(language: str, *, every: int) -> list[Utterance]:
    """Return questions about the samples; each *every*th pair of question and voice."""
    cases = load_cases(SAMPLES / "questions.jsonl")
    pairs = [
        (case.question, voice)
        for case in cases
        if case.language == language
        for voice in VOICES[language]
        if shutil.which(_program(voice))
    ]
    return [
        Utterance(
            question_words(question, language=language), _say(question, voice=voice)
        )
        for question, voice in pairs[::every]
    ]


async def measure(
    utterances: Sequence[Utterance],
    *,
    vocabulary: Callable[[], Iterable[str]],
    language: str | None,
) -> Figures:
    """Hear every utterance with one child process."""
    base = await _run([], vocabulary=vocabulary, language=language)
    full = await _run(utterances, vocabulary=vocabulary, language=language)
    return Figures(
        full.errors,
        full.words,
        full.seconds,
        max(0.0, full.cpu - base.cpu),
        full.confident,
        full.doubtful,
    )


async def _run(
    utterances: Sequence[Utterance],
    *,
    vocabulary: Callable[[], Iterable[str]],
    language: str | None,
) -> Figures:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    right: list[float] = []
    wrong: list[float] = []
    errors = 0
    engine = LocalSTT(vocabulary, processes=1)
    await engine.refresh()
    await engine.load()
    for each in utterances:
        heard = await engine.transcribe(
            each.clip, language=language, deadline=Deadline.after(120)
        )
        found = count_errors(each.words, heard.text.split())
        errors += found
        (wrong if found else right).append(heard.confidence)
    await engine.close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Figures(
        errors,
        sum(len(each.words) for each in utterances),
        sum(each.clip.seconds for each in utterances),
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        float(np.mean(right)) if right else 0.0,
        float(np.mean(wrong)) if wrong else 0.0,
    )


def _document_sentences() -> list[str]:
    passages = load_documents(SAMPLES / "documents", tenant="bench")
    return [each.text for one in passages for each in split_sentences(one.text)]


def question_words(question: str, *, language: str) -> tuple[str, ...]:
    """Return what somebody says who reads *question* out."""
    tokens = re.findall(r"[A-Za-z]+(?:'[A-Za-z]+)?|\d+", question)
    return tuple(spoken_words(tokens, language=language))


def _program(voice: str) -> str:
    return {"espeak": "espeak-ng", "flite": "flite"}[voice.partition(":")[0]]


def _say(text: str, *, voice: str) -> AudioClip:
    program, name = _program(voice), voice.partition(":")[2]
    if program == "flite":
        # It hangs on text from a pipe, and its file must have a name.
        with tempfile.NamedTemporaryFile(suffix=".wav") as out:
            subprocess.run(
                [program, "-voice", name, "-t", text, "-o", out.name],
                stdin=subprocess.DEVNULL,
                check=True,
                timeout=30,
            )
            wav = Path(out.name).read_bytes()
    else:
        wav = subprocess.run(
            [program, "--stdin", "--stdout", "-v", name],
            input=text.encode(),
            capture_output=True,
            check=True,
            timeout=30,
        ).stdout
    samples = np.frombuffer(resample(parse_wav(wav), rate_hz=RATE_HZ).pcm, "<i2")
    pause = np.zeros(int(PAUSE_SECONDS * RATE_HZ))
    padded = np.concatenate([pause, samples, pause])
    loudness = float(np.sqrt(np.mean(samples.astype(float) ** 2)))
    noise = np.random.default_rng(len(text)).normal(0, NOISE * loudness, padded.size)
    noisy = np.clip(padded + noise, -32768, 32767)
    return AudioClip(noisy.astype("<i2").tobytes(), RATE_HZ)


async def main(folder: Path, every: int) -> int:
    """Print the figures; 1 when a bar is missed."""
    sentences = _document_sentences()
    started = time.process_time()
    recordings = load_recordings(folder)
    questions = speak_questions("en", every=every)
    indonesian = speak_questions("id", every=every)
    print(f"prepared in {time.process_time() - started:.1f} CPU s")
    plain = await measure(recordings, vocabulary=list, language="en")
    print(f"{len(recordings)} recordings, no documents:   {plain}")
    taught = await measure(recordings, vocabulary=lambda: sentences, language="en")
    print(f"{len(recordings)} recordings, with documents: {taught}")
    met = max(plain.wer, taught.wer) <= MAX_WER and plain.load <= MAX_CPU
    if questions:
        general = await measure(questions, vocabulary=list, language="en")
        print(f"{len(questions)} questions, no documents:   {general}")
        known = await measure(questions, vocabulary=lambda: sentences, language="en")
        print(f"{len(questions)} questions, with documents: {known}")
        gain = 1 - known.wer / general.wer
        print(f"gain by documents: {gain:.0%}")
        met = met and gain >= MIN_GAIN and known.load <= MAX_CPU
    if indonesian:
        found = await measure(indonesian, vocabulary=lambda: sentences, language="id")
        print(f"{len(indonesian)} Indonesian questions (experimental): {found}")
    print("bars met" if met else "BARS MISSED")
    return 0 if met else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=Path, default=None)
    parser.add_argument("--every", type=int, default=5)
    given = parser.parse_args()
    chosen = given.recordings or (DATA if DATA.is_dir() else SAMPLES / "speech")
    sys.exit(asyncio.run(main(chosen, given.every)))
