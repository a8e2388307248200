"""Acronyms as letters or words, and Roman numerals as numbers."""

from __future__ import annotations

import re
from typing import Final

from language.spoken_numbers import cardinal
from language.stopwords import ALL_STOP_WORDS


def _listed(words: str) -> tuple[str, ...]:
    return tuple(words.split())


# Read as letters though they have vowels and could be read as words.
_LETTERS = frozenset(
    _listed(
        """
    UKT IPK KTM UTS UAS UKM ULS FAQ USA UK EU UN AI IT ID TV VIP CEO MBA BA MA
    API GPU CPU USB URL ATM BUMN BUMD BPJS ASN PNS WNI WNA DPR MPR KUA UU SK KK
    RT RW HP WA SD UI UB UGM ITB IPA IPS RUU APBN APBD BPS UNS UPT LED DVD GPA
    BPD HRD NIDN MOU SIA SIP ETA TOS RSU IGD UGD ICU BKU DOI EPT SAP SPA BAA BAK
    LPPM UPI ITS ACC CIA FBI LAB DIY DKI NIA US AM PM PT CV TK SMA SMP SMK HMI
    IP SI ISO OTP
    """
    )
) - {"LAB", "SPA", "ISO"}
_WORDS = frozenset(
    _listed(
        """
    UNESCO ASEAN TOEFL IELTS OSPEK OSIS OPEC NASA ISO UNICEF ORG EDU COM NET GOV
    INFO OK APEC IDE APP WIFI AULA
    """
    )
)
_LOWER_LETTERS = frozenset(_listed("sks ukt ipk krs khs ktm pmb npwp bpjs faq pdf vpn"))
_ZONES: Final = {
    "WIB": ("waktu Indonesia Barat", "Western Indonesia Time"),
    "WITA": ("waktu Indonesia Tengah", "Central Indonesia Time"),
    "WIT": ("waktu Indonesia Timur", "Eastern Indonesia Time"),
}
_NUMBERED_WORDS = """
semester bab rektor pasal tahap gelombang jilid kelas tingkat golongan angkatan ayat
lampiran bagian tipe jenis seri babak chapter part volume level phase section grade
type stage appendix article class book act batch wave tier group zone pelabuhan perang
dunia war dekan direktur
"""
_LONGEST_ACRONYM = 4
_VOWELS = frozenset("AEIOU")
_PRONOUNCEABLE = re.compile(
    r"(?:[B-DF-HJ-NP-TV-Z]?[AEIOUY]{1,2}(?:N[GK]|NY|[B-DF-HJ-NP-TV-Z])?)+"
)
_ROMAN_VALUES: Final = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_ROMAN = r"(?=[IVXLC])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_KEYED_ROMAN = re.compile(
    rf"\b(?P<key>{'|'.join(_NUMBERED_WORDS.split())})(?P<list> {_ROMAN}"
    rf"(?:(?:, ?| ?[-\u2013/&] ?| dan | atau | and | or | sampai | hingga | to |"
    rf", dan |, and ){_ROMAN})*)(?![\w.]\w|\w| [A-Z]\b)",
    re.IGNORECASE,
)
_FREE_ROMAN = re.compile(
    r"(?<![\w.'-])(?=[IVX]{2})X{0,2}(?:IX|IV|V?I{0,3})(?![\w'-])(?! [A-Z]\b)"
)
_TOKEN = re.compile(r"(?<![^\W_])[^\W\d_]+(?![^\W_])")


def speak_romans(text: str, language: str) -> str:
    """Return *text* with Roman numerals as words: after `semester`, `bab`; `XIV`."""

    def keyed(match: re.Match[str]) -> str:
        key, listed = match.group("key"), match.group("list")
        # The pronoun: `the part I like`; and `kelas c` is a letter, not a hundred.
        pronoun = language == "en" and listed == " I" and key.islower()
        if pronoun or listed.strip() in {"C", "L"}:
            return match.group()
        return key + re.sub(r"\b[IVXLC]+\b", lambda m: _roman(m, language), listed)

    text = _KEYED_ROMAN.sub(keyed, text)
    return _FREE_ROMAN.sub(lambda m: _roman(m, language), text)


def speak_acronyms(text: str, language: str) -> str:
    """Return *text* with acronyms as spaced letters: `U K T`; words stay words."""
    return _TOKEN.sub(lambda m: _acronym(m, language), text)


def spell(letters: str, language: str) -> str:
    """Return *letters* one by one as a voice reads them."""
    # An English voice takes a lone A for the article.
    names = [
        "ay" if language == "en" and one in "aA" else one.upper() for one in letters
    ]
    return " ".join(names)


def is_spelt(token: str) -> bool:
    """Tell whether an acronym in capitals is read letter by letter."""
    if token in _LETTERS:
        return True
    if token in _WORDS:
        return False
    if not _VOWELS.intersection(token):
        return True
    if len(token) <= 3:
        shape = "".join("V" if one in _VOWELS else "C" for one in token)
        return shape != "CVC"
    if len(token) > _LONGEST_ACRONYM:
        # A heading in capitals, unless it is as poor in vowels as SBMPTN is.
        return sum(one in _VOWELS for one in token) * 5 < len(token)
    return _PRONOUNCEABLE.fullmatch(token) is None


def _roman(match: re.Match[str], language: str) -> str:
    values = [_ROMAN_VALUES[one] for one in match.group().upper()]
    total = sum(
        -value if value < following else value
        for value, following in zip(values, [*values[1:], 0], strict=True)
    )
    return cardinal(total, language)


def _acronym(match: re.Match[str], language: str) -> str:
    token = match.group()
    if token in _ZONES:
        return _ZONES[token][language == "en"]
    if token in _LOWER_LETTERS or token in {"PhD", "MSc", "BSc"}:
        return spell(token, language)
    plural = len(token) > 2 and token[:-1].isupper() and token[-1] == "s"
    stem = token[:-1] if plural else token
    if len(stem) < 2 or not stem.isupper() or not stem.isascii():
        return token
    if stem.lower() in ALL_STOP_WORDS and stem not in {"IT", "US", "AM"}:
        return stem.lower()
    if not is_spelt(stem):
        return token.capitalize() if len(stem) > 5 else token
    return spell(stem, language) + ("s" if plural else "")
