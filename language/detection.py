"""English or Indonesian? Function words decide, and n-grams where there are none."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from language.analysis import words
from language.stopwords import LANGUAGES, STOP_WORDS

if TYPE_CHECKING:
    from lingua import LanguageDetector

_CUES: Final = {
    "en": STOP_WORDS["en"]
    - STOP_WORDS["id"]
    - {"us", "s", "t", "d", "m", "re", "ll", "ve", "am", "let", "name", "like", "own"},
    "id": (STOP_WORDS["id"] - STOP_WORDS["en"] - {"dia", "sang", "para", "dr", "lain"})
    | {"berapa", "jam", "hari", "tanggal", "tahun", "biaya", "sy", "yg", "dgn", "utk"},
}

# A cue every few words is ordinary prose; the first words of a long text are enough.
_WORDS_READ = 200
_SAMPLE_CHARACTERS = 2_000
# Below this, n-gram statistics of two languages say nothing (a name, a code).
_CLEAR_CONFIDENCE = 0.55


def detect_language(text: str, *, default: str = "en") -> str:
    """
    Return `en` or `id`, the language *text* is most likely written in.

    Args:
        text: A question of one word or a whole passage; misspelt is fine.
        default: Returned for text without letters and where nothing speaks for either.
    """
    found = words(text[: _SAMPLE_CHARACTERS * 4])[:_WORDS_READ]
    hits = {
        language: sum(word in cues for word in found)
        for language, cues in _CUES.items()
    }
    if hits["en"] != hits["id"]:
        return max(LANGUAGES, key=lambda language: hits[language])
    if not any(word[0].isalpha() for word in found):
        return default
    return _by_statistics(text[:_SAMPLE_CHARACTERS], default=default)


def _by_statistics(text: str, *, default: str) -> str:
    best = _detector().compute_language_confidence_values(text)[0]
    if best.value < _CLEAR_CONFIDENCE:
        return default
    return best.language.iso_code_639_1.name.lower()


@lru_cache(maxsize=1)
def _detector() -> LanguageDetector:
    # Imported here: the models are read from disk, and most questions have a cue.
    from lingua import Language, LanguageDetectorBuilder  # noqa: PLC0415

    return (
        LanguageDetectorBuilder.from_languages(Language.ENGLISH, Language.INDONESIAN)
        .with_low_accuracy_mode()
        .build()
    )
