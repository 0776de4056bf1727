"""What regulators and coalitions ask of an AI product, field by field, and where the book keeps each answer.

One YAML file a framework. A field's home is a column of a noun (`use.purpose`) or a fact (`hti-1/1.ii`).
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from codman.spine.statement import Kind, Origin
from codman.spine.yaml_text import read_yaml

NAMES: Final = ("hti-1", "chai-model-card", "omb-2025")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Shown(_Part):
    """Statements that show the answer instead of saying it."""

    kind: tuple[Kind, ...]
    origin: tuple[Origin, ...] = ()  # any without


class FrameworkField(_Part):
    """One thing a framework asks."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/-]+$")]
    title: str
    group: str | None = None
    home: str  # noun.column, or framework/field
    also: tuple[str, ...] = ()  # facts of other frameworks that answer it as well
    evidence: Shown | None = None
    identifier: bool = False  # names the record and says nothing about it

    @property
    def column(self) -> tuple[str, str] | None:
        """The noun and its column, where the home is one."""
        noun, _, column = self.home.partition(".")
        return None if "/" in self.home else (noun, column)


class Framework(_Part):
    """A framework and its fields, in its own order."""

    framework: str
    title: str
    source: str
    fields: tuple[FrameworkField, ...]

    def facts_of(self, field: FrameworkField) -> tuple[str, ...]:
        """The facts that answer a field: its own name first."""
        return (f"{self.framework}/{field.id}", *field.also)


@cache
def framework(name: str) -> Framework:
    """One framework, a name of `NAMES`."""
    text = (files("codman.registry.frameworks") / f"{name}.yaml").read_text(encoding="utf-8")
    return Framework.model_validate(read_yaml(text))


def every_framework() -> tuple[Framework, ...]:
    """All of them."""
    return tuple(map(framework, NAMES))
