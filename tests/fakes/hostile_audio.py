"""Uploads that crash, hang or fool decoders, made in memory."""

from __future__ import annotations

import io
import struct
from typing import cast

import av
import numpy as np


def tone(seconds: float, *, rate_hz: int = 16_000) -> np.ndarray:
    """Return a 440 Hz tone, 16-bit samples."""
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    return (8000 * np.sin(2 * np.pi * 440 * time)).astype("<i2")


def wav(
    samples: bytes,
    *,
    rate_hz: int = 16_000,
    channels: int = 1,
    bits: int = 16,
    kind: int = 1,
    size: int | None = None,
) -> bytes:
    """Return a WAV file whose header says what it is told to say."""
    told = len(samples) if size is None else size
    frame = min(channels * bits // 8, 0xFFFF)
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        (36 + told) & 0xFFFFFFFF,
        b"WAVE",
        b"fmt ",
        16,
        kind,
        channels,
        rate_hz,
        (rate_hz * frame) & 0xFFFFFFFF,
        frame,
        bits,
        b"data",
        told & 0xFFFFFFFF,
    ) + bytes(samples)


def encoded(
    container: str,
    codec: str,
    samples: np.ndarray,
    *,
    rate_hz: int = 16_000,
    layout: str = "mono",
    options: dict[str, str] | None = None,
) -> bytes:
    """Return *samples* (one channel, repeated for each of *layout*) as a file."""
    out = io.BytesIO()
    with av.open(out, mode="w", format=container, options=options or {}) as target:
        stream = cast(
            "av.AudioStream", target.add_stream(codec, rate=rate_hz, layout=layout)
        )
        channels = len(av.AudioLayout(layout).channels)
        packed = np.repeat(samples, channels).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(
            stream.codec_context.format.name,
            layout,
            rate_hz,
            frame_size=stream.codec_context.frame_size or None,
        )
        for ready in [*resampler.resample(frame), *resampler.resample(None)]:
            target.mux(stream.encode(ready))
        target.mux(stream.encode(None))
    return out.getvalue()


def flac_claiming(samples: np.ndarray, *, total: int) -> bytes:
    """Return a FLAC file whose header claims *total* samples (0: says nothing)."""
    data = bytearray(encoded("flac", "flac", samples))
    # STREAMINFO begins at 8; 36 bits of the total end at its 18th byte.
    at = 8 + 13
    data[at] = (data[at] & 0xF0) | (total >> 32)
    data[at + 1 : at + 5] = struct.pack(">I", total & 0xFFFFFFFF)
    return bytes(data)


def flac_at_one_hertz() -> bytes:
    """Return 8 KB of FLAC at 1 Hz: one frame resampled to 16 kHz would be 4 GB."""
    out = io.BytesIO()
    with av.open(out, mode="w", format="flac") as target:
        options = {"strict": "-2", "frame_size": "65535"}
        stream = target.add_stream("flac", rate=1, layout="mono", options=options)
        stream.codec_context.format = "s16"
        silence = np.zeros((1, 65_535), "<i2")
        frame = av.AudioFrame.from_ndarray(silence, format="s16", layout="mono")
        frame.sample_rate, frame.pts = 1, 0
        target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out.getvalue()


def video_only() -> bytes:
    """Return an MP4 file with a picture and no sound."""
    out = io.BytesIO()
    with av.open(out, mode="w", format="mp4") as target:
        stream = target.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            picture = np.zeros((64, 64, 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out.getvalue()


def playlists(url: str) -> dict[str, bytes]:
    """Return files that make players fetch *url*."""
    return {
        "concat": f"ffconcat version 1.0\nfile {url}\n".encode(),
        "sdp": (
            b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
            b"m=audio 5004 RTP/AVP 0\n"
        ),
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n".encode(),
        "pls": f"[playlist]\nFile1={url}\nNumberOfEntries=1\n".encode(),
        "asx": f'<asx version="3.0"><entry><ref href="{url}"/></entry></asx>'.encode(),
        "dash": (
            '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period>'
            f"<BaseURL>{url}</BaseURL></Period></MPD>"
        ).encode(),
        # The magic bytes of an audio file in front of a playlist.
        "id3-hls": b"ID3\x04\x00\x00\x00\x00\x00\x00#EXTM3U\n#EXTINF:1,\n"
        + url.encode(),
        "riff-concat": b"RIFF\x00\x00\x00\x00WAVEffconcat version 1.0\nfile "
        + url.encode(),
    }
