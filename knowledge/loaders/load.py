"""Bytes of any format of ours to an extract."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from knowledge.loaders.blocks import DocumentUnreadable, Extract
from knowledge.loaders.formats import Format, check_archive

# By name: a child process imports the parser of its one document, not all of them.
_LOADERS: dict[Format, tuple[str, str]] = {
    "pdf": ("knowledge.loaders.pdf", "load_pdf"),
    "docx": ("knowledge.loaders.word", "load_docx"),
    "html": ("knowledge.loaders.web", "load_html"),
    "markdown": ("knowledge.loaders.marked", "load_markdown"),
    "text": ("knowledge.loaders.plain", "load_text"),
    "csv": ("knowledge.loaders.sheets", "load_csv"),
    "xlsx": ("knowledge.loaders.sheets", "load_xlsx"),
    "pptx": ("knowledge.loaders.slides", "load_pptx"),
}
_ARCHIVES = frozenset({"docx", "xlsx", "pptx"})


def find_loader(kind: Format) -> Callable[[bytes], Extract]:
    """Return the loader of a format, its parser imported."""
    module, name = _LOADERS[kind]
    loader: Callable[[bytes], Extract] = getattr(import_module(module), name)
    return loader


def load(content: bytes, kind: Format) -> Extract:
    """
    Return the text of *content* in blocks.

    Raises:
        DocumentUnreadable: With a sentence for the document's owner.
    """
    if kind in _ARCHIVES:
        check_archive(content)
    try:
        return find_loader(kind)(content)
    except RecursionError as exc:
        raise DocumentUnreadable("The file is nested too deeply.") from exc
