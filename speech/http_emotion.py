"""
Emotion by any service with `POST /predict?text=` and the sound as multipart `file`.

It answers `{"prediction": "happy" | "sad" | "angry" | "neutral" | ...}`.
"""

from __future__ import annotations

from typing import Final

from domain.deadlines import Deadline
from domain.errors import EmotionFailed
from domain.speech import AudioClip, Emotion, EmotionLabel
from speech.emotion_client import EmotionClient, read_share
from speech.encoding import encode_wav

# It travels in the address, percent-encoded, and servers bound those at 8 kB.
MAX_TEXT_CHARS: Final = 800
UNKNOWN_SCORE: Final = 0.7
"""Of a service that tells none: it is believed, and not more than that."""
PREDICTIONS: Final[dict[str, EmotionLabel]] = {
    "neutral": "neutral",
    "calm": "neutral",
    "happy": "happy",
    "happiness": "happy",
    "joy": "happy",
    "sad": "sad",
    "sadness": "sad",
    "angry": "angry",
    "anger": "angry",
    "fear": "fear",
    "fearful": "fear",
}


class HTTPEmotion:
    """
    Read emotions with a service of words and sound.

    Args:
        url: Without `/predict`.
        timeout_seconds: Of one reading, its retry included.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 5.0) -> None:
        self._client = EmotionClient(
            f"{url.rstrip('/')}/predict",
            engine="http_emotion",
            timeout_seconds=timeout_seconds,
        )

    def state(self) -> str:
        """Return `ok`."""
        return "ok"

    async def start(self) -> None:
        """Do nothing: the first reading connects."""

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def read(
        self,
        text: str,
        clip: AudioClip | None,
        *,
        language: str,  # noqa: ARG002 - the service finds out
        deadline: Deadline,
    ) -> Emotion | None:
        """
        Return what the service predicts.

        Raises:
            EmotionFailed: There is no sound to send, or the service refused, failed
                twice, was too slow or said what nobody knows.
        """
        if clip is None:
            raise EmotionFailed("This emotion service needs the sound.")
        reply = await self._client.post(
            deadline=deadline,
            params={"text": text[:MAX_TEXT_CHARS]},
            # Servers tell the format by the name of the file.
            files={"file": ("speech.wav", encode_wav(clip), "audio/wav")},
        )
        label = PREDICTIONS.get(str(reply.get("prediction")).strip().lower())
        if label is None:
            raise EmotionFailed
        score = read_share(reply.get("score", UNKNOWN_SCORE))
        return Emotion(label, score, ("text", "sound"))
