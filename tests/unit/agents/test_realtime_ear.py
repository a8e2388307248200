"""Sound cut into utterances, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from agents.realtime_ear import (
    FRAME_BYTES,
    FRAME_MS,
    OVER_FRAMES,
    START_FRAMES,
    Began,
    Ear,
    Ended,
    Sound,
)
from domain.realtime import TurnDetection


@dataclass
class Scripted:
    """A detector that reads the probability out of the frame's first byte."""

    resets: int = 0
    seen: list[float] = field(default_factory=list)

    def probability(self, frame: bytes) -> float:
        assert len(frame) == FRAME_BYTES
        self.seen.append(frame[0] / 100)
        return frame[0] / 100

    def reset(self) -> None:
        self.resets += 1


def frames(*runs: tuple[int, int]) -> bytes:
    """Return (percent, count) frames that say how likely they are speech."""
    return b"".join(
        (bytes([percent]) + bytes(FRAME_BYTES - 1)) * count for percent, count in runs
    )


def listen(ear: Ear, pcm: bytes, *, step: int = 1_000) -> list[object]:
    """Hear *pcm* in pieces that are no frames."""
    return [
        event
        for at in range(0, len(pcm), step)
        for event in ear.listen(pcm[at : at + step])
    ]


def make_ear(**detection: int) -> Ear:
    return Ear(Scripted(), TurnDetection(**detection))  # type: ignore[arg-type]


@pytest.mark.parametrize("step", [1, 640, FRAME_BYTES, 50_000])
def test_an_utterance_is_the_same_however_it_arrives(step: int) -> None:
    ear = make_ear(prefix_padding_ms=64, silence_ms=320)

    events = listen(ear, frames((0, 20), (90, 10), (0, 20)), step=step)

    began, *sounds, ended = events
    assert began == Began((20 - 2) * FRAME_MS)
    assert isinstance(ended, Ended)
    assert ended.at_ms == (20 + 10 + 10) * FRAME_MS
    told = b"".join(one.pcm for one in sounds if isinstance(one, Sound))
    assert told == ended.pcm
    # Two frames before it, the speech, and a quarter of a second after it.
    assert len(ended.pcm) == (2 + 10 + 8) * FRAME_BYTES
    assert ear.position_ms == 50 * FRAME_MS


def test_speech_shorter_than_it_takes_is_nothing() -> None:
    ear = make_ear()
    assert listen(ear, frames((90, START_FRAMES - 1), (0, 30))) == []

    ear.start_frames = OVER_FRAMES
    assert listen(ear, frames((90, OVER_FRAMES - 1), (0, 30))) == []
    began, *_ = listen(ear, frames((90, OVER_FRAMES)))
    assert isinstance(began, Began)
    # All of it was kept while it was not sure yet.
    assert began.at_ms <= 30 * 2 * FRAME_MS + OVER_FRAMES * 2 * FRAME_MS


def test_a_stop_consonant_does_not_begin_anew() -> None:
    ear = make_ear(prefix_padding_ms=0)

    events = listen(ear, frames((90, 2), (0, 3), (90, 1)))

    assert events[0] == Began(0)


def test_a_voice_that_sinks_is_still_speaking() -> None:
    ear = make_ear(silence_ms=320)

    events = listen(ear, frames((90, 5), (40, 30)))
    assert ear.speaking
    assert not any(isinstance(event, Ended) for event in events)
    listen(ear, frames((30, 10)))
    assert not ear.speaking


def test_a_pause_within_the_utterance_is_kept_whole() -> None:
    ear = make_ear(prefix_padding_ms=0, silence_ms=640)

    events = listen(ear, frames((90, 5), (0, 15), (90, 5), (0, 20)))

    ended = events[-1]
    assert isinstance(ended, Ended)
    assert len(ended.pcm) == (5 + 15 + 5 + 8) * FRAME_BYTES


def test_what_is_skipped_is_not_heard_but_time_goes_on() -> None:
    ear = make_ear(prefix_padding_ms=320)
    listen(ear, frames((90, 5)))
    assert ear.speaking

    ear.skip(frames((90, 10)))

    assert not ear.speaking
    assert ear.position_ms == 15 * FRAME_MS
    assert ear.end() is None
    began, *_ = listen(ear, frames((90, 5)))
    assert began == Began(15 * FRAME_MS)


def test_an_end_that_is_asked_for_comes_at_once() -> None:
    ear = make_ear(prefix_padding_ms=0)
    listen(ear, frames((90, 6)))

    ended = ear.end()

    assert ended == Ended(6 * FRAME_MS, frames((90, 6)))
    assert ear.end() is None
