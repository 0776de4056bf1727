"""How alike two names are: the words they share over the words they have, rare words counting more."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from codman.registry.imports.table import normal

_COMMON: Final = frozenset(
    {"the", "of", "for", "and", "with", "a", "an", "ai", "system", "software", "device", "version", "v"}
)
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def words_of(text: str) -> frozenset[str]:
    """The words of a name, without those that every name has; `BriefCase` is two words, and one."""
    words = set(normal(text).split())
    split = _CAMEL.sub(" ", text)
    if split != text:
        words.update(normal(split).split())
    return frozenset(words - _COMMON)


class Rarity:
    """How much each word counts, by how many names have it."""

    def __init__(self) -> None:
        self._names = 0
        self._seen: Counter[str] = Counter()
        self._weights: dict[str, float] = {}

    def add(self, words: frozenset[str]) -> None:
        """Count one name's words."""
        self._names += 1
        self._seen.update(words)
        self._weights.clear()

    def remove(self, words: frozenset[str]) -> None:
        """Take them out again."""
        self._names -= 1
        self._seen.subtract(words)
        self._weights.clear()

    def weight(self, word: str) -> float:
        """The rarer the more; a word that no name has counts as the rarest."""
        known = self._weights.get(word)
        if known is None:
            names, seen = max(1, self._names), self._seen.get(word, 0)
            known = self._weights[word] = math.log(1 + (names / seen if seen > 0 else names))
        return known

    def alike(self, ours: frozenset[str], theirs: frozenset[str]) -> float:
        """0 to 1: half the shared words over all words, half over the words of the shorter name."""
        if not ours or not theirs:
            return 0.0
        shared = self._weigh(ours & theirs)
        return 0.5 * shared / self._weigh(ours | theirs) + 0.5 * shared / min(self._weigh(ours), self._weigh(theirs))

    def _weigh(self, words: Iterable[str]) -> float:
        return sum(map(self.weight, words))
