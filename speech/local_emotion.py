"""Emotion without a server: the words decide, the sound may tip a close decision."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from domain.deadlines import Deadline
from domain.errors import EmotionFailed, TurnTimeout
from domain.speech import AudioClip, Emotion, EmotionLabel
from speech.emotion_text import DATA, TextEmotion, load_model
from speech.prosody import Prosody, arousal, measure

log = logging.getLogger(__name__)

LANGUAGES: Final = ("en", "id")
FAR: Final = 2.0
"""Standard deviations from typical at which the sound is listened to."""
NUDGE: Final = 0.15
"""How much such a sound moves the threshold of the classes it can tell."""
_HEARD_IN_SOUND: Final[frozenset[EmotionLabel]] = frozenset({"angry", "happy"})
_FALLBACK: Final = "en"


class LocalEmotion:
    """
    Read emotions with the shipped models.

    Args:
        folder: Where the models are.
        timeout_seconds: Of one reading.
    """

    def __init__(self, *, folder: Path = DATA, timeout_seconds: float = 5.0) -> None:
        self._folder = folder
        self._timeout_seconds = timeout_seconds
        self._models: dict[str, TextEmotion] = {}
        self._lock = threading.Lock()

    def state(self) -> str:
        """Return `ok`, or `unavailable`: a model is missing."""
        found = (self._folder / f"emotion_{name}.npz" for name in LANGUAGES)
        return "ok" if all(path.is_file() for path in found) else "unavailable"

    async def start(self) -> None:
        """Load the models, which the first reading would wait for; never raises."""
        for language in LANGUAGES:
            try:
                await asyncio.to_thread(self._load, language)
            except OSError:
                log.warning("emotion_model_unreadable")

    async def close(self) -> None:
        """Do nothing: there is nothing to give back."""

    async def read(
        self, text: str, clip: AudioClip | None, *, language: str, deadline: Deadline
    ) -> Emotion | None:
        """
        Return the emotion, `neutral` when unsure; a few milliseconds in a thread.

        Raises:
            EmotionFailed: The models cannot be read, or there was no time left.
        """
        try:
            seconds = min(self._timeout_seconds, deadline.remaining())
            async with asyncio.timeout(seconds):
                return await asyncio.to_thread(self._read, text, clip, language)
        except OSError as exc:
            log.warning("emotion_model_unreadable")
            raise EmotionFailed from exc
        except (TimeoutError, TurnTimeout) as exc:
            raise EmotionFailed from exc

    def _read(self, text: str, clip: AudioClip | None, language: str) -> Emotion:
        model = self._load(language if language in LANGUAGES else _FALLBACK)
        prosody = measure(clip) if clip is not None else None
        return judge(model.read(text), prosody, threshold=model.threshold)

    def _load(self, language: str) -> TextEmotion:
        with self._lock:
            if language not in self._models:
                self._models[language] = load_model(language, folder=self._folder)
            return self._models[language]


def judge(
    told: Mapping[EmotionLabel, float],
    prosody: Prosody | None,
    *,
    threshold: float,
) -> Emotion:
    """
    Return what words and sound say together.

    The words name the class, if they are sure enough and more so than of `neutral`. A
    sound far from typical only moves how sure they have to be of `angry` and `happy`.

    Args:
        told: Probability of each class by the words.
        prosody: What the sound tells, None without a useful sound.
        threshold: Least probability of a class other than `neutral`.
    """
    feelings = {label: share for label, share in told.items() if label != "neutral"}
    label = max(feelings, key=lambda name: feelings[name])
    share = feelings[label]
    heard_in = ("text",) if prosody is None else ("text", "sound")
    needed = max(threshold, told["neutral"])
    if prosody is not None and label in _HEARD_IN_SOUND:
        distance = arousal(prosody)
        if abs(distance) >= FAR:
            needed -= NUDGE if distance > 0 else -NUDGE
    if share < needed:
        return Emotion("neutral", round(1.0 - share, 3), heard_in)
    return Emotion(label, round(share, 3), heard_in)
