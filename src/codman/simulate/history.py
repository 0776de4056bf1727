"""history: what happened in the demo hospital, one step at a time, each with its moment, its author and the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from codman.simulate.predictions import Cohort
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.record import Fields
from codman.spine.statement import Origin

Kind = Literal["site", "person", "grant", "vendor", "product", "version", "use", "deployment"]


@dataclass(frozen=True, slots=True)
class Added:
    """A record came into the book."""

    kind: Kind
    id: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class Changed:
    """Some of its fields changed."""

    kind: Kind
    id: str
    patch: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Somebody whose key the book knows, and what they may claim."""

    id: str
    name: str
    owner_kind: Literal["pipeline", "vendor", "lab"]
    owner: str
    origin: Origin
    products: tuple[str, ...] = ()  # only about these, by identifier; none is any
    site: str | None = None


@dataclass(frozen=True, slots=True)
class Replaced:
    """A signer's key gave way to the next one's."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """A signer's key counts no more for what reached the log from a moment on."""

    signer: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A product was evaluated on invented patients, and a signed statement says what was found."""

    id: str
    use: str
    product: str
    version: str
    cohort: Cohort
    spec: EvaluationSpec
    signer: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Papered:
    """A document about a product was filed, and a signed statement says that it exists."""

    id: str
    product: str
    version: str
    type: str
    title: str
    file: str
    text: str
    signer: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A framework's question was answered; `evidence` names the `Measured` or `Papered` that stands behind it."""

    id: str
    about_kind: Literal["product", "version", "use"]
    about: str
    field: str
    value: str
    basis: Literal["claim", "document", "evidence"]
    source: str
    evidence: str | None = None


Step = Added | Changed | Signer | Replaced | Revoked | Measured | Papered | Answered


@dataclass(frozen=True, slots=True)
class Event:
    """A step, when it happened, who took it (a person's identifier; none is the book itself), and the reason given."""

    at: datetime
    author: str | None
    why: str | None
    step: Step
