"""Mapping: which column fills which field, how it is converted, and how sure that is. YAML, for people to edit."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, model_validator

from codman.errors import BadInput, nearest
from codman.registry.imports.files import regular_bytes
from codman.registry.imports.table import Table, normal

Conversion = Literal[
    "text",
    "line",
    "day",
    "yes-no",
    "list",
    "stage",
    "impact",
    "kind",
    "role",
    "tier",
    "submission",
    "vendor",
    "first-part",
]

# What a column may fill, and how its cells are read unless the mapping says otherwise
TARGETS: Final[Dict[str, Conversion]] = {
    "use.name": "line",
    "use.organisation": "line",
    "use.purpose": "text",
    "use.population": "text",
    "use.care_setting": "line",
    "use.decision_role": "role",
    "use.autonomy": "line",
    "use.users": "line",
    "use.alert_destination": "line",
    "use.downtime_procedure": "text",
    "use.demographic_inputs": "list",
    "use.stage": "stage",
    "use.stage_since": "day",
    "use.impact": "impact",
    "use.tier": "tier",
    "use.monitoring": "text",
    "use.topic": "line",
    "use.owner": "line",  # a person the book knows, by e-mail or name
    "use.site": "line",  # a site the book knows, by name
    "product.name": "line",
    "product.kind": "kind",
    "product.summary": "text",
    "product.model_type": "line",
    "product.generative": "yes-no",
    "product.submission": "submission",
    "vendor.name": "vendor",
    "vendor.contact": "line",
    "version.label": "line",
    "version.released_on": "day",
    "version.digest": "line",
}
READY: Final = ("codman", "omb-2025", "omb-2025-commercial", "chai", "cyclonedx", "mlflow")

LARGEST: Final = 1 << 20  # bytes of a mapping
NAME: Final = r"^[a-z0-9][a-z0-9.-]{0,59}$"

Reads = Literal["table", "chai", "cyclonedx", "mlflow"]
_Name = Annotated[str, Field(pattern=NAME)]
_FactField = Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[A-Za-z0-9._()/-]+$", max_length=200)]


class BadMapping(BadInput):
    """A mapping that cannot be used, or not with this file."""

    def __init__(self, name: str, why: str, fix: str = "see docs/inventory.md for what a mapping may say") -> None:
        super().__init__(what=f"the mapping {name} cannot be used", why=why, fix=fix)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Source(_Part):
    """Where one target's value comes from."""

    column: str | None = None
    columns: tuple[str, ...] = Field(default=(), description="Several columns, joined by an empty line")
    value: str | None = Field(default=None, description="The same for every row")
    conversion: Conversion | None = Field(default=None, description="How cells are read; the target's own without")
    values: dict[str, str] = Field(
        default={}, description="What a cell says, and what it means; read before the conversion"
    )
    keep: StrictBool = Field(default=False, description="Whether the original stays as a fact beside")
    confidence: Annotated[float, Field(ge=0, le=1, strict=True, description="How sure a proposal is")] = 1.0
    runner_up: str | None = Field(default=None, description="The column that a proposal would take next")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum((self.column is not None, bool(self.columns), self.value is not None)) != 1:
            raise ValueError("give one of: column, columns, value")
        return self

    @property
    def read(self) -> tuple[str, ...]:
        """The columns it reads."""
        return (self.column,) if self.column is not None else self.columns


class FactSource(_Part):
    """A column that fills no field of the book and answers a framework's question."""

    field: _FactField
    confidence: Annotated[float, Field(ge=0, le=1, strict=True)] = 1.0


class Skip(_Part):
    """Rows that are no use."""

    column: str
    values: tuple[str, ...] = Field(description="Compared without case; an empty text is an empty cell")
    reason: Annotated[str, Field(min_length=3, max_length=120)]


