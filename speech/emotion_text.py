"""
How something is said, told from its words: a small linear model a language.

Features are the words, pairs of words and character 3- to 5-grams of a text, hashed; a
softmax over them gives the classes. Words behind a negation are other words: nobody who
says "not angry" is. Training is `bench/train_emotion.py`; its weights
are `speech/data/emotion_en.npz` and `emotion_id.npz` (int8, a scale a class).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from domain.speech import EmotionLabel

LABELS: Final[tuple[EmotionLabel, ...]] = get_args(EmotionLabel)
BUCKETS: Final = 1 << 15
DATA: Final = Path(__file__).resolve().parent / "data"
# A spoken turn is shorter; what is longer costs time and says nothing new.
MAX_CHARS: Final = 2_000
_SHORTEST_GRAM, _LONGEST_GRAM = 3, 5
_LONGEST_WORD: Final = 24
_NOT_WORDS = re.compile(
    r"https?://\S+|www\.\S+|\[(?:username|url|name|religion|sensitive-term)\]|[@#]\w+"
)
_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+|[!?]+|[^\w\s.,;:\"()\[\]-]")
_STRETCHED = re.compile(r"(.)\1{2,}")
# Words this close behind a negation are what it denies.
_DENIED: Final = 2
_NEGATIONS: Final = re.compile(
    r"not|never|cannot|\w+n't|tidak|tak|bukan|jangan|belum|e?nggak?|gak?|gk|tdk"
)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TextEmotion:
    """
    A trained model.

    Attributes:
        weights: `BUCKETS` by classes, in the order of `LABELS`.
        bias: One a class.
        threshold: Least probability at which a class other than `neutral` is believed.
    """

    weights: Floats
    bias: Floats
    threshold: float

    def read(self, text: str) -> dict[EmotionLabel, float]:
        """Return the probability of each class; they sum up to 1."""
        indices, values = hash_features(text)
        scores = values @ self.weights[indices] + self.bias
        powers = np.exp(scores - scores.max())
        return {
            label: float(power)
            for label, power in zip(LABELS, powers / powers.sum(), strict=True)
        }


def load_model(language: str, *, folder: Path = DATA) -> TextEmotion:
    """
    Return the shipped model of *language*, `en` or `id`; about 5 ms.

    Raises:
        OSError: The file is missing or is not one of ours.
    """
    path = folder / f"emotion_{language}.npz"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            weights = data["weights"].astype(np.float32) * data["scale"]
            model = TextEmotion(weights, data["bias"], float(data["threshold"]))
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as exc:
        raise OSError(f"{path.name} is not a model of emotions") from exc
    if weights.shape != (BUCKETS, len(LABELS)):
        raise OSError(f"{path.name} is of another version")
    return model


def save_model(model: TextEmotion, path: Path) -> None:
    """Write *model*, its weights rounded to 8 bits."""
    scale = np.abs(model.weights).max(axis=0) / 127.0
    np.savez_compressed(
        path,
        weights=np.round(model.weights / scale).astype(np.int8),
        scale=scale.astype(np.float32),
        bias=model.bias.astype(np.float32),
        threshold=np.float32(model.threshold),
    )


def hash_features(text: str) -> tuple[NDArray[np.int64], Floats]:
    """
    Return the features of *text* as buckets and their values.

    Words with their pairs, and grams, are two families of unit length each, so that a
    long text does not shout and many grams do not outvote few words.
    """
    tokens = _mark_denied(split_tokens(text))
    families = (set(_word_features(tokens)), set(_gram_features(tokens)))
    indices: list[int] = []
    values: list[float] = []
    for family in families:
        if family:
            # Sorted: sets of strings have another order in every process.
            indices += sorted(
                crc32(name.encode("utf-8", "replace")) % BUCKETS for name in family
            )
            values += [len(family) ** -0.5] * len(family)
    return np.array(indices, dtype=np.int64), np.array(values, dtype=np.float32)


def split_tokens(text: str) -> list[str]:
    """Return words, numbers (as `0`), marks of feeling and emoji, lower-cased."""
    plain = _NOT_WORDS.sub(" ", text[:MAX_CHARS].lower().replace("’", "'"))
    tokens = _TOKEN.findall(_STRETCHED.sub(r"\1\1", plain))
    return ["0" if token.isdigit() else token[:_LONGEST_WORD] for token in tokens]


def _mark_denied(tokens: list[str]) -> list[str]:
    """Return *tokens*, those behind a negation with a mark that keeps them apart."""
    marked: list[str] = []
    last = -_DENIED - 1
    for place, token in enumerate(tokens):
        if _NEGATIONS.fullmatch(token):
            last = place
            marked.append(token)
        else:
            marked.append(f"-{token}" if place - last <= _DENIED else token)
    return marked


def _word_features(tokens: list[str]) -> Iterator[str]:
    before = "<"
    for token in tokens:
        yield f"w {token}"
        yield f"p {before} {token}"
        before = token
    yield f"p {before} >"


def _gram_features(tokens: list[str]) -> Iterator[str]:
    for token in tokens:
        if not token[0].isalpha():
            continue
        word = f"_{token}_"
        for size in range(_SHORTEST_GRAM, _LONGEST_GRAM + 1):
            for start in range(len(word) - size + 1):
                yield f"g {word[start : start + size]}"
