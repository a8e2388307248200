"""Greetings, thanks and "who are you": answered at once, without documents."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from prompts import rag as texts

_PUNCTUATION = re.compile(r"[^\w\s']+", re.UNICODE)
_FILLERS: Final = (
    r"(?:\s+(?:there|tanya|kak|min|admin|bot|all|everyone|semua|semuanya|bapak|ibu|pak|bu"
    r"|mas|mbak|dong|ya|yaa|banyak|banget|sekali|atas bantuannya|for your help"
    r"|for that|a lot"
    r"|so much|very much|again|lagi))*"
)
_GREETING = re.compile(
    r"(?:hai+|halo+|hallo+|hello+|hi+|hey+|hei|permisi|assalamu'?alaikum|salam"
    r"|good (?:morning|afternoon|evening|day)|selamat (?:pagi|siang|sore|malam|datang)"
    r"|(?:pagi|siang|sore|malam)|apa kabar|how are you(?: doing)?(?: today)?|howdy)"
)
_THANKS = re.compile(
    r"(?:(?:ok(?:e|ay)?|baik|baiklah|great|nice|siap|sip|mantap)?\s*"
    r"(?:thanks?|thank you|thx|ty|terima ?kasih|makasih|trims|matur nuwun))"
    r"|(?:ok(?:e|ay)?|baik(?:lah)?|siap|sip|mantap|great|got it|i see|mengerti|paham)"
)
_FAREWELL = re.compile(
    r"(?:bye+|goodbye|bye bye|good night|see you(?: later)?|sampai jumpa(?: lagi)?"
    r"|selamat tinggal|dadah?|daah)"
)
_IDENTITY = re.compile(
    r"(?:who (?:are|r) (?:you|u)|what are you|what(?:'s| is) your name"
    r"|what can you do(?: for me)?|how can you help(?: me)?|are you (?:a )?(?:bot"
    r"|robot|human|ai)"
    r"|(?:kamu|anda|kau) (?:ini )?(?:itu )?siapa|siapa (?:kamu|anda|kau"
    r"|namamu)(?: ini)?"
    r"|siapa nama (?:kamu|anda)|apa yang (?:bisa|dapat) (?:kamu|anda) (?:lakukan|bantu)"
    r"|(?:kamu|anda) bisa apa(?: saja)?|apakah (?:kamu|anda) (?:bot|robot|manusia|ai)"
    r"|apa itu tanya|help|bantuan|tolong)"
)
_NAME: Final = r"(?P<name>[^\W\d_][\w'’-]{0,30}(?:\s[^\W\d_][\w'’-]{0,30}){0,3}?)"
_INTRODUCTION = re.compile(
    r"(?:(?:hai|halo|hi|hello)[,!.]?\s+)?(?:perkenalkan[,]?\s+)?"
    r"(?:nama (?:saya|aku)(?: adalah)?|namaku|my name is|my name's|call me"
    r"|panggil (?:saya|aku))"
    r"\s+" + _NAME + r"\s*[.!]*",
    re.IGNORECASE,
)
_NAME_TOLD = re.compile(
    r"(?:nama (?:saya|aku)(?: adalah)?|namaku|my name is|my name's|call me"
    r"|panggil (?:saya|aku))\s+" + _NAME + r"(?=\s*(?:[.,!?;]|$|\band\b|\bdan\b))",
    re.IGNORECASE,
)
_NAME_ASKED = re.compile(
    r"(?:siapa(?:kah)? (?:nama ?ku|nama saya|nama aku)|nama (?:saya|ku|aku) siapa"
    r"|namaku siapa"
    r"|what(?:'s| is| was) my name|who am i|do you (?:know|remember) my name"
    r"|(?:apakah )?(?:kamu|anda) (?:ingat|tahu) nama(?:ku| saya| aku))"
    r"(?: tadi)?"
)
_LONGEST = 80
_QUESTION_WORDS = frozenset({"siapa", "apa", "who", "what", "not", "bukan"})


def find_reply(text: str, language: str, *, told: Iterable[str] = ()) -> str | None:
    """
    Return a short reply when *text* is nothing but small talk, else None.

    Args:
        text: The message.
        language: `en` or `id`.
        told: Earlier messages of the person, newest last, where a name may stand.
    """
    if len(text) > _LONGEST:
        return None
    introduction = _INTRODUCTION.fullmatch(text.strip())
    if introduction and introduction["name"].lower() not in _QUESTION_WORDS:
        return texts.INTRODUCTIONS[language].format(name=introduction["name"])
    plain = " ".join(_PUNCTUATION.sub(" ", text.lower()).split())
    if _NAME_ASKED.fullmatch(plain):
        name = _find_name(told)
        return texts.NAMES[language].format(name=name) if name else None
    for pattern, replies in (
        (_IDENTITY, texts.IDENTITY),
        (_FAREWELL, texts.FAREWELLS),
        (_THANKS, texts.THANKS),
        (_GREETING, texts.GREETINGS),
    ):
        if re.fullmatch(f"(?:{pattern.pattern}){_FILLERS}", plain):
            return replies[language]
    # "Halo, selamat pagi": one greeting after another.
    if re.fullmatch(f"(?:(?:{_GREETING.pattern}){_FILLERS}\\s*)+", plain):
        return texts.GREETINGS[language]
    return None


def _find_name(told: Iterable[str]) -> str | None:
    for text in reversed(list(told)):
        for found in _NAME_TOLD.finditer(text[:500]):
            if found["name"].lower() not in _QUESTION_WORDS:
                return found["name"]
    return None
