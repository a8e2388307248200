"""Examples of the OpenAPI document; tests send them and compare the answers."""

from __future__ import annotations

from typing import Any

CHAT_DESCRIPTION = """\
Answers from the caller's documents, with citations, or refuses.

With `"stream": true` or `Accept: text/event-stream` the answer is a stream of named
events, each `data` one JSON object: `turn.started`, `retrieval.completed`,
`answer.delta` ..., then `answer.completed` with the whole body, or `error` with a
problem object. A comment line fills 10 seconds of silence.

```
event: turn.started
data: {"conversation_id":"kiosk-7","message_id":"msg_01J9ZC5T7W4M8Q2V6X0YB3N1RD"}

event: retrieval.completed
data: {"passages":5}

event: answer.delta
data: {"delta":"Pendaftaran dibuka 1 Maret 2026 [1]."}

event: answer.completed
data: {"answer":"Pendaftaran dibuka 1 Maret 2026 [1].","answered":true, ...}
```

The header `Idempotency-Key` (1 to 255 visible ASCII characters) makes a retry safe: the
same key and body replay the stored answer for 24 hours with `Idempotency-Replayed:
true`; another body is refused with 422, a turn that still runs with 409. A replayed
stream is one `answer.delta` with the whole text between the other events."""

QUESTION: dict[str, Any] = {
    "message": "Kapan pendaftaran dibuka?",
    "stream": False,
    "selected_text": None,
    "page": None,
    "user": None,
    "max_results": 5,
    "language": None,
}

CITATION: dict[str, Any] = {
    "index": 1,
    "document_id": "doc_5f0c7a9be1d24c6fa3b1d0e8c94f7726",
    "title": "Panduan PMB",
    "file": "02-admissions-guide.pdf",
    "url": "https://example.ac.id/pmb",
    "section": "Jadwal",
    "page": 3,
    "quote": "Pendaftaran dibuka pada 1 Maret 2026.",
    "score": 0.83,
    "supported": True,
}

ANSWER: dict[str, Any] = {
    "answer": "Pendaftaran dibuka 1 Maret 2026 [1].",
    "sources": "https://example.ac.id/pmb",
    "citations": [CITATION],
    "answered": True,
    "confidence": 0.83,
    "language": "id",
    "conversation_id": "kiosk-7",
    "message_id": "msg_01J9ZC5T7W4M8Q2V6X0YB3N1RD",
    "degraded": [],
    "exec_time": {"retrieve": 0.01, "generate": 1.2, "total": 1.3},
}

EVENT: dict[str, Any] = {
    "event": "answer.delta",
    "data": '{"delta":"Pendaftaran dibuka 1 Maret 2026 [1]."}',
}

CONVERSATION: dict[str, Any] = {
    "id": "kiosk-7",
    "title": "Kapan pendaftaran dibuka?",
    "turns": 1,
    "updated_at": 1772323200.5,
    "expires_at": 1772409600.5,
}

MESSAGES: list[dict[str, Any]] = [
    {
        "id": "msg_01J9ZC5T7VJ3K5N7P9R1T3W5Y7",
        "role": "user",
        "text": "Kapan pendaftaran dibuka?",
        "created_at": 1772323199.2,
        "citations": [],
        "answered": None,
        "language": "id",
        "confidence": None,
        "extra": {},
    },
    {
        "id": "msg_01J9ZC5T7W4M8Q2V6X0YB3N1RD",
        "role": "assistant",
        "text": "Pendaftaran dibuka 1 Maret 2026 [1].",
        "created_at": 1772323200.5,
        "citations": [CITATION],
        "answered": True,
        "language": "id",
        "confidence": 0.83,
        "extra": {},
    },
]

FEEDBACK: dict[str, Any] = {
    "message_id": "msg_01J9ZC5T7W4M8Q2V6X0YB3N1RD",
    "kind": "positive",
    "comment": "Jelas.",
}

TEXT_DOCUMENT: dict[str, Any] = {
    "title": "Jam buka perpustakaan",
    "text": "Perpustakaan buka pukul 08.00 sampai 20.00.",
    "url": "https://example.ac.id/perpustakaan",
}

DOCUMENT: dict[str, Any] = {
    "document_id": "doc_5f0c7a9be1d24c6fa3b1d0e8c94f7726",
    "title": "Panduan PMB",
    "file": "02-admissions-guide.pdf",
    "url": "https://example.ac.id/pmb",
    "language": "id",
    "status": "ready",
    "progress": 1.0,
    "chunks": 14,
    "size_bytes": 48213,
    "validity": "current",
    "valid_from": None,
    "valid_until": None,
    "created_at": 1772323190.0,
    "updated_at": 1772323192.4,
    "error": None,
    "metadata": {},
}
