"""What was said, in each of the formats that OpenAI's clients ask for."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import Any

from domain.speech import Transcript

# Whisper's names of the languages, which is what a verbose answer holds.
_NAMES = {"en": "english", "id": "indonesian"}
_LEAST_CONFIDENCE = 1e-6


@dataclass(frozen=True, slots=True)
class Heard:
    """
    A transcript of a whole file.

    The engines give no times of words, so the file is one segment.

    Attributes:
        seconds: Length of the file.
    """

    transcript: Transcript
    seconds: float

    @property
    def text(self) -> str:
        """The words; empty when nobody speaks."""
        return self.transcript.text.strip()

    def json(self) -> dict[str, Any]:
        """Return the short form."""
        return {"text": self.text, "usage": self._usage()}

    def verbose_json(self) -> dict[str, Any]:
        """Return the long form, with the segment."""
        language = self.transcript.language
        return {
            "task": "transcribe",
            "language": _NAMES.get(language, language),
            "duration": round(self.seconds, 3),
            "text": self.text,
            "segments": [self._segment()] if self.text else [],
            "usage": self._usage(),
        }

    def srt(self) -> str:
        """Return subtitles of one line."""
        if not self.text:
            return ""
        end = _clock(self.seconds, ",")
        return f"1\n{_clock(0, ',')} --> {end}\n{self._one_line()}\n\n"

    def vtt(self) -> str:
        """Return WebVTT captions of one line."""
        if not self.text:
            return "WEBVTT\n\n"
        end = _clock(self.seconds, ".")
        return f"WEBVTT\n\n{_clock(0, '.')} --> {end}\n{self._one_line()}\n\n"

    def events(self) -> list[dict[str, Any]]:
        """Return the events of a stream."""
        text = self.text
        found = [{"type": "transcript.text.delta", "delta": text}] if text else []
        return [*found, {"type": "transcript.text.done", "text": text}]

    def _one_line(self) -> str:
        # A blank line or an arrow would end the caption.
        return " ".join(self.text.split()).replace("-->", "->")

    def _usage(self) -> dict[str, Any]:
        return {"type": "duration", "seconds": round(self.seconds, 3)}

    def _segment(self) -> dict[str, Any]:
        encoded = self.text.encode()
        confidence = max(self.transcript.confidence, _LEAST_CONFIDENCE)
        return {
            "id": 0,
            "seek": 0,
            "start": 0.0,
            "end": round(self.seconds, 3),
            "text": self.text,
            "tokens": [],
            "temperature": 0.0,
            "avg_logprob": round(math.log(confidence), 4),
            "compression_ratio": round(len(encoded) / len(zlib.compress(encoded)), 4),
            "no_speech_prob": 0.0,
        }


def _clock(seconds: float, mark: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{mark}{rest % 1000:03}"
