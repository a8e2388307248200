"""How words sound."""

from __future__ import annotations

import stat
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from speech.pronunciation import MAX_VARIANTS, Dictionary, Pronouncer
from tests.unit.speech.conftest import WORDS

_VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW"
_CONSONANTS = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH"
# The phones of the acoustic model.
ARPABET = frozenset(f"{_VOWELS} {_CONSONANTS}".split())


def _program(folder: Path, answer: str) -> str:
    path = folder / "espeak"
    path.write_text(f"#!/bin/sh\ncat >/dev/null\nprintf '{answer}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_known_words_keep_their_readings(pronouncer: Pronouncer) -> None:
    assert pronouncer.english(["the"])["the"] == [("DH", "AH"), ("DH", "IY")]


def test_acronyms_are_also_spelled(pronouncer: Pronouncer) -> None:
    found = pronouncer.english(["uls"], acronyms={"uls"})["uls"]

    assert ("Y", "UW", "EH", "L", "EH", "S") in found


def test_indonesian_is_read_as_it_is_written(pronouncer: Pronouncer) -> None:
    found = pronouncer.indonesian(["ngopi", "nyanyi", "syukur", "pulau"])

    assert ("NG", "AO", "P", "IY") in found["ngopi"]
    assert ("N", "Y", "AA", "N", "Y", "IY") in found["nyanyi"]
    assert ("SH", "UW", "K", "UW", "R") in found["syukur"]
    assert ("P", "UW", "L", "AW") in found["pulau"]


def test_indonesian_abbreviations_are_spelled(pronouncer: Pronouncer) -> None:
    assert pronouncer.indonesian(["sks"])["sks"][0] == ("EH", "S", "K", "AA", "EH", "S")


def test_english_words_are_also_read_the_english_way(pronouncer: Pronouncer) -> None:
    found = pronouncer.indonesian(["card"], english={"card"})["card"]

    assert ("K", "AA", "R", "D") in found
    assert ("CH", "AA", "R", "D") in found


def test_a_program_reads_unknown_words(tmp_path: Path, pronouncer: Pronouncer) -> None:
    path = tmp_path / "more.dict"
    path.write_text(WORDS)
    asked = Pronouncer.load(path, espeak=_program(tmp_path, "s_a_g_A@_r_i"))

    assert asked.english(["sagara"])["sagara"][0] == (
        *("S", "AE", "G", "AA", "R", "R", "IY"),
    )


def test_nonsense_of_the_program_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "words.dict"
    path.write_text(WORDS)
    for answer in ("s_a_QQ", "one\\ntwo\\nthree", ""):
        asked = Pronouncer.load(path, espeak=_program(tmp_path, answer))
        guessed = Pronouncer.load(path)

        assert asked.english(["zzyx"]) == guessed.english(["zzyx"])


def test_a_program_that_is_gone_is_done_without(tmp_path: Path) -> None:
    path = tmp_path / "words.dict"
    path.write_text(WORDS)

    found = Pronouncer.load(path, espeak=str(tmp_path / "gone")).english(["sagara"])

    assert found["sagara"]


@given(st.text("abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=60))
def test_every_reading_is_made_of_known_phones(word: str) -> None:
    tables = Pronouncer.load(Path(__file__), espeak=None)._sounds
    pronouncer = Pronouncer(Dictionary(WORDS.splitlines()), tables)

    for found in (
        pronouncer.english([word], acronyms={word}),
        pronouncer.indonesian([word], acronyms={word}),
    ):
        assert len(found.get(word, ())) <= MAX_VARIANTS
        for phones in found.get(word, ()):
            assert phones
            assert set(phones) <= ARPABET


def test_every_table_speaks_of_known_phones() -> None:
    tables = Pronouncer.load(Path(__file__))._sounds

    for table in tables.values():
        for readings in table.values():
            assert set(" ".join(readings).split()) <= ARPABET
