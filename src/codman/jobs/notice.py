"""What somebody is told, whatever the way it reaches them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from codman.spine.day import written_day

_MOST_ITEMS: Final = 200


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it is more than one line of printable text")  # a line break would begin a mail header
    return text


def one_line(text: str) -> str:
    """A name as one line of a notice: people write names, and may put in what no line may hold."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _lines(text: str) -> str:
    if not text.replace("\n", "").isprintable():
        raise ValueError("it holds control characters")
    return text


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_one_line)]
Link = Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=2000), AfterValidator(_one_line)]
Paragraphs = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000), AfterValidator(_lines)
]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Item(BaseModel):
    """One of several things in a notice."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    text: Line
    due: Day | None = None
    when: Line | None = Field(default=None, description="The moment in words, where hours matter rather than the day")
    link: Link | None = None


class OrderedVersion(BaseModel):
    """The version that whoever runs a model is to run."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    label: str = Field(min_length=1, max_length=400)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$", description="Of the artefact")


class Notice(BaseModel):
    """What somebody is told: what waits, by when, and where to look.

    Made by flows, kept by the outbox, put into other systems' words by integrations. It leaves the house, so it names
    records and never carries what people wrote into them: a patient can stand in any text that people write.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    event: str = Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$", max_length=60, description="e.g. `condition.lapsed`")
    title: Line
    text: Paragraphs = Field(description="A blank line between two")
    items: tuple[Item, ...] = Field(default=(), max_length=_MOST_ITEMS)
    link: Link | None = None
    about: str | None = Field(default=None, max_length=100, description="The record's id")
    urgency: Literal["low", "medium", "high"] = "medium"
    version: OrderedVersion | None = Field(default=None, description="Of an order: the version to run from now on")

    @property
    def plain(self) -> str:
        """All of it but the title, as plain text."""
        parts = [self.text]
        if self.items:
            parts.append("\n".join(_line(item) for item in self.items))
        if self.link:
            parts.append(self.link)
        return "\n\n".join(parts)


def _line(item: Item) -> str:
    when = item.when or (f"by {written_day(item.due)}" if item.due else "")
    due = f" ({when})" if when else ""
    return f"- {item.text}{due}" + (f"\n  {item.link}" if item.link else "")
