"""As much of sherpa-onnx 2.0 as the engines use; the sound is a tone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

RATE_HZ = 16_000


def _read(path: str) -> None:
    if "broken" in Path(path).read_text():
        raise RuntimeError(f"cannot read {path}")


@dataclass
class Result:
    text: str = ""
    ys_log_probs: list[float] = field(default_factory=list)


class Stream:
    def __init__(self) -> None:
        self.result = Result()
        self.seconds = 0.0

    def accept_waveform(self, sample_rate: int, waveform: Any) -> None:
        self.seconds = len(waveform) / sample_rate


class OfflineRecognizer:
    def __init__(self, kind: str, *, logs: list[float]) -> None:
        self._kind = kind
        self._logs = logs

    @classmethod
    def from_whisper(
        cls,
        encoder: str,
        decoder: str,
        tokens: str,
        language: str = "en",
        num_threads: int = 1,
    ) -> OfflineRecognizer:
        _read(encoder)
        return cls(f"whisper {language}".strip(), logs=[])

    @classmethod
    def from_transducer(
        cls, encoder: str, decoder: str, joiner: str, tokens: str, num_threads: int = 1
    ) -> OfflineRecognizer:
        _read(joiner)
        return cls("transducer", logs=[-0.1, -0.3])

    @classmethod
    def from_sense_voice(
        cls, model: str, tokens: str, num_threads: int = 1, use_itn: bool = False
    ) -> OfflineRecognizer:
        _read(model)
        return cls("sense-voice", logs=[])

    @classmethod
    def from_omnilingual_asr_ctc(
        cls, model: str, tokens: str, num_threads: int = 1
    ) -> OfflineRecognizer:
        _read(model)
        return cls("omnilingual", logs=[])

    def create_stream(self) -> Stream:
        return Stream()

    def decode_stream(self, s: Stream) -> None:
        s.result = Result(f" {self._kind} {s.seconds:.1f} ", list(self._logs))


@dataclass
class OfflineTtsVitsModelConfig:
    model: str
    tokens: str
    lexicon: str = ""


@dataclass
class OfflineTtsKokoroModelConfig:
    model: str
    voices: str
    tokens: str
    lexicon: str = ""


@dataclass
class OfflineTtsMatchaModelConfig:
    acoustic_model: str
    vocoder: str
    tokens: str
    lexicon: str = ""


@dataclass
class OfflineTtsModelConfig:
    vits: OfflineTtsVitsModelConfig | None = None
    kokoro: OfflineTtsKokoroModelConfig | None = None
    matcha: OfflineTtsMatchaModelConfig | None = None
    num_threads: int = 1


@dataclass
class OfflineTtsConfig:
    model: OfflineTtsModelConfig

    def validate(self) -> bool:
        part = self.model.vits or self.model.kokoro or self.model.matcha
        return part is not None and Path(part.tokens).is_file()


@dataclass
class GenerationConfig:
    speed: float = 1.0
    phoneme_codepoints: list[list[int]] = field(default_factory=list)


@dataclass
class GeneratedAudio:
    samples: list[float]
    sample_rate: int = RATE_HZ


class OfflineTts:
    def __init__(self, config: OfflineTtsConfig) -> None:
        model = config.model
        part = model.vits or model.kokoro
        _read(part.model if part else str(model.matcha and model.matcha.acoustic_model))

    def generate(
        self,
        text: str,
        config: GenerationConfig | None = None,
        *,
        sid: int = 0,
        speed: float = 1.0,
    ) -> GeneratedAudio:
        units = len(text)
        if config is not None:
            speed = config.speed
            units = sum(map(len, config.phoneme_codepoints))
        times = np.arange(int(units * 0.06 / speed * RATE_HZ)) / RATE_HZ
        return GeneratedAudio(list(0.3 * np.sin(2 * np.pi * 220 * times)))
