"""
Questions that lean on the one before: joined with it, so that they can be searched.

Rules, no model. A question leans on its predecessor when it opens with "and / what
about / kalau / bagaimana dengan", holds a pronoun or the clitic *-nya*, or says at most
one thing of its own (`docs/answers.md`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agents.answer_kinds import find_asked_kinds
from language.analysis import is_stop_word, stems, words
from language.sentences import split_sentences
from language.stopwords import ALL_STOP_WORDS
from language.values import MONTHS, find_names

_OPENERS = re.compile(
    r"(?:and|but|so|or|then|also|what about|how about|what if|what else|same for"
    r"|dan|lalu|terus|kemudian|tapi|tetapi|atau|kalau|kalo|jika|bila"
    r"|bagaimana (?:dengan|kalau|jika)"
    r"|gimana (?:dengan|kalau|kalo)|untuk|for|how come|selain itu|juga|sedangkan"
    r"|khusus)\b",
    re.IGNORECASE,
)
_PRONOUNS: Final = {
    "en": frozenset(
        {
            "it",
            "its",
            "they",
            "them",
            "their",
            "theirs",
            "he",
            "him",
            "his",
            "she",
            "her",
        }
        | {"hers", "this", "these", "those", "that", "there", "one", "ones"}
    ),
    "id": frozenset(
        {"dia", "ia", "mereka", "beliau", "tersebut", "itu", "sana", "situ"}
    ),
}
# `that`, `there` and `itu` lean only where nothing follows that they could belong to.
_WEAK: Final = frozenset(
    {"that", "there", "this", "these", "those", "one", "ones", "itu"}
)
# Words that end in -nya without meaning "of it".
_NOT_CLITIC: Final = frozenset(
    {
        "hanya",
        "tanya",
        "bertanya",
        "menanya",
        "punya",
        "mempunyai",
        "banyaknya",
        "adanya",
    }
    | {"biasanya", "sebaiknya", "seharusnya", "sebenarnya", "umumnya", "akhirnya"}
    | {"misalnya", "selanjutnya", "sebelumnya", "sesudahnya", "setidaknya", "khususnya"}
    | {
        "artinya",
        "maksudnya",
        "penanya",
        "kenya",
        "sonya",
        "tanya",
        "rasanya",
        "hendaknya",
    }
)
_DEFINITION = re.compile(
    r"(?:what (?:is|are|was|were|does)|apa (?:itu|arti|yang dimaksud)|apakah (?:itu"
    r"|yang))\b",
    re.IGNORECASE,
)
_PERSONS: Final = {
    "en": frozenset({"he", "him", "his", "she", "her", "hers", "they", "their"}),
    "id": frozenset({"dia", "ia", "beliau"}),
}
_TITLES: Final = frozenset(
    ["dr", "drs", "dra", "prof", "ir", "mr", "mrs", "ms", "bapak", "ibu", "pak", "bu"]
)
_MOST_NAMES = 4
_LONGEST_WITH_PRONOUN = 9
"""Content words above which a pronoun refers within the question itself."""
_FEW = 1
_CHAIN = 4
"""Questions looked back at, at most."""
_DAY_NAMES = """
senin selasa rabu kamis jumat sabtu minggu ahad
monday tuesday wednesday thursday friday saturday sunday
weekday weekdays weekend weekends
"""
_DAYS: Final = frozenset(_DAY_NAMES.split())
# A run of marks is bounded: it would be read again from each of them.
_TOKEN = re.compile(r"(?:['’.,-]{0,8}\w)++|\S")


@dataclass(frozen=True, slots=True)
class Understanding:
    """
    A question made ready to be searched.

    Attributes:
        text: As asked.
        language: `en` or `id`.
        standalone: With what it leans on put before it; equal to *text* otherwise.
        context: Only what was put before it.
        rewritten: The same by a model; "" without one.
    """

    text: str
    language: str
    standalone: str
    context: str = ""
    rewritten: str = ""

    @property
    def searched(self) -> str:
        """The wording to search by first."""
        return self.rewritten or self.standalone

    @property
    def follow_up(self) -> bool:
        """The question leans on an earlier one."""
        return bool(self.context)

    @property
    def alternatives(self) -> tuple[str, ...]:
        """Other wordings to search beside *searched*."""
        if not self.follow_up:
            return ()
        others = dict.fromkeys((self.standalone, self.text))
        return tuple(
            one
            for one in others
            # "Berapa lama?" alone finds anything, and would drag the rest down.
            if one != self.searched and _count_content(one, self.language)
        )


def understand(
    text: str, language: str, *, asked: Sequence[str] = (), told: str = ""
) -> Understanding:
    """
    Return *text* joined with the questions it leans on.

    Args:
        text: The question.
        language: `en` or `id`.
        asked: Earlier questions of the conversation, oldest first.
        told: What the last answer quoted: who "she" is stands there.
    """
    if not asked or not is_follow_up(text, language):
        return Understanding(text=text, language=language, standalone=text)
    chain: list[str] = []
    for earlier in reversed(asked[-_CHAIN:]):
        chain.append(earlier)
        if not is_follow_up(earlier, language):
            break
    context = ""
    for place, earlier in enumerate(reversed(chain)):
        # What was asked in between about the same thing is no topic, but "and for
        # masters?" narrows it.
        if place == 0 or _OPENERS.match(earlier.strip()):
            context = _join(_without_replaced(context, earlier), earlier)
    context = _without_replaced(context, text)
    if (
        told
        and _means_person(text, language)
        and "person" in find_asked_kinds(chain[0])
    ):
        context = _join(context, " ".join(_find_people(told, chain[0], language)))
    return Understanding(
        text=text,
        language=language,
        standalone=_join(context, text),
        context=context,
    )


def _means_person(text: str, language: str) -> bool:
    found = words(text)
    return any(word in _PERSONS[language] for word in found) or (
        language == "id" and any(_has_clitic(word) for word in found)
    )


def _find_people(told: str, question: str, language: str) -> list[str]:
    """Return the names in the sentence of an answer that says who was asked for."""
    wanted = set(stems(question, language))
    sentences = [one.text for one in split_sentences(told)]
    best = max(
        sentences,
        key=lambda one: len(wanted & set(stems(one, language))),
        default="",
    )
    names = find_names(best) - _TITLES - set(words(question))
    return [word for word in words(best) if word in names][:_MOST_NAMES]


def is_follow_up(text: str, language: str) -> bool:
    """Tell whether *text* cannot be understood without the question before it."""
    if _OPENERS.match(text.strip()):
        return True
    found = words(text)
    content = [word for word in found if not _is_empty(word, language)]
    if len(content) <= _FEW:
        return not (content and _names_its_topic(text, content[0]))
    if len(content) > _LONGEST_WITH_PRONOUN:
        return False
    if any(_leans(found, index, language) for index in range(len(found))):
        return True
    return language == "id" and any(_has_clitic(word) for word in found)


def _has_clitic(word: str) -> bool:
    """Tell whether *word* ends in -nya, "of it" or "of hers"."""
    return (
        len(word) > len("nya") + 2 and word.endswith("nya") and word not in _NOT_CLITIC
    )


def _count_content(text: str, language: str) -> int:
    return sum(not _is_empty(word, language) for word in words(text))


def _names_its_topic(text: str, word: str) -> bool:
    """Tell whether a question of one content word stands alone: "What is KRS?"."""
    if _DEFINITION.match(text.strip()):
        return True
    return any(
        token.lower() == word and _is_name(token) for token in _TOKEN.findall(text)[1:]
    )


def _leans(found: Sequence[str], index: int, language: str) -> bool:
    word = found[index]
    if word not in _PRONOUNS[language]:
        return False
    if word not in _WEAK:
        return True
    following = found[index + 1] if index + 1 < len(found) else None
    if word == "itu":
        # "apa itu KRS?" asks what something is; "biaya itu" points back.
        return following is None and index > 0 and found[index - 1] != "apa"
    return following is None or is_stop_word(following, language)


def _is_empty(word: str, language: str) -> bool:
    # What a question asks for (how long, how many, what time) is nothing to search by.
    return is_stop_word(word, language) or word in ASKING_WORDS


_ASKED = """
lama banyak besar jauh mahal tanggal jam pukul hari tahun harga long much many far old
time date cost kind type title judul jenis macam cara contoh example examples more
detail details lengkap jelaskan explain elaborate lanjut continue lagi berlaku
"""
ASKING_WORDS: Final = frozenset(_ASKED.split())
"""Words that say what is asked for, not about what."""


def _join(context: str, text: str) -> str:
    return f"{context} {text}".strip()


def _without_replaced(context: str, text: str) -> str:
    """Drop from *context* what *text* puts something else in the place of."""
    if not context:
        return context
    kept = _TOKEN.findall(context)
    new = {word.lower() for word in _TOKEN.findall(text)}
    drop: set[int] = set()
    for names in (_DAYS, MONTHS.keys()):
        if new & names:
            drop |= {
                at
                for at, word in enumerate(kept)
                if word.lower() in names and word.lower() not in new
            }
    for at, word in enumerate(kept):
        lowered = word.lower()
        if lowered not in new or at in drop or lowered in ALL_STOP_WORDS:
            continue
        drop |= _find_other_modifiers(kept, at, _TOKEN.findall(text))
        # "golongan 4" gives way to "golongan 5", "Independent Route" to "Coastal
        # Route".
        after = at + 1
        if (
            after < len(kept)
            and _is_value(kept[after])
            and kept[after].lower() not in new
        ):
            drop.add(after)
        if not _is_name(word):
            continue
        for step in (-1, 1):
            beside = at + step
            while (
                0 < beside < len(kept)
                and _is_name(kept[beside])
                and kept[beside].lower() not in new
            ):
                drop.add(beside)
                beside += step
    return " ".join(word for at, word in enumerate(kept) if at not in drop)


def _find_other_modifiers(
    context: Sequence[str], at: int, text: Sequence[str]
) -> set[int]:
    """Return where *context* has "twin room" while *text* says "quad room"."""
    lowered = [word.lower() for word in text]
    held = {word.lower() for word in context}
    found: set[int] = set()
    for place in (i for i, word in enumerate(lowered) if word == context[at].lower()):
        for step in (-1, 1):
            old, new = at + step, place + step
            if not (0 <= old < len(context) and 0 <= new < len(text)):
                continue
            one, other = context[old].lower(), lowered[new]
            if one in lowered or other in held:
                continue
            # "kamar asrama putri" is no kind of room beside "kamar dua orang".
            if _is_plain(one) and _is_plain(other):
                beyond = (_at(context, old + step), _at(text, new + step))
                if not any(_is_plain(word.lower()) for word in beyond):
                    found.add(old)
    return found


def _at(found: Sequence[str], place: int) -> str:
    return found[place] if 0 <= place < len(found) else ""


def _is_plain(word: str) -> bool:
    return word.isalpha() and word not in ALL_STOP_WORDS


def _is_value(word: str) -> bool:
    return word[:1].isdigit() or (len(word) == 1 and word.isupper())


def _is_name(word: str) -> bool:
    return word[:1].isupper() and word[:1].isalpha() and len(word) > 1
