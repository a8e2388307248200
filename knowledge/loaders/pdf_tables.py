"""Ruled tables of a PDF page, cell by cell."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass

import pdfplumber
import pdfplumber.pdf
from pdfminer.pdfparser import PDFSyntaxError
from pdfplumber.utils.exceptions import PdfminerException

# Lines and boxes on a page before it is worth looking for a table.
_FEWEST_SHAPES = 4
# A drawing has more; pairing all its lines would take minutes.
_MOST_SHAPES = 3_000
# Seconds of processor time for tables in one file; pages after that are read as text.
_BUDGET_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Table:
    """Cells by row, and the place on the page (points, origin at the lower left)."""

    rows: tuple[tuple[str, ...], ...]
    left: float
    bottom: float
    right: float
    top: float

    def holds(self, x: float, y: float) -> bool:
        """Tell whether a point lies within the table."""
        return self.left <= x <= self.right and self.bottom <= y <= self.top


class TableFinder:
    """Finds tables on pages that have ruled lines; opens the file only when needed."""

    def __init__(
        self, content: bytes, *, clock: Callable[[], float] = time.process_time
    ) -> None:
        self._content = content
        self._clock = clock
        self._spent = 0.0
        self._pdf: pdfplumber.pdf.PDF | None = None

    def find(self, number: int, *, shapes: int) -> list[Table]:
        """Return the tables of page *number* (1-based), which has *shapes* drawn."""
        if not _FEWEST_SHAPES <= shapes <= _MOST_SHAPES:
            return []
        if self._spent > _BUDGET_SECONDS:
            return []
        begun = self._clock()
        try:
            return self._find(number)
        except (
            PdfminerException,
            PDFSyntaxError,
            ValueError,
            TypeError,
            KeyError,
            IndexError,
            AttributeError,
            RecursionError,
            AssertionError,
        ):
            # A page that only this second parser cannot read is read as text.
            return []
        finally:
            self._spent += self._clock() - begun

    def _find(self, number: int) -> list[Table]:
        if self._pdf is None:
            self._pdf = pdfplumber.open(io.BytesIO(self._content))
        page = self._pdf.pages[number - 1]
        height = float(page.height)
        found = []
        for table in page.find_tables():
            rows = tuple(tuple(cell or "" for cell in row) for row in table.extract())
            left, top, right, bottom = table.bbox
            if _is_table(rows):
                found.append(Table(rows, left, height - bottom, right, height - top))
        page.close()
        return found


def _is_table(rows: tuple[tuple[str, ...], ...]) -> bool:
    """Tell a table from a box around text: two columns and rows that are filled."""
    if len(rows) < 2 or max(len(row) for row in rows) < 2:
        return False
    filled = sum(1 for row in rows if sum(bool(cell.strip()) for cell in row) > 1)
    return filled >= 2
