"""What must not reach a reader or a model: invisible text, orders to a machine."""

from __future__ import annotations

import re
import unicodedata

# Zero-width and formatting characters, soft hyphen, variation selectors, the tag
# block that can carry a whole hidden sentence, and bidirectional overrides.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LIGATURES = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl"}
)
_SPACES = re.compile("[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_BREAKS = re.compile(r" ?(?:\r\n?|\u2028|\u2029|\n) ?")


def clean_text(text: str) -> str:
    """
    Return *text* without characters nobody sees.

    Composed (NFC), ligatures spelled out, runs of blanks one blank, newlines only.
    """
    if text.isascii() and text.isprintable():
        # Nothing to be removed in most lines of most texts.
        return _SPACES.sub(" ", text) if "  " in text else text
    # What is removed first must not leave a blank that nobody looks at again.
    text = _CONTROL.sub("", _INVISIBLE.sub("", text))
    text = _BREAKS.sub("\n", _SPACES.sub(" ", text))
    return unicodedata.normalize("NFC", text.translate(_LIGATURES))


def clean_line(text: str) -> str:
    """Return *text* cleaned, on one line and trimmed."""
    return " ".join(clean_text(text).split())
