from __future__ import annotations

import pytest

from agents.small_talk import find_reply
from prompts import rag as texts


@pytest.mark.parametrize(
    ("text", "language", "replies"),
    [
        ("Halo!", "id", texts.GREETINGS),
        ("selamat pagi kak", "id", texts.GREETINGS),
        ("Hello there", "en", texts.GREETINGS),
        ("terima kasih banyak", "id", texts.THANKS),
        ("Thanks a lot!", "en", texts.THANKS),
        ("Who are you?", "en", texts.IDENTITY),
        ("Kamu siapa?", "id", texts.IDENTITY),
        ("sampai jumpa", "id", texts.FAREWELLS),
    ],
)
def test_small_talk_gets_a_short_reply(
    text: str, language: str, replies: dict[str, str]
) -> None:
    assert find_reply(text, language) == replies[language]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Halo, kapan pendaftaran dibuka?", "id"),
        ("Thank you. And how much is the fee?", "en"),
        ("Who is the rector?", "en"),
        ("Siapa nama rektor?", "id"),
        ("Apa itu UKT?", "id"),
        ("How are exams graded?", "en"),
    ],
)
def test_a_question_is_never_taken_for_small_talk(text: str, language: str) -> None:
    assert find_reply(text, language) is None


def test_a_name_is_greeted_and_remembered() -> None:
    told = "My name is Ana Lee."

    assert "Ana Lee" in (find_reply(told, "en") or "")
    assert find_reply("What is my name?", "en", told=[told]) == "Your name is Ana Lee."


def test_the_newest_name_counts() -> None:
    told = ["Nama saya Budi.", "Panggil saya Wira"]

    assert find_reply("Siapa nama saya?", "id", told=told) == "Nama Anda Wira."


def test_a_name_nobody_told_is_not_made_up() -> None:
    assert find_reply("What is my name?", "en", told=["Hello"]) is None


def test_hostile_length_costs_nothing() -> None:
    assert find_reply("halo " * 20_000, "id") is None
