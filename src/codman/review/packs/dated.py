"""What packs and frameworks share: a source that can be looked up, and the days between which they hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from codman.errors import BadInput
from codman.review.policy.written import Place, Written
from codman.spine.day import written_day
from codman.spine.policy import Name

Model = TypeVar("Model", bound=BaseModel)


class OutOfDate(BadInput):
    """A pack or a framework that does not hold on the day it is asked for."""

    def __init__(self, name: str, standing: str, day: date) -> None:
        super().__init__(
            what=f"{name} does not hold on {written_day(day)}",
            why=standing,
            fix="take the edition of that day, or another day; `codman policy packs` lists them with their dates",
        )


class Strict(BaseModel):
    """Frozen, and closed to keys that mean nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Source(Strict):
    """Where something comes from, so that a reader finds it in a library and not only on a page that may move."""

    title: Name
    clause: Name | None = None
    citation: Name = Field(description="DOI, Federal Register, CFR, OJ or publisher and date; never a link")

    @field_validator("citation")
    @classmethod
    def _no_link(cls, citation: str) -> str:
        if "://" in citation:
            raise ValueError("a citation names a work, not an address: write its DOI, number or publisher and date")
        return citation


class Dated(Strict):
    """Something that holds from a day to a day."""

    edition: Name
    source: tuple[Source, ...] = Field(min_length=1)
    valid_from: date
    valid_to: date | None = Field(default=None, description="The last day it holds; null is until it is replaced")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from")
        return self

    def holds(self, at: datetime | date) -> bool:
        """Whether it holds on a day."""
        day = day_of(at)
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    def standing(self, at: datetime | date) -> str:
        """In words: in force, not yet, or no longer."""
        day = day_of(at)
        if day < self.valid_from:
            return f"not before {written_day(self.valid_from)}"
        if self.valid_to is not None and day > self.valid_to:
            return f"no longer after {written_day(self.valid_to)}"
        return "in force" if self.valid_to is None else f"in force until {written_day(self.valid_to)}"


def day_of(at: datetime | date) -> date:
    """The day of a moment, UTC; a day is itself."""
    if isinstance(at, datetime):
        return at.astimezone(UTC).date() if at.tzinfo is not None else at.date()
    return at


def made(model: type[Model], fields: Mapping[str, Any], written: Written, place: Place = ()) -> Model:
    """Fields as their model; the first thing wrong becomes one error that names its line.

    Raises:
        BadPolicy: One does not fit.
    """
    unknown = next((key for key in fields if key not in model.model_fields), None)
    if unknown is not None:
        raise written.unknown((*place, unknown), model.model_fields)
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = (*place, *(part for part in first["loc"] if isinstance(part, (str, int))))
        said = str(first["msg"]).removeprefix("Value error, ")
        key = ".".join(str(part) for part in first["loc"]) or "it"
        raise written.refuse(where, f"{key}: {said[:1].lower()}{said[1:]}", "correct that value") from None
