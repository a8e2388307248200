"""Every hostile upload is answered soon, in bounded memory, without a connection."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from domain.deadlines import Deadline
from domain.errors import (
    AppError,
    AudioTooLarge,
    AudioTooLong,
    AudioTypeUnsupported,
    AudioUnreadable,
)
from domain.speech import AudioClip
from speech.decoder import SandboxedDecoder
from tests.fakes.hostile_audio import (
    encoded,
    flac_at_one_hertz,
    flac_claiming,
    playlists,
    tone,
    video_only,
    wav,
)

MAX_SECONDS = 20.0
GROWTH_BYTES = 100 * 1024 * 1024
SHORT = tone(0.5)

REFUSED: dict[str, tuple[Callable[[], bytes], type[AppError]]] = {
    "empty": (lambda: b"", AudioUnreadable),
    "noise": (lambda: np.random.default_rng(2).bytes(4_096), AudioTypeUnsupported),
    "html": (lambda: b"<!doctype html><p>hello", AudioTypeUnsupported),
    "picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(64), AudioTypeUnsupported),
    "30-byte header": (lambda: wav(b"")[:30], AudioUnreadable),
    "no samples": (lambda: wav(b""), AudioUnreadable),
    "1 Hz flac": (flac_at_one_hertz, AudioUnreadable),
    "flac of ten hours": (
        lambda: flac_claiming(SHORT, total=16_000 * 36_000),
        AudioTooLong,
    ),
    "flac of unknown length": (
        lambda: flac_claiming(np.zeros(16_000 * 60, "<i2"), total=0),
        AudioTooLong,
    ),
    "opus of a minute": (
        lambda: encoded("ogg", "libopus", tone(60, rate_hz=48_000), rate_hz=48_000),
        AudioTooLong,
    ),
    "wav of a minute": (lambda: wav(bytes(2 * 16_000 * 60)), AudioTooLong),
    "wav at 1 GHz": (lambda: wav(bytes(999), rate_hz=1_000_000_000), AudioUnreadable),
    "wav at 0 Hz": (lambda: wav(bytes(999), rate_hz=0), AudioUnreadable),
    "wav at 4 kHz": (lambda: wav(bytes(999), rate_hz=4_000), AudioUnreadable),
    "wav without channels": (lambda: wav(bytes(999), channels=0), AudioUnreadable),
    "wav of 255 channels": (lambda: wav(bytes(9990), channels=255), AudioUnreadable),
    "m4a without its index": (
        lambda: encoded("ipod", "aac", SHORT)[:1_000],
        AudioUnreadable,
    ),
    "video only": (video_only, AudioUnreadable),
}

ACCEPTED: dict[str, Callable[[], bytes]] = {
    "wav": lambda: wav(SHORT.tobytes()),
    "sizes of a stream": lambda: wav(SHORT.tobytes(), size=0xFFFFFFFF),
    "sizes too large": lambda: wav(SHORT.tobytes(), size=0x7FFFFFFF),
    "cut short": lambda: wav(SHORT.tobytes())[:-101],
    "24 bit": lambda: encoded("wav", "pcm_s24le", SHORT),
    "mu-law": lambda: encoded(
        "wav", "pcm_mulaw", tone(0.5, rate_hz=8_000), rate_hz=8_000
    ),
    "5.1 at 96 kHz": lambda: encoded(
        "wav", "pcm_s16le", tone(0.5, rate_hz=96_000), rate_hz=96_000, layout="5.1"
    ),
    "flac": lambda: encoded("flac", "flac", SHORT),
    "mp3": lambda: encoded("mp3", "libmp3lame", SHORT),
    "ogg opus": lambda: encoded(
        "ogg", "libopus", tone(0.5, rate_hz=48_000), rate_hz=48_000
    ),
    "webm opus": lambda: encoded(
        "webm", "libopus", tone(0.5, rate_hz=48_000), rate_hz=48_000
    ),
    "m4a": lambda: encoded("ipod", "aac", SHORT),
    "fragmented mp4": lambda: encoded(
        "mp4", "aac", SHORT, options={"movflags": "frag_keyframe+empty_moov"}
    ),
    "adts": lambda: encoded("adts", "aac", SHORT),
    "aiff": lambda: encoded("aiff", "pcm_s16be", SHORT),
    "caf": lambda: encoded("caf", "pcm_s16be", SHORT),
    "two flac files": lambda: encoded("flac", "flac", SHORT) * 2,
}


@pytest.fixture
async def decoder() -> AsyncIterator[SandboxedDecoder]:
    decoder = SandboxedDecoder(
        max_bytes=4_000_000, max_seconds=MAX_SECONDS, processes=1
    )
    yield decoder
    await decoder.close()


async def _decode(decoder: SandboxedDecoder, data: bytes) -> AudioClip:
    return await decoder.decode(data, rate_hz=16_000, deadline=Deadline.after(30))


def _resident_peak(decoder: SandboxedDecoder) -> int:
    """Peak memory of the idle child, bytes."""
    pid = decoder._pool._idle[0]._process.pid
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError(line)


async def test_hostile_files_are_refused_soon_and_in_bounded_memory(
    decoder: SandboxedDecoder,
) -> None:
    await _decode(decoder, wav(SHORT.tobytes()))
    before = _resident_peak(decoder)
    child = decoder._pool._idle[0]

    for name, (make, error) in REFUSED.items():
        data = make()
        started = time.monotonic()
        with pytest.raises(error) as caught:
            await _decode(decoder, data)
        assert type(caught.value) is error, name
        assert time.monotonic() - started < 5, name

    assert decoder._pool._idle == [child], "a hostile file killed the child"
    assert _resident_peak(decoder) - before < GROWTH_BYTES
    assert (await _decode(decoder, wav(SHORT.tobytes()))).seconds == 0.5


async def test_playlists_connect_to_nobody(decoder: SandboxedDecoder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x.wav"

        for name, data in playlists(url).items():
            started = time.monotonic()
            with pytest.raises((AudioTypeUnsupported, AudioUnreadable)):
                await _decode(decoder, data)
            assert time.monotonic() - started < 5, name

        with pytest.raises(BlockingIOError):
            listener.accept()


async def test_every_ordinary_format_is_read(decoder: SandboxedDecoder) -> None:
    for name, make in ACCEPTED.items():
        clip = await _decode(decoder, make())
        samples = np.frombuffer(clip.pcm, "<i2")
        assert 0.3 < clip.seconds < 1.2, name
        assert np.abs(samples).max() > 2_000, name


async def test_impossible_samples_become_silence(decoder: SandboxedDecoder) -> None:
    samples = np.full(8_000, np.nan, "<f4")
    samples[::2] = np.inf
    samples[::3] = 1e30

    clip = await _decode(decoder, wav(samples.tobytes(), bits=32, kind=3))

    assert clip.rate_hz == 16_000
    assert clip.seconds == 0.5


async def test_too_many_bytes_are_not_even_read(decoder: SandboxedDecoder) -> None:
    with pytest.raises(AudioTooLarge):
        await _decode(decoder, bytes(4_000_001))


async def test_a_killed_child_is_replaced(decoder: SandboxedDecoder) -> None:
    await _decode(decoder, wav(SHORT.tobytes()))
    await decoder._pool._idle[0].kill()

    assert (await _decode(decoder, wav(SHORT.tobytes()))).seconds == 0.5
