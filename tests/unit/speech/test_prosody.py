"""What the sound of a voice tells."""

from __future__ import annotations

import time
import wave
from pathlib import Path

import numpy as np
import pytest

from domain.speech import AudioClip
from speech.local_emotion import FAR
from speech.prosody import MAX_SECONDS, Prosody, arousal, measure

SAMPLES = Path(__file__).resolve().parents[3] / "samples" / "speech"


def voice(
    f0_hz: float | np.ndarray,
    *,
    seconds: float = 2.0,
    rate_hz: int = 16_000,
    loudness: float = 0.2,
    syllables: float = 0.0,
) -> AudioClip:
    """Return harmonics of a fundamental that falls off like a voice."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    f0 = np.broadcast_to(np.asarray(f0_hz, dtype=float), times.shape)
    phase = 2 * np.pi * np.cumsum(f0) / rate_hz
    sound = sum(np.sin(n * phase) / n for n in range(1, 8))
    if syllables:
        sound = sound * (0.05 + 0.95 * np.sin(np.pi * syllables * times) ** 4)
    sound = loudness * sound / np.abs(sound).max()
    return AudioClip((sound * 32767).astype("<i2").tobytes(), rate_hz)


def heard(clip: AudioClip) -> Prosody:
    found = measure(clip)
    assert found is not None
    return found


def sample(name: str) -> AudioClip:
    with wave.open(str(SAMPLES / name)) as file:
        assert file.getsampwidth() == 2
        assert file.getnchannels() == 1
        return AudioClip(file.readframes(file.getnframes()), file.getframerate())


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 48_000])
@pytest.mark.parametrize("f0_hz", [80, 110, 165, 220, 330, 450])
def test_the_pitch_of_a_steady_voice_is_found(f0_hz: float, rate_hz: int) -> None:
    found = heard(voice(f0_hz, rate_hz=rate_hz))
    assert found.pitch_hz == pytest.approx(f0_hz, rel=0.03)
    assert found.pitch_range < 0.5
    assert found.voiced > 0.9


def test_a_glide_of_an_octave_has_the_range_of_its_middle() -> None:
    glide = 130.0 * 2 ** np.linspace(0, 1, 32_000)
    # 80 % of twelve semitones lie between the 10th and the 90th percentile.
    assert heard(voice(glide)).pitch_range == pytest.approx(9.6, abs=0.8)


def test_octave_jumps_do_not_widen_the_range() -> None:
    jumps = np.full(32_000, 150.0)
    jumps[8_000:10_000] = 300.0
    found = heard(voice(jumps))
    assert found.pitch_hz == pytest.approx(150, rel=0.03)
    assert found.pitch_range < 1.0


def test_loudness_is_in_decibels_of_full_scale() -> None:
    quiet, loud = heard(voice(150, loudness=0.05)), heard(voice(150, loudness=0.5))
    assert loud.loudness_db - quiet.loudness_db == pytest.approx(20, abs=0.2)
    assert -20 < loud.loudness_db < 0


@pytest.mark.parametrize("syllables", [2.0, 4.0, 6.0])
def test_the_pace_follows_the_syllables(syllables: float) -> None:
    found = heard(voice(150, seconds=4.0, syllables=syllables))
    assert found.rate * (1 - found.pauses) == pytest.approx(syllables, rel=0.25)


def test_silence_between_words_is_a_pause_and_silence_around_them_is_none() -> None:
    word, gap = voice(150, seconds=1.0).pcm, bytes(16_000)
    found = heard(AudioClip(gap + word + gap + word + gap, 16_000))
    assert found.pauses == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize(
    "clip",
    [
        AudioClip(b"", 16_000),
        AudioClip(b"\x00", 16_000),
        AudioClip(bytes(64_000), 16_000),
        voice(150, seconds=0.3),
        AudioClip(
            np.random.default_rng(0).normal(0, 3000, 32_000).astype("<i2").tobytes(),
            16_000,
        ),
    ],
    ids=["empty", "half a sample", "silence", "short", "noise"],
)
def test_what_has_no_voice_tells_nothing(clip: AudioClip) -> None:
    assert measure(clip) is None


def test_an_odd_byte_at_the_end_is_ignored() -> None:
    clip = voice(150)
    assert heard(AudioClip(clip.pcm + b"\x01", 16_000)) == heard(clip)


def test_only_the_end_of_a_long_recording_is_looked_at() -> None:
    end = voice(220, seconds=MAX_SECONDS)
    assert heard(AudioClip(voice(110).pcm + end.pcm, 16_000)) == heard(end)


@pytest.mark.parametrize(
    ("name", "lowest_hz", "highest_hz"),
    [
        ("austen_0930.wav", 80, 110),
        ("cards_005.wav", 85, 115),
        ("az_weather.wav", 170, 210),
        ("sb_spk2_snt1.wav", 130, 165),
    ],
)
def test_real_voices_are_as_high_as_they_sound(
    name: str, lowest_hz: float, highest_hz: float
) -> None:
    found = heard(sample(name))
    assert lowest_hz < found.pitch_hz < highest_hz
    assert 0.3 < found.voiced < 1.0
    assert 1.5 < found.rate < 8.0


@pytest.mark.parametrize(
    "name",
    ["austen_0930.wav", "cards_005.wav", "az_weather.wav", "sb_spk2_snt1.wav"],
)
def test_people_reading_aloud_are_not_far_from_typical(name: str) -> None:
    assert abs(arousal(heard(sample(name)))) < FAR


def test_shouting_is_far_above_and_murmuring_far_below_typical() -> None:
    shouting = Prosody(-8.0, 330.0, 14.0, 0.8, 0.1, 6.0)
    murmuring = Prosody(-45.0, 90.0, 1.0, 0.6, 0.4, 2.0)
    typical = Prosody(-24.0, 160.0, 7.0, 0.7, 0.1, 4.0)
    assert arousal(shouting) > FAR
    assert arousal(murmuring) < -FAR
    assert arousal(typical) == 0.0


def test_one_odd_feature_alone_counts_half() -> None:
    assert arousal(Prosody(-24.0, 900.0, 7.0, 0.7, 0.1, 4.0)) == 1.5


def test_a_minute_costs_far_less_than_it_lasts() -> None:
    clip = voice(150, seconds=60.0, syllables=4.0)
    started = time.process_time()
    measure(clip)
    # One per cent is promised; a busy machine gets ten.
    assert time.process_time() - started < 6.0
