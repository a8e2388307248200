"""Logs: one JSON object a line, without what people say and without secrets."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
from pydantic import SecretStr

from config import ROOT, Settings

request_id_var: ContextVar[str | None] = ContextVar("request_id", default=None)
tenant_var: ContextVar[str | None] = ContextVar("tenant", default=None)

REDACTED = "[redacted]"
MAX_TEXT_CHARS = 1000
MAX_FRAMES = 12

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}
_SECRET_FIELD = re.compile(
    r"(^|_)(key|secret|token|password|authorization|cookie|dsn)$", re.IGNORECASE
)
# Our own keys, those of model vendors, tokens in headers, passwords in URLs.
_SECRET_TEXT = re.compile(
    r"\btanya_[A-Za-z0-9_-]{20,}"
    r"|\bsk-[A-Za-z0-9_-]{16,}"
    r"|\bek_[A-Za-z0-9_-]{16,}"
    r"|\b[Bb]earer\s+[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<=://)[^/\s@:]*:[^/\s@]+(?=@)"
)
# Their lines repeat ours, or say what a request asked: the server writes the query of
# a WebSocket, and at DEBUG what is said over it.
_SILENCED = (
    "uvicorn.access",
    "uvicorn.error",
    "websockets",
    "gunicorn.access",
    "werkzeug",
    "httpx",
    "httpcore",
    "openai",
    "alembic",
    "pdfminer",
)
_ROUTED = ("uvicorn", "uvicorn.asgi", "gunicorn", "gunicorn.error")


class JSONFormatter(logging.Formatter):
    """
    Writes a record as one JSON object.

    An exception is its class and its frames; its text may repeat what a person said
    and stays out. Fields that begin with `private_` are dropped.

    Args:
        secrets: Values that are replaced wherever they occur.
    """

    def __init__(self, *, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        known = sorted((s for s in secrets if len(s) >= 6), key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, known))) if known else None

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        return orjson.dumps(
            self.fields(record), default=_kind, option=orjson.OPT_NON_STR_KEYS
        ).decode()

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return what is written of *record*."""
        stamp = datetime.fromtimestamp(record.created, UTC)
        entry: dict[str, Any] = {
            "timestamp": stamp.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._clean(record.getMessage()),
        }
        if (number := request_id_var.get()) is not None:
            entry["request_id"] = number
        if (tenant := tenant_var.get()) is not None:
            entry["tenant"] = tenant
        for name, value in record.__dict__.items():
            if name in _STANDARD or name.startswith(("private_", "_")):
                continue
            if value is not None:
                hidden = _SECRET_FIELD.search(name) is not None
                entry[name] = REDACTED if hidden else self._value(value)
        if record.exc_info and record.exc_info[1] is not None:
            entry |= _describe(record.exc_info[1])
        return entry

    def _value(self, value: object) -> object:
        if isinstance(value, str):
            return self._clean(value)
        if isinstance(value, bool | int | float):
            return value
        if isinstance(value, dict):
            return {
                str(name): REDACTED if _SECRET_FIELD.search(str(name)) else found
                for name, found in ((n, self._value(v)) for n, v in value.items())
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(item) for item in value]
        # An object's text may hold anything.
        return _kind(value)

    def _clean(self, text: str) -> str:
        # A lone surrogate cannot be written as UTF-8.
        text = text[:MAX_TEXT_CHARS].encode("utf-8", "replace").decode()
        if self._secrets is not None:
            text = self._secrets.sub(REDACTED, text)
        return _SECRET_TEXT.sub(REDACTED, text)


class TextFormatter(JSONFormatter):
    """Writes the same fields for a terminal: time, level, event, `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        entry = self.fields(record)
        moment = str(entry.pop("timestamp"))[11:19]
        level, name = entry.pop("level"), entry.pop("logger")
        event = entry.pop("message")
        rest = " ".join(
            f"{key}={orjson.dumps(value, default=_kind).decode()}"
            for key, value in entry.items()
        )
        return f"{moment} {level:<7} {name}: {event} {rest}".rstrip()


class SafeHandler(logging.StreamHandler[TextIO]):
    """A handler that loses a line rather than a request when it cannot write."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Go on: a full disk or a closed pipe is not the request's failure."""


def configure_logging(settings: Settings, *, stream: TextIO | None = None) -> None:
    """
    Send every record of this process to *stream* (standard error) in one form.

    Servers' own loggers are routed here; their access lines are replaced by ours.
    """
    secrets = list(iter_secrets(settings))
    formatter: logging.Formatter = (
        JSONFormatter(secrets=secrets)
        if settings.log_format == "json"
        else TextFormatter(secrets=secrets)
    )
    handler = SafeHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in _ROUTED:
        routed = logging.getLogger(name)
        routed.handlers.clear()
        routed.propagate = True
        routed.setLevel(logging.NOTSET)
    for name in _SILENCED:
        silenced = logging.getLogger(name)
        silenced.handlers.clear()
        silenced.propagate = True
        silenced.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def iter_secrets(settings: Settings) -> Iterable[str]:
    """Yield the secret values of *settings*."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()


def _describe(error: BaseException) -> dict[str, object]:
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    found: dict[str, object] = {
        "error": f"{type(error).__module__}.{type(error).__qualname__}",
        "stack": [f"{_place(f.filename)}:{f.lineno} {f.name}" for f in frames],
    }
    cause = error.__cause__ or error.__context__
    if cause is not None:
        found["cause"] = f"{type(cause).__module__}.{type(cause).__qualname__}"
    return found


def _place(filename: str) -> str:
    _, _, library = filename.rpartition("site-packages/")
    return library.removeprefix(f"{ROOT}/")


def _kind(value: object) -> str:
    return f"<{type(value).__name__}>"
