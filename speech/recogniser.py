"""
The recogniser's child process (`python -m speech.recogniser`).

pocketsphinx holds the interpreter for a whole utterance: it never runs in the server.
Operations: `build` (models of documents), `load`, `recognise`, and for an utterance
that is still being spoken `start`, `feed`, `finish`.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pocketsphinx import Decoder, get_model_path

from domain.speech import AudioClip
from speech.child import Handler, Reply, main
from speech.lm_build import DICTIONARY_FILE, MODEL_FILE, build_models
from speech.pronunciation import Pronouncer
from speech.vad import RATE_HZ, SileroVAD, find_speech

GENERAL = "general"
MAX_MODELS = 4
"""Decoders kept by one child; each costs 40 to 90 MB."""
FRAMES_PER_SECOND = 100
DITHER_RMS = 20.0
"""Noise that keeps exact silence from costing short words; Indonesian only."""
ENOUGH = 0.8
"""
Confidence of the documents' model that makes general English superfluous.

On 46 spoken questions it saves half of the time and no value from 0.75 to 0.9 changed
the share of wrong words by more than 0.3 %.
"""
MARGIN = 0.1
"""
Nats a frame by which the documents' model must beat general English.

Measured: 0.1 and 0.2 are best for recordings about other things (22 % wrong words) and
for questions (19 %); 0 costs the recordings 6 %, 0.6 costs the questions 10 %.
"""
_SCORE_STEPS = 1024
_TINIEST = 1e-300


@dataclass(frozen=True, slots=True)
class Heard:
    """One decoder's hypothesis; *score* is comparable between decoders of a clip."""

    text: str
    language: str
    confidence: float
    score: float

    def reply(self, *, seconds: float) -> Reply:
        """Return it as a reply; *seconds* of speech were decoded."""
        return {
            "text": self.text,
            "language": self.language,
            "confidence": round(self.confidence, 3),
            "seconds": round(seconds, 3),
        }, b""


# Hypotheses and words looked at in a frame. Measured on 18 recordings: without bounds
# 22.3 % of the words are wrong, with these 22.7 % for a quarter less time, with 3000
# and 10 26.1 %.
PRUNING = {"maxhmmpf": 4_000, "maxwpf": 12}


