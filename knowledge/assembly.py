"""An extract becomes a document with its passages."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from domain.documents import Document, Passage, Validity
from knowledge.hygiene import clean_line
from knowledge.loaders.blocks import Block, Extract
from knowledge.orders import find_orders
from knowledge.splitter import Piece, split_blocks
from language.detection import detect_language

LANGUAGES = ("en", "id")
_LONGEST_TITLE = 300
_LONGEST_METADATA = 16_000
# Some fifty words: enough to tell the language of a passage.
_TELLING_CHARACTERS = 350
# Characters at the top of a document that may say that it is out of force.
_NOTICE_CHARACTERS = 700

_SUPERSEDED_STATUS = re.compile(
    r"superseded|archived?|obsolete|outdated|expired|withdrawn|deprecated|replaced"
    r"|revoked|repealed|kedaluwarsa|kadaluarsa|diarsipkan|arsip|dicabut|digantikan"
    r"|usang|tidak berlaku(?: lagi)?",
    re.IGNORECASE,
)
_OUT_OF_FORCE = (
    r"(?:superseded|obsolete|outdated|withdrawn|archived|revoked|repealed|expired"
    r"|replaced by|no longer (?:valid|in force|in effect|applicable|applies|current)"
    r"|not in force any ?more|dicabut|digantikan|diganti|kedaluwarsa|kadaluarsa"
    r"|diarsipkan|tidak (?:lagi berlaku|berlaku lagi)|tidak berlaku\b(?! (?:untuk|bagi"
    r"|pada|di|surut|jika|apabila|kalau|ketentuan|selama)))"
)
_THIS_DOCUMENT = (
    r"(?:(?:this|the present) (?:\w+ ){0,2}(?:notice|document|page|policy|guide"
    r"|handbook|regulation|version|edition|announcement|circular|leaflet|schedule"
    r"|price list)|(?:dokumen|pengumuman|surat|peraturan|edaran|halaman|panduan"
    r"|ketentuan|versi|jadwal|daftar|brosur|keputusan|kebijakan)\b[^.!?\n]{0,40}\bini)"
)
# A sentence near the top that ends the force of the document it stands in.
_NOTICES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        (
            r"\W*(?:status|keterangan|catatan|note|notice|perhatian)\s*:[^.!?\n]{0,40}"
            rf"\b{_OUT_OF_FORCE}"
        ),
        (
            # Possessive: two runs side by side would be shared out in every way.
            r"\W*+(?:(?:please note(?: that)?|harap diperhatikan(?: bahwa)?)\W*+)?"
            rf"{_THIS_DOCUMENT}\b[^.!?,\n]{{0,60}}\b{_OUT_OF_FORCE}"
        ),
        rf"\W*{_OUT_OF_FORCE}\b",
        r"[^.!?\n]{0,60}\b(?:kept|retained)\b[^.!?\n]{0,30}\bfor reference only",
        r"[^.!?\n]{0,60}\bhanya (?:disimpan )?sebagai arsip",
    )
)
_TITLE_MARK = re.compile(
    r"[(\[](?:superseded|archived?|obsolete|withdrawn|outdated|tidak berlaku(?: lagi)?"
    r"|arsip|dicabut|digantikan)[)\]]|^(?:superseded|archived|obsolete|arsip|tidak"
    r" berlaku(?: lagi)?)\s*[:\u2013\u2014-]|\barchived notice\b",
    re.IGNORECASE,
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ][0-9:.+Z-]{1,25})?|\d{4}(?:-\d{2})?")


@dataclass(frozen=True, slots=True)
class Assembled:
    """A document, ready but for its place in the store, and its passages in order."""

    document: Document
    passages: tuple[Passage, ...]


def make_document_id(tenant: str, sha256: str) -> str:
    """Return the id of bytes in the hands of a tenant."""
    return "doc_" + hashlib.sha256(f"{tenant}\x00{sha256}".encode()).hexdigest()[:32]


def make_passage_id(document_id: str, piece: Piece) -> str:
    """Return a UUID drawn from document, place and text."""
    path = json.dumps([document_id, piece.ordinal, piece.headings, piece.text])
    return str(uuid.UUID(bytes=hashlib.sha256(path.encode()).digest()[:16], version=5))


def assemble(document: Document, extract: Extract) -> Assembled:
    """
    Return *document* with what its text says about itself, and its passages.

    What the sender said (title, URL, language, metadata) goes before front matter,
    front matter before what is found in the text.
    """
    fields = dict(extract.metadata)
    url = _url(fields.pop("url", None))
    valid_from = _date(fields.pop("valid_from", None))
    valid_until = _date(fields.pop("valid_until", None))
    found = _honest(clean_line(extract.title or ""))
    title = document.title or found or file_title(document.file)
    pieces = split_blocks(_honest_blocks(extract.blocks), title=title)
    whole = "\n".join(piece.text for piece in pieces[:20])
    stated = document.language or extract.language
    language = stated if stated in LANGUAGES else detect_language(whole)
    filled = replace(
        document,
        title=title[:_LONGEST_TITLE],
        url=document.url or url,
        language=language,
        valid_from=document.valid_from or valid_from,
        valid_until=document.valid_until or valid_until,
        validity=_validity(fields, title, whole),
        metadata=_bounded({**_honest_fields(fields), **document.metadata}),
        chunks=len(pieces),
    )
    passages = tuple(_passage(filled, piece, language) for piece in pieces)
    return Assembled(filled, passages)


def file_title(file: str) -> str:
    """Return a title made of a file name: no suffix, no number in front, blanks."""
    stem = PurePath(file).stem
    words = re.sub(r"[_\-\s]+", " ", re.sub(r"^\d{1,3}[-_. ]+", "", stem)).strip()
    return (words[:1].upper() + words[1:]) or clean_line(file) or "Untitled"


def _passage(document: Document, piece: Piece, language: str) -> Passage:
    # A document may change its language from passage to passage.
    return Passage(
        id=make_passage_id(document.id, piece),
        document_id=document.id,
        tenant=document.tenant,
        ordinal=piece.ordinal,
        text=piece.text,
        title=document.title,
        file=document.file,
        headings=piece.headings,
        page=piece.page,
        url=document.url,
        language=detect_language(piece.text[:_TELLING_CHARACTERS], default=language),
        start=piece.start,
        end=piece.end,
        table=piece.table,
        validity=document.validity,
        valid_from=document.valid_from,
        valid_until=document.valid_until,
        flagged=find_orders(piece.text),
        metadata=document.metadata,
    )


def _honest(line: str) -> str:
    """Return *line*, or nothing when it gives orders to a machine."""
    return "" if find_orders(line) else line


def _honest_fields(fields: Mapping[str, object]) -> dict[str, object]:
    return {
        name: value
        for name, value in fields.items()
        if not isinstance(value, str) or _honest(value)
    }


def _honest_blocks(blocks: Sequence[Block]) -> list[Block]:
    """Return *blocks*; a heading that gives orders is text, which can be flagged."""
    return [
        replace(block, kind="text", level=0)
        if block.kind == "heading" and not _honest(block.text)
        else block
        for block in blocks
    ]


def _validity(fields: Mapping[str, object], title: str, text: str) -> Validity:
    """Tell whether front matter, title or first sentences end a document's force."""
    status = fields.get("status") or fields.get("validity")
    if isinstance(status, str) and status.strip().lower() in ("current", "berlaku"):
        return "current"
    if isinstance(status, str) and _SUPERSEDED_STATUS.fullmatch(status.strip()):
        return "superseded"
    if fields.get("superseded") is True or fields.get("superseded_by"):
        return "superseded"
    if _TITLE_MARK.search(title):
        return "superseded"
    top = text[:_NOTICE_CHARACTERS]
    sentences = re.split(r"(?<=[.!?])\s+|\n", top)[:4]
    noticed = any(notice.match(one) for one in sentences for notice in _NOTICES)
    return "superseded" if noticed else "current"


def _url(value: object) -> str | None:
    if isinstance(value, str) and re.match(r"https?://[^\s<>\"]{1,2000}$", value):
        return value
    return None


def _date(value: object) -> str | None:
    text = str(value).strip() if isinstance(value, str | int) else ""
    return text[:32] if _DATE.fullmatch(text) else None


def _bounded(fields: Mapping[str, object]) -> dict[str, object]:
    """Return as many of *fields* as fit; every passage carries them."""
    kept: dict[str, object] = {}
    size = 0
    for name, value in fields.items():
        size += len(name) + len(json.dumps(value, default=str))
        if size > _LONGEST_METADATA:
            break
        kept[name] = value
    return kept
