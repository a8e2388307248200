"""E-mail addresses, names of hosts, telephone numbers and codes as words."""

from __future__ import annotations

import re

from language.spoken_acronyms import is_spelt, spell
from language.spoken_numbers import digits
from language.spoken_values import CURRENCY, SIGNS

_LONGEST_GROUP = 6
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_DOMAIN = re.compile(
    r"(?<![\w@.-])((?:[a-zA-Z0-9-]+\.)+(?:com|org|net|id|edu|gov|io|example|info|app|"
    r"dev|me|co|uk|sg|my|au|jp|de|test))(?![\w@-]|\.\w)(?:/[^\s,;()]*)?",
)
_PHONE = re.compile(
    r"(?<![\w.,/$-])(?:\+\d{1,3}[ .-]?)?(?:\(\+?\d{1,5}\)[ .-]?|0\d{1,4}[ .-]?)?"
    r"\d{2,12}+(?:[ .-]\d{2,6}+){0,4}+(?![\w%/]|[.,-]\d)"
)
_AFTER_PHONE_WORD = re.compile(
    r"\b(?:telepon|telp|tlp|tel|phone|telephone|call|dial|hubungi|fax|faks|wa|whatsapp|"
    r"hp|ponsel|hotline|darurat|emergency)\b[^\d\n]{0,24}$",
    re.IGNORECASE,
)
_EMERGENCY = re.compile(
    r"\b((?:call|dial|hubungi|telepon|nomor|number|darurat|on|or|atau|ke):? )"
    r"(11[0-9]|129|911|999)(?![\w/-]|[.,]\d|%)(?! (?!at|for|first|in|dan|atau|or|and|"
    r"jika|kalau|bila|untuk|kapan|if|when|any)\w)",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"\b((?:NIM|NIP|NIK|NIDN|NISN|NPWP|PIN|OTP|ISBN|ISSN|rekening|kode pos|kode|code|"
    r"ekstensi|extension|account)(?: (?:number|nomor))?:? )"
    r"(\d[\d -]{2,24}\d)(?![\w.,]\d)",
    re.IGNORECASE,
)
_LONG_DIGITS = re.compile(
    r"(?<![\w.,-])\d{9,}+(?![\w]|[.,]\d)|(?<![\w.,])\d+(?:-\d+){2,}+"
)


def speak_addresses(text: str, language: str) -> str:
    """Return *text* with e-mail addresses and names of hosts as words."""
    text = _EMAIL.sub(lambda m: _address(m.group(), language), text)
    return _DOMAIN.sub(lambda m: _address(m.group(1), language), text)


def speak_phones(text: str, language: str) -> str:
    """Return *text* with telephone numbers and codes digit by digit."""
    text = _CODE.sub(lambda m: m[1] + speak_digits(m[2], language), text)
    text = _PHONE.sub(lambda m: _phone(m, language), text)
    text = _EMERGENCY.sub(lambda m: m[1] + digits(m[2], language), text)
    return _LONG_DIGITS.sub(lambda m: _long(m, language), text)


def _address(address: str, language: str) -> str:
    names = SIGNS[language]
    signs = {"@": "at", ".": "dot", "+": "plus"}
    said = []
    for piece in re.findall(r"[^\W\d_]+|\d+|[@.+]|[-_]", address):
        if piece.isdigit():
            said.append(digits(piece, language) if piece.isascii() else "")
        elif piece in signs:
            said.append(names[signs[piece]])
        elif piece in "-_":
            said.append(names["dash"])
        elif piece.isascii() and len(piece) < 5 and is_spelt(piece.upper()):
            said.append(spell(piece, language))
        else:
            said.append(piece)
    return " ".join(said)


def _phone(match: re.Match[str], language: str) -> str:
    written = match.group()
    count = sum(character.isdigit() for character in written)
    before = match.string[max(0, match.start() - 40) : match.start()]
    begins = written.startswith(("+", "(", "0"))
    called = _AFTER_PHONE_WORD.search(before) is not None and count >= 5
    year_like = count == 8 and re.fullmatch(r"\d{4}-\d{4}", written)
    if not (7 <= count <= 17 and begins) and not (called and not year_like):
        return written
    if re.fullmatch(r"\d+\.\d\d-\d\d\.\d\d|\d\d\.\d\d", written):
        return written
    plus = f"{SIGNS[language]['plus']} " if "+" in written else ""
    return plus + speak_digits(written, language)


def _long(match: re.Match[str], language: str) -> str:
    before = match.string[max(0, match.start() - 4) : match.start()]
    if re.search(rf"(?:{CURRENCY}) ?$", before, re.IGNORECASE):
        return match.group()
    return speak_digits(match.group(), language)


def speak_digits(written: str, language: str) -> str:
    """Return a telephone number digit by digit, a comma after each group."""
    groups = re.findall(r"\d+", written)
    said = [part for group in groups for part in _listenable(group)]
    return ", ".join(digits(part, language) for part in said)


def _listenable(group: str) -> list[str]:
    """Return a long group in fours: nobody writes down ten digits at one go."""
    if len(group) <= _LONGEST_GROUP:
        return [group]
    return re.findall(r"\d{4}(?=\d{2})|\d+", group)
