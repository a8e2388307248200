from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from language.clauses import LONGEST, SHORTEST, ClauseCutter

_PROSE = [
    (
        "Pendaftaran mahasiswa baru dibuka mulai 1 Maret 2026, dan ditutup pada 24 "
        "April 2026 pukul 15.00 WIB [1]. Biayanya Rp 5.000.000, menurut Dr. Ani, "
        "S.Kom. di Jl. Mawar No. 5. Ya. Silakan datang ke loket."
    ),
    (
        "Yes. The library opens at 7:30 a.m. on weekdays. See https://x.example/a.b, "
        "e.g. the FAQ, for more. It is 3.5 km away from the main gate!"
    ),
    "Syaratnya:\n1. KTP asli\n2. Ijazah S.Kom.\n3. Pas foto 3x4\n\nSelamat mendaftar.",
    "kata " * 120,
    "Golongan: 1; UKT: Rp500.000\nGolongan: 2; UKT: Rp1.000.000\nSelesai sudah semua.",
]


def _cut(text: str, size: int) -> list[str]:
    cutter = ClauseCutter("id")
    pieces = [
        piece
        for start in range(0, len(text), size)
        for piece in cutter.feed(text[start : start + size])
    ]
    return [*pieces, *cutter.flush()]


def test_abbreviations_decimals_and_addresses_end_nothing() -> None:
    assert _cut(_PROSE[0], 4) == [
        "Pendaftaran mahasiswa baru dibuka mulai 1 Maret 2026,",
        "dan ditutup pada 24 April 2026 pukul 15.00 WIB [1].",
        "Biayanya Rp 5.000.000, menurut Dr. Ani, S.Kom. di Jl. Mawar No. 5.",
        "Ya. Silakan datang ke loket.",
    ]
    assert _cut(_PROSE[1], 4) == [
        "Yes. The library opens at 7:30 a.m. on weekdays.",
        "See https://x.example/a.b, e.g. the FAQ, for more.",
        "It is 3.5 km away from the main gate!",
    ]


def test_items_of_a_list_are_pieces_of_their_own() -> None:
    assert _cut("Tiga syarat harus ada:\n- Kartu tanda penduduk asli\n- Ijazah", 3) == [
        "Tiga syarat harus ada:",
        "Kartu tanda penduduk asli",
        "Ijazah",
    ]


def test_a_sentence_is_said_as_soon_as_the_next_one_begins() -> None:
    cutter = ClauseCutter("en")

    assert cutter.feed("The library opens at eight.") == []
    assert cutter.feed(" It") == ["The library opens at eight."]
    assert cutter.feed(" closes at five") == []
    assert cutter.flush() == ["It closes at five"]


def test_an_abbreviation_waits_for_the_whole_next_word() -> None:
    cutter = ClauseCutter("id")

    assert cutter.feed("Ketuanya adalah Ratna Palupi, S.H. A") == []
    assert cutter.feed("nggraeni hadir juga. ") == []
    assert cutter.flush() == [
        "Ketuanya adalah Ratna Palupi, S.H. Anggraeni hadir juga."
    ]


def test_only_the_first_long_sentence_gives_a_clause_early() -> None:
    text = (
        "The registration of new students opens in March, and the tests are in May, "
        "as every year. The registration of guests opens in March, and no test is held."
    )

    assert _cut(text, 5) == [
        "The registration of new students opens in March,",
        "and the tests are in May, as every year.",
        "The registration of guests opens in March, and no test is held.",
    ]


def test_a_clause_is_not_cut_inside_brackets() -> None:
    text = (
        "Kampus utama berada di Sagara (lantai satu, dua, dan tiga), dekat dermaga "
        "yang lama."
    )

    assert _cut(text, 7)[0] == (
        "Kampus utama berada di Sagara (lantai satu, dua, dan tiga),"
    )


def test_a_first_clause_leaves_before_the_sentence_ends() -> None:
    cutter = ClauseCutter("id")

    pieces = cutter.feed(
        "Pendaftaran dibuka mulai Maret, lalu ditutup pada akhir bulan April dan "
    )

    assert pieces == ["Pendaftaran dibuka mulai Maret,"]


@pytest.mark.parametrize("text", _PROSE)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 20, 90])
def test_the_deltas_do_not_change_the_pieces(text: str, size: int) -> None:
    assert _cut(text, size) == _cut(text, len(text))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "kata ",
                "Dr. ",
                "a, ",
                "Ya. ",
                "1. ",
                "\n",
                "- ",
                "No. 5",
                "x" * 90,
                "[1] ",
            ]
        ),
        max_size=60,
    ).map("".join),
    st.integers(1, 40),
)
def test_every_word_is_said_once_and_no_piece_is_too_long(text: str, size: int) -> None:
    pieces = _cut(text, size)

    said = "".join(one for piece in pieces for one in piece if one.isalpha())
    assert said == "".join(one for one in text if one.isalpha())
    assert all(len(piece) <= LONGEST for piece in pieces)
    assert all(len(piece) >= SHORTEST for piece in pieces[:-1])


def test_a_citation_alone_is_not_a_piece() -> None:
    assert _cut("Perpustakaan buka pukul delapan pagi. [1]", 5) == [
        "Perpustakaan buka pukul delapan pagi."
    ]


def test_a_flushed_cutter_begins_anew() -> None:
    cutter = ClauseCutter("en")
    cutter.feed("Half a sentence")

    assert cutter.flush() == ["Half a sentence"]
    assert cutter.flush() == []


@pytest.mark.parametrize("unit", ["-", "a", " ", ". ", "a. ", "\n", "[", "1.", "a,"])
def test_a_stream_of_single_characters_takes_linear_time(unit: str) -> None:
    cutter = ClauseCutter("id")

    started = time.process_time()
    for character in unit * (8_000 // len(unit)):
        cutter.feed(character)
    cutter.flush()

    assert time.process_time() - started < 10
