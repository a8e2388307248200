"""What the service says by itself around an answer, in English and Indonesian."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

REFUSALS: Final[Mapping[str, str]] = {
    "id": (
        "Maaf, saya tidak menemukan jawabannya di dokumen yang tersedia. Yang dicari:"
        " “{searched}”. (Sorry, the available documents do not answer this.)"
    ),
    "en": (
        "Sorry, I could not find an answer in the available documents. Searched for:"
        " “{searched}”. (Maaf, dokumen yang tersedia tidak menjawabnya.)"
    ),
}
"""The refusal. `{searched}`: the question as it was searched."""

QUOTES: Final[Mapping[str, str]] = {
    "id": "Kutipan dari “{source}”:",
    "en": "Quoted from “{source}”:",
}
"""Opens the quote of one source."""

MORE_QUOTES: Final[Mapping[str, str]] = {
    "id": "Dari “{source}”:",
    "en": "From “{source}”:",
}
"""Opens the quote of a further source."""

PARTLY: Final[Mapping[str, str]] = {
    "id": "Yang paling dekat di dokumen, belum tentu menjawab seluruhnya.",
    "en": "The closest passage found; it may not answer everything.",
}
"""Opens an answer whose evidence is thin."""

SUPERSEDED: Final[Mapping[str, str]] = {
    "id": "(Catatan: sumber ini sudah tidak berlaku.)",
    "en": "(Note: this source has been superseded.)",
}
"""Follows a quote of a source that is no longer valid."""

SELECTION_TITLES: Final[Mapping[str, str]] = {
    "id": "Teks yang dipilih",
    "en": "Selected text",
}
"""Title of the selected text when the page has none."""

GREETINGS: Final[Mapping[str, str]] = {
    "id": "Halo! Silakan ajukan pertanyaan tentang dokumen yang tersedia.",
    "en": "Hello! Ask me anything about the available documents.",
}

THANKS: Final[Mapping[str, str]] = {
    "id": "Sama-sama! Silakan bertanya lagi kapan saja.",
    "en": "You are welcome! Feel free to ask again.",
}

FAREWELLS: Final[Mapping[str, str]] = {
    "id": "Sampai jumpa!",
    "en": "Goodbye!",
}

IDENTITY: Final[Mapping[str, str]] = {
    "id": (
        "Saya Tanya, asisten yang menjawab dari dokumen organisasi ini dan menunjukkan"
        " sumbernya. Silakan ajukan pertanyaan."
    ),
    "en": (
        "I am Tanya, an assistant that answers from this organisation's documents and"
        " shows its sources. Go ahead and ask."
    ),
}

INTRODUCTIONS: Final[Mapping[str, str]] = {
    "id": "Salam kenal, {name}! Silakan ajukan pertanyaan.",
    "en": "Nice to meet you, {name}! What would you like to know?",
}
"""The reply to a person who gives a name. `{name}`: as it was written."""

NAMES: Final[Mapping[str, str]] = {
    "id": "Nama Anda {name}.",
    "en": "Your name is {name}.",
}
"""The reply to "what is my name?" when it was told."""

SEARCHED_CHARACTERS: Final = 120
"""Longest form of the question that a refusal repeats."""
