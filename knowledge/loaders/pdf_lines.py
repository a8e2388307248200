"""Lines of a PDF page with place, size and weight; what nobody sees is left out."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as pdfium

from knowledge.hygiene import clean_line

# Text flatter than this many points is a trick, not print.
_SMALLEST_PRINT = 1.5
_INVISIBLE_MODE = 3
_BOLD_FROM = 600
# PDFium turns a hyphen at the end of a line into one of these, and drops the line end.
_HYPHENS = ("-", "\x02", "\ufffe", "\xad")
_PRINTED_LINE = re.compile("[^\n\x02\ufffe]*[\x02\ufffe]?")
_WHITE_FROM = 250


@dataclass(frozen=True, slots=True)
class Line:
    """
    One printed line.

    Attributes:
        page: 1-based.
        left, right, top, bottom: Points, the origin at the lower left of the page.
        baseline: Height of the baseline in points.
        size: Size of the print in points.
        hyphen: The line ends at a hyphen, which is not part of *text*.
    """

    page: int
    text: str
    left: float
    right: float
    top: float
    bottom: float
    baseline: float
    size: float
    bold: bool
    hyphen: bool = False


@dataclass(frozen=True, slots=True)
class Ground:
    """An image or a filled shape, on which white print can be read."""

    left: float
    bottom: float
    right: float
    top: float

    def holds(self, x: float, y: float) -> bool:
        """Tell whether a point lies on it."""
        return self.left <= x <= self.right and self.bottom <= y <= self.top


class PageReader:
    """Reads one open page; *number* is 1-based."""

    def __init__(self, page: pypdfium2.PdfPage, number: int) -> None:
        self._number = number
        self._width, self._height = page.get_size()
        self._text = page.get_textpage()
        self.shapes = 0
        self._grounds: list[Ground] = []
        self._images = False
        self._look_at(page)

    def lines(self) -> list[Line]:
        """Return the visible lines, in the order of the page's content."""
        spans = list(self._iter_spans())
        shown = [
            line for line in (self._line(*span, ocr=False) for span in spans) if line
        ]
        if shown or not self._images:
            return shown
        # A scanned page with a layer of recognised text: all of it is "invisible".
        return [
            line for line in (self._line(*span, ocr=True) for span in spans) if line
        ]

    def _look_at(self, page: pypdfium2.PdfPage) -> None:
        kinds = [pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_IMAGE]
        for item in page.get_objects(filter=kinds, max_depth=4):
            self.shapes += 1
            if item.type == pdfium.FPDF_PAGEOBJ_IMAGE:
                self._images = True
            elif not _is_filled(item):
                continue
            if len(self._grounds) < 2000:
                self._grounds.append(Ground(*item.get_bounds()))

    def _iter_spans(self) -> Iterator[tuple[str, int]]:
        """Yield each line's characters and the index of the first of them."""
        count = self._text.count_chars()
        text = self._text.get_text_range() if count else ""
        if len(text) != count:
            text = "".join(
                _character(pdfium.FPDFText_GetUnicode(self._text, index))
                for index in range(count)
            )
        for match in _PRINTED_LINE.finditer(text):
            if match.group().strip():
                yield match.group(), match.start()

    def _line(self, text: str, start: int, *, ocr: bool) -> Line | None:
        visible = text if ocr else self._visible(text, start)
        cleaned = clean_line(visible)
        if not cleaned:
            return None
        first = start + len(text) - len(text.lstrip())
        last = start + len(text.rstrip("\r\n \x02\ufffe")) - 1
        left, bottom, _, top = self._text.get_charbox(first)
        _, bottom2, right, top2 = self._text.get_charbox(max(first, last))
        return Line(
            page=self._number,
            text=cleaned.removesuffix("-") or cleaned,
            left=left,
            right=right,
            top=max(top, top2),
            bottom=min(bottom, bottom2),
            baseline=self._baseline(first),
            size=self._size(first),
            bold=self._is_bold(first) and self._is_bold(max(first, last)),
            hyphen=text.rstrip("\r\n ").endswith(_HYPHENS),
        )

    def _visible(self, text: str, start: int) -> str:
        """Return *text* without the words that are not to be seen."""
        first = start + len(text) - len(text.lstrip())
        end = self._object(start + len(text.rstrip("\r\n \x02\ufffe")) - 1)
        if end is not None and end == self._object(first):
            # What was drawn at once is seen, or not, as a whole.
            return text if self._is_seen(first) else ""
        words: list[str] = []
        position = 0
        last, last_seen = None, False
        for word in text.split(" "):
            if word.strip():
                drawn = self._object(start + position)
                if drawn is None or drawn != last:
                    last, last_seen = drawn, self._is_seen(start + position)
            if last_seen or not word.strip():
                words.append(word)
            position += len(word) + 1
        return " ".join(words)

    def _object(self, index: int) -> int | None:
        """Return what identifies the drawing that a character is part of."""
        item = pdfium.FPDFText_GetTextObject(self._text, index)
        return ctypes.cast(item, ctypes.c_void_p).value

    def _is_seen(self, index: int) -> bool:
        item = pdfium.FPDFText_GetTextObject(self._text, index)
        if item and pdfium.FPDFTextObj_GetTextRenderMode(item) == _INVISIBLE_MODE:
            return False
        left, bottom, right, top = self._text.get_charbox(index)
        x, y = (left + right) / 2, (bottom + top) / 2
        if not (-1 <= x <= self._width + 1 and -1 <= y <= self._height + 1):
            return not any((left, right, bottom, top))
        if 0 < self._size(index) < _SMALLEST_PRINT:
            return False
        return not self._is_white(index) or any(g.holds(x, y) for g in self._grounds)

    def _is_white(self, index: int) -> bool:
        red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
        if not pdfium.FPDFText_GetFillColor(self._text, index, red, green, blue, alpha):
            return False
        faint = alpha.value <= 5
        return faint or min(red.value, green.value, blue.value) >= _WHITE_FROM

    def _size(self, index: int) -> float:
        matrix = pdfium.FS_MATRIX()
        size = float(pdfium.FPDFText_GetFontSize(self._text, index))
        if pdfium.FPDFText_GetMatrix(self._text, index, matrix):
            return round(size * float(abs(matrix.d) or abs(matrix.b) or 1.0), 1)
        return round(size, 1)

    def _baseline(self, index: int) -> float:
        x, y = ctypes.c_double(), ctypes.c_double()
        pdfium.FPDFText_GetCharOrigin(self._text, index, x, y)
        return y.value

    def _is_bold(self, index: int) -> bool:
        if int(pdfium.FPDFText_GetFontWeight(self._text, index)) >= _BOLD_FROM:
            return True
        name = ctypes.create_string_buffer(128)
        flags = ctypes.c_int()
        pdfium.FPDFText_GetFontInfo(self._text, index, name, 128, flags)
        return b"bold" in name.value.lower()


def _character(code: int) -> str:
    return chr(code) if 0 < code < 0xD800 or 0xE000 <= code < 0x110000 else "\x00"


def _is_filled(item: pypdfium2.PdfObject) -> bool:
    """Tell whether a path is filled with something darker than paper."""
    mode, stroke = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(item, mode, stroke)
    if not mode.value:
        return False
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    pdfium.FPDFPageObj_GetFillColor(item, red, green, blue, alpha)
    return min(red.value, green.value, blue.value) < _WHITE_FROM and alpha.value > 5
