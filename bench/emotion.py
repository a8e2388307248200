"""
What the shipped emotion models read: `python -m bench.emotion`.

Neutral questions called neutral, as written and as a recogniser writes them, and the
CPU time of words and of sound. How well feelings are told apart needs the sets and is
measured by `bench.train_emotion`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
import wave
from collections.abc import Sequence
from pathlib import Path

from bench.emotion_sets import QUESTIONS
from domain.speech import AudioClip
from speech.emotion_text import TextEmotion, load_model
from speech.local_emotion import judge
from speech.prosody import measure
from tests.fakes.plain_questions import ENGLISH, INDONESIAN

MIN_NEUTRAL, MAX_CPU_SHARE = 0.95, 0.01
_SPEECH = QUESTIONS.parent / "speech"
_MARKS = re.compile(r"[^\w\s']+")
_ROUNDS = 20


def share_neutral(model: TextEmotion, texts: Sequence[str]) -> float:
    """Return the share of *texts* that *model* calls neutral."""
    said = (judge(model.read(t), None, threshold=model.threshold) for t in texts)
    return sum(emotion.label == "neutral" for emotion in said) / len(texts)


def _load_questions(language: str) -> list[str]:
    rows = map(json.loads, QUESTIONS.read_text(encoding="utf-8").splitlines())
    return [row["question"] for row in rows if row["lang"] == language]


def _load_clip(path: Path) -> AudioClip:
    with wave.open(str(path)) as file:
        return AudioClip(file.readframes(file.getnframes()), file.getframerate())


def _measure_words(language: str, unseen: Sequence[str]) -> bool:
    model = load_model(language)
    texts = [*_load_questions(language), *unseen]
    heard = [" ".join(_MARKS.sub(" ", text.lower()).split()) for text in texts]
    shares = share_neutral(model, texts), share_neutral(model, heard)
    started = time.process_time()
    share_neutral(model, texts)
    cost = (time.process_time() - started) / len(texts)
    print(
        f"{language}: {len(texts)} plain questions called neutral: {shares[0]:.1%},"
        f" without marks {shares[1]:.1%}; {1000 * cost:.2f} ms CPU a text"
    )
    return min(shares) >= MIN_NEUTRAL


def _measure_sound() -> bool:
    clips = [_load_clip(path) for path in sorted(_SPEECH.glob("*.wav"))]
    started = time.process_time()
    for _ in range(_ROUNDS):
        for clip in clips:
            measure(clip)
    spent = time.process_time() - started
    share = spent / (_ROUNDS * sum(clip.seconds for clip in clips))
    print(f"sound: {share:.2%} of its length in CPU time, {len(clips)} recordings")
    return share <= MAX_CPU_SHARE


def main() -> int:
    """Print the figures; 1 when a bar is missed."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    met = [
        _measure_words("en", ENGLISH),
        _measure_words("id", INDONESIAN),
        _measure_sound(),
    ]
    print("bars met" if all(met) else "BARS MISSED")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
