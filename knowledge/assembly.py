"""An extract becomes a document with its passages."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath

from domain.documents import Document, Passage, Validity
from knowledge.hygiene import clean_line
from knowledge.loaders.blocks import Extract
from knowledge.orders import find_orders
from knowledge.splitter import Piece, split_blocks
from language.detection import detect_language

LANGUAGES = ("en", "id")
_LONGEST_TITLE = 300
_LONGEST_METADATA = 16_000
# Characters at the top of a document that may say that it is out of force.
_NOTICE_CHARACTERS = 700

_SUPERSEDED_WORDS = frozenset(
    {"superseded", "archived", "obsolete", "outdated", "expired", "withdrawn", "deprecated",
     "replaced", "revoked", "repealed", "kedaluwarsa", "kadaluarsa", "diarsipkan", "arsip",
     "dicabut", "digantikan", "usang", "tidak berlaku"}
)  # fmt: skip
_NOTICE = re.compile(
    r"^\W*(?:status|keterangan|catatan|note|notice|perhatian)?\W*(?:this|the|dokumen|surat"
    r"|peraturan|pengumuman|edaran|halaman|panduan|ketentuan)?[^.!?\n]{0,60}\b"
    r"(?:(?:is|was|has been|have been|been|sudah|telah|status:?) "
    r"(?:now |largely |officially |resmi )*(?:superseded|obsolete|outdated|withdrawn|archived"
    r"|replaced by|revoked|repealed|expired|dicabut|digantikan|diganti|kedaluwarsa"
    r"|diarsipkan|tidak berlaku)"
    r"|no longer (?:valid|in force|in effect|applicable|applies|current)"
    r"|tidak (?:lagi )?berlaku(?: lagi)?\b(?! (?:untuk|bagi|pada|di|surut|jika|apabila|kalau"
    r"|ketentuan))"
    r"|not in force any ?more|kept (?:here )?(?:in the archive )?for reference only"
    r"|hanya sebagai arsip)",
    re.IGNORECASE,
)
_TITLE_MARK = re.compile(
    r"[(\[](?:superseded|archived?|obsolete|withdrawn|outdated|tidak berlaku(?: lagi)?|arsip"
    r"|dicabut|digantikan)[)\]]|^(?:superseded|archived|obsolete|arsip|tidak berlaku(?: lagi)?)"
    r"\s*[:–—-]|\b(?:archived notice|pengumuman lama)\b",
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
    title = (
        document.title or clean_line(extract.title or "") or file_title(document.file)
    )
    pieces = split_blocks(extract.blocks, title=title)
    whole = "\n".join(piece.text for piece in pieces[:20])
    stated = document.language or extract.language
    language = stated if stated in LANGUAGES else detect_language(whole)
    filled = replace(
        document,
        title=title[:_LONGEST_TITLE],
        url=document.url or _url(fields.pop("url", None)),
        language=language,
        valid_from=document.valid_from or _date(fields.pop("valid_from", None)),
        valid_until=document.valid_until or _date(fields.pop("valid_until", None)),
        validity=_validity(fields, title, whole),
        metadata=_bounded({**fields, **document.metadata}),
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
        language=detect_language(piece.text, default=language),
        start=piece.start,
        end=piece.end,
        table=piece.table,
        validity=document.validity,
        valid_from=document.valid_from,
        valid_until=document.valid_until,
        flagged=find_orders(piece.text),
        metadata=document.metadata,
    )


def _validity(fields: Mapping[str, object], title: str, text: str) -> Validity:
    """Tell whether front matter, the title or the first lines end the document's force."""
    status = fields.get("status") or fields.get("validity")
    if isinstance(status, str) and status.strip().lower() in ("current", "berlaku"):
        return "current"
    if isinstance(status, str) and status.strip().lower() in _SUPERSEDED_WORDS:
        return "superseded"
    if fields.get("superseded") is True or fields.get("superseded_by"):
        return "superseded"
    if _TITLE_MARK.search(title):
        return "superseded"
    top = text[:_NOTICE_CHARACTERS]
    sentences = re.split(r"(?<=[.!?])\s+|\n", top)[:4]
    return "superseded" if any(map(_NOTICE.match, sentences)) else "current"


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
