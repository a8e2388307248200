"""
Recognition by Whisper through faster-whisper, from a folder of this machine.

The front of the engine and its child process (`python -m speech.faster_whisper_stt`).
Nothing is ever downloaded: a folder that lacks a file is refused before it is loaded.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from domain.deadlines import Deadline
from domain.errors import RecognitionFailed, SpeechEngineUnavailable
from domain.speech import AudioClip, Transcript
from domain.speech_ports import Listening
from speech.child import Handler, Reply, main
from speech.collecting import CollectedListening
from speech.encoding import resample
from speech.model_child import ChildLost, ModelChild
from speech.names import DocumentNames
from speech.whisper import Segment, confidence_of

RATE_HZ = 16_000
# Without its own tokenizer the library would fetch one.
FILES = ("model.bin", "config.json", "tokenizer.json")
LANGUAGES = ("en", "id")


class FasterWhisperSTT:
    """
    Hear with a Whisper model in the format of CTranslate2.

    Args:
        model: Its folder; None: `state` says what is to be set.
        vocabulary: Sentences of the ingested documents; called in a thread.
        processes: Utterances at once; each has its own copy of the model.
    """

    def __init__(
        self,
        model: Path | None,
        *,
        vocabulary: Callable[[], Iterable[str]],
        processes: int = 1,
    ) -> None:
        self._child = ModelChild(
            "speech.faster_whisper_stt",
            package="faster-whisper",
            module="faster_whisper",
            setting="STT_MODEL_PATH",
            path=model,
            find_missing=_find_missing,
            processes=processes,
        )
        self._names = DocumentNames(vocabulary)

    def state(self) -> str:
        """Return `embedded`, or `unavailable`: package or model are missing."""
        return self._child.state()

    async def start(self) -> None:
        """Load the model."""
        await self._child.start()

    async def close(self) -> None:
        """End the child."""
        await self._child.close()

    async def transcribe(
        self, clip: AudioClip, *, language: str | None, deadline: Deadline
    ) -> Transcript:
        """
        Return what was said in *clip*; empty text when there are no words.

        Raises:
            RecognitionFailed: The child died twice or was too slow.
            SpeechEngineUnavailable: The package or the model is missing.
        """
        self._child.check()
        if not clip.pcm:
            return Transcript("", language or "en", 0.0)
        pcm = resample(clip, rate_hz=RATE_HZ).pcm
        request = {
            "op": "recognise",
            "language": language,
            "names": await self._names.find(),
        }
        try:
            reply, _ = await self._child.call(request, pcm, deadline=deadline)
        except ChildLost as exc:
            raise RecognitionFailed from exc
        text, confidence = str(reply["text"]), float(str(reply["confidence"]))
        return Transcript(text, language or str(reply["language"]), confidence)

    @contextlib.asynccontextmanager
    async def listen(self, *, language: str | None) -> AsyncIterator[Listening]:
        """Collect one utterance; it is heard when it is over."""
        self._child.check()
        yield CollectedListening(self, language=language)


def _find_missing(path: Path) -> str | None:
    return next((name for name in FILES if not (path / name).is_file()), None)


class _Recogniser:
    """The child's model."""

    def __init__(self) -> None:
        self._model: Any = None

    def handlers(self) -> dict[str, Handler]:
        return {"load": self.load, "recognise": self.recognise}

    def load(self, request: Mapping[str, object], _payload: bytes) -> Reply:
        if self._model is None:
            self._model = _load(str(request["path"]))
        return {}, b""

    def recognise(self, request: Mapping[str, object], payload: bytes) -> Reply:
        self.load(request, b"")
        samples = np.frombuffer(payload, dtype="<i2").astype(np.float32) / 32768.0
        language = None if request["language"] is None else str(request["language"])
        segments, info = self._begin(samples, language, str(request["names"]))
        # Nothing is decoded yet. Malay, say, is what Indonesian is often taken for.
        if language is None and info.language not in LANGUAGES:
            language = _likelier(info.all_language_probs)
            segments, info = self._begin(samples, language, str(request["names"]))
        text, confidence = _join(segments)
        return {
            "text": text,
            "confidence": round(confidence, 3),
            "language": str(info.language),
        }, b""

    def _begin(
        self, samples: np.ndarray, language: str | None, names: str
    ) -> tuple[Iterable[Any], Any]:
        found: tuple[Iterable[Any], Any] = self._model.transcribe(
            samples,
            language=language,
            # Fewer tries than usual at what it does not understand: somebody waits.
            temperature=(0.0, 0.4, 0.8),
            # What was said before is not in this clip; it only makes Whisper loop.
            condition_on_previous_text=False,
            hotwords=names or None,
            vad_filter=True,
        )
        return found


def _load(path: str) -> Any:
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        from faster_whisper import WhisperModel  # noqa: PLC0415 - an optional package

        return WhisperModel(
            path,
            device="cpu",
            compute_type="int8",
            cpu_threads=max(1, (os.cpu_count() or 2) // 2),
            local_files_only=True,
        )
    except (ImportError, OSError, RuntimeError, ValueError) as exc:
        raise SpeechEngineUnavailable from exc


def _likelier(probabilities: Iterable[tuple[str, float]] | None) -> str:
    found = dict(probabilities or ())
    return max(LANGUAGES, key=lambda language: found.get(language, 0.0))


def _join(found: Iterable[Any]) -> tuple[str, float]:
    """Return the text of the segments with speech and its mean probability a token."""
    segments = [
        Segment(each.text, each.avg_logprob, each.no_speech_prob) for each in found
    ]
    text = " ".join(segment.text for segment in segments if segment.is_spoken)
    return " ".join(text.split()), confidence_of(segments) if text.strip() else 0.0


if __name__ == "__main__":
    main(_Recogniser().handlers())
