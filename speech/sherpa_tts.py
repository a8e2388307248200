"""
Speech by sherpa-onnx: Piper (VITS), Kokoro and Matcha voices of this machine.

The front of the engine and its child process (`python -m speech.sherpa_tts`). The
folder is one voice, or holds one folder a voice. Nothing is ever downloaded.

Since 2.0 the library knows no pronunciation of its own: a voice brings a lexicon, or
the program espeak-ng tells how words sound.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from domain.errors import SpeechEngineUnavailable, SynthesisFailed
from domain.speech import AudioClip
from speech.child import Handler, Reply, main
from speech.encoding import encode_wav
from speech.model_child import ModelChild
from speech.model_speaker import ModelSpeaker, Voices

SETTING = "TTS_MODEL_PATH"
THREADS = 2
MAX_VOICES = 4
LANGUAGES = ("en", "id")
ESPEAK = "espeak-ng"
ESPEAK_SECONDS = 5.0
LEXICONS = ("lexicon.txt", "lexicon-us-en.txt", "lexicon-en-us.txt")
_ESPEAK_VOICES = {"en": "en-us", "id": "id"}
_CLAUSE = re.compile(r"(.+?)(?:([.,;:!?])(?=\s|$)|$)", re.DOTALL)
_NAMED = {
    "en": re.compile(r"(^|[-_])(en|eng)([-_]|$)|kokoro-en|ljspeech"),
    "id": re.compile(r"(^|[-_])(id|ind)([-_]|$)"),
}


class SherpaTTS(ModelSpeaker):
    """
    Speak with sherpa-onnx.

    Args:
        model: A voice's folder (`tokens.txt`, `*.onnx`), or a folder of such folders.
    """

    def __init__(self, model: Path | None) -> None:
        child = ModelChild(
            "speech.sherpa_tts",
            package="sherpa-onnx",
            module="sherpa_onnx",
            setting=SETTING,
            path=model,
            find_missing=_find_missing,
        )
        super().__init__(
            child,
            find_voices=lambda: _find_voices(model) if model else {},
            setting=SETTING,
        )


def _find_missing(path: Path) -> str | None:
    folders = _find_folders(path)
    if not folders:
        return "voice (tokens.txt with *.onnx)"
    if shutil.which(ESPEAK) is None and not all(map(_find_lexicon, folders)):
        return "lexicon.txt, and the program espeak-ng is not installed"
    return None


def _find_folders(path: Path) -> list[Path]:
    candidates = [path, *sorted(each for each in path.glob("*") if each.is_dir())]
    return [each for each in candidates if _find_model(each)][:MAX_VOICES]


def _find_model(folder: Path) -> Path | None:
    """Return the model of a voice's folder: never a vocoder."""
    if not (folder / "tokens.txt").is_file():
        return None
    found = [each for each in sorted(folder.glob("*.onnx")) if not _is_vocoder(each)]
    return found[0] if found else None


def _find_lexicon(folder: Path) -> Path | None:
    found = (folder / name for name in LEXICONS)
    return next((each for each in found if each.is_file()), None)


def _is_vocoder(file: Path) -> bool:
    return file.name.startswith(("vocos", "hifigan"))


def _find_voices(path: Path) -> Voices:
    voices: dict[str, list[str]] = {}
    for folder in _find_folders(path):
        model = _find_model(folder)
        names = f"{folder.resolve().name} {model.stem if model else ''}".lower().split()
        told = [
            language
            for language, pattern in _NAMED.items()
            if any(pattern.search(name) for name in names)
        ]
        # A name that says nothing: whoever chose the voice knows what it speaks.
        for language in told or LANGUAGES:
            voices.setdefault(language, []).append(folder.name)
    return voices


class _Speaker:
    """The child's voices."""

    def __init__(self) -> None:
        self._voices: dict[str, tuple[Path, Any]] = {}

    def handlers(self) -> dict[str, Handler]:
        return {"load": self.load, "speak": self.speak}

    def load(self, request: Mapping[str, object], _payload: bytes) -> Reply:
        for folder in _find_folders(Path(str(request["path"]))):
            if folder.name not in self._voices:
                self._voices[folder.name] = (folder, _load(folder))
        return {}, b""

    def speak(self, request: Mapping[str, object], payload: bytes) -> Reply:
        self.load(request, b"")
        folder, voice = self._voices[str(request["voice"])]
        text, speed = payload.decode(), float(str(request["speed"]))
        if _find_lexicon(folder) is not None:
            sound = voice.generate(text, sid=0, speed=speed)
        else:
            from sherpa_onnx import GenerationConfig  # noqa: PLC0415 - optional

            config = GenerationConfig()
            config.speed = speed
            phonemes = pronounce(text, voice=_ESPEAK_VOICES[str(request["language"])])
            config.phoneme_codepoints = [list(map(ord, phonemes))]
            sound = voice.generate("", config)
        samples = np.clip(np.asarray(sound.samples, dtype=np.float32), -1.0, 1.0)
        if not samples.size:
            raise SynthesisFailed
        pcm = (samples * 32767).astype("<i2").tobytes()
        return {}, encode_wav(AudioClip(pcm, int(sound.sample_rate)))


def pronounce(text: str, *, voice: str) -> str:
    """
    Return *text* in the IPA of espeak-ng with its punctuation, which voices know too.

    Raises:
        SynthesisFailed: The program failed.
    """
    sounds = []
    for clause, mark in _CLAUSE.findall(text):
        if not clause.strip():
            continue
        try:
            done = subprocess.run(  # noqa: S603 - a program of this machine
                [ESPEAK, "-q", "--ipa", "-v", voice, "-b", "1", "--stdin"],
                input=clause.encode(),
                capture_output=True,
                check=True,
                timeout=ESPEAK_SECONDS,
            )
        except (OSError, subprocess.SubprocessError) as exc:
            raise SynthesisFailed from exc
        sounds.append(" ".join(done.stdout.decode().split()) + mark)
    return " ".join(sounds)


def _load(folder: Path) -> Any:
    try:
        import sherpa_onnx  # noqa: PLC0415 - an optional package
    except ImportError as exc:
        raise SpeechEngineUnavailable from exc
    common = {
        "tokens": str(folder / "tokens.txt"),
        "lexicon": str(_find_lexicon(folder) or ""),
    }
    model = str(_find_model(folder))
    vocoder = next(filter(_is_vocoder, sorted(folder.glob("*.onnx"))), None)
    voices = folder / "voices.bin"
    try:
        if voices.is_file():
            part = sherpa_onnx.OfflineTtsKokoroModelConfig(
                model=model, voices=str(voices), **common
            )
            described = sherpa_onnx.OfflineTtsModelConfig(
                kokoro=part, num_threads=THREADS
            )
        elif vocoder is not None:
            part = sherpa_onnx.OfflineTtsMatchaModelConfig(
                acoustic_model=model, vocoder=str(vocoder), **common
            )
            described = sherpa_onnx.OfflineTtsModelConfig(
                matcha=part, num_threads=THREADS
            )
        else:
            part = sherpa_onnx.OfflineTtsVitsModelConfig(model=model, **common)
            described = sherpa_onnx.OfflineTtsModelConfig(
                vits=part, num_threads=THREADS
            )
        config = sherpa_onnx.OfflineTtsConfig(model=described)
        if not config.validate():
            raise SpeechEngineUnavailable
        return sherpa_onnx.OfflineTts(config)
    except (OSError, RuntimeError, ValueError) as exc:
        raise SpeechEngineUnavailable from exc


if __name__ == "__main__":
    main(_Speaker().handlers())
