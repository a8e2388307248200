"""Damaged files of every format are read for what is left of them, or refused."""

from __future__ import annotations

import io
import random
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pptx
import pytest

from knowledge.loaders.blocks import DocumentUnreadable, Extract
from knowledge.loaders.formats import Format
from knowledge.sandbox import Sandbox
from knowledge.splitter import join_blocks, split_blocks

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "documents"
DAMAGES = 12


def _sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def _sheet() -> bytes:
    book, target = openpyxl.Workbook(), io.BytesIO()
    sheet = book.create_sheet("Biaya", 0)
    for row in (("Fakultas", "Biaya"), ("Teknik", 5_000_000), ("Hukum", 4_000_000)):
        sheet.append(row)
    book.save(target)
    return target.getvalue()


def _slides() -> bytes:
    deck, target = pptx.Presentation(), io.BytesIO()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Jadwal"
    slide.placeholders[1].text = "Pendaftaran dibuka 1 Maret 2026."
    deck.save(target)
    return target.getvalue()


WHOLE: dict[Format, Callable[[], bytes]] = {
    "pdf": lambda: _sample("02-admissions-guide.pdf"),
    "docx": lambda: _sample("06-academic-regulations.docx"),
    "html": lambda: _sample("04-scholarships.html"),
    "markdown": lambda: _sample("08-student-housing.md"),
    "text": lambda: _sample("07-perpustakaan.txt"),
    "csv": lambda: b"fakultas,biaya\nTeknik,5000000\nHukum,4000000\n" * 20,
    "xlsx": _sheet,
    "pptx": _slides,
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


def _damaged(content: bytes, chance: random.Random) -> bytes:
    """Return *content* with some bytes changed, taken out, doubled or cut off."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 12)):
        place = chance.randrange(len(data))
        length = chance.choice((1, 1, 4, 64, 1024))
        match chance.randrange(5):
            case 0:
                data[place] = chance.randrange(256)
            case 1:
                data[place : place + length] = chance.randbytes(length)
            case 2:
                del data[place : place + length]
            case 3:
                data[place:place] = data[place : place + length]
            case _:
                data = data[: max(64, place)]
    return bytes(data)


def _check(extract: Extract) -> None:
    whole = join_blocks(extract.blocks)
    for block in extract.blocks:
        assert block.page is None or block.page >= 1
        assert not any(
            unicodedata.category(one) == "Cc" and one not in "\n\t"
            for one in block.text
        )
    for piece in split_blocks(extract.blocks):
        assert 0 <= piece.start < piece.end <= len(whole)


def _read(sandbox: Sandbox, content: bytes, kind: Format) -> str | None:
    """Parse and check *content*; return why it was refused, if it was."""
    try:
        extract = sandbox.parse(content, kind)
    except DocumentUnreadable as exc:
        return str(exc)
    _check(extract)
    return None


@pytest.mark.parametrize("kind", WHOLE)
def test_a_damaged_file_is_read_or_refused(sandbox: Sandbox, kind: Format) -> None:
    content = WHOLE[kind]()
    chance = random.Random(f"{kind}-1")
    assert _read(sandbox, content, kind) is None

    refusals = [_read(sandbox, _damaged(content, chance), kind) for _ in range(DAMAGES)]

    for refusal in filter(None, refusals):
        assert len(refusal) <= 300
        assert "/" not in refusal
    if kind not in {"docx", "xlsx", "pptx"}:
        assert None in refusals
    assert sandbox.parse(content, kind).blocks


@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_of_another_kind_is_read_or_refused(
    sandbox: Sandbox, kind: Format
) -> None:
    for other, make in WHOLE.items():
        if other != kind:
            refusal = _read(sandbox, make(), kind)
            assert refusal is None or "/" not in refusal
