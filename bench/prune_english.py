"""
Make `speech/data/english.npz`: common English words and what follows them.

`python -m bench.prune_english [WORDS [BIGRAMS]]` reads the language model that the
pocketsphinx package ships (BSD), keeps the commonest words and, of the word pairs among
them, those whose loss would change the model most (Stolcke, "Entropy-based Pruning of
Backoff Language Models", 1998, without the change of back-off weights).
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

OUT = Path(__file__).parent.parent / "speech" / "data" / "english.npz"
# The package's writer crashes in the trigrams; by then all we need is written.
_DUMP = """
import sys, pocketsphinx as ps
path = ps.get_model_path("en-us/en-us.lm.bin")
model = ps.NGramModel(ps.Config(lw=1.0), ps.LogMath(), path)
model.write(sys.argv[1], ps.NGramModel.str_to_type("arpa"))
"""
NO_WORDS = frozenset({"<unk>", "<UNK>"})
LOG_STEP = 0.03
"""Probabilities are kept as negative decimal logarithms in steps of that size."""


def _lines(arpa: Path, section: str) -> Iterator[list[str]]:
    inside = False
    with arpa.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("\\"):
                if inside:
                    return
                inside = line.strip() == section
            elif inside and line.strip():
                yield line.split()


def main(words: int = 5_000, bigrams: int = 80_000) -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder:
        arpa = Path(folder) / "english.arpa"
        subprocess.run(
            [sys.executable, "-c", _DUMP, str(arpa)], check=False, timeout=600
        )
        unigrams = {
            fields[1]: (float(fields[0]), float(fields[2]) if fields[2:] else 0.0)
            for fields in _lines(arpa, "\\1-grams:")
            if fields[1] not in NO_WORDS
        }
        common = sorted(unigrams, key=lambda word: -unigrams[word][0])[:words]
        kept = {*common, "<s>", "</s>"}
        found = []
        for fields in _lines(arpa, "\\2-grams:"):
            if len(fields) < 3:
                # Where the writer crashed.
                continue
            log, first, second = float(fields[0]), fields[1], fields[2]
            if first in kept and second in kept:
                gain = log - unigrams[first][1] - unigrams[second][0]
                start = 0.0 if first == "<s>" else unigrams[first][0]
                found.append((-(10 ** (start + log)) * gain, log, first, second))
    found.sort()
    names = sorted(kept)
    index = {word: number for number, word in enumerate(names)}
    rows = sorted((index[f], index[s], log) for _, log, f, s in found[:bigrams])
    OUT.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        OUT,
        words=np.frombuffer("\n".join(names).encode(), dtype=np.uint8),
        unigrams=_steps([unigrams[word][0] for word in names]),
        first=np.array([row[0] for row in rows], dtype=np.uint16),
        second=np.array([row[1] for row in rows], dtype=np.uint16),
        bigrams=_steps([row[2] for row in rows]),
    )
    print(f"{len(names)} words, {len(rows)} pairs, {OUT.stat().st_size} bytes")


def _steps(logs: list[float]) -> np.ndarray:
    return np.array([min(255, math.floor(-log / LOG_STEP)) for log in logs], np.uint8)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
