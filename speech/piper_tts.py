"""
Speech by Piper's voices, from a file or a folder of this machine.

The front of the engine and its child process (`python -m speech.piper_tts`), which
keeps its licence (GPL-3) at arm's length. Nothing is ever downloaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domain.errors import SpeechEngineUnavailable, SynthesisFailed
from domain.speech import AudioClip
from speech.child import Handler, Reply, main
from speech.encoding import encode_wav
from speech.model_child import ModelChild
from speech.model_speaker import ModelSpeaker, Voices

SETTING = "TTS_MODEL_PATH"
MAX_VOICES = 8
"""Loaded at once; a medium one takes 60 MB."""


class PiperTTS(ModelSpeaker):
    """
    Speak with Piper: about 0.1 s of work a second of speech.

    Args:
        model: A voice (`*.onnx` with its `*.onnx.json`), or a folder of voices.
    """

    def __init__(self, model: Path | None) -> None:
        child = ModelChild(
            "speech.piper_tts",
            package="piper-tts",
            module="piper",
            setting=SETTING,
            path=model,
            find_missing=lambda path: (
                None if _find_files(path) else "voice (*.onnx with *.onnx.json)"
            ),
        )
        super().__init__(
            child,
            find_voices=lambda: _find_voices(model) if model else {},
            setting=SETTING,
        )


def _find_files(path: Path) -> list[Path]:
    """Return the voices below *path* that have a description beside them."""
    found = [path] if path.is_file() else sorted(path.glob("*.onnx"))
    return [each for each in found if _description(each).is_file()][:MAX_VOICES]


def _find_voices(path: Path) -> Voices:
    voices: dict[str, list[str]] = {}
    for file in _find_files(path):
        try:
            told = json.loads(_description(file).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        voices.setdefault(_language(told), []).append(file.stem)
    return voices


def _description(model: Path) -> Path:
    return model.with_name(f"{model.name}.json")


def _language(told: object) -> str:
    """Return `en` or `id`: newer voices name a language, all have one for espeak."""
    described = told if isinstance(told, dict) else {}
    for key, name in (("language", "code"), ("espeak", "voice")):
        part = described.get(key)
        code = part.get(name) if isinstance(part, dict) else None
        if isinstance(code, str) and code:
            return code.replace("-", "_").partition("_")[0].lower()
    return ""


class _Speaker:
    """The child's voices."""

    def __init__(self) -> None:
        self._voices: dict[str, Any] = {}

    def handlers(self) -> dict[str, Handler]:
        return {"load": self.load, "speak": self.speak}

    def load(self, request: Mapping[str, object], _payload: bytes) -> Reply:
        for file in _find_files(Path(str(request["path"]))):
            if file.stem not in self._voices:
                self._voices[file.stem] = _load(file)
        return {}, b""

    def speak(self, request: Mapping[str, object], payload: bytes) -> Reply:
        self.load(request, b"")
        from piper import SynthesisConfig  # noqa: PLC0415 - an optional package

        voice = self._voices[str(request["voice"])]
        config = SynthesisConfig(length_scale=1.0 / float(str(request["speed"])))
        parts = list(voice.synthesize(payload.decode(), syn_config=config))
        pcm = b"".join(part.audio_int16_bytes for part in parts)
        if not pcm:
            raise SynthesisFailed
        return {}, encode_wav(AudioClip(pcm, parts[0].sample_rate))


def _load(file: Path) -> Any:
    try:
        from piper import PiperVoice  # noqa: PLC0415 - an optional package

        return PiperVoice.load(str(file))
    # The runtime's own errors are RuntimeErrors; a description may lack anything.
    except (ImportError, OSError, RuntimeError, ValueError, KeyError) as exc:
        raise SpeechEngineUnavailable from exc


if __name__ == "__main__":
    main(_Speaker().handlers())
