"""Both languages say everything, and problems become sentences."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from domain import errors
from ui.client import Problem
from ui.texts import LANGUAGES, TEXTS, problem_sentence
from ui.words import Texts
from ui.words_en import ENGLISH
from ui.words_id import INDONESIAN

NAMES = [field.name for field in fields(Texts)]


def _places(text: str) -> int:
    return text.count("{}")


def test_every_language_can_be_chosen() -> None:
    assert set(LANGUAGES) == set(TEXTS)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_fill_a_text_alike(name: str) -> None:
    ours, theirs = getattr(INDONESIAN, name), getattr(ENGLISH, name)

    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        assert all(ours.values())
        assert all(theirs.values())
    else:
        assert ours
        assert theirs
        assert _places(ours) == _places(theirs)


@pytest.mark.parametrize("name", NAMES)
def test_a_text_is_translated(name: str) -> None:
    assert getattr(INDONESIAN, name) != getattr(ENGLISH, name)


def _codes() -> list[str]:
    found = re.findall(r"\d{3} ([a-z_]+)", errors.__doc__ or "")
    # These tell a programmer about a request that the chat never sends.
    never = {
        "bad_request",
        "body_malformed",
        "forbidden",
        "not_found",
        "method_not_allowed",
        "not_acceptable",
        "request_timeout",
        "conflict",
        "idempotency_key_reused",
        "media_type_unsupported",
        "headers_too_large",
        "unavailable",
        "configuration_invalid",
    }
    speech = ("audio", "no_speech", "speech", "stt", "tts", "emotion")
    return [c for c in found if c not in never and not c.startswith(speech)]


@pytest.mark.parametrize("code", _codes())
def test_every_error_of_the_service_has_a_sentence(code: str) -> None:
    for texts in TEXTS.values():
        assert texts.problems[code].endswith((".", "?", ")."))


def test_an_unknown_problem_shows_what_the_service_said() -> None:
    assert problem_sentence(Problem("new_code", 400, "Odd."), ENGLISH) == "Odd."
    assert problem_sentence(Problem("new_code", 400), INDONESIAN) == (
        INDONESIAN.problem_unknown
    )


@pytest.mark.parametrize(
    ("seconds", "said"), [(5, "5 detik"), (90, "90 detik"), (91, "2 menit")]
)
def test_a_wait_is_told_in_fitting_units(seconds: int, said: str) -> None:
    problem = Problem("rate_limited", 429, retry_after_seconds=seconds)

    assert said in problem_sentence(problem, INDONESIAN)


def test_only_a_failure_of_ours_names_the_request() -> None:
    ours = Problem("internal_error", 500, request_id="r1")
    theirs = Problem("payload_too_large", 413, request_id="r1")

    assert "r1" in problem_sentence(ours, ENGLISH)
    assert "r1" not in problem_sentence(theirs, ENGLISH)
