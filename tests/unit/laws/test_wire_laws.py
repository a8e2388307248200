"""Laws of everything that reads bytes from a stranger: round trips and refusals."""

from __future__ import annotations

import base64
import hashlib
from itertools import pairwise

import orjson
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from werkzeug.datastructures import MIMEAccept
from werkzeug.test import EnvironBuilder

from api import sse
from api.context import MemoryRequest
from api.cors import CORSPolicy
from auth.keys import APIKeys, digest_key, parse_entries
from domain.documents import Document
from domain.errors import AppError, BadRequest, ConfigurationError
from domain.speech import AudioClip
from speech.audio import sniff
from speech.encoding import encode_wav, parse_wav
from stores.conversations import Place
from stores.conversations import read_cursor as read_place
from stores.conversations import write_cursor as write_place
from stores.documents_rows import make_cursor, read_cursor
from stores.redis_address import parse_address, parse_sentinels
from ui.sse import ServerEvent, iter_events
from utils.validation import clean_file_name, clean_line, parse_json, trim

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=40
)
IDENTIFIERS = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), JSON, max_size=5))
def test_json_that_is_written_is_read_back(value: dict[str, object]) -> None:
    assert parse_json(orjson.dumps(value)) == value


@given(st.dictionaries(NAMES, JSON, min_size=1, max_size=3), st.integers(0, 400))
def test_json_that_is_cut_is_refused(value: dict[str, object], cut: int) -> None:
    body = orjson.dumps(value)

    with pytest.raises(AppError):
        parse_json(body[: min(cut, len(body) - 1)])


@given(st.lists(st.tuples(IDENTIFIERS, JSON), max_size=6), st.data())
def test_events_that_are_written_are_read_however_they_are_cut(
    events: list[tuple[str, object]], data: st.DataObject
) -> None:
    stream = b"".join(
        part for name, body in events for part in (sse.write_event(name, body),)
    ).decode()
    stream = stream.replace("\n\n", f"\n\n{sse.HEARTBEAT.decode()}")
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    edges = [0, *sorted(cuts), len(stream)]

    read = list(iter_events(stream[a:b] for a, b in pairwise(edges)))

    assert read == [
        ServerEvent(name, orjson.dumps(body).decode()) for name, body in events
    ]


@given(st.lists(st.text(max_size=30), max_size=8))
def test_any_text_is_read_as_events_without_a_line_break_in_a_name(
    chunks: list[str],
) -> None:
    for event in iter_events(chunks):
        assert event.name
        assert "\n" not in event.name
        assert "\r" not in event.name


@given(st.text(max_size=400))
@example("..\\..\\a.txt")
@example("/etc/passwd")
@example("\u202etxt.exe")
def test_a_file_name_is_for_showing_and_leads_nowhere(name: str) -> None:
    shown = clean_file_name(name)

    assert clean_file_name(shown) == shown
    assert shown
    assert len(shown) <= 255
    assert not {"/", "\\", "\0", "\n", "\r", "\u202e"} & set(shown)
    assert shown not in {".", ".."}
    assert len(shown.splitlines()) == 1


@given(st.text(max_size=60))
def test_trimming_twice_is_trimming_once(text: str) -> None:
    assert trim(trim(text)) == trim(text)
    assert trim(text) in text
    assert clean_line(clean_line(text)) == clean_line(text)


@given(
    st.lists(st.integers(-32_768, 32_767), min_size=1, max_size=300),
    st.integers(8_000, 48_000),
)
def test_sound_that_is_written_is_read_back(samples: list[int], rate_hz: int) -> None:
    pcm = b"".join(one.to_bytes(2, "little", signed=True) for one in samples)
    clip = AudioClip(pcm, rate_hz)

    assert parse_wav(encode_wav(clip)) == clip
    assert sniff(encode_wav(clip)) is not None


@given(st.binary(max_size=300), st.integers(0, 60), st.binary(min_size=1, max_size=8))
def test_damaged_sound_is_refused_or_still_sound(
    noise: bytes, place: int, bytes_: bytes
) -> None:
    whole = encode_wav(AudioClip(b"\x01\x02" * 40, 16_000))
    damaged = whole[:place] + bytes_ + whole[place + len(bytes_) :]
    for data in (damaged, whole[:place] + noise, noise):
        try:
            clip = parse_wav(data)
        except AppError:
            continue
        assert len(clip.pcm) % 2 == 0
        assert len(clip.pcm) <= len(data)
        assert clip.rate_hz > 0


@given(st.binary(max_size=64))
def test_any_bytes_are_some_sound_or_none(data: bytes) -> None:
    assert sniff(data) is None or isinstance(sniff(data), str)


