"""As much of piper-tts 1.8 as the engine uses; the sound is a tone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE_HZ = 22_050


@dataclass
class SynthesisConfig:
    length_scale: float | None = None


@dataclass
class AudioChunk:
    sample_rate: int
    audio_int16_bytes: bytes


class PiperVoice:
    def __init__(self, model: Path, hertz: float) -> None:
        self._model = model
        self._hertz = hertz

    @staticmethod
    def load(model_path: str) -> PiperVoice:
        told = json.loads(Path(f"{model_path}.json").read_text())
        if Path(model_path).read_text() == "broken":
            raise RuntimeError(f"cannot read {model_path}")
        return PiperVoice(Path(model_path), float(told["hertz"]))

    def synthesize(
        self, text: str, syn_config: SynthesisConfig | None = None
    ) -> Iterator[AudioChunk]:
        once = self._model.parent / "die-once"
        if once.exists():
            once.unlink()
            os._exit(1)
        scale = (syn_config and syn_config.length_scale) or 1.0
        for sentence in text.split(". "):
            times = np.arange(int(len(sentence) * 0.06 * scale * RATE_HZ)) / RATE_HZ
            wave = 8_000 * np.sin(2 * np.pi * self._hertz * times)
            yield AudioChunk(RATE_HZ, wave.astype("<i2").tobytes())
