"""
How something is said, told from its sound: loudness, pitch, pace.

Without a baseline of the speaker these tell at best how aroused somebody is, and only
far from what is typical. About 0.2 % of the length of the sound in CPU time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.speech import AudioClip

# The end of a long recording tells as much as all of it.
MAX_SECONDS: Final = 30.0
# Shorter sounds, and those with less voice in them, tell nothing.
MIN_SECONDS, MIN_VOICED_SECONDS = 0.5, 0.3
MIN_F0_HZ, MAX_F0_HZ = 65.0, 500.0
_FRAME_SECONDS, _HOP_SECONDS = 0.040, 0.010
_LOWEST_RATE_HZ: Final = 8_000
_VOICED: Final = 0.5
"""Least autocorrelation, of the power of the frame, of a voiced frame."""
_SOUND_DB: Final = -30.0
"""Frames this far below the loudest are a pause."""
_SILENCE_DB: Final = -90.0
_FRAMES_AT_ONCE: Final = 500
_FINER: Final = 2
_OCTAVE_JUMP: Final = 1.7
_PEAK_DB: Final = 3.0
_PEAK_SECONDS: Final = 0.1

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Prosody:
    """
    What was measured.

    Attributes:
        loudness_db: RMS of the frames that are no pause, dB of full scale.
        pitch_hz: Median fundamental frequency; 0 without voice.
        pitch_range: Semitones between the 10th and the 90th percentile.
        voiced: Share of voiced frames among those that are no pause.
        pauses: Share of pauses between the first sound and the last.
        rate: Syllables a second of sound, guessed by peaks of loudness.
    """

    loudness_db: float
    pitch_hz: float
    pitch_range: float
    voiced: float
    pauses: float
    rate: float


# Mean and standard deviation over 18 read and spoken sentences of 12 speakers.
_TYPICAL: Final = {
    "loudness_db": (-24.0, 5.0),
    "pitch_hz": (160.0, 50.0),
    "pitch_range": (7.0, 3.0),
    "rate": (4.0, 1.0),
}


def measure(clip: AudioClip) -> Prosody | None:
    """Return what the sound of *clip* tells, or None: it is short or without voice."""
    samples, rate_hz = _prepare(clip)
    if len(samples) < MIN_SECONDS * rate_hz:
        return None
    frames = _cut(samples, rate_hz=rate_hz)
    loudness = _decibels(frames)
    sound = loudness > max(loudness.max() + _SOUND_DB, _SILENCE_DB)
    if not sound.any():
        return None
    pitches = _find_pitches(frames[sound], rate_hz=rate_hz)
    voiced = pitches[pitches > 0]
    if len(voiced) * _HOP_SECONDS < MIN_VOICED_SECONDS:
        return None
    kept = _drop_octave_jumps(voiced)
    low, high = np.percentile(kept, [10, 90])
    where = np.flatnonzero(sound)
    span = where[-1] - where[0] + 1
    power = np.mean(10 ** (loudness[sound] / 10))
    return Prosody(
        loudness_db=float(10 * math.log10(power)),
        pitch_hz=float(np.median(kept)),
        pitch_range=float(12 * math.log2(high / low)),
        voiced=len(voiced) / len(where),
        pauses=float(1 - len(where) / span),
        rate=_count_peaks(loudness, sound) / (len(where) * _HOP_SECONDS),
    )


def arousal(prosody: Prosody) -> float:
    """
    Return how far from typical the sound is, in standard deviations.

    Positive is loud, high, lively or fast; each feature counts up to 3 and the two
    that stand out most are averaged, since nobody is everything at once.
    """
    scores = sorted(
        (
            max(-3.0, min(3.0, (getattr(prosody, name) - mean) / spread))
            for name, (mean, spread) in _TYPICAL.items()
        ),
        key=abs,
    )
    return float((scores[-1] + scores[-2]) / 2)


def _prepare(clip: AudioClip) -> tuple[Floats, int]:
    """Return the end of *clip* at no more samples than pitch needs."""
    whole = len(clip.pcm) // 2 * 2
    samples = np.frombuffer(clip.pcm[:whole], dtype="<i2")
    samples = samples[-int(MAX_SECONDS * clip.rate_hz) :].astype(np.float32) / 32768.0
    step = max(1, clip.rate_hz // _LOWEST_RATE_HZ)
    if step > 1:
        kept = len(samples) // step * step
        samples = samples[:kept].reshape(-1, step).mean(axis=1)
    return samples - (samples.mean() if len(samples) else 0.0), clip.rate_hz // step


def _cut(samples: Floats, *, rate_hz: int) -> Floats:
    size, hop = int(_FRAME_SECONDS * rate_hz), int(_HOP_SECONDS * rate_hz)
    return np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]


def _decibels(frames: Floats) -> NDArray[np.float64]:
    power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / frames.shape[1]
    decibels: NDArray[np.float64] = 10 * np.log10(power + 10 ** (_SILENCE_DB / 10))
    return decibels


def _find_pitches(frames: Floats, *, rate_hz: int) -> NDArray[np.float64]:
    """Return the fundamental frequency of each frame, 0 where there is no voice."""
    size = frames.shape[1]
    window = np.hanning(size).astype(np.float32)
    points = 1 << (2 * size - 1).bit_length()
    # Between samples too: a peak that falls between two looks lower than its double.
    finer = points * _FINER
    shape = np.fft.irfft(np.abs(np.fft.rfft(window, points)) ** 2, finer)
    rate_hz *= _FINER
    shortest, longest = int(rate_hz / MAX_F0_HZ), int(rate_hz / MIN_F0_HZ)
    longest = min(longest, size * _FINER * 3 // 4)
    lags = np.arange(shortest, longest + 1)
    # The window's own decay would favour short lags; a mild bias against octaves stays.
    weight = (shape[0] / shape[lags]) * (1 - 0.1 * (lags - shortest) / longest)
    pitches = [np.empty(0)]
    for start in range(0, len(frames), _FRAMES_AT_ONCE):
        part = frames[start : start + _FRAMES_AT_ONCE]
        spectrum = np.fft.rfft(part * window, points)
        correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, finer)
        power = np.maximum(correlation[:, :1], 1e-9)
        normal = correlation[:, shortest : longest + 1] / power * weight
        best = normal.argmax(axis=1)
        rows = np.arange(len(part))
        inner = (best > 0) & (best < len(lags) - 1)
        lag = lags[best] + np.where(inner, _vertex(normal, rows, best), 0.0)
        pitches.append(
            np.where((normal[rows, best] >= _VOICED) & inner, rate_hz / lag, 0.0)
        )
    return np.concatenate(pitches)


def _vertex(
    normal: NDArray[np.float64], rows: NDArray[np.int64], best: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return where, between samples, the parabola through the peak is highest."""
    last = normal.shape[1] - 1
    left = normal[rows, np.maximum(best - 1, 0)]
    right = normal[rows, np.minimum(best + 1, last)]
    bend = left - 2 * normal[rows, best] + right
    offset: NDArray[np.float64] = np.divide(
        left - right, 2 * bend, out=np.zeros_like(bend), where=np.abs(bend) > 1e-12
    )
    return np.clip(offset, -0.5, 0.5)


def _drop_octave_jumps(pitches: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out what is nearly an octave or more from the median."""
    middle = np.median(pitches)
    ratio = np.maximum(pitches / middle, middle / pitches)
    return pitches[ratio < _OCTAVE_JUMP]


def _count_peaks(loudness: NDArray[np.float64], sound: NDArray[np.bool_]) -> int:
    """Count the tops of the smoothed loudness that stand out from their valleys."""
    # Padded with the level at the edges: zeros would be the loudest of all.
    smooth = np.convolve(np.pad(loudness, 2, mode="edge"), np.full(5, 0.2), "valid")
    apart = int(_PEAK_SECONDS / _HOP_SECONDS)
    count, valley, top, last = 0, smooth[0], -math.inf, -apart
    rising = True
    for index, level in enumerate(smooth):
        if rising:
            top = max(top, level)
            if level < top - _PEAK_DB:
                if index - last >= apart and sound[max(0, index - 1)]:
                    count, last = count + 1, index
                rising, valley = False, level
        else:
            valley = min(valley, level)
            if level > valley + _PEAK_DB:
                rising, top = True, level
    return count + int(rising and top > valley + _PEAK_DB)
