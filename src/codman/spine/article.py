"""The article that English puts before a word: a document, an evaluation, a use."""

from __future__ import annotations

from typing import Final

_VOWELS: Final = ("a", "e", "i", "o", "u")
_AS_YOU: Final = (
    "use",
    "usu",
    "unif",
    "uniq",
    "unit",
    "univ",
    "euro",
    "one",
    "once",
)  # spelt with a vowel, spoken without


def with_article(words: str) -> str:
    """Some words after `a` or `an`, by how the first of them is spoken."""
    first = words.casefold()
    spoken_so = first.startswith(_VOWELS) and not first.startswith(_AS_YOU)
    return f"{'an' if spoken_so else 'a'} {words}"


def capital_article(words: str) -> str:
    """The same at the beginning of a sentence."""
    found = with_article(words)
    return f"{found[:1].upper()}{found[1:]}"
