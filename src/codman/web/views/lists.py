"""Questions that are answered by a record: a list to choose from where it is short, else a search and what it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from codman.flows.choices import Choice, Who, choices, chosen, product_of
from codman.flows.house import House
from codman.registry.access import Reader, paths_for
from codman.web.views.forms import NOT_SAID, Ask, Option
from codman.web.views.sent import Form

FEW: Final = 200  # of more than these nobody finds one by looking
_INDENT: Final = "\N{NO-BREAK SPACE}" * 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """The records a form may choose from, as its reader sees them.

    Args:
        house: The open house.
        reader: Who fills the form in.
        action: What the form does: only sites where the reader may do it are offered. None is all they see.
        values: The answers as they stand: what is chosen is always among the options.
        words: By question, what was searched for.
    """

    house: House
    reader: Reader
    action: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    def ask(
        self,
        kind: str,
        *,
        name: str,
        label: str,
        needed: bool = False,
        hint: str = "",
        unsaid: str = NOT_SAID,
        who: Who | None = None,
    ) -> Ask:
        """A question answered by a record of a kind, of people by some of them; what else it says is its own."""
        within = ("/",) if self.action is None else paths_for(self.reader, self.action)
        if kind == "site" and "/" not in within:
            needed = True  # without a site it would be the whole house's, which is not theirs
        words = self.words.get(name, "").strip()
        product = self._product() if kind == "version" else None
        found = choices(
            self.house, self.reader, kind, words=words, within=within, product=product, who=who, limit=FEW + 1
        )
        many = bool(words) or len(found) > FEW
        if many:
            hint = " ".join(part for part in (hint and f"{hint}.", found_by(words, len(found))) if part)
            found = found[:FEW] if words else []
        options = [Option(one.id, _called(kind, one)) for one in found]
        value = self.values.get(name, "")
        if value and value not in {one.value for one in options}:
            now = chosen(self.house, self.reader, kind, value)
            options = options if now is None else [Option(now.id, _called(kind, now).strip(_INDENT)), *options]
        return Ask(
            name=name,
            label=label,
            kind="choice",
            hint=hint,
            options=tuple(options),
            needed=needed,
            unsaid=unsaid,
            search=words if many else None,
        )

    def _product(self) -> str | None:
        """The product that the form is about so far; None where that is open."""
        if use := self.values.get("use"):
            return product_of(self.house, self.reader, use)
        return self.values.get("product") or None


def searched(sent: Mapping[str, str]) -> dict[str, str]:
    """What a form searches for, by question."""
    begins = "find-"
    return {name.removeprefix(begins): words[:200] for name, words in sent.items() if name.startswith(begins)}


def is_search(form: Form) -> bool:
    """Whether a form was sent only to search for one of its answers: nothing is kept of it yet."""
    return form.get("find") is not None


def found_by(words: str, number: int) -> str:
    """How many a search found, and what to do where a list is too long to be shown."""
    if not words:
        return "There are too many to list: search by name, then choose."
    if not number:
        return f"None fits “{words}”."
    return f"The first {FEW} that fit “{words}”." if number > FEW else f"{number} fit{'s' * (number == 1)} “{words}”."


def _called(kind: str, one: Choice) -> str:
    if kind == "site":
        return _INDENT * ((one.beside or "").count("/") - 2) + one.name
    if kind == "version":
        return f"{one.beside}, {one.name}"
    return f"{one.name} ({one.beside})" if kind == "person" and one.beside else one.name
