from __future__ import annotations

import pytest

from agents.follow_ups import is_follow_up, understand


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("And for international students?", "en"),
        ("What about Sunday?", "en"),
        ("How long does it take?", "en"),
        ("How long?", "en"),
        ("Kalau hari Sabtu?", "id"),
        ("Bagaimana dengan tamu?", "id"),
        ("Untuk mahasiswa asing?", "id"),
        ("Di gedung apa kantornya?", "id"),
        ("Berapa lama?", "id"),
        ("Siapa ketuanya sekarang?", "id"),
    ],
)
def test_a_question_that_leans_on_the_last_one_is_a_follow_up(
    text: str, language: str
) -> None:
    assert is_follow_up(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the speed limit on campus?", "en"),
        ("How much does the KITAS cost?", "en"),
        ("What is photosynthesis?", "en"),
        ("Kapan pendaftaran mahasiswa baru dibuka?", "id"),
        ("Apa itu KRS?", "id"),
        ("Berapa denda jika terlambat membayar UKT?", "id"),
    ],
)
def test_a_question_that_stands_alone_is_none(text: str, language: str) -> None:
    assert not is_follow_up(text, language)


def test_a_follow_up_is_joined_with_the_question_before_it() -> None:
    found = understand(
        "How long does it take?", "en", asked=["How much does the airport bus cost?"]
    )

    assert found.follow_up
    assert "airport bus" in found.standalone
    assert found.alternatives == ("How long does it take?",)


def test_without_history_nothing_is_joined() -> None:
    found = understand("How long does it take?", "en")

    assert not found.follow_up
    assert found.standalone == "How long does it take?"
    assert found.alternatives == ()


def test_the_topic_is_carried_through_a_chain_of_follow_ups() -> None:
    asked = ["Berapa biaya kamar asrama putri?", "Kalau dua orang?"]

    found = understand("Berapa lama?", "id", asked=asked)

    assert "asrama putri" in found.standalone
    assert "dua orang" in found.standalone


def test_a_standalone_question_ends_the_chain() -> None:
    asked = ["Berapa biaya parkir motor?", "Kapan perpustakaan buka pada hari Minggu?"]

    found = understand("Kalau hari Sabtu?", "id", asked=asked)

    assert "perpustakaan" in found.standalone
    assert "parkir" not in found.standalone


@pytest.mark.parametrize(
    ("before", "text", "language", "gone"),
    [
        ("Kapan kantin buka pada hari Minggu?", "Kalau hari Sabtu?", "id", "Minggu"),
        ("Berapa tarif golongan 4 tahun ini?", "Kalau golongan 5?", "id", "4"),
        (
            "How much is the fee for the Independent Route?",
            "And for the Coastal Route?",
            "en",
            "Independent",
        ),
    ],
)
def test_what_the_follow_up_replaces_is_dropped(
    before: str, text: str, language: str, gone: str
) -> None:
    found = understand(text, language, asked=[before])

    assert gone not in found.standalone.split()


def test_who_was_named_in_the_answer_is_carried_to_the_next_question() -> None:
    found = understand(
        "Apa keahliannya?",
        "id",
        asked=["Siapa rektor sekarang?"],
        told="Rektor periode 2024 adalah Prof. Dr. Widya Sari, guru besar. "
        "Wakil Rektor I dijabat Bram Suharso.",
    )

    assert "widya sari" in found.context
    assert "suharso" not in found.context


def test_names_of_an_answer_stay_out_where_nobody_is_meant() -> None:
    found = understand(
        "How much does it cost?",
        "en",
        asked=["Where is the airport bus?"],
        told="The bus of Sultan Badar stops at the gate.",
    )

    assert "sultan" not in found.context


def test_what_was_asked_in_between_is_no_topic() -> None:
    asked = ["How do I apply for the Mercusuar Scholarship?", "When is the deadline?"]

    found = understand("How much does it pay?", "en", asked=asked)

    assert "Mercusuar" in found.context
    assert "deadline" not in found.context


@pytest.mark.parametrize(
    ("before", "text", "language", "gone"),
    [
        ("How much is the twin room?", "What about the quad room?", "en", "twin"),
        ("Berapa tarif kamar ganda?", "Kalau kamar tunggal?", "id", "ganda"),
    ],
)
def test_another_kind_of_the_same_thing_replaces_the_first(
    before: str, text: str, language: str, gone: str
) -> None:
    assert gone not in understand(text, language, asked=[before]).context
