"""Rules of triage: what makes a use risky, who says so, how far it pushes. Read from rules.yaml, one edition a file.

A file is checked when it is read: its conditions look only at questions and answers that its edition of the intake has.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from importlib.resources import files
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from codman.errors import BadInput
from codman.review.intake.condition import ALWAYS
from codman.review.intake.question import Form, Name, When, check_answers, form_of
from codman.spine.use import Tier
from codman.spine.yaml_text import read_yaml


class BadRules(BadInput):
    """A file of triage rules that cannot be used."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"the triage rules in {name} cannot be used", why, "see docs/intake.md for what it may say")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)


class Source(_Part):
    """Who says so."""

    id: Name
    title: str
    edition: str
    checked: bool = Field(
        description="Whether its words were seen in a copy or quotation; else that is said wherever it shows"
    )


class Spares(_Part):
    """What a framework does not ask of a use that a scheme sorts low."""

    framework: Name = Field(description="All of it, where the scheme does not apply")
    below: str = Field(description="The class from which on its controls are asked")
    controls: tuple[str, ...] = Field(min_length=1, description="What is not asked below it; 1 is all under 1")
    because: Annotated[str, Field(min_length=10, max_length=200)]


class Scheme(_Part):
    """Something that sorts uses into classes."""

    id: Name
    title: str
    classes: tuple[str, ...] = Field(min_length=2, description="The lowest first")
    otherwise: str | None = Field(default=None, description="The class where no rule holds; none: it is not known")
    applies: When = ALWAYS
    spares: Spares | None = None

    @model_validator(mode="after")
    def _known_class(self) -> Self:
        if self.otherwise is not None and self.otherwise not in self.classes:
            raise ValueError(f"{self.id}: {self.otherwise!r} is none of its classes")
        if self.spares is not None and self.spares.below not in self.classes[1:]:
            raise ValueError(f"{self.id}: below {self.spares.below!r} there is none of its classes")
        return self


class Rule(_Part):
    """One thing that pushes a use up."""

    id: Name
    pushes_to: Tier
    when: When
    why: Annotated[str, Field(min_length=10, max_length=300)]
    source: Name
    clause: Annotated[str, Field(min_length=1)]
    scheme: Name | None = None
    gives: str | None = Field(default=None, alias="class")
    forbids: bool = Field(default=False, description="Whether it must not run at all, whatever its tier")


class Rules(_Part):
    """Every rule of one edition."""

    edition: Annotated[str, Field(pattern=r"^\d{4}-\d{2}(\.\d+)?$")]
    questions: str = Field(description="The edition of the intake whose answers it reads")
    sources: tuple[Source, ...]
    schemes: tuple[Scheme, ...]
    rules: tuple[Rule, ...] = Field(min_length=1)

    @cached_property
    def source(self) -> Mapping[str, Source]:
        """Each source by its id."""
        return {source.id: source for source in self.sources}

    @cached_property
    def form(self) -> Form:
        """The questions it reads."""
        return form_of(self.questions)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for ids in ([r.id for r in self.rules], [s.id for s in self.schemes], [s.id for s in self.sources]):
            twice = next((id_ for id_ in ids if ids.count(id_) > 1), None)
            if twice is not None:
                raise ValueError(f"the id {twice!r} stands here twice")
        classes = {scheme.id: scheme.classes for scheme in self.schemes}
        for rule in self.rules:
            if rule.source not in {source.id for source in self.sources}:
                raise ValueError(f"{rule.id}: there is no source {rule.source!r}")
            if (rule.scheme is None) != (rule.gives is None):
                raise ValueError(f"{rule.id}: scheme and class go together")
            if rule.scheme is not None and rule.gives not in classes.get(rule.scheme, ()):
                raise ValueError(f"{rule.id}: {rule.gives!r} is no class of {rule.scheme!r}")
        questions = self.form.by_id
        conditions = [(r.id, r.when) for r in self.rules] + [(s.id, s.applies) for s in self.schemes]
        for id_, condition in conditions:
            missing = condition.mentions() - questions.keys()
            if missing:
                raise ValueError(f"{id_}: the intake of {self.questions} does not ask {min(missing)!r}")
            check_answers(condition, questions, id_)
        return self


def read_rules(body: bytes, name: str) -> Rules:
    """Rules from YAML.

    Raises:
        BadRules: It is no YAML, or no rules; the reason names the rule.
    """
    try:
        return Rules.model_validate(read_yaml(body))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadRules(name, f"it is no YAML: {str(error).splitlines()[0][:200]}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise BadRules(name, f"{place}: {first['msg'][:300]}" if place else first["msg"][:300]) from None


@cache
def current_rules() -> Rules:
    """The edition that triage uses."""
    file = files("codman.review.triage") / "rules.yaml"
    return read_rules(file.read_bytes(), file.name)
