"""Who speaks when: a stream of sound cut into utterances."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from domain.realtime import TurnDetection
from domain.speech import SAMPLE_BYTES
from domain.speech_ports import VoiceActivity

RATE_HZ = 16_000
FRAME_SAMPLES = 512
FRAME_BYTES = FRAME_SAMPLES * SAMPLE_BYTES
FRAME_MS = 1000 * FRAME_SAMPLES // RATE_HZ

START_FRAMES = 3
"""96 ms: clicks and coughs are shorter."""
OVER_FRAMES = 11
"""352 ms over an answer: a grunt of assent is shorter, and so is most of an echo."""
LONGEST_SECONDS = 60.0
"""An utterance ends here, whether the speaker does or not."""

# Voices sink at the end of words: speech goes on at less than it begins with.
_HYSTERESIS = 0.15
# So many frames without speech within a beginning are a stop consonant.
_GAP_FRAMES = 3
# Silence after the last word that the recogniser still hears.
_TAIL_FRAMES = 8


@dataclass(frozen=True, slots=True)
class Began:
    """Somebody speaks, since *at_ms*."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Sound:
    """More of the utterance, without the silence after it."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The utterance ended at *at_ms*; *pcm* is all of it."""

    at_ms: int
    pcm: bytes


EarEvent = Began | Sound | Ended


class Ear:
    """
    Cuts 16-bit samples at 16 kHz into utterances; about 0.1 ms for each 32 ms.

    Args:
        vad: Of this stream alone.
    """

    def __init__(self, vad: VoiceActivity, detection: TurnDetection) -> None:
        self._vad = vad
        self.detection = detection
        self.start_frames = START_FRAMES
        """Frames of speech that are somebody speaking; more while an answer plays."""
        self.speaking = False
        self.voiced = False
        """The last frame was speech."""
        self._rest = b""
        self._frames = 0
        self._before: deque[bytes] = deque()
        self._run = self._gap = self._run_start = 0
        self._utterance = bytearray()
        self._held = bytearray()
        self._silence = 0

    @property
    def position_ms(self) -> int:
        """Length of everything heard so far."""
        return self._frames * FRAME_MS

    def listen(self, pcm: bytes) -> Iterator[EarEvent]:
        """Yield what becomes of *pcm*."""
        data = self._rest + pcm
        end = len(data) - len(data) % FRAME_BYTES
        self._rest = data[end:]
        for at in range(0, end, FRAME_BYTES):
            frame = data[at : at + FRAME_BYTES]
            probability = self._vad.probability(frame)
            self._frames += 1
            if self.speaking:
                yield from self._go_on(frame, probability)
            else:
                yield from self._wait(frame, probability)

    def skip(self, pcm: bytes) -> None:
        """Let *pcm* pass unheard; time goes on."""
        self.forget()
        self._frames += (len(self._rest) + len(pcm)) // FRAME_BYTES
        self._rest = b""

    def end(self) -> Ended | None:
        """End the utterance here; None: nobody speaks."""
        return self._end() if self.speaking else None

    def forget(self) -> None:
        """Drop the utterance and what was before it."""
        self.speaking = self.voiced = False
        self._before.clear()
        self._utterance.clear()
        self._held.clear()
        self._run = self._gap = self._silence = 0

    def _wait(self, frame: bytes, probability: float) -> Iterator[EarEvent]:
        padding = self.detection.prefix_padding_ms // FRAME_MS
        self._before.append(frame)
        while len(self._before) > padding + self.start_frames * 2 + _GAP_FRAMES:
            self._before.popleft()
        self.voiced = probability >= self.detection.threshold
        if self.voiced:
            if not self._run:
                self._run_start = self._frames - 1
            self._run += 1
            self._gap = 0
        elif self._run:
            self._gap += 1
            if self._gap > _GAP_FRAMES:
                self._run = self._gap = 0
        if self._run >= self.start_frames:
            yield from self._begin(padding)

    def _begin(self, padding: int) -> Iterator[EarEvent]:
        first = max(self._frames - len(self._before), self._run_start - padding)
        sound = b"".join(list(self._before)[first - self._frames :])
        self.forget()
        self.speaking = self.voiced = True
        self._utterance += sound
        yield Began(first * FRAME_MS)
        yield Sound(sound)

    def _go_on(self, frame: bytes, probability: float) -> Iterator[EarEvent]:
        threshold = max(0.01, self.detection.threshold - _HYSTERESIS)
        self.voiced = probability >= threshold
        self._silence = 0 if self.voiced else self._silence + 1
        self._held += frame
        if self._silence <= _TAIL_FRAMES:
            sound = bytes(self._held)
            self._held.clear()
            self._utterance += sound
            yield Sound(sound)
        if self._silence * FRAME_MS >= self.detection.silence_ms or self._is_long():
            yield self._end()

    def _is_long(self) -> bool:
        return len(self._utterance) >= LONGEST_SECONDS * RATE_HZ * SAMPLE_BYTES

    def _end(self) -> Ended:
        pcm = bytes(self._utterance)
        self.forget()
        return Ended(self.position_ms, pcm)
