"""Documents, their passages, and passages as evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DocumentStatus = Literal["queued", "parsing", "embedding", "ready", "failed"]
Validity = Literal["current", "superseded"]


@dataclass(frozen=True, slots=True)
class Document:
    """
    One ingested file, as its owner sees it.

    Attributes:
        id: `doc_` and 32 hex digits drawn from tenant and content.
        sha256: Digest of the bytes as they came.
        file: Name it came under, for display only, never part of a path.
        progress: 0.0 to 1.0.
        chunks: Passages in the store.
        created_at: Unix seconds.
        metadata: Front matter and other free fields (module, week, ...), JSON values.
        error: One sentence when the status is `failed`.
    """

    id: str
    tenant: str
    sha256: str
    file: str
    title: str
    status: DocumentStatus
    progress: float = 0.0
    chunks: int = 0
    size_bytes: int = 0
    url: str | None = None
    language: str | None = None
    validity: Validity = "current"
    valid_from: str | None = None
    valid_until: str | None = None
    created_at: float = 0.0
    updated_at: float = 0.0
    error: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upload:
    """
    A document on its way in.

    Attributes:
        content: The bytes; the id of the document is drawn from them.
        file: Name as given by the sender.
        media_type: As declared; the loader decides by content and name.
        source: Where it came from (path or name). A second upload of the same source
            with other bytes replaces the first document. None: nothing is replaced.
    """

    content: bytes
    file: str
    media_type: str | None = None
    title: str | None = None
    url: str | None = None
    language: str | None = None
    source: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passage:
    """
    A piece of a document, as indexed and as retrieved.

    Attributes:
        id: UUID drawn from document, ordinal path and text.
        ordinal: Position in the document, from 0.
        text: What may be quoted; title and headings are indexed beside it.
        headings: Heading path from the outermost to the innermost.
        page: 1-based page of a paged format.
        start: Offset of the first character in the document's extracted text.
        table: The passage holds table rows, one a line, `column: value; ...`.
        flagged: Sentences (verbatim) that give orders to a machine; never quoted.
        score: Retrieval score, 0.0 to 1.0 and comparable within one search.
        signals: Raw scores by name (`bm25`, `dense`, `coverage`, ...) for the gate.
    """

    id: str
    document_id: str
    tenant: str
    ordinal: int
    text: str
    title: str
    file: str
    headings: tuple[str, ...] = ()
    page: int | None = None
    url: str | None = None
    language: str = "en"
    start: int = 0
    end: int = 0
    table: bool = False
    validity: Validity = "current"
    valid_from: str | None = None
    valid_until: str | None = None
    flagged: tuple[str, ...] = ()
    metadata: Mapping[str, object] = field(default_factory=dict)
    score: float = 0.0
    signals: Mapping[str, float] = field(default_factory=dict)

    @property
    def section(self) -> str | None:
        """The heading path as one line, or None at the top of a document."""
        return " > ".join(self.headings) or None


@dataclass(frozen=True, slots=True)
class Citation:
    """
    A passage as used in an answer.

    Attributes:
        index: 1-based, in order of first use in the answer: the `[1]` of the text.
        quote: Words of the passage that carry the sentence.
        score: 0.0 to 1.0.
        supported: False when a check of words, numbers, dates and names failed.
    """

    index: int
    document_id: str
    title: str
    file: str
    quote: str
    score: float
    url: str | None = None
    section: str | None = None
    page: int | None = None
    supported: bool = True
    metadata: Mapping[str, object] = field(default_factory=dict)

    @property
    def link(self) -> str:
        """Where a reader finds it: the document's URL, else file name and page."""
        if self.url:
            return self.url
        return f"{self.file}#page={self.page}" if self.page else self.file


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """
    What is looked for.

    Attributes:
        text: The question.
        alternatives: Other wordings searched beside it (a follow-up with history).
        language: Language of the question, or None to detect it.
        limit: Passages wanted, 1 to 50.
    """

    tenant: str
    text: str
    alternatives: tuple[str, ...] = ()
    language: str | None = None
    limit: int = 5


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Passages, best first, and what the search had to do without (`dense`, ...)."""

    passages: tuple[Passage, ...]
    language: str
    degraded: tuple[str, ...] = ()
