"""
As much of faster-whisper 1.2 as the engine uses.

The model's file says what it does: `broken` cannot be read, `exit` ends the process
that loads it. `die-once` beside it ends the process that is asked next.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MALAY = (("ms", 0.6), ("id", 0.3), ("en", 0.1))


@dataclass
class Segment:
    text: str
    avg_logprob: float
    no_speech_prob: float


@dataclass
class TranscriptionInfo:
    language: str
    all_language_probs: tuple[tuple[str, float], ...] | None


class WhisperModel:
    def __init__(
        self,
        model_size_or_path: str,
        device: str = "auto",
        compute_type: str = "default",
        cpu_threads: int = 0,
        local_files_only: bool = False,
    ) -> None:
        if not local_files_only or os.environ.get("HF_HUB_OFFLINE") != "1":
            raise ValueError("would download")
        self._folder = Path(model_size_or_path)
        kind = (self._folder / "model.bin").read_text()
        if kind == "exit":
            os._exit(1)
        if kind == "broken":
            raise RuntimeError(f"cannot read {model_size_or_path}")

    def transcribe(
        self,
        audio: Any,
        language: str | None = None,
        temperature: Any = 0.0,
        condition_on_previous_text: bool = True,
        hotwords: str | None = None,
        vad_filter: bool = False,
    ) -> tuple[Iterator[Segment], TranscriptionInfo]:
        once = self._folder / "die-once"
        if once.exists():
            once.unlink()
            os._exit(1)
        seconds = len(audio) / 16_000
        found = language or "ms"
        info = TranscriptionInfo(found, None if language else MALAY)
        return self._segments(found, hotwords, seconds), info

    def _segments(
        self, language: str, hotwords: str | None, seconds: float
    ) -> Iterator[Segment]:
        yield Segment(f" {language} {seconds:.1f}", -0.1, 0.0)
        yield Segment(f" {hotwords or ''}", -0.1, 0.0)
        yield Segment(" thanks for watching", -1.5, 0.9)