class Recogniser:
    """Decoders of this process, loaded when they are first needed."""

    def __init__(self) -> None:
        self._decoders: dict[str, Decoder] = {}
        self._vad: SileroVAD | None = None
        self._live: Decoder | None = None
        self._pcm = bytearray()
        self._partial = ""

    def handlers(self) -> dict[str, Handler]:
        """Return what a child answers."""
        return {
            "build": self.build,
            "load": self.load,
            "recognise": self.recognise,
            "start": self.start,
            "feed": self.feed,
            "finish": self.finish,
        }

    def build(self, request: Mapping[str, object], payload: bytes) -> Reply:
        """Write models of the sentences in *payload*, a JSON list, to `folder`."""
        path = Path(get_model_path("en-us/cmudict-en-us.dict"))
        pronouncer = Pronouncer.load(path, espeak=shutil.which("espeak-ng"))
        texts = json.loads(payload)
        folder = Path(str(request["folder"]))
        return {"models": build_models(texts, folder, pronouncer=pronouncer)}, b""

    def load(self, request: Mapping[str, object], _payload: bytes) -> Reply:
        """Load every decoder that `language` and `models` name."""
        for name, folder in _plan(request):
            self._decoder(name, folder)
        self._speech(AudioClip(b"", RATE_HZ))
        return {}, b""

    def recognise(self, request: Mapping[str, object], payload: bytes) -> Reply:
        """Return what is said in *payload*, 16-bit mono at 16 kHz."""
        clip = self._speech(AudioClip(payload, RATE_HZ))
        if clip is None:
            return _nothing(request)
        margin = MARGIN * clip.seconds * FRAMES_PER_SECOND
        best: Heard | None = None
        for name, folder in _plan(request):
            lead = margin if name == GENERAL else 0.0
            if name == GENERAL and best is not None and best.confidence >= ENOUGH:
                break
            heard = _decode(self._decoder(name, folder), clip, name=name)
            if best is None or heard.score + lead > best.score:
                best = heard
        if best is None or not best.text:
            return _nothing(request)
        return best.reply(seconds=clip.seconds)

    def start(self, request: Mapping[str, object], _payload: bytes) -> Reply:
        """Begin an utterance; what was begun before is dropped."""
        self._drop()
        name, folder = _plan(request)[0]
        self._live = self._decoder(name, folder)
        self._live.start_utt()
        return {}, b""

    def feed(self, _request: Mapping[str, object], payload: bytes) -> Reply:
        """Add samples; the reply's `text` is the hypothesis so far when it changed."""
        self._pcm += payload
        if self._live is None:
            return {}, b""
        self._live.process_raw(payload, full_utt=False)
        heard = self._live.hyp()
        text = _written(heard.hypstr) if heard else ""
        if not text or text == self._partial:
            return {}, b""
        self._partial = text
        return {"text": text}, b""

    def finish(self, request: Mapping[str, object], _payload: bytes) -> Reply:
        """
        End the utterance and return the best of all models.

        What was heard on the way is enough where it is sure and no other language is
        asked: of 19 words on recordings heard so surely, a second look at the whole
        changed one, and the speaker waits for it.
        """
        pcm = bytes(self._pcm)
        heard = self._end_live(request)
        self._drop()
        if heard is not None and heard.confidence >= ENOUGH:
            return heard.reply(seconds=len(pcm) / (2 * RATE_HZ))
        return self.recognise(request, pcm)

    def _end_live(self, request: Mapping[str, object]) -> Heard | None:
        """Return what the decoder that listened has heard; None: ask all again."""
        live, (first, *others) = self._live, _plan(request)
        if live is None or first[0] == "id" or any(o[0] != GENERAL for o in others):
            return None
        live.end_utt()
        self._live = None
        return _heard_by(live, name=first[0])

    def _drop(self) -> None:
        if self._live is not None:
            self._live.end_utt()
        self._live = None
        self._pcm.clear()
        self._partial = ""

    def _speech(self, clip: AudioClip) -> AudioClip | None:
        if self._vad is None:
            self._vad = SileroVAD()
        return find_speech(clip, vad=self._vad)

    def _decoder(self, name: str, folder: str | None) -> Decoder:
        key = folder or name
        found = self._decoders.get(key)
        if found is not None:
            return found
        while len(self._decoders) >= MAX_MODELS:
            oldest = next(each for each in self._decoders if each != GENERAL)
            del self._decoders[oldest]
        files = {}
        if folder is not None:
            files = {
                "lm": str(Path(folder) / MODEL_FILE),
                "dict": str(Path(folder) / DICTIONARY_FILE),
            }
        # The second pass costs a quarter of the time and gains nothing (measured).
        decoder = Decoder(
            samprate=RATE_HZ, fwdflat=False, loglevel="FATAL", **PRUNING, **files
        )
        self._decoders[key] = decoder
        return decoder


def _plan(request: Mapping[str, object]) -> Sequence[tuple[str, str | None]]:
    """Return the decoders to ask, the cheap ones first."""
    models = request.get("models")
    folders = models if isinstance(models, dict) else {}
    language = request.get("language")
    plan: list[tuple[str, str | None]] = [
        (name, str(folders[name]))
        for name in ("en", "id")
        if name in folders and language in {None, name}
    ]
    if language != "id" or not plan:
        plan.append((GENERAL, None))
    return plan


def _decode(decoder: Decoder, clip: AudioClip, *, name: str) -> Heard:
    pcm = _dithered(clip.pcm) if name == "id" else clip.pcm
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    return _heard_by(decoder, name=name)


def _heard_by(decoder: Decoder, *, name: str) -> Heard:
    heard = decoder.hyp()
    language = "id" if name == "id" else "en"
    if heard is None or not heard.hypstr:
        return Heard("", language, 0.0, -math.inf)
    score = math.log(max(heard.score, _TINIEST)) * _SCORE_STEPS
    return Heard(_written(heard.hypstr), language, _confidence(decoder), score)


def _confidence(decoder: Decoder) -> float:
    """Return the mean posterior of the words, each weighed by its length."""
    total = weight = 0.0
    for segment in decoder.seg():
        if segment.word[0] in "<[":
            continue
        frames = segment.end_frame - segment.start_frame + 1
        total += min(1.0, segment.prob) * frames
        weight += frames
    return total / weight if weight else 0.0


def _dithered(pcm: bytes) -> bytes:
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    noise = np.random.default_rng(0).normal(0.0, DITHER_RMS, samples.size)
    louder: np.ndarray = np.clip(samples + noise, -32768, 32767)
    return louder.astype("<i2").tobytes()


def _written(hypothesis: str) -> str:
    return " ".join(word.partition("(")[0] for word in hypothesis.split())


def _nothing(request: Mapping[str, object]) -> Reply:
    language = "id" if request.get("language") == "id" else "en"
    return Heard("", language, 0.0, 0.0).reply(seconds=0.0)


if __name__ == "__main__":
    main(Recogniser().handlers())
