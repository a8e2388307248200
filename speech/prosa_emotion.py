"""Emotion by the text service of Prosa, which hears joy, sadness, anger and fear."""

from __future__ import annotations

from typing import Final

from domain.deadlines import Deadline
from domain.errors import EmotionFailed
from domain.speech import AudioClip, Emotion, EmotionLabel
from speech.emotion_client import EmotionClient, read_share

VENDOR_URL: Final = "https://api.prosa.ai/v2/text/emotion"
MAX_TEXT_CHARS: Final = 5_000
THRESHOLD: Final = 0.6
"""It knows no neutral, so what it is less sure of is called that."""
CLASSES: Final[dict[str, EmotionLabel]] = {
    "joy": "happy",
    "sadness": "sad",
    "anger": "angry",
    "fear": "fear",
}


class ProsaEmotion:
    """
    Read emotions from words with Prosa.

    Args:
        url: The whole address; None: the vendor's.
        timeout_seconds: Of one reading, its retry included.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        api_key: str | None = None,
        timeout_seconds: float = 5.0,
    ) -> None:
        self._vendor_without_key = url is None and not api_key
        self._client = EmotionClient(
            url or VENDOR_URL,
            engine="prosa_emotion",
            headers={"x-api-key": api_key} if api_key else {},
            timeout_seconds=timeout_seconds,
        )

    def state(self) -> str:
        """Return `ok`, or `unavailable`: the key for the vendor is missing."""
        return "unavailable" if self._vendor_without_key else "ok"

    async def start(self) -> None:
        """Do nothing: the first reading connects."""

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def read(
        self,
        text: str,
        clip: AudioClip | None,  # noqa: ARG002 - it reads words
        *,
        language: str,  # noqa: ARG002
        deadline: Deadline,
    ) -> Emotion | None:
        """
        Return the class heard in most of the sentences, `neutral` when unsure.

        Raises:
            EmotionFailed: The key is missing, or the service refused, failed twice,
                was too slow or said what nobody knows.
        """
        if self._vendor_without_key:
            raise EmotionFailed("The key of the emotion service is missing.")
        if not text.strip():
            return Emotion("neutral", 1.0, ("text",))
        reply = await self._client.post(
            payload={"text": text[:MAX_TEXT_CHARS]}, deadline=deadline
        )
        label, score = _strongest(reply.get("emotion"))
        if score < THRESHOLD:
            return Emotion("neutral", round(1.0 - score, 3), ("text",))
        return Emotion(label, score, ("text",))


def _strongest(sentences: object) -> tuple[EmotionLabel, float]:
    """Return the class with the highest mean over all sentences."""
    if not isinstance(sentences, list) or not sentences:
        raise EmotionFailed
    totals: dict[EmotionLabel, float] = {}
    for sentence in sentences:
        found = sentence.get("emotion") if isinstance(sentence, dict) else None
        for pair in found if isinstance(found, list) else ():
            match pair:
                case [str(name), share] if name.lower() in CLASSES:
                    label = CLASSES[name.lower()]
                    totals[label] = totals.get(label, 0.0) + read_share(share)
                case _:
                    raise EmotionFailed
    if not totals:
        raise EmotionFailed
    label = max(totals, key=lambda name: totals[name])
    return label, round(min(1.0, totals[label] / len(sentences)), 3)
