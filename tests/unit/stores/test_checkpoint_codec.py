from __future__ import annotations

import ormsgpack
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from stores.checkpoint_codec import DamagedField, FieldCodec, strict_serializer

SERDE = strict_serializer()
CODEC = FieldCodec()


@pytest.mark.parametrize("length", [0, 10, 1023, 1024, 50_000])
def test_what_was_sealed_is_opened(length: int) -> None:
    payload = b"ab" * (length // 2)

    sealed = CODEC.seal(b"f", "msgpack", payload)

    assert CODEC.open(b"f", sealed) == ("msgpack", payload)
    assert (len(sealed) < len(payload)) == (length >= 1024)


def test_messages_and_documents_come_back_as_they_were() -> None:
    values = [
        HumanMessage("pertanyaan ✓ 😀", id="1"),
        AIMessage("answer", id="2", response_metadata={"a": [1, 2.5, None]}),
        ToolMessage("done", tool_call_id="t", id="3"),
        Document(page_content="text", metadata={"page": 3}),
        {"plain": [True, b"bytes", 2**63]},
    ]

    assert CODEC.load(SERDE, b"f", CODEC.dump(SERDE, b"f", values)) == values


@given(st.binary(max_size=200), st.integers(0), st.integers(1, 255))
def test_any_changed_byte_is_noticed(payload: bytes, place: int, change: int) -> None:
    sealed = bytearray(CODEC.seal(b"f", "bytes", payload))
    sealed[place % len(sealed)] ^= change

    with pytest.raises(DamagedField):
        CODEC.open(b"f", bytes(sealed))


@given(st.binary(max_size=60))
def test_bytes_of_others_are_damage_and_nothing_worse(data: bytes) -> None:
    with pytest.raises(DamagedField):
        CODEC.load(SERDE, b"f", data)


def test_a_value_under_another_name_is_damage() -> None:
    with pytest.raises(DamagedField):
        CODEC.open(b"g", CODEC.seal(b"f", "bytes", b"value"))


@pytest.mark.parametrize("kind", ["json", "pickle", "unknown"])
def test_types_that_build_objects_from_names_are_refused(kind: str) -> None:
    sealed = CODEC.seal(b"f", kind, b'{"lc": 2, "id": ["os", "getcwd"]}')

    with pytest.raises(DamagedField):
        CODEC.load(SERDE, b"f", sealed)


def test_constructors_in_the_bytes_are_not_called() -> None:
    call = ormsgpack.packb(["os", "getcwd", []])
    sealed = CODEC.seal(b"f", "msgpack", ormsgpack.packb(ormsgpack.Ext(1, call)))

    found = CODEC.load(SERDE, b"f", sealed)

    assert found == []


def test_a_frame_that_claims_to_be_huge_is_refused() -> None:
    frame = zstandard.ZstdCompressor().compress(bytes(300 * 1024 * 1024))
    # A hostile writer can compute the checksum as well.
    honest = FieldCodec(compress_from=None).seal(b"f", "bytes", frame)
    forged = bytearray(honest)
    forged[1] = 1
    from zlib import crc32  # noqa: PLC0415 - only the forger needs it

    checksum = crc32(bytes(forged[6:]), crc32(bytes(forged[:2]), crc32(b"f")))
    forged[2:6] = checksum.to_bytes(4, "little")

    with pytest.raises(DamagedField):
        CODEC.open(b"f", bytes(forged))
