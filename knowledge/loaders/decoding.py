"""Bytes to text, whatever encoding they are in."""

from __future__ import annotations

import codecs
import contextlib

from charset_normalizer import from_bytes

from knowledge.loaders.blocks import DocumentUnreadable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Detection looks at this many bytes: enough to be sure, and quick.
_SAMPLE_BYTES = 200_000


def decode(content: bytes) -> str:
    """
    Return the text of *content*: byte order mark, UTF-8, then detection.

    Raises:
        DocumentUnreadable: These bytes are not text.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return _detect(content)
    if "\x00" in text:
        return _detect(content)
    return text


def _detect(content: bytes) -> str:
    wide = _guess_wide(content)
    if wide:
        return content.decode(wide, errors="replace")
    if b"\x00" in content:
        raise DocumentUnreadable("The file holds bytes that are not text.")
    # The languages of this house have few letters beyond ASCII, all in this encoding.
    if _is_mostly_ascii(content[:_SAMPLE_BYTES]):
        with contextlib.suppress(UnicodeDecodeError):
            return content.decode("cp1252")
    best = from_bytes(content[:_SAMPLE_BYTES]).best()
    encoding = best.encoding if best else "cp1252"
    return content.decode(encoding, errors="replace")


def _is_mostly_ascii(sample: bytes) -> bool:
    return sum(byte > 127 for byte in sample) * 4 <= len(sample)


def _guess_wide(content: bytes) -> str | None:
    sample = content[:4000]
    half = max(1, len(sample) // 2)
    if sample[1::2].count(0) > half * 0.7 and sample[0::2].count(0) < half * 0.1:
        return "utf-16-le"
    if sample[0::2].count(0) > half * 0.7 and sample[1::2].count(0) < half * 0.1:
        return "utf-16-be"
    return None
