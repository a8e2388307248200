"""An error as bytes, in the shape of the door it is told at; no Flask here."""

from __future__ import annotations

from dataclasses import dataclass

from api.openai.errors import (
    openai_error_bytes,
    openai_error_headers,
    openai_status,
    speaks_openai,
)
from api.problems import problem_bytes, problem_headers
from domain.errors import AppError, AudioTooLarge, PayloadTooLarge

# What is too large there is always a recording.
_OF_SOUND = frozenset({"/v1/audio", "/v1/audio/transcriptions"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is sent instead of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def refuse(error: AppError, *, path: str, request_id: str) -> Refusal:
    """Return *error* as the clients of *path* read it."""
    if path in _OF_SOUND and type(error) is PayloadTooLarge:
        error = AudioTooLarge()
    if speaks_openai(path):
        return Refusal(
            openai_status(error), openai_error_headers(error), openai_error_bytes(error)
        )
    return Refusal(
        error.status,
        problem_headers(error),
        problem_bytes(error, request_id=request_id),
    )
