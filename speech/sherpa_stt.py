"""
Recognition by sherpa-onnx, from a folder as its authors publish them.

The front of the engine and its child process (`python -m speech.sherpa_stt`). What kind
of model it is shows in its files; nothing is ever downloaded.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from domain.deadlines import Deadline
from domain.errors import RecognitionFailed, SpeechEngineUnavailable
from domain.speech import AudioClip, Transcript
from domain.speech_ports import Listening
from language.detection import detect_language
from speech.child import Handler, Reply, main
from speech.collecting import CollectedListening
from speech.encoding import resample
from speech.model_child import ChildLost, ModelChild

RATE_HZ = 16_000
THREADS = 2
UNKNOWN_CONFIDENCE = 0.8
"""Of models that tell none: they are believed."""


class SherpaSTT:
    """
    Hear with a Whisper, transducer, SenseVoice or Omnilingual model.

    Args:
        model: Its folder; None: `state` says what is to be set.
        processes: Utterances at once; each has its own copy of the model.
    """

    def __init__(self, model: Path | None, *, processes: int = 1) -> None:
        self._child = ModelChild(
            "speech.sherpa_stt",
            package="sherpa-onnx",
            module="sherpa_onnx",
            setting="STT_MODEL_PATH",
            path=model,
            find_missing=_find_missing,
            processes=processes,
        )

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
        request = {"op": "recognise", "language": language}
        try:
            reply, _ = await self._child.call(request, pcm, deadline=deadline)
        except ChildLost as exc:
            raise RecognitionFailed from exc
        text, confidence = str(reply["text"]), float(str(reply["confidence"]))
        found = language or (detect_language(text) if text else "en")
        return Transcript(text, found, confidence if text else 0.0)

    @contextlib.asynccontextmanager
    async def listen(self, *, language: str | None) -> AsyncIterator[Listening]:
        """Collect one utterance; it is heard when it is over."""
        self._child.check()
        yield CollectedListening(self, language=language)


def _pick(folder: Path, pattern: str) -> Path | None:
    """Return the file of *pattern*, the quantised one if there are two."""
    found = sorted(folder.glob(pattern), key=lambda each: "int8" not in each.name)
    return found[0] if found else None


def _find_missing(folder: Path) -> str | None:
    if _pick(folder, "*tokens.txt") is None:
        return "tokens.txt"
    return None if find_kind(folder) else "model of a known kind"


def find_kind(folder: Path) -> str | None:
    """Return `transducer`, `whisper`, `sense-voice`, `omnilingual` or None."""
    if _pick(folder, "*encoder*.onnx") and _pick(folder, "*decoder*.onnx"):
        return "transducer" if _pick(folder, "*joiner*.onnx") else "whisper"
    if _pick(folder, "model*.onnx") is None:
        return None
    # One file alone does not say what it is; the folder's published name does.
    name = folder.resolve().name.lower()
    return next((kind for kind in ("sense-voice", "omnilingual") if kind in name), None)


class _Recogniser:
    """The child's model; Whisper's has one language, so there may be three."""

    def __init__(self) -> None:
        self._recognisers: dict[str, Any] = {}

    def handlers(self) -> dict[str, Handler]:
        return {"load": self.load, "recognise": self.recognise}

    def load(self, request: Mapping[str, object], _payload: bytes) -> Reply:
        self._find(Path(str(request["path"])), "")
        return {}, b""

    def recognise(self, request: Mapping[str, object], payload: bytes) -> Reply:
        folder = Path(str(request["path"]))
        told = "" if request["language"] is None else str(request["language"])
        recogniser = self._find(folder, told if find_kind(folder) == "whisper" else "")
        samples = np.frombuffer(payload, dtype="<i2").astype(np.float32) / 32768.0
        stream = recogniser.create_stream()
        stream.accept_waveform(RATE_HZ, samples)
        recogniser.decode_stream(stream)
        text = " ".join(str(stream.result.text).split())
        logs = [each for each in stream.result.ys_log_probs if math.isfinite(each)]
        confidence = (
            math.exp(min(0.0, sum(logs) / len(logs))) if logs else UNKNOWN_CONFIDENCE
        )
        return {"text": text, "confidence": round(confidence, 3)}, b""

    def _find(self, folder: Path, language: str) -> Any:
        if language not in self._recognisers:
            self._recognisers[language] = _load(folder, language)
        return self._recognisers[language]


def _load(folder: Path, language: str) -> Any:
    try:
        from sherpa_onnx import OfflineRecognizer  # noqa: PLC0415 - an optional package
    except ImportError as exc:
        raise SpeechEngineUnavailable from exc
    tokens = str(_pick(folder, "*tokens.txt"))
    pair = {
        "encoder": str(_pick(folder, "*encoder*.onnx")),
        "decoder": str(_pick(folder, "*decoder*.onnx")),
    }
    model = str(_pick(folder, "model*.onnx"))
    kind = find_kind(folder)
    try:
        if kind == "whisper":
            return OfflineRecognizer.from_whisper(
                **pair, tokens=tokens, language=language, num_threads=THREADS
            )
        if kind == "transducer":
            joiner = str(_pick(folder, "*joiner*.onnx"))
            return OfflineRecognizer.from_transducer(
                **pair, joiner=joiner, tokens=tokens, num_threads=THREADS
            )
        if kind == "sense-voice":
            return OfflineRecognizer.from_sense_voice(
                model=model, tokens=tokens, use_itn=True, num_threads=THREADS
            )
        return OfflineRecognizer.from_omnilingual_asr_ctc(
            model=model, tokens=tokens, num_threads=THREADS
        )
    except (OSError, RuntimeError, ValueError) as exc:
        raise SpeechEngineUnavailable from exc


if __name__ == "__main__":
    main(_Recogniser().handlers())
