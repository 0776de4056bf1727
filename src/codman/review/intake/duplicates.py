"""Uses of the book that a proposed one may be: by name, product, vendor and purpose, with reasons in words.

One use proposed twice gets two reviews and two answers, so likely ones are shown while the form is filled. A score
proposes and never decides: the person who proposes says whether it is the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from codman.registry.alike import Rarity, words_of
from codman.registry.imports.values import vendor_key

LIKELY: Final = 0.55  # below it is not shown
_MOST_SCORED: Final = 300  # however large the book is
_PURPOSE_READ: Final = 600  # characters: what it is for stands at the beginning
_MOST_SHARED: Final = 5  # words of a purpose that a reason names

# How much each part counts, where both sides say it; a name is short and chosen freely, so it is not half of the whole
_NAME: Final = 0.35
_PRODUCT: Final = 0.25
_VENDOR: Final = 0.10
_PURPOSE: Final = 0.30


@dataclass(frozen=True, slots=True)
class Candidate:
    """A use as far as it is compared; a proposed one has no id yet."""

    name: str
    purpose: str | None = None
    product: str | None = None  # its name
    product_id: str | None = None
    vendor: str | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A use of the book that may be the proposed one."""

    use: str
    name: str
    score: float  # 0 to 1
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Words:
    use: Candidate
    name: frozenset[str]
    product: frozenset[str]
    vendor: frozenset[str]
    purpose: frozenset[str]

    @property
    def every(self) -> frozenset[str]:
        return self.name | self.product | self.vendor | self.purpose


class UsesByWords:
    """Every use of the book by its words, kept between questions.

    Args:
        uses: What the book has.
    """

    def __init__(self, uses: Iterable[Candidate] = ()) -> None:
        self._uses: dict[str, _Words] = {}
        self._having: defaultdict[str, set[str]] = defaultdict(set)
        self._rarity = Rarity()
        for use in uses:
            self.put(use)

    def __len__(self) -> int:
        return len(self._uses)

    def put(self, use: Candidate) -> None:
        """Add a use, or replace it by what it says now."""
        self.drop(use.id)
        words = _split(use)
        self._uses[use.id] = words
        self._rarity.add(words.every)
        for word in words.every:
            self._having[word].add(use.id)

    def drop(self, id_: str) -> None:
        """Take a use out; one that is not there is out already."""
        words = self._uses.pop(id_, None)
        if words is not None:
            self._rarity.remove(words.every)
            for word in words.every:
                self._having[word].discard(id_)

    def likely(self, proposed: Candidate, most: int = 5) -> list[Duplicate]:
        """The uses that a proposed one may be, the likeliest first.

        Args:
            proposed: What is proposed; its own id, if it has one, is passed over.
            most: How many to give.

        Returns:
            Those that score at least `LIKELY`. At most 300 uses are scored: those that share the rarest words, so the
            work does not grow with the book.
        """
        ours = _split(proposed)
        scored = (self._compared(ours, self._uses[id_]) for id_ in self._near(ours) if id_ != proposed.id)
        found = sorted((one for one in scored if one.score >= LIKELY), key=lambda one: (-one.score, one.use))
        return found[:most]

    def _near(self, ours: _Words) -> list[str]:
        """Uses that share a word: of names and products first, then of purposes, then of vendors; rare words first."""
        named = ours.name | ours.product
        near: dict[str, None] = {}
        for words in (named, ours.purpose, ours.vendor):
            for word in sorted(words, key=lambda one: (len(self._having.get(one, ())), one)):
                having = self._having.get(word, ())
                if len(near) + len(having) > _MOST_SCORED:
                    break  # the next ones are commoner still
                near |= dict.fromkeys(sorted(having))
        room = _MOST_SCORED - len(near)
        if room and named:  # a name of common words alone: those that share most of them
            sharing = Counter(id_ for word in named for id_ in self._having.get(word, ()) if id_ not in near)
            near |= dict.fromkeys(sorted(sharing, key=lambda id_: (-sharing[id_], id_))[:room])
        return list(near)

    def _compared(self, ours: _Words, theirs: _Words) -> Duplicate:
        parts: list[tuple[float, float]] = []  # weight, how alike
        reasons = []
        name = self._rarity.alike(ours.name, theirs.name)
        parts.append((_NAME, name))
        if name >= 0.5:
            reasons.append("the same name" if name > 0.99 else f"names are alike by {name:.2f}")
        same = ours.use.product_id is not None and ours.use.product_id == theirs.use.product_id
        if same or (ours.product and theirs.product):
            product = 1.0 if same else self._rarity.alike(ours.product, theirs.product)
            parts.append((_PRODUCT, product))
            if same or product >= 0.5:
                reasons.append("the same product" if same else f"products are alike by {product:.2f}")
        if ours.vendor and theirs.vendor:
            vendor = self._rarity.alike(ours.vendor, theirs.vendor)
            parts.append((_VENDOR, vendor))
            if vendor >= 0.5:
                reasons.append(f"vendors are alike by {vendor:.2f}" if vendor < 0.99 else "the same vendor")
        if ours.purpose and theirs.purpose:
            parts.append((_PURPOSE, self._rarity.alike(ours.purpose, theirs.purpose)))
            if shared := self._telling(ours.purpose & theirs.purpose):
                reasons.append(f"both purposes speak of {', '.join(shared)}")
        score = sum(weight * alike for weight, alike in parts) / sum(weight for weight, _ in parts)
        return Duplicate(theirs.use.id, theirs.use.name, round(score, 3), tuple(reasons))

    def _telling(self, shared: frozenset[str]) -> list[str]:
        by_weight = sorted((w for w in shared if len(w) > 2), key=lambda word: (-self._rarity.weight(word), word))
        return by_weight[:_MOST_SHARED]


def _split(use: Candidate) -> _Words:
    return _Words(
        use=use,
        name=words_of(use.name),
        product=words_of(use.product or ""),
        vendor=words_of(vendor_key(use.vendor or "")),
        purpose=words_of((use.purpose or "")[:_PURPOSE_READ]),
    )
