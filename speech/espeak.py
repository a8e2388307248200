"""
The espeak-ng library of a wheel, in a child process (`python -m speech.espeak`).

Interface: espeak-ng's `speak_lib.h`; output mode 2 (synchronous) calls back.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

import espeakng_loader

from domain.errors import SpeechEngineUnavailable, SynthesisFailed
from domain.speech import AudioClip
from speech.child import Handler, Reply, main
from speech.encoding import encode_wav

_SYNCHRONOUS, _CHARS_UTF8, _POSITION_CHARACTER = 2, 1, 1
_RATE, _PITCH = 1, 3
# The library knows voices by their files, the program by their languages too.
_FILES = {"en-gb": "en"}
_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class BundledEspeak:
    """One engine of this process; it has one voice at a time."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self._rate_hz = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)
        if self._rate_hz <= 0:
            raise SpeechEngineUnavailable
        self._pcm = bytearray()
        # Kept as an attribute: the library holds only a bare pointer to it.
        self._callback = _Callback(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: bytes, *, voice: str, pace: int, pitch: int) -> AudioClip:
        """Return the sound of UTF-8 *text*; *pace* in words a minute, *pitch* 0..99."""
        library = self._library
        if library.espeak_SetVoiceByName(_FILES.get(voice, voice).encode()) != 0:
            raise SynthesisFailed
        library.espeak_SetParameter(_RATE, pace, 0)
        library.espeak_SetParameter(_PITCH, pitch, 0)
        self._pcm.clear()
        size = ctypes.c_size_t(len(text) + 1)
        result = library.espeak_Synth(
            text, size, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
        )
        if result != 0:
            raise SynthesisFailed
        library.espeak_Synchronize()
        return AudioClip(bytes(self._pcm), self._rate_hz)

    def _collect(self, samples: object, count: int, _events: object) -> int:
        if samples and count > 0:
            self._pcm += ctypes.string_at(samples, count * 2)  # type: ignore[arg-type]
        return 0


def _handlers() -> dict[str, Handler]:
    engine: list[BundledEspeak] = []

    def speak(request: Mapping[str, object], payload: bytes) -> Reply:
        if not engine:
            engine.append(BundledEspeak())
        clip = engine[0].speak(
            payload,
            voice=str(request["voice"]),
            pace=int(str(request["pace"])),
            pitch=int(str(request["pitch"])),
        )
        return {}, encode_wav(clip)

    return {"speak": speak}


if __name__ == "__main__":
    main(_handlers())
