"""
Decoding what strangers send.

This runs FFmpeg's C code on hostile bytes: call it in a worker process with limits
(`speech.workers`), never in the server's own process.
"""

from __future__ import annotations

import io
import math

import av
import numpy as np
from av.audio.resampler import AudioResampler

from domain.errors import (
    AudioTooLong,
    AudioTypeUnsupported,
    AudioUnreadable,
)
from domain.speech import AudioClip

SPEECH_RATE_HZ = 16_000
MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 192_000
MAX_CHANNELS = 8
# A damaged file is played as far as it goes, as players do.
MAX_BAD_PACKETS = 50

# Either whitelist alone stopped every playlist, SDP and concat trick; both are kept.
_DEMUXERS = (
    "wav,w64,mp3,flac,ogg,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,aac,amr,aiff,caf"
)
_OPEN_OPTIONS = {
    "protocol_whitelist": "",
    "format_whitelist": _DEMUXERS,
    "max_streams": "8",
}
_CODECS = frozenset(
    {
        *("aac", "aac_latm", "alac", "flac", "vorbis", "libvorbis", "opus", "libopus"),
        *("amrnb", "amrwb", "amr_nb", "amr_wb", "libopencore_amrnb", "gsm_ms"),
        *("mp1", "mp1float", "mp2", "mp2float", "mp3", "mp3float"),
        *("adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt"),
    }
)
_DURATION_LIES = frozenset({"wav", "w64"})


def sniff(data: bytes) -> str | None:
    """
    Return the family of an audio file by its first bytes, or None for anything else.

    A playlist, a picture or a document is never handed to FFmpeg.
    """
    head = data[:16]
    for magic, offset, family in (
        (b"fLaC", 0, "flac"),
        (b"OggS", 0, "ogg"),
        (b"\x1aE\xdf\xa3", 0, "webm"),
        (b"ftyp", 4, "mp4"),
        (b"#!AMR", 0, "amr"),
        (b"FORM", 0, "aiff"),
        (b"caff", 0, "caf"),
        (b"ID3", 0, "mp3"),
        (b"riff", 0, "w64"),
    ):
        if head[offset : offset + len(magic)] == magic:
            return family
    if head[:4] in {b"RIFF", b"RF64", b"RIFX"} and head[8:12] == b"WAVE":
        return "wav"
    # Frame sync: 11 bits for MPEG audio, 12 bits and layer 0 for ADTS.
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "aac" if head[1] & 0xF6 == 0xF0 else "mp3"
    # QuickTime without a brand box.
    return "mp4" if head[4:8] in {b"moov", b"mdat", b"wide", b"free"} else None


def decode(
    data: bytes, *, max_seconds: float, rate_hz: int = SPEECH_RATE_HZ
) -> AudioClip:
    """
    Decode any supported container to one channel of 16-bit samples.

    Args:
        data: The whole upload.
        max_seconds: Decoding stops with an error beyond that many decoded seconds.
        rate_hz: Rate of the result.

    Raises:
        AudioTypeUnsupported: Not an audio file of a known family.
        AudioUnreadable: Damaged, no audio stream, or an impossible format.
        AudioTooLong: Longer than *max_seconds*.
    """
    if not data:
        raise AudioUnreadable("The audio is empty.")
    if sniff(data) is None:
        raise AudioTypeUnsupported
    try:
        with av.open(
            io.BytesIO(data),
            mode="r",
            metadata_errors="ignore",
            timeout=(5, 5),
            options=_OPEN_OPTIONS,
        ) as container:
            samples = _decode_stream(
                container, max_seconds=max_seconds, rate_hz=rate_hz
            )
    except (av.FFmpegError, ValueError, EOFError, MemoryError) as exc:
        raise AudioUnreadable from exc
    if not samples.size:
        raise AudioUnreadable("The audio holds no sound.")
    return AudioClip(pcm=_to_int16(samples), rate_hz=rate_hz)


def _decode_stream(
    container: av.container.InputContainer, *, max_seconds: float, rate_hz: int
) -> np.ndarray:
    stream = next(iter(container.streams.audio), None)
    if stream is None:
        raise AudioUnreadable("The file holds no audio stream.")
    _check_format(container, stream, max_seconds=max_seconds)
    stream.codec_context.thread_count = 1
    sink = _Resampled(rate_hz, limit=math.ceil(max_seconds * rate_hz))
    bad_packets = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            bad_packets += 1
            if bad_packets > MAX_BAD_PACKETS:
                break
            continue
        for frame in frames:
            _check_rate(frame.sample_rate, len(frame.layout.channels))
            sink.add(frame)
    return sink.finish()


class _Resampled:
    """Frames of changing formats as one run of mono samples, bounded in number."""

    def __init__(self, rate_hz: int, *, limit: int) -> None:
        self._rate_hz = rate_hz
        self._limit = limit
        self._resampler: AudioResampler | None = None
        self._format: tuple[int, str, str] | None = None
        self._parts: list[np.ndarray] = []
        self._count = 0

    def add(self, frame: av.AudioFrame) -> None:
        """Add one decoded frame. Raises `AudioTooLong` beyond the limit."""
        found = (frame.sample_rate, frame.layout.name, frame.format.name)
        if self._resampler is None or found != self._format:
            self._flush()
            self._format = found
            self._resampler = AudioResampler("flt", "mono", self._rate_hz)
        # Broken time stamps would make the resampler insert hours of silence.
        frame.pts = None
        self._keep(self._resampler.resample(frame))

    def finish(self) -> np.ndarray:
        """Return all samples, float32 in about -1 to 1."""
        self._flush()
        if not self._parts:
            return np.empty(0, dtype=np.float32)
        return np.concatenate(self._parts)

    def _flush(self) -> None:
        if self._resampler is not None:
            self._keep(self._resampler.resample(None))
            self._resampler = None

    def _keep(self, frames: list[av.AudioFrame]) -> None:
        for frame in frames:
            part = frame.to_ndarray().reshape(-1)
            self._count += part.size
            if self._count > self._limit:
                raise AudioTooLong
            self._parts.append(part)


def _check_format(
    container: av.container.InputContainer,
    stream: av.AudioStream,
    *,
    max_seconds: float,
) -> None:
    codec = stream.codec_context
    name = codec.name
    if name not in _CODECS and not name.startswith("pcm_"):
        raise AudioUnreadable("The codec of the audio is not supported.")
    _check_rate(codec.sample_rate, codec.channels)
    if container.format.name in _DURATION_LIES or container.duration is None:
        return
    if container.duration / av.time_base > max_seconds + 1:
        raise AudioTooLong


def _check_rate(rate_hz: int, channels: int) -> None:
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioUnreadable("The sampling rate must be 8 to 192 kHz.")
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioUnreadable("The audio must have 1 to 8 channels.")


def _to_int16(samples: np.ndarray) -> bytes:
    finite = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    scaled: np.ndarray = np.clip(finite, -1.0, 1.0) * 32767
    return scaled.astype("<i2").tobytes()
