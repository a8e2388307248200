"""The recogniser's models of documents, as files a decoder loads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from speech.language_model import CommonEnglish, MixedModel
from speech.lm_frames import FRAMES_EN, FRAMES_ID, make_questions
from speech.lm_text import Corpus, read_corpora
from speech.pronunciation import Phones, Pronouncer

MODEL_FILE, DICTIONARY_FILE = "model.arpa", "words.dict"
MIN_WORDS = 60
"""Running words below which documents are no help."""
SENTENCE_TIMES = 3
"""What documents say counts that much more than a made question."""


def build_models(
    texts: Iterable[str], folder: Path, *, pronouncer: Pronouncer
) -> dict[str, str]:
    """
    Write a model of each language of which *texts* (sentences) say enough.

    Returns:
        The folder of each language (`en`, `id`): an ARPA file and a dictionary.
    """
    corpora = read_corpora(texts)
    found = {}
    english, indonesian = corpora["en"], corpora["id"]
    if english.words + sum(map(len, english.names)) >= MIN_WORDS:
        model = _mix(english, FRAMES_EN, common=CommonEnglish.load())
        sounds = pronouncer.english(model.words, acronyms=english.acronyms)
        found["en"] = _write(folder / "en", model, sounds)
    if indonesian.words >= MIN_WORDS:
        model = _mix(indonesian, FRAMES_ID, common=CommonEnglish.none())
        foreign = {word for sentence in english.sentences for word in sentence}
        sounds = pronouncer.indonesian(
            model.words, acronyms=indonesian.acronyms, english=foreign
        )
        found["id"] = _write(folder / "id", model, sounds)
    return found


def _mix(
    corpus: Corpus, frames: tuple[str, ...], *, common: CommonEnglish
) -> MixedModel:
    questions = make_questions(corpus.sentences, corpus.names, frames=frames)
    sentences = [(words, SENTENCE_TIMES) for words in corpus.sentences]
    return MixedModel([*sentences, *((words, 1) for words in questions)], common=common)


def _write(folder: Path, model: MixedModel, sounds: dict[str, list[Phones]]) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / MODEL_FILE).open("w", encoding="utf-8") as out:
        model.write_arpa(out)
    with (folder / DICTIONARY_FILE).open("w", encoding="utf-8") as out:
        for word, variants in sounds.items():
            for number, phones in enumerate(variants, 1):
                name = word if number == 1 else f"{word}({number})"
                out.write(f"{name} {' '.join(phones)}\n")
    return str(folder)
