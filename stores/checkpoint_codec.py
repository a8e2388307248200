"""Bytes of one stored field: strict serializer, checksum, compression."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any
from zlib import crc32

import ormsgpack
import zstandard
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

# Below this the frame costs more than it saves; measured on chat messages.
COMPRESS_FROM_BYTES = 1024
# A frame that claims more is not ours: nothing we store comes near it.
MAX_FIELD_BYTES = 256 * 1024 * 1024

_VERSION = 1
_PLAIN, _ZSTD = 0, 1
_HEADER_BYTES = 7


class DamagedField(Exception):
    """A stored field is not what was written."""


def strict_serializer(
    allowed: Iterable[type | tuple[str, ...]] | None = None,
) -> JsonPlusSerializer:
    """
    Return a serializer that builds no object but LangChain's own and *allowed*.

    The default one of the library calls whatever function stored bytes name.
    Source: GHSA-g48c-2wqr-h844, and our measurement of release 4.3.2.
    """
    return JsonPlusSerializer(allowed_msgpack_modules=list(allowed or ()) or None)


class FieldCodec:
    """
    Seals `(type, bytes)` of a serializer into one field and opens it again.

    Layout: version, compression, CRC32 over field name and the rest, length of the
    type name, type name, payload. The field name is part of the checksum, so that a
    value found under another name does not pass.

    Args:
        compress_from: Payloads of so many bytes are compressed; None: never.
    """

    def __init__(self, *, compress_from: int | None = COMPRESS_FROM_BYTES) -> None:
        self._compress_from = compress_from
        self._local = threading.local()

    def dump(self, serde: SerializerProtocol, field: bytes, value: Any) -> bytes:
        """Return *value* serialized and sealed."""
        kind, payload = serde.dumps_typed(value)
        return self.seal(field, kind, payload)

    def load(self, serde: SerializerProtocol, field: bytes, sealed: bytes) -> Any:
        """
        Return the value of *sealed*.

        Raises:
            DamagedField: Checksum, form or content is wrong.
        """
        return load_typed(serde, self.open(field, sealed))

    def seal(self, field: bytes, kind: str, payload: bytes) -> bytes:
        """Return the stored form of *payload*."""
        compression = _PLAIN
        if self._compress_from is not None and len(payload) >= self._compress_from:
            packed = self._compressor().compress(payload)
            if len(packed) < len(payload):
                compression, payload = _ZSTD, packed
        name = kind.encode()
        body = bytes((len(name),)) + name + payload
        head = bytes((_VERSION, compression))
        return head + _checksum(field, head, body) + body

    def open(self, field: bytes, sealed: bytes) -> tuple[str, bytes]:
        """
        Return `(type, bytes)` as sealed.

        Raises:
            DamagedField: Checksum or form is wrong.
        """
        if len(sealed) < _HEADER_BYTES or sealed[0] != _VERSION:
            raise DamagedField
        head, body = sealed[:2], sealed[6:]
        if sealed[2:6] != _checksum(field, head, body):
            raise DamagedField
        kind, payload = body[1 : 1 + body[0]], body[1 + body[0] :]
        if head[1] == _ZSTD:
            payload = self._decompress(payload)
        elif head[1] != _PLAIN:
            raise DamagedField
        return kind.decode("ascii", "replace"), payload

    def _compressor(self) -> zstandard.ZstdCompressor:
        # The context is not thread-safe and costs more to make than to use.
        made = getattr(self._local, "compressor", None)
        if made is None:
            made = self._local.compressor = zstandard.ZstdCompressor(level=1)
        compressor: zstandard.ZstdCompressor = made
        return compressor

    def _decompress(self, payload: bytes) -> bytes:
        made = getattr(self._local, "decompressor", None)
        if made is None:
            made = self._local.decompressor = zstandard.ZstdDecompressor()
        try:
            size = zstandard.frame_content_size(payload)
            if not 0 <= size <= MAX_FIELD_BYTES:
                raise DamagedField
            content: bytes = made.decompress(payload)
        except zstandard.ZstdError as exc:
            raise DamagedField from exc
        return content


def load_typed(serde: SerializerProtocol, typed: tuple[str, bytes]) -> Any:
    """
    Return the value of a serializer's `(type, bytes)`.

    Raises:
        DamagedField: The serializer cannot read it, or the type is one that builds
            objects from names (`json` constructors, pickle).
    """
    if typed[0].startswith(("json", "pickle")):
        raise DamagedField
    try:
        return serde.loads_typed(typed)
    except (
        ormsgpack.MsgpackDecodeError,
        ArithmeticError,
        AttributeError,
        LookupError,
        NotImplementedError,
        RecursionError,
        TypeError,
        ValueError,
    ) as exc:
        raise DamagedField from exc


def _checksum(field: bytes, head: bytes, body: bytes) -> bytes:
    return crc32(body, crc32(head, crc32(field))).to_bytes(4, "little")
