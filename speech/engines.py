"""What every engine is besides its port: somebody starts it and closes it."""

from __future__ import annotations

from typing import Protocol

from domain.speech_ports import EmotionReader, SpeechToText, TextToSpeech


class RecognitionEngine(SpeechToText, Protocol):
    """Who hears words, with a beginning and an end."""

    async def start(self) -> None:
        """Make ready what the first use would wait for; never raises."""
        ...

    async def close(self) -> None:
        """Give back processes and connections."""
        ...


class SpeakingEngine(TextToSpeech, Protocol):
    """Who speaks, with a beginning and an end."""

    async def start(self) -> None:
        """Make ready what the first use would wait for; never raises."""
        ...

    async def close(self) -> None:
        """Give back processes and connections."""
        ...


class EmotionEngine(EmotionReader, Protocol):
    """Who hears how something is said, with a beginning, a state and an end."""

    def state(self) -> str:
        """Return a component state for `/health`, naming what is missing."""
        ...

    async def start(self) -> None:
        """Make ready what the first use would wait for; never raises."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
