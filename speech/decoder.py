"""The decoder: its child process (`python -m speech.decoder`) and its front."""

from __future__ import annotations

from collections.abc import Mapping

from domain.deadlines import Deadline
from domain.errors import AudioTooLarge, AudioUnreadable, SpeechEngineUnavailable
from domain.speech import AudioClip
from speech.child import Reply, main
from speech.workers import WorkerPool

# Every hostile file of the reference is answered within a tenth of a second.
DECODE_SECONDS = 4.0


class SandboxedDecoder:
    """Decode uploads in child processes of bounded memory and time."""

    def __init__(
        self, *, max_bytes: int, max_seconds: float, processes: int = 2
    ) -> None:
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._pool = WorkerPool("speech.decoder", size=processes, memory_mb=768)

    async def start(self) -> None:
        """Start one child ahead of the first upload."""
        await self._pool.warm()

    async def decode(
        self, data: bytes, *, rate_hz: int, deadline: Deadline
    ) -> AudioClip:
        """
        Return the sound of *data* as one channel at *rate_hz*.

        Raises:
            AudioTooLarge: More bytes than configured.
            AudioTypeUnsupported, AudioUnreadable, AudioTooLong: See `speech.audio`.
        """
        if len(data) > self._max_bytes:
            raise AudioTooLarge
        request = {"op": "decode", "max_seconds": self._max_seconds, "rate_hz": rate_hz}
        try:
            reply, pcm = await self._pool.call(
                request,
                data,
                timeout_seconds=min(DECODE_SECONDS, deadline.remaining()),
            )
        except SpeechEngineUnavailable as exc:
            # A file that kills or stalls its decoder is a bad file, not an outage.
            raise AudioUnreadable from exc
        return AudioClip(pcm, int(str(reply["rate_hz"])))

    async def close(self) -> None:
        """End the children."""
        await self._pool.close()


def _decode(request: Mapping[str, object], payload: bytes) -> Reply:
    from speech.audio import decode  # the child alone loads FFmpeg  # noqa: PLC0415

    clip = decode(
        payload,
        max_seconds=float(str(request["max_seconds"])),
        rate_hz=int(str(request["rate_hz"])),
    )
    return {"rate_hz": clip.rate_hz}, clip.pcm


if __name__ == "__main__":
    main({"decode": _decode})
