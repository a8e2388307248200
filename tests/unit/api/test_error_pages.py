"""`docs/errors.md` lists every code as the tree has it."""

from __future__ import annotations

import re
from pathlib import Path

from domain import errors

PAGE = Path(__file__).resolve().parents[3] / "docs" / "errors.md"


def test_every_code_is_listed_with_its_status_and_whether_to_retry() -> None:
    told = re.findall(
        r"^\| (\d+) \| `(\w+)` \| (yes|no) \|", PAGE.read_text("utf-8"), re.MULTILINE
    )
    known = {
        (str(error.status), error.code, "yes" if error.retryable else "no")
        for error in vars(errors).values()
        if isinstance(error, type)
        and issubclass(error, errors.AppError)
        and error is not errors.ConfigurationError
    }

    # The root and `InternalError` share a code; the latter is what is sent.
    known.discard(("500", "internal_error", "no"))
    assert set(told) == known
