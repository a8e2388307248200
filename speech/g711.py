"""
G.711, the sound of telephones: 8 bits a sample, finer where it is quiet.

Source: ITU-T Recommendation G.711 (11/88), tables 1a to 2b.
"""

from __future__ import annotations

import functools
from typing import Literal

import numpy as np
import numpy.typing as npt

RATE_HZ = 8_000

Law = Literal["pcmu", "pcma"]
_Samples = npt.NDArray[np.int16]

_MU_BIAS = 0x84


def decode_g711(data: bytes, *, law: Law) -> bytes:
    """Return 16-bit little-endian samples of *data*."""
    codes = np.frombuffer(data, dtype=np.uint8)
    return bytes(_decoder(law)[codes].astype("<i2").tobytes())


def encode_g711(pcm: bytes, *, law: Law) -> bytes:
    """Return 16-bit little-endian *pcm* as one byte a sample."""
    samples = np.frombuffer(pcm, dtype="<i2")
    return bytes(_encoder(law)[samples.view(np.uint16)].tobytes())


@functools.cache
def _decoder(law: Law) -> _Samples:
    codes = np.arange(256, dtype=np.int32)
    codes ^= 0xFF if law == "pcmu" else 0x55
    exponent, mantissa = codes >> 4 & 7, codes & 15
    if law == "pcmu":
        size = ((mantissa << 3) + _MU_BIAS << exponent) - _MU_BIAS
        negative = codes & 0x80 != 0
    else:
        size = (mantissa << 4) + 8
        size = np.where(exponent > 0, size + 0x100 << np.maximum(exponent - 1, 0), size)
        negative = codes & 0x80 == 0
    return np.where(negative, -size, size).astype(np.int16)


@functools.cache
def _encoder(law: Law) -> npt.NDArray[np.uint8]:
    """Return the code of every sample, by its 16 bits as an unsigned number."""
    values = _decoder(law).astype(np.int32)
    order = np.argsort(values, kind="stable")
    known = values[order]
    samples = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)
    # The nearest of the 256 values; where two lie equally far, the smaller one.
    upper = np.clip(np.searchsorted(known, samples), 1, len(known) - 1)
    nearer = samples - known[upper - 1] <= known[upper] - samples
    return order[np.where(nearer, upper - 1, upper)].astype(np.uint8)
