"""Sentences that are spoken around an answer, in both languages."""

from __future__ import annotations

from typing import Final

ACCORDING_TO: Final = {"id": "menurut {sources}", "en": "according to {sources}"}
"""Ends a short last sentence."""

SOURCES: Final = {"id": "Sumbernya {sources}.", "en": "The source is {sources}."}
"""Stands alone after a long last sentence."""

PAGE: Final = {"id": ", halaman {page}", "en": ", page {page}"}
AND: Final = {"id": " dan ", "en": " and "}

MORE: Final = {
    "id": "Selengkapnya ada pada jawaban tertulis.",
    "en": "The written answer says more.",
}
"""Ends an answer that is longer than what was spoken."""

PLEASE_REPEAT: Final = {
    "id": "Maaf, saya kurang jelas mendengarnya. Boleh diulangi?",
    "en": "Sorry, I did not hear that clearly. Could you say it again?",
}
"""
Instead of a guess; in both languages when none was named, because words that were not
heard tell no language either.
"""

INTERRUPTED: Final = {"id": "(terpotong)", "en": "(interrupted)"}
"""Kept of an answer that nobody heard a sentence of."""
