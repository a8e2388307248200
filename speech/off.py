"""Engines that are switched off: they say so instead of failing in the dark."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

from domain.deadlines import Deadline
from domain.errors import SpeechEngineUnavailable
from domain.speech import AudioClip, Emotion, Transcript, VoiceStyle
from domain.speech_ports import Listening

_NO_STT = "Speech recognition is switched off."
_NO_TTS = "Speech is switched off."


class OffSTT:
    """Hears nothing."""

    async def transcribe(
        self,
        clip: AudioClip,  # noqa: ARG002 - the port's
        *,
        language: str | None,  # noqa: ARG002
        deadline: Deadline,  # noqa: ARG002
    ) -> Transcript:
        """Raise `SpeechEngineUnavailable`."""
        raise SpeechEngineUnavailable(_NO_STT)

    @contextlib.asynccontextmanager
    async def listen(
        self,
        *,
        language: str | None,  # noqa: ARG002 - the port's
    ) -> AsyncIterator[Listening]:
        """Raise `SpeechEngineUnavailable`."""
        raise SpeechEngineUnavailable(_NO_STT)
        yield  # An async context manager is a generator.

    async def start(self) -> None:
        """Do nothing: there is nothing to make ready."""

    async def close(self) -> None:
        """Do nothing: there is nothing to give back."""

    def state(self) -> str:
        """Return `off`."""
        return "off"


class OffTTS:
    """Says nothing."""

    async def speak(
        self,
        text: str,  # noqa: ARG002 - the port's
        *,
        style: VoiceStyle,  # noqa: ARG002
        deadline: Deadline,  # noqa: ARG002
    ) -> AsyncIterator[AudioClip]:
        """Raise `SpeechEngineUnavailable`."""
        raise SpeechEngineUnavailable(_NO_TTS)
        yield  # An async generator has a yield.

    def voices(self, language: str) -> Sequence[str]:  # noqa: ARG002 - the port's
        """Return no voice."""
        return ()

    async def start(self) -> None:
        """Do nothing: there is nothing to make ready."""

    async def close(self) -> None:
        """Do nothing: there is nothing to give back."""

    def state(self) -> str:
        """Return `off`."""
        return "off"


class OffEmotion:
    """Reads no emotion."""

    async def read(
        self,
        text: str,  # noqa: ARG002 - the port's
        clip: AudioClip | None,  # noqa: ARG002
        *,
        language: str,  # noqa: ARG002
        deadline: Deadline,  # noqa: ARG002
    ) -> Emotion | None:
        """Return None."""
        return None

    async def start(self) -> None:
        """Do nothing: there is nothing to make ready."""

    async def close(self) -> None:
        """Do nothing: there is nothing to give back."""

    def state(self) -> str:
        """Return `off`."""
        return "off"
