"""Every compiled pattern of the product, and texts made to keep each of them busy."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import random
import re
import signal
import string
import sys
import time
import types
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

ROOMS = (
    "agents", "api", "auth", "domain", "knowledge", "language", "launcher", "prompts",
    "speech", "stores", "tools", "ui", "utils",
)  # fmt: skip
_DEEPEST = 4
_METHODS = {
    "match",
    "fullmatch",
    "search",
    "sub",
    "subn",
    "finditer",
    "findall",
    "split",
}
# Characters that end what a pattern hopes for.
_TAILS = ("", "\x01", "!", "\n", " \u00e9", "0", "a")


@dataclass(frozen=True, slots=True)
class Found:
    """
    A pattern, where it lives (`module.name`), and how its module uses it.

    Attributes:
        uses: The methods that its module calls; none found: any may be.
    """

    place: str
    pattern: re.Pattern[Any]
    uses: frozenset[str]

    def run(self, text: str) -> None:
        """Use the pattern on *text* to the end, as the product does at worst."""
        pattern = self.pattern
        subject: Any = text
        if isinstance(pattern.pattern, bytes):
            subject = text.encode("latin-1", "replace")
        for use in self.uses & {"match", "fullmatch"}:
            getattr(pattern, use)(subject)
        if not self.uses or self.uses - {"match", "fullmatch"}:
            for _ in pattern.finditer(subject):
                pass


def find_patterns() -> list[Found]:
    """Import every module of every room, return each compiled pattern once."""
    found: dict[tuple[str | bytes, int], Found] = {}
    for name in sorted(_iter_modules()):
        if name.endswith("__main__"):
            continue
        module = importlib.import_module(name)
        source = inspect.getsource(module)
        for place, pattern in _walk(vars(module), name, _DEEPEST, set()):
            used = _uses(place.removeprefix(f"{name}."), source)
            key = (pattern.pattern, pattern.flags)
            known = found.get(key)
            # Another module may import it and use it otherwise.
            before = known.uses if known else frozenset()
            found[key] = Found(known.place if known else place, pattern, before | used)
    return list(found.values())


def _uses(name: str, source: str) -> set[str]:
    base = re.split(r"[.\[]", name)[0]
    calls = re.findall(rf"\b{re.escape(base)}(?:\[[^\]]*\])?\.(\w+)\(", source)
    return set(calls) & _METHODS


def _iter_modules() -> Iterator[str]:
    for room in ROOMS:
        package = importlib.import_module(room)
        yield room
        for entry in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not entry.name.startswith("stores.migrations"):
                yield entry.name


def _walk(
    value: Any, place: str, depth: int, seen: set[int]
) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield place, value
    if depth == 0 or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        for name, item in list(value.items()):
            yield from _walk(item, f"{place}.{name}", depth - 1, seen)
    elif isinstance(value, list | tuple | set | frozenset):
        for number, item in enumerate(value):
            yield from _walk(item, f"{place}[{number}]", depth - 1, seen)
    elif isinstance(value, type) and value.__module__.split(".")[0] in ROOMS:
        yield from _walk(dict(vars(value)), place, depth - 1, seen)
    elif "__dataclass_fields__" in vars(type(value)):
        for name in type(value).__dataclass_fields__:
            item = getattr(value, name, None)
            yield from _walk(item, f"{place}.{name}", depth - 1, seen)
    elif isinstance(value, types.MappingProxyType):
        yield from _walk(dict(value), place, depth, seen)


def adversarial(pattern: re.Pattern[Any], length: int) -> list[str]:
    """
    Return texts of *length* characters that pump each repetition of *pattern*.

    What stands before a repetition is made to match, then one turn of it is repeated,
    then something follows that the pattern did not hope for.
    """
    text = pattern.pattern
    source = text if isinstance(text, str) else text.decode("latin-1")
    tree = parser.parse(source, pattern.flags & ~re.UNICODE)
    chance = random.Random(7)
    pumps: dict[str, None] = {}
    for before, turn in _iter_repeats(tree, "", chance):
        for _ in range(2):
            one = _sample(turn, chance) or " "
            pumps[f"{before}\x00{one}"] = None
        pumps[f"\x00{before}{one}"] = None
    texts = []
    for number, pump in enumerate(list(pumps)[:24]):
        before, _, one = pump.partition("\x00")
        tail = _TAILS[number % len(_TAILS)]
        for end in {tail, "\x01"}:
            room = max(1, length - len(before) - len(end))
            body = one * (room // max(1, len(one)) + 1)
            texts.append(before + body[:room] + end)
    return texts


def _iter_repeats(tree: Any, before: str, chance: random.Random) -> Iterator[Any]:
    for code, argument in tree:
        for inner in _parts(code, argument):
            yield from _iter_repeats(inner, before, chance)
        if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            _, most, turn = argument
            if most > 20:
                yield before, turn
        before += _sample([(code, argument)], chance)


def _parts(code: Any, argument: Any) -> list[Any]:
    if code is codes.SUBPATTERN:
        return [argument[3]]
    if code is codes.BRANCH:
        return list(argument[1])
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
        return [argument[2]]
    if code is codes.ATOMIC_GROUP:
        return [argument]
    if code in (codes.ASSERT, codes.ASSERT_NOT):
        return [argument[1]]
    return []


def _sample(tree: Any, chance: random.Random) -> str:
    """Return a text that *tree* matches, looking around aside."""
    said = ""
    for code, argument in tree:
        if code is codes.LITERAL:
            said += chr(argument)
        elif code is codes.NOT_LITERAL:
            said += "a" if argument != ord("a") else "b"
        elif code is codes.ANY:
            said += "a"
        elif code is codes.IN:
            said += _pick(argument, chance)
        elif code is codes.BRANCH:
            said += _sample(chance.choice(argument[1]), chance)
        elif code is codes.SUBPATTERN:
            said += _sample(argument[3], chance)
        elif code is codes.ATOMIC_GROUP:
            said += _sample(argument, chance)
        elif code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            least, most, turn = argument
            count = min(max(least, 1), most)
            said += "".join(_sample(turn, chance) for _ in range(min(count, 8)))
    return said


_CATEGORIES = {
    codes.CATEGORY_DIGIT: "0",
    codes.CATEGORY_NOT_DIGIT: "a",
    codes.CATEGORY_SPACE: " ",
    codes.CATEGORY_NOT_SPACE: "a",
    codes.CATEGORY_WORD: "a",
    codes.CATEGORY_NOT_WORD: " ",
}


def _pick(items: Any, chance: random.Random) -> str:
    options: list[str] = []
    refused: set[str] = set()
    is_negated = bool(items) and items[0][0] is codes.NEGATE
    for code, argument in items:
        chosen: list[str] = []
        if code is codes.LITERAL:
            chosen = [chr(argument)]
        elif code is codes.RANGE:
            chosen = [chr(argument[0]), chr(argument[1])]
            if argument[1] - argument[0] < 128:
                refused.update(map(chr, range(argument[0], argument[1] + 1)))
        elif code is codes.CATEGORY:
            chosen = [_CATEGORIES.get(argument, "a")]
        options += chosen
        refused.update(chosen)
    if is_negated:
        free = [one for one in string.printable[:90] if one not in refused]
        return chance.choice(free or ["\u4e00"])
    return chance.choice(options or ["a"])


CAPS = {
    # The callers look at so many characters and no more.
    "agents.small_talk.": 80,
    "knowledge.assembly._NOTICES": 700,
    "knowledge.loaders.formats._PAGE": 2_048,
    "language.spoken_acronyms._PRONOUNCEABLE": 4,
    # Lines of a file, read in a child process with a limit of CPU time.
    "knowledge.loaders.": 2_000,
}
"""Characters by beginning of a place; the longest beginning counts."""


class _TooSlow(Exception):
    """The pattern had its time."""


def _give_up(*_: object) -> None:
    raise _TooSlow


def measure(found: Found, *, length: int, most_seconds: float) -> tuple[float, str]:
    """Return the most CPU time a text took, and how that text begins."""
    caps = [cap for place, cap in CAPS.items() if found.place.startswith(place)]
    worst, begins = 0.0, ""
    for text in adversarial(found.pattern, min([length, *caps])):
        signal.setitimer(signal.ITIMER_VIRTUAL, most_seconds)
        start = time.process_time()
        try:
            found.run(text)
        except _TooSlow:
            pass
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        spent = time.process_time() - start
        if spent > worst:
            worst, begins = spent, text[:60]
        if worst >= most_seconds:
            break
    return worst, begins


def main(length: int, most_seconds: float) -> None:
    """Print every pattern with its time as JSON, the slowest first."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGVTALRM, _give_up)
    lines = [
        (*measure(one, length=length, most_seconds=most_seconds), one.place)
        for one in find_patterns()
    ]
    sys.stdout.write(json.dumps(sorted(lines, reverse=True)))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
