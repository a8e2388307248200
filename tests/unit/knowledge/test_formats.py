from __future__ import annotations

import pytest

from knowledge.loaders.blocks import DocumentUnreadable
from knowledge.loaders.formats import check_archive, find_format
from tests.fakes.bombs import make_docx, make_zip


@pytest.mark.parametrize(
    ("content", "file", "media_type", "found"),
    [
        (b"%PDF-1.7\n", "a.txt", None, "pdf"),
        (b"junk\n%PDF-1.7\n", "a.pdf", None, "pdf"),
        (b"A text about %PDF-1.7", "a.md", None, "markdown"),
        (make_docx(b"<a/>"), "a.bin", None, "docx"),
        (make_zip({"xl/workbook.xml": b"x"}), "a.docx", None, "xlsx"),
        (make_zip({"ppt/presentation.xml": b"x"}), "a", None, "pptx"),
        (make_zip({"other.txt": b"x"}), "a.docx", None, None),
        (b"PK\x03\x04broken", "a.docx", None, None),
        (b"plain words", "a.pdf", None, None),
        (b"plain words", "a.TXT", None, "text"),
        (b"plain words", "a", None, None),
        (b"plain words", "a", "text/plain; charset=utf-8", "text"),
        (b"plain words", "a.exe", "text/markdown", "markdown"),
        (b"<!DOCTYPE html><html>", "a", None, "html"),
        (b"<!-- x --><html>", "page", None, "html"),
        (b"a,b\n", "a.csv", None, "csv"),
        (b"a\tb\n", "a.tsv", None, "csv"),
        (b"\x7fELF\x01", "a.txt", "text/plain", None),
        (b"\x89PNG\r\n", "a.md", None, None),
        (b"\xd0\xcf\x11\xe0old word", "a.docx", None, None),
        (bytes(range(256)) * 8, "a.txt", None, None),
        ("wide \u2019 text".encode("utf-16"), "a.txt", None, "text"),
        (b"", "a.txt", None, "text"),
    ],
)
def test_content_decides_before_the_name(
    content: bytes, file: str, media_type: str | None, found: str | None
) -> None:
    assert find_format(content, file, media_type) == found


def test_an_honest_archive_passes() -> None:
    check_archive(make_docx(b"<w:document/>" * 1000))


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({f"x{number}": b"" for number in range(2_001)}, "entries"),
        ({"x": b"\0" * 3_000_000}, "tight"),
        ({f"x{n}": b"\0" * 1_999_999 for n in range(51)}, "too much data"),
    ],
)
def test_a_bomb_is_refused_by_its_table_of_contents(
    parts: dict[str, bytes], reason: str
) -> None:
    with pytest.raises(DocumentUnreadable, match=reason):
        check_archive(make_zip(parts))


def test_a_protected_archive_is_refused() -> None:
    content = bytearray(make_docx(b"<a/>"))
    place = content.find(b"PK\x01\x02")
    content[place + 8] |= 1

    with pytest.raises(DocumentUnreadable, match="password"):
        check_archive(bytes(content))


@pytest.mark.parametrize(
    "text", ["PKM adalah program.", "MZ", "ID3 tags", "GIF8", "BZh", "a\x02\x1b\x7fb"]
)
def test_a_text_may_begin_as_other_files_do(text: str) -> None:
    assert find_format(text.encode(), "a.txt") == "text"
    assert find_format(text.encode(), "a", "text/plain") == "text"


@pytest.mark.parametrize(
    "content", [b"\x00", b"0\x00", b"BZh9\x00\x00\x00", b"ID3\x03\x00\x00\x00\x00\x1fv"]
)
def test_a_few_bytes_with_zeros_are_no_text(content: bytes) -> None:
    assert find_format(content, "a.txt") is None
