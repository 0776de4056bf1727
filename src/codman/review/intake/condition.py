"""Conditions on earlier answers, as data: `{kind: [bought, embedded], patients_a_year: {at_least: 1000}}`.

Every key of a mapping must hold. A condition on something not answered is neither true nor false: it is not known
(Kleene's three values), so that a missing answer is never taken for a no.

| written | holds when |
| --- | --- |
| `kind: bought` | the answer is that, or a list has it |
| `kind: [bought, embedded]` | the answer is one of them, or a list has one of them |
| `generative: true` | the answer is yes |
| `patients_a_year: {at_least: 1000}` | the number is no smaller; `at_most` is no larger |
| `vendor: {answered: true}` | it was answered at all |
| `all: […]`, `any: […]`, `not: {…}` | all hold, one holds, it does not hold |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Protocol

Value = str | bool | float | date | tuple[str, ...]

_WORDS: Final = ("at_least", "at_most", "answered")


class UnreadableCondition(ValueError):
    """A condition that is not written as one."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What is known so far.

    Made by form.py; read by conditions and triage.
    """

    values: Mapping[str, Value]  # by question
    closed: Set[str] = frozenset()  # questions that will not be asked: what hangs on them does not hold


class Condition(Protocol):
    """Something that holds, does not hold, or is not known yet."""

    def holds(self, known: Settled) -> bool | None:
        """True, False, or None where an answer is missing that would decide it."""
        ...

    def mentions(self) -> frozenset[str]:
        """The questions it looks at."""
        ...

    def wants(self) -> frozenset[tuple[str, str | bool]]:
        """The answers it names, each with its question, so that a misspelt one is found when the file is read."""
        ...


@dataclass(frozen=True, slots=True)
class Among:
    """The answer is one of these."""

    question: str
    among: tuple[str | bool, ...]

    def holds(self, known: Settled) -> bool | None:
        """Whether it is."""
        value = known.values.get(self.question)
        if value is None:
            return False if self.question in known.closed else None
        return any(one in self.among for one in value) if isinstance(value, tuple) else value in self.among

    def mentions(self) -> frozenset[str]:
        """The one question."""
        return frozenset({self.question})

    def wants(self) -> frozenset[tuple[str, str | bool]]:
        """Each of the answers."""
        return frozenset((self.question, one) for one in self.among)


@dataclass(frozen=True, slots=True)
class Within:
    """The number lies between these, both inclusive."""

    question: str
    at_least: float | None = None
    at_most: float | None = None

    def holds(self, known: Settled) -> bool | None:
        """Whether it does."""
        value = known.values.get(self.question)
        if value is None:
            return False if self.question in known.closed else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)

    def mentions(self) -> frozenset[str]:
        """The one question."""
        return frozenset({self.question})

    def wants(self) -> frozenset[tuple[str, str | bool]]:
        """It names no answer."""
        return frozenset()


@dataclass(frozen=True, slots=True)
class IsAnswered:
    """The question was answered, or was not: this is always known."""

    question: str
    answered: bool

    def holds(self, known: Settled) -> bool | None:
        """Whether it was."""
        return (self.question in known.values) is self.answered

    def mentions(self) -> frozenset[str]:
        """The one question."""
        return frozenset({self.question})

    def wants(self) -> frozenset[tuple[str, str | bool]]:
        """It names no answer."""
        return frozenset()


@dataclass(frozen=True, slots=True)
class Not:
    """The other way round; what is not known stays not known."""

    part: Condition

    def holds(self, known: Settled) -> bool | None:
        """Whether the part does not."""
        held = self.part.holds(known)
        return None if held is None else not held

    def mentions(self) -> frozenset[str]:
        """The part's questions."""
        return self.part.mentions()

    def wants(self) -> frozenset[tuple[str, str | bool]]:
        """The part's answers."""
        return self.part.wants()


@dataclass(frozen=True, slots=True)
class Several:
    """All of the parts, or any of them."""

    parts: tuple[Condition, ...]
    every: bool

    def holds(self, known: Settled) -> bool | None:
        """One part that decides is enough; else one that is not known leaves the whole so."""
        held = [part.holds(known) for part in self.parts]
        if (not self.every) in held:
            return not self.every
        return None if None in held else self.every

    def mentions(self) -> frozenset[str]:
        """All the parts' questions."""
        return frozenset().union(*(part.mentions() for part in self.parts))

    def wants(self) -> frozenset[tuple[str, str | bool]]:
        """All the parts' answers."""
        return frozenset().union(*(part.wants() for part in self.parts))


ALWAYS: Final[Condition] = Several((), every=True)


def condition_of(written: Any) -> Condition:
    """A condition from plain values.

    Raises:
        UnreadableCondition: It is written otherwise than the table above.
    """
    if not isinstance(written, Mapping) or not written:
        raise UnreadableCondition(f"a condition is a mapping from questions to answers, not {written!r}")
    parts = tuple(_part(str(key), value) for key, value in written.items())
    return parts[0] if len(parts) == 1 else Several(parts, every=True)


def _part(key: str, value: Any) -> Condition:
    if key in ("all", "any"):
        return Several(tuple(map(condition_of, _list(key, value))), every=key == "all")
    if key == "not":
        return Not(condition_of(value))
    if isinstance(value, Mapping):
        return _bound(key, value)
    among = tuple(_list(key, value)) if isinstance(value, list) else (value,)
    if any(not isinstance(one, str | bool) for one in among):
        raise UnreadableCondition(f"{key}: an answer is a word, yes or no; for a number say at_least or at_most")
    return Among(key, among)


def _bound(key: str, value: Mapping[Any, Any]) -> Condition:
    unknown = next((word for word in value if word not in _WORDS), None)
    if unknown is not None or not value or ("answered" in value and len(value) > 1):
        raise UnreadableCondition(f"{key}: say answered, or at_least and at_most")
    if "answered" in value:
        if not isinstance(value["answered"], bool):
            raise UnreadableCondition(f"{key}: answered is true or false")
        return IsAnswered(key, value["answered"])
    if any(isinstance(bound, bool) or not isinstance(bound, int | float) for bound in value.values()):
        raise UnreadableCondition(f"{key}: at_least and at_most are numbers")
    return Within(key, value.get("at_least"), value.get("at_most"))


def _list(key: str, value: Any) -> Iterable[Any]:
    if not isinstance(value, list) or not value:
        raise UnreadableCondition(f"{key}: give a list of at least one")
    return value


def as_condition(written: Any) -> Condition:
    """The same for a pydantic field: a condition that is one already stays."""
    return written if hasattr(written, "holds") else condition_of(written)
