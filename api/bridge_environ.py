"""The WSGI environ of an ASGI scope."""

from __future__ import annotations

import io
import sys
from typing import Any

from api.bridge_types import Header, Scope


def build_environ(scope: Scope, fields: list[Header], body: bytes) -> dict[str, Any]:
    """
    Return the environ (PEP 3333) for *scope* with *body* whole in memory.

    A body that came in chunks gets its length here: Werkzeug reads none without.
    """
    root = scope.get("root_path", "")
    path = scope["path"].removeprefix(root) if root else scope["path"]
    server = scope.get("server") or ("localhost", 80)
    client = scope.get("client") or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root.encode().decode("latin-1"),
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or 0),
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "RAW_URI": scope.get("raw_path", b"").decode("latin-1"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in fields:
        key = _variable(name)
        text = value.decode("latin-1")
        if key in environ:
            # Cookies may be split over fields by HTTP/2 front ends (RFC 9113, 8.2.3).
            join = "; " if name == b"cookie" else ","
            text = f"{environ[key]}{join}{text}"
        environ[key] = text
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    if body or "CONTENT_LENGTH" in environ:
        environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def wire_fields(fields: list[Header], body: bytes) -> list[Header]:
    """Return *fields* as if *body* had come with its length and in one piece."""
    dropped = {b"content-length", b"transfer-encoding"}
    kept = [item for item in fields if item[0] not in dropped]
    return [*kept, (b"content-length", str(len(body)).encode())]


def _variable(name: bytes) -> str:
    text = name.decode("latin-1").upper().replace("-", "_")
    return text if text in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{text}"
