"""
What an emotion changes in a spoken answer: a sentence before it, an offer after it.

Pure functions with fixed words. They state no fact, name no person, place or number and
never change what the documents say.
"""

from __future__ import annotations

from typing import Final

from domain.speech import Emotion, EmotionLabel

ENOUGH: Final = 0.65
"""Least score of an emotion that may change what is said."""
_FALLBACK: Final = "en"

_OPENINGS: Final[dict[tuple[EmotionLabel, bool], dict[str, str]]] = {
    ("angry", True): {
        "en": "I am sorry for the trouble.",
        "id": "Mohon maaf atas ketidaknyamanannya.",
    },
    ("angry", False): {
        "en": "I understand that this is frustrating, and I am sorry.",
        "id": "Saya mengerti ini mengesalkan, mohon maaf.",
    },
    ("sad", True): {
        "en": "I am sorry to hear that.",
        "id": "Saya turut prihatin.",
    },
    ("sad", False): {
        "en": "I am sorry to hear that.",
        "id": "Saya turut prihatin.",
    },
    ("fear", True): {
        "en": "I understand your concern, let us look at it together.",
        "id": "Saya mengerti kekhawatiran Anda, mari kita lihat bersama.",
    },
    ("fear", False): {
        "en": "I understand your concern.",
        "id": "Saya mengerti kekhawatiran Anda.",
    },
}
_OFFERS: Final[dict[bool, dict[str, str]]] = {
    True: {
        "en": "If you would rather talk to a person, please ask the staff.",
        "id": "Jika ingin berbicara dengan seseorang, silakan hubungi petugas.",
    },
    False: {
        "en": "A member of the staff can help you further, please ask them.",
        "id": "Petugas dapat membantu Anda lebih lanjut, silakan hubungi mereka.",
    },
}
# After an answer only anger needs a way out; without one everybody troubled does.
_OFFERED: Final[dict[bool, frozenset[EmotionLabel]]] = {
    True: frozenset({"angry"}),
    False: frozenset({"angry", "sad", "fear"}),
}


def opening(emotion: Emotion | None, language: str, *, answered: bool) -> str:
    """
    Return the sentence to say before the answer, or an empty string.

    Args:
        emotion: Of the speaker; None when it could not be read.
        language: `en` or `id`; anything else is spoken to in English.
        answered: False before a refusal, which needs other words.
    """
    if emotion is None or emotion.score < ENOUGH:
        return ""
    return _pick(_OPENINGS.get((emotion.label, answered), {}), language)


def offer_of_a_person(emotion: Emotion | None, language: str, *, answered: bool) -> str:
    """
    Return the sentence that offers a human being after the answer, or an empty string.

    Args:
        emotion: Of the speaker; None when it could not be read.
        language: `en` or `id`; anything else is spoken to in English.
        answered: An answered question offers one only to somebody angry.
    """
    if emotion is None or emotion.score < ENOUGH:
        return ""
    if emotion.label not in _OFFERED[answered]:
        return ""
    return _pick(_OFFERS[answered], language)


def _pick(texts: dict[str, str], language: str) -> str:
    return texts.get(language) or texts.get(_FALLBACK, "")