class Mapping(_Part):
    """How one kind of file becomes uses."""

    mapping: _Name = Field(description="Its name")
    title: str | None = None
    reads: Reads = Field(default="table", description="What kind of file it is for")
    day_first: StrictBool = Field(default=False, description="Whether 3/4/2024 is the third of April")
    id: str | None = Field(default=None, description="The column of the row's own identifier")
    skip: tuple[Skip, ...] = ()
    fields: dict[str, Source] = Field(description="What fills each field of the book, e.g. `use.name`")
    facts: dict[str, FactSource] = Field(default={}, description="The question that each column answers")
    rest: _Name | None = Field(
        default=None, description="Every other column becomes a fact of this framework, under its heading"
    )
    facts_about: Literal["use", "product"] = Field(default="use", description="What facts are said of")

    @model_validator(mode="after")
    def _known_targets(self) -> Self:
        for target in self.fields:
            if target not in TARGETS:
                raise ValueError(f"there is no field {target!r}: {nearest(target, TARGETS)}")
        if "use.name" not in self.fields:
            raise ValueError("'use.name' must be mapped: a use has a name")
        return self

    @property
    def columns(self) -> set[str]:
        """Every column it names."""
        read = {column for source in self.fields.values() for column in source.read}
        return read | set(self.facts) | {s.column for s in self.skip} | ({self.id} if self.id else set())


class _PlainLoader(yaml.SafeLoader):
    """YAML without anchors: merged into one another, a page of them is a thousand million keys."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("a mapping has no use for anchors and aliases (&, *): write it out")
        return super().compose_node(parent, index)


def as_mapping(value: Any, name: str) -> Mapping:
    """A mapping from plain values.

    Raises:
        BadMapping: A key is unknown or cannot hold its value.
    """
    try:
        return Mapping.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))[:120]
        raise BadMapping(name, f"{place or 'the whole'}: {first['msg'][:300]}") from None


def read_mapping(path: Path) -> Mapping:
    """A mapping from its YAML file.

    Raises:
        BadMapping: It is no YAML, or no mapping.
    """
    try:
        body = regular_bytes(path, LARGEST)
    except OSError as error:
        raise BadMapping(path.name, error.strerror or "it cannot be read") from None
    return parse_mapping(body, path.name)


def parse_mapping(body: bytes, name: str) -> Mapping:
    """A mapping from YAML.

    Raises:
        BadMapping: It is no YAML, or no mapping.
    """
    if len(body) > LARGEST:
        raise BadMapping(name, f"it is larger than {LARGEST >> 20} MiB")
    try:
        value = yaml.load(body.decode("utf-8-sig"), Loader=_PlainLoader)  # noqa: S506 (a SafeLoader, and stricter)
    except UnicodeDecodeError:
        raise BadMapping(name, "it is no UTF-8 text") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadMapping(name, f"it is no YAML: {str(error).splitlines()[0][:200]}") from None
    return as_mapping(value, name)


def ready_mapping(name: str) -> Mapping:
    """One of the mappings that come with Codman, a name of `READY`."""
    text = (files("codman.registry.imports") / "mappings" / f"{name}.yaml").read_text(encoding="utf-8")
    return as_mapping(yaml.safe_load(text), name)


def fitted(mapping: Mapping, table: Table) -> tuple[dict[str, str], list[str]]:
    """Which of the file's headings each column of a mapping is, and the columns the file does not have.

    Raises:
        BadMapping: The file is of another kind, or lacks the column of the name.
    """
    if mapping.reads != table.kind:
        raise BadMapping(mapping.mapping, f"it reads '{mapping.reads}' and the file is '{table.kind}'")
    by_normal: dict[str, str] = {}
    for heading in table.headings:
        by_normal.setdefault(normal(heading), heading)
    found = {c: c if c in table.headings else by_normal.get(normal(c)) for c in mapping.columns}
    named = mapping.fields["use.name"].read
    if named and all(found[c] is None for c in named):
        raise BadMapping(
            mapping.mapping,
            f"the file has no column {named[0][:80]!r}, which holds the name",
            f"{nearest(named[0], table.headings)}, or write a mapping: codman inventory propose",
        )
    return {c: h for c, h in found.items() if h is not None}, sorted(c for c, h in found.items() if h is None)


def best_fitting(table: Table, known: Sequence[Mapping]) -> Mapping | None:
    """The one mapping whose columns the file all has; of several the one that names the most."""
    fitting = []
    for mapping in known:
        if mapping.reads == table.kind:
            _, missing = _try(mapping, table)
            if table.kind != "table" or not missing:
                fitting.append(mapping)
    return max(fitting, key=lambda m: len(m.columns), default=None)


def _try(mapping: Mapping, table: Table) -> tuple[dict[str, str], list[str]]:
    try:
        return fitted(mapping, table)
    except BadMapping:
        return {}, ["the name"]