@given(
    st.lists(st.tuples(IDENTIFIERS, st.text()), max_size=4, unique_by=lambda x: x[1])
)
def test_entries_of_keys_are_read_back_and_tell_who_calls(
    pairs: list[tuple[str, str]],
) -> None:
    entries = [(tenant, digest_key(key)) for tenant, key in pairs]
    written = ", ".join(f"{tenant}:{digest.upper()}" for tenant, digest in entries)

    assert parse_entries(written) == entries
    keys = APIKeys(entries)
    for tenant, key in pairs:
        caller = keys.find_caller(key)
        assert caller is not None
        assert caller.tenant == tenant
        assert keys.find_caller(key + "x") is None


@given(st.text(max_size=120))
def test_other_texts_are_no_entries(text: str) -> None:
    try:
        entries = parse_entries(text)
    except ConfigurationError:
        return
    for tenant, digest in entries:
        assert len(bytes.fromhex(digest)) == hashlib.sha256().digest_size
        assert tenant.isascii()


@given(
    IDENTIFIERS,
    IDENTIFIERS,
    st.floats(0, 1e12, allow_nan=False),
    st.integers(0, 1_000_000),
)
def test_a_place_in_the_conversations_is_its_owners_only(
    tenant: str, other: str, score: float, seen: int
) -> None:
    cursor = write_place(tenant, Place(score, seen))

    assert read_place(tenant, cursor) == Place(score, seen)
    assume(other != tenant)
    with pytest.raises(BadRequest):
        read_place(other, cursor)


@given(st.text(max_size=80) | st.binary(max_size=40).map(lambda x: x.decode("latin-1")))
def test_any_text_is_a_cursor_or_a_bad_request(text: str) -> None:
    for read in (lambda: read_place("t", text), lambda: read_cursor(text)):
        try:
            place = read()
        except BadRequest:
            continue
        score = place.score if isinstance(place, Place) else place[0]
        assert score == score


@pytest.mark.parametrize("place", ["nan:doc", "inf:doc", "-inf:doc", "1e999:doc"])
def test_a_place_that_is_no_number_is_refused(place: str) -> None:
    with pytest.raises(BadRequest):
        read_cursor(base64.urlsafe_b64encode(place.encode()).decode().rstrip("="))


@given(st.floats(0, 1e11), st.from_regex(r"doc_[0-9a-f]{32}", fullmatch=True))
def test_a_place_in_the_documents_is_read_back(at: float, document_id: str) -> None:
    document = Document(
        id=document_id,
        tenant="t",
        title="a",
        file="a.txt",
        sha256="0" * 64,
        status="ready",
        created_at=at,
    )

    assert read_cursor(make_cursor(document)) == (at, document_id)


@given(st.lists(st.sampled_from(["application/json", "text/html", "*/*"]), max_size=4))
def test_parameters_of_what_is_accepted_change_nothing(types: list[str]) -> None:
    plain = _accepting(", ".join(types))
    decorated = _accepting(", ".join(f"{one};charset=utf-8" for one in types))

    assert list(plain) == list(decorated)


@given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=80))
def test_any_accept_header_is_read(text: str) -> None:
    accept = _accepting(text)

    assert all(0 <= share <= 1 for _, share in accept)
    assert 0 <= accept["application/json"] <= 1


def _accepting(text: str) -> MIMEAccept:
    environ = EnvironBuilder(headers=[("Accept", text)]).get_environ()
    return MemoryRequest(environ).accept_mimetypes


@given(st.text(max_size=60))
def test_an_origin_is_allowed_only_letter_by_letter(origin: str) -> None:
    policy = CORSPolicy.parse("https://a.example, http://b.example:8000")
    name = "Access-Control-Allow-Origin"
    allowed = next(
        (value for field, value in policy.headers(origin) if field == name), None
    )

    assert allowed in {None, "https://a.example", "http://b.example:8000"}
    assert allowed in {None, origin}


HOSTS = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)


@given(HOSTS, st.integers(1, 65_535), st.integers(0, 15))
def test_an_address_of_redis_is_read_back(host: str, port: int, database: int) -> None:
    found = parse_address(
        f"redis://{host}:{port}/{database}", host=None, port=1, password=None
    )

    assert (found["host"], found["port"], found.get("db", 0)) == (host, port, database)


@given(st.text(max_size=60), st.sampled_from(["", "redis://", "unix://", "valkey://"]))
def test_any_text_is_an_address_of_redis_or_refused(text: str, scheme: str) -> None:
    try:
        parse_address(scheme + text, host=None, port=1, password=None)
    except ConfigurationError as exc:
        said = str(exc)
    else:
        said = ""

    # It may hold a password.
    assert len(text) < 4 or text not in said


@given(
    st.lists(st.tuples(HOSTS, st.integers(1, 65_535)), min_size=1, max_size=3), HOSTS
)
def test_sentinels_are_read_back(hosts: list[tuple[str, int]], name: str) -> None:
    written = ",".join(f"{host}:{port}" for host, port in hosts) + f"/{name}"

    assert parse_sentinels(written) == (hosts, name)


@given(st.text(max_size=60))
def test_any_text_is_sentinels_or_refused(text: str) -> None:
    try:
        hosts, name = parse_sentinels(text)
    except ConfigurationError:
        return
    assert hosts
    assert name
