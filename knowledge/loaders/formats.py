"""What a file is, by its content and name, and whether its archive is honest."""

from __future__ import annotations

import codecs
import io
import re
import zipfile
from pathlib import PurePosixPath
from typing import Literal

from knowledge.loaders.blocks import DocumentUnreadable

Format = Literal["pdf", "docx", "html", "markdown", "text", "csv", "xlsx", "pptx"]

_SUFFIXES: dict[str, Format] = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".docm": "docx",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".mdx": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
    ".log": "text",
    ".rst": "text",
    ".csv": "csv",
    ".tsv": "csv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".pptx": "pptx",
    ".pptm": "pptx",
}
_MEDIA_TYPES: dict[str, Format] = {
    "application/pdf": "pdf",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/plain": "text",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
}
_PARTS: dict[str, Format] = {
    "word/document.xml": "docx",
    "xl/workbook.xml": "xlsx",
    "ppt/presentation.xml": "pptx",
}
_PAGE = re.compile(
    rb"\s*+(?:<\?xml[^>]{0,200}>\s*+)?(?:<!--(?:(?!-->).){0,500}+-->\s*+)*+"
    rb"<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
# Starts of files that are surely none of ours, though their name may say so.
_FOREIGN = (
    b"\x7fELF",
    b"MZ",
    b"\x89PNG",
    b"GIF8",
    b"\xff\xd8\xff",
    b"RIFF",
    b"OggS",
    b"ID3",
    b"\x1f\x8b",
    b"BZh",
    b"7z\xbc\xaf",
    b"Rar!",
    b"\xd0\xcf\x11\xe0",
    b"SQLite format",
    b"\xfd7zXZ",
    b"\x28\xb5\x2f\xfd",
    b"fLaC",
    b"\x00\x00\x01\x00",
    b"wOF2",
    b"wOFF",
)

_SURELY_FOREIGN = tuple(
    mark for mark in _FOREIGN if not mark.decode("latin-1").isprintable()
)
# Not `PK` alone: PKM and PKL are things that texts begin with.
_ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
# Fewer bytes than this say nothing about two bytes a character.
_LEAST_WIDE = 8

# Limits of the archives that office formats are: entries, unpacked bytes, packing.
MOST_ENTRIES = 2_000
MOST_UNPACKED_BYTES = 100_000_000
HIGHEST_RATIO = 100
# Small parts of repeated XML pack well beyond the ratio and harm nobody.
_HARMLESS_BYTES = 2_000_000


def is_known_name(file: str) -> bool:
    """Tell whether a file's name ends like one of our formats."""
    return PurePosixPath(file.lower()).suffix in _SUFFIXES


def find_format(
    content: bytes, file: str, media_type: str | None = None
) -> Format | None:
    """Return what *content* is, or None when it is no format of ours."""
    head = content[:2048]
    named = _SUFFIXES.get(PurePosixPath(file.lower()).suffix)
    if _is_pdf(head, named):
        return "pdf"
    if head.startswith(_ARCHIVES):
        return _find_office(content)
    if named in ("pdf", "docx", "xlsx", "pptx") or not _is_text(head):
        return None
    if named is None and _PAGE.match(head):
        return "html"
    declared = (media_type or "").split(";")[0].strip().lower()
    return named or _MEDIA_TYPES.get(declared)


def _is_pdf(head: bytes, named: Format | None) -> bool:
    """Tell a PDF; a few bytes may stand before its mark when it bears the name."""
    if head.lstrip().startswith(b"%PDF-"):
        return True
    return named == "pdf" and b"%PDF-" in head[:1024]


def check_archive(content: bytes) -> None:
    """
    Refuse an archive that would unpack to something huge, before unpacking it.

    Raises:
        DocumentUnreadable: Damaged, or beyond the limits on top of this module.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (
        zipfile.BadZipFile,
        ValueError,
        OSError,
        NotImplementedError,
        EOFError,
    ) as exc:
        raise DocumentUnreadable("The file's archive is damaged.") from exc
    if len(entries) > MOST_ENTRIES:
        raise DocumentUnreadable("The file's archive has too many entries.")
    if sum(entry.file_size for entry in entries) > MOST_UNPACKED_BYTES:
        raise DocumentUnreadable("The file's archive unpacks to too much data.")
    for entry in entries:
        if entry.flag_bits & 0x1:
            raise DocumentUnreadable("The file is protected by a password.")
        packed = max(entry.compress_size, 1)
        if (
            entry.file_size > _HARMLESS_BYTES
            and entry.file_size / packed > HIGHEST_RATIO
        ):
            raise DocumentUnreadable("The file's archive is packed suspiciously tight.")


def _find_office(content: bytes) -> Format | None:
    """Return the office format of an archive; the parts' names tell."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = {entry.filename for entry in archive.infolist()[: MOST_ENTRIES * 5]}
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError):
        return None
    return next((kind for part, kind in _PARTS.items() if part in names), None)


def _is_text(head: bytes) -> bool:
    """Tell text from other bytes: UTF-8, few controls, or wide characters."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    zeros = head.count(0)
    # A text may begin with letters that mark another file.
    if not zeros and not head.startswith(_SURELY_FOREIGN) and _is_utf8(head):
        return True
    if head.startswith(_FOREIGN):
        return False
    if zeros:
        is_wide = zeros * 3 > len(head) >= _LEAST_WIDE
        return is_wide and not head.count(b"\x00\x00\x00")
    controls = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in head)
    return controls * 50 <= len(head)


def _is_utf8(head: bytes) -> bool:
    """Tell UTF-8 whose last character may be cut off."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True
