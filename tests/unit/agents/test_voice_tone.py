"""What an emotion changes in a spoken answer."""

from __future__ import annotations

import re

import pytest

from agents.voice_tone import ENOUGH, offer_of_a_person, opening
from domain.speech import Emotion, EmotionLabel
from language.detection import detect_language
from language.sentences import split_sentences

TROUBLED: tuple[EmotionLabel, ...] = ("angry", "sad", "fear")
CALM: tuple[EmotionLabel, ...] = ("neutral", "happy")


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("language", ["en", "id"])
@pytest.mark.parametrize("label", TROUBLED)
def test_a_troubled_speaker_gets_one_short_sentence_in_their_language(
    label: EmotionLabel, language: str, answered: bool
) -> None:
    said = opening(Emotion(label, 0.9), language, answered=answered)
    assert 1 <= len(said.split()) <= 12
    assert len(split_sentences(said)) == 1
    assert detect_language(said) == language


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("label", CALM)
def test_a_calm_speaker_gets_the_plain_answer(
    label: EmotionLabel, answered: bool
) -> None:
    emotion = Emotion(label, 1.0)
    assert opening(emotion, "en", answered=answered) == ""
    assert offer_of_a_person(emotion, "id", answered=answered) == ""


@pytest.mark.parametrize("label", TROUBLED)
def test_an_unsure_reading_changes_nothing(label: EmotionLabel) -> None:
    unsure = Emotion(label, ENOUGH - 0.01)
    assert opening(unsure, "en", answered=False) == ""
    assert offer_of_a_person(unsure, "en", answered=False) == ""
    assert opening(None, "en", answered=False) == ""
    assert offer_of_a_person(None, "en", answered=False) == ""


@pytest.mark.parametrize("label", TROUBLED)
def test_a_refusal_to_somebody_troubled_offers_a_person(label: EmotionLabel) -> None:
    assert "staff" in offer_of_a_person(Emotion(label, 0.8), "en", answered=False)
    assert "etugas" in offer_of_a_person(Emotion(label, 0.8), "id", answered=False)


def test_an_answer_offers_a_person_only_to_somebody_angry() -> None:
    assert offer_of_a_person(Emotion("angry", 0.8), "en", answered=True)
    assert offer_of_a_person(Emotion("sad", 0.8), "en", answered=True) == ""
    assert offer_of_a_person(Emotion("fear", 0.8), "id", answered=True) == ""


def test_an_unknown_language_is_spoken_to_in_english() -> None:
    angry = Emotion("angry", 0.8)
    assert opening(angry, "ms", answered=True) == opening(angry, "en", answered=True)


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("language", ["en", "id"])
@pytest.mark.parametrize("label", TROUBLED)
def test_no_sentence_states_a_fact(
    label: EmotionLabel, language: str, answered: bool
) -> None:
    emotion = Emotion(label, 1.0)
    said = " ".join(
        (
            opening(emotion, language, answered=answered),
            offer_of_a_person(emotion, language, answered=answered),
        )
    )
    assert not re.search(r"[\d\[\]@/%]", said)
