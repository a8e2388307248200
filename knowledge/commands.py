"""The commands of `python -m knowledge`, on whichever desk serves them."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from domain.documents import Document, Upload
from knowledge.desk import Desk, DeskError, source_of, wait_for_all
from knowledge.loaders.formats import is_known_name

FINE, SOME_FAILED, USAGE = 0, 1, 2
_DOCUMENT_ID = re.compile(r"doc_[0-9a-f]{32}")
# Times a busy service is asked again for one file, and the longest single wait.
_MOST_TRIES = 20
_LONGEST_WAIT = 60.0


def add(desk: Desk, options: argparse.Namespace) -> int:
    """Take files and folders in, and wait until they can be found."""
    files, unknown = collect_files(options.paths)
    single = len(files) == 1 and not files[0].is_dir()
    if (options.title or options.url) and not single:
        sys.stderr.write("--title and --url go with a single file.\n")
        return USAGE
    adding = _Adding(desk, options, total=len(files))
    try:
        for path in files:
            adding.hand_in(path)
        adding.wait()
    finally:
        adding.bar.close()
    return adding.report(unknown)


class _Adding:
    """One run of `add`: what was handed in, and how it ended."""

    def __init__(self, desk: Desk, options: argparse.Namespace, *, total: int) -> None:
        self._desk = desk
        self._options = options
        self._waiting: dict[str, str] = {}
        self._added = self._passages = self._known = 0
        self._failed: list[tuple[str, str]] = []
        self._begun = time.monotonic()
        self.bar = tqdm(
            total=total, unit="file", file=sys.stderr, disable=not sys.stderr.isatty()
        )

    def hand_in(self, path: Path) -> None:
        """Submit one file, again later where the queue is full."""
        self.bar.set_postfix_str(path.name[-40:], refresh=False)
        try:
            upload = self._read(path)
            document, is_new = self._submit(upload)
        except OSError as exc:
            return self._fail(str(path), exc.strerror or "It cannot be read.")
        except DeskError as exc:
            return self._fail(str(path), str(exc))
        if is_new or document.status not in ("ready", "failed"):
            self._waiting[document.id] = str(path)
            return None
        self._known += 1
        self.bar.update()
        return None

    def wait(self) -> None:
        """Wait for everything that was handed in."""
        names = dict(self._waiting)
        self._desk.help_out()

        def ended(document: Document) -> None:
            if document.status == "failed":
                self._fail(names[document.id], document.error or "It failed.")
            else:
                self._added += 1
                self._passages += document.chunks
                self.bar.update()

        wait_for_all(self._desk, self._waiting, on_change=ended)

    def report(self, unknown: int) -> int:
        """Print a summary and return the exit status."""
        for name, reason in self._failed:
            sys.stderr.write(f"failed: {name}: {reason}\n")
        seconds = time.monotonic() - self._begun
        parts = [f"{self._added} added ({self._passages} passages)"]
        if self._known:
            parts.append(f"{self._known} unchanged")
        if self._failed:
            parts.append(f"{len(self._failed)} failed")
        if unknown:
            parts.append(f"{unknown} of other kinds left out")
        sys.stdout.write(f"{', '.join(parts)} in {seconds:.1f} s\n")
        return SOME_FAILED if self._failed else FINE

    def _read(self, path: Path) -> Upload:
        return Upload(
            content=path.read_bytes(),
            file=path.name,
            title=self._options.title,
            url=self._options.url,
            language=self._options.language,
            source=source_of(path),
        )

    def _submit(self, upload: Upload) -> tuple[Document, bool]:
        for _ in range(_MOST_TRIES):
            try:
                return self._desk.submit(upload)
            except DeskError as exc:
                if exc.retry_after_seconds is None:
                    raise
                time.sleep(min(exc.retry_after_seconds, _LONGEST_WAIT))
        return self._desk.submit(upload)

    def _fail(self, name: str, reason: str) -> None:
        self._failed.append((name, reason))
        self.bar.update()


def list_documents(desk: Desk, options: argparse.Namespace) -> int:
    """Print a line a document."""
    del options
    count = 0
    for item in desk.iter_documents():
        count += 1
        mark = " (superseded)" if item.validity == "superseded" else ""
        sys.stdout.write(
            f"{item.id}  {item.status:<9} {item.chunks:>5}  {item.language or '--'}"
            f"  {item.title}{mark}  [{item.file}]\n"
        )
    if not count:
        sys.stdout.write("No documents.\n")
    return FINE


def show(desk: Desk, options: argparse.Namespace) -> int:
    """Print what is known of one document, and its passages where they can be had."""
    document = desk.load(options.id)
    for field in dataclasses.fields(document):
        value = getattr(document, field.name)
        if value not in (None, "", {}):
            sys.stdout.write(f"{field.name}: {value}\n")
    try:
        passages = list(desk.iter_passages(document.id))
    except DeskError as exc:
        sys.stderr.write(f"Passages are not shown. {exc}\n")
        return FINE
    for passage in passages:
        place = passage.section or ""
        page = f", page {passage.page}" if passage.page else ""
        sys.stdout.write(f"\n[{passage.ordinal}] {place}{page}\n{passage.text}\n")
    return FINE


def remove(desk: Desk, options: argparse.Namespace) -> int:
    """Remove documents by id or by the path they came from."""
    status = FINE
    for target in options.targets:
        try:
            for document in _find_targets(desk, target):
                desk.remove(document.id)
                sys.stdout.write(f"removed {document.id}  {document.title}\n")
        except DeskError as exc:
            sys.stderr.write(f"failed: {target}: {exc}\n")
            status = SOME_FAILED
    return status


def search(desk: Desk, options: argparse.Namespace) -> int:
    """Print the passages found for a question; exit status 1 when there is none."""
    found = desk.search(options.question, limit=max(1, min(options.limit, 50)))
    for number, item in enumerate(found, start=1):
        sys.stdout.write(
            f"{number}. {item.score:.2f}  {item.title}  {item.where}\n{item.text}\n\n"
        )
    if not found:
        sys.stdout.write("Nothing was found.\n")
    return FINE if found else SOME_FAILED


def reindex(desk: Desk, options: argparse.Namespace) -> int:
    """Write all passages anew."""
    del options
    documents = [item for item in desk.iter_documents() if item.status == "ready"]
    passages = 0
    quiet = not sys.stderr.isatty()
    for item in tqdm(documents, unit="document", file=sys.stderr, disable=quiet):
        passages += desk.reindex(item.id)
    sys.stdout.write(f"{len(documents)} documents, {passages} passages written\n")
    return FINE


def export(desk: Desk, options: argparse.Namespace) -> int:
    """Print a JSON object a document, with its passages."""
    del options
    for item in desk.iter_documents():
        passages = [
            {
                name: value
                for name, value in dataclasses.asdict(passage).items()
                if name not in ("score", "signals", "tenant")
            }
            for passage in desk.iter_passages(item.id)
        ]
        line = {"document": dataclasses.asdict(item), "passages": passages}
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    return FINE


def collect_files(paths: Sequence[Path]) -> tuple[list[Path], int]:
    """
    Return files, folders walked, each once; and how many of other kinds were left out.

    A file that was named is always taken; in a folder hidden ones are passed over.
    """
    found: dict[Path, None] = {}
    unknown = 0
    for path in paths:
        if not path.is_dir():
            found[path] = None
            continue
        for inner in _walk(path):
            if is_known_name(inner.name):
                found[inner] = None
            else:
                unknown += 1
    return list(found), unknown


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith((".", "~$")):
                yield Path(place) / name


def _find_targets(desk: Desk, target: str) -> list[Document]:
    if _DOCUMENT_ID.fullmatch(target):
        return [desk.load(target)]
    path = Path(target)
    found = desk.find(path)
    if not found and path.is_dir():
        found = [
            item
            for inner in _walk(path)
            if is_known_name(inner.name)
            for item in desk.find(inner)
        ]
    elif len(found) > 1:
        ids = ", ".join(item.id for item in found)
        raise DeskError(f"Several documents bear this name; give one of: {ids}")
    if not found:
        raise DeskError("There is no such document.")
    return found
