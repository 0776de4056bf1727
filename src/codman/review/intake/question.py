"""Form: the questions of one edition, page by page, as a YAML file holds them.

Made from questions.yaml and the earlier editions beside it; read by form.py, fields.py, prefill.py and triage. A form
is checked when it is read: a question looks only at earlier ones, and every answer that a condition names exists.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from codman.errors import BadInput, nearest
from codman.registry.imports.table import normal
from codman.review.intake.condition import ALWAYS, Condition, as_condition
from codman.spine.yaml_text import read_yaml

NOT_KNOWN: Final = "not known"  # an honest answer where a question allows it: it decides nothing
NONE: Final = "none"  # of a list: none of these, which is an answer

_NOUNS: Final = ("use", "product", "vendor", "version")
_ROOM: Final = "codman.review.intake"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,59}$")]
When = Annotated[Any, BeforeValidator(as_condition)]


def _a_pattern(text: str) -> str:
    re.compile(text)
    return text


class Kind(StrEnum):
    """How a question is answered."""

    CHOICE = "choice"
    MANY = "many"
    YES_NO = "yes-no"
    LINE = "line"
    PROSE = "prose"
    DATE = "date"
    NUMBER = "number"
    PERSON = "person"  # these three: the id of a record that the book has
    PRODUCT = "product"
    SITE = "site"
    PLANNED = "planned"  # sites of the book with the mode meant at each, an item each: st-mary: silent


_WITH_CHOICES: Final = frozenset({Kind.CHOICE, Kind.MANY})


class BadQuestions(BadInput):
    """A file of questions that cannot be used."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"the questions in {name} cannot be used", why, "see docs/intake.md for what it may say")


class NoSuchEdition(BadInput):
    """An edition of the questions that is not here."""

    def __init__(self, edition: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"the questions have no edition {edition[:40]!r}",
            "an intake ends under the edition it began with",
            nearest(edition, known),
        )


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)


class Choice(_Part):
    """One of the answers to choose from."""

    id: Name
    says: Annotated[str, Field(min_length=1, max_length=300)]
    stored: str | None = Field(default=None, description="What the book keeps; the id without")
    also: tuple[str, ...] = Field(default=(), description="How other people's lists call it")

    @property
    def kept(self) -> str:
        """What the book keeps."""
        return self.stored or self.id


class Contradiction(_Part):
    """What cannot be true together with the answer."""

    when: When
    says: Annotated[str, Field(min_length=10, max_length=400)]


class Question(_Part):
    """One question of the form."""

    id: Name
    ask: Annotated[str, Field(min_length=5, max_length=300)]
    help: str | None = None
    kind: Kind
    choices: tuple[Choice, ...] = ()
    none_of_these: str | None = Field(default=None, description="Of a list: how the answer `none` reads")
    not_known: bool = Field(default=False, description="Whether `not known` is an answer")
    required: bool = False
    when: When = ALWAYS
    home: str = Field(description="Where the answer goes: use.purpose, or a fact such as hti-1/3.ii")
    about: Literal["use", "product"] = Field(default="use", description="What a fact is said of")
    pattern: Annotated[str, AfterValidator(_a_pattern)] | None = None
    pattern_says: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    future: bool = Field(default=True, description="Whether a day may lie ahead")
    past: bool = Field(default=True, description="Whether a day may lie behind")
    contradicts: tuple[Contradiction, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.kind in _WITH_CHOICES) != bool(self.choices):
            raise ValueError(f"{self.id}: choices go with the kinds choice and many, and with no other")
        if len({choice.id for choice in self.choices}) < len(self.choices):
            raise ValueError(f"{self.id}: two choices have one id")
        if self.none_of_these is not None and self.kind is not Kind.MANY:
            raise ValueError(f"{self.id}: none_of_these goes with the kind many")
        if self.pattern is not None and self.pattern_says is None:
            raise ValueError(f"{self.id}: say in pattern_says what a person should type")
        if "/" not in self.home and self.home.partition(".")[0] not in _NOUNS:
            raise ValueError(f"{self.id}: its home {self.home!r} is neither a field of the book nor a fact")
        return self

    @property
    def column(self) -> tuple[str, str] | None:
        """The noun and its field, where the home is one; None for a fact."""
        noun, _, name = self.home.partition(".")
        return None if "/" in self.home else (noun, name)

    @cached_property
    def _by_name(self) -> Mapping[str, Choice]:
        named: dict[str, Choice] = {}
        for choice in self.choices:
            for name in (choice.id, choice.says, choice.kept, *choice.also):
                named.setdefault(normal(name), choice)
        return named

    def meant(self, text: str) -> Choice | None:
        """The choice that a text means: by its id, its words, what the book keeps, or another list's name for it."""
        return self._by_name.get(normal(text))

    def chosen(self, id_: str) -> Choice | None:
        """The choice of an id."""
        return next((choice for choice in self.choices if choice.id == id_), None)


class Page(_Part):
    """Questions that stand together."""

    id: Name
    title: str
    why: str | None = Field(default=None, description="Why it is asked, in a sentence")
    questions: tuple[Question, ...] = Field(min_length=1)


class Form(_Part):
    """Every question of one edition, in the order it is asked."""

    edition: Annotated[str, Field(pattern=r"^\d{4}-\d{2}(\.\d+)?$")]
    title: str
    pages: tuple[Page, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        before: dict[str, Question] = {}
        for question in self.questions:
            if question.id in before:
                raise ValueError(f"two questions have the id {question.id!r}")
            _known(question.when, before, question.id)
            before[question.id] = question
        for question in self.questions:
            for contradiction in question.contradicts:
                _known(contradiction.when, before, question.id)
                if contradiction.when.mentions() <= {question.id}:
                    raise ValueError(f"{question.id}: a contradiction names another question")
        return self

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """All of them, in order."""
        return tuple(question for page in self.pages for question in page.questions)

    @cached_property
    def by_id(self) -> Mapping[str, Question]:
        """Each question by its id."""
        return {question.id: question for question in self.questions}

    @cached_property
    def page_of(self) -> Mapping[str, Page]:
        """The page of each question."""
        return {question.id: page for page in self.pages for question in page.questions}


def _known(condition: Condition, questions: Mapping[str, Question], asker: str) -> None:
    missing = condition.mentions() - questions.keys()
    if missing:
        raise ValueError(f"{asker}: its condition looks at {min(missing)!r}, which is not asked before it")
    check_answers(condition, questions, asker)


def check_answers(condition: Condition, questions: Mapping[str, Question], asker: str) -> None:
    """Refuse a condition that names an answer nobody can give. Raises ValueError."""
    for id_, answer in condition.wants():
        question = questions[id_]
        if question.kind is Kind.YES_NO:
            possible = isinstance(answer, bool)
        elif question.kind in _WITH_CHOICES:
            possible = isinstance(answer, str) and question.chosen(answer) is not None
        else:
            possible = False
        if not possible:
            raise ValueError(f"{asker}: its condition wants {answer!r} of {id_!r}, which nobody can answer")


def read_form(body: bytes, name: str) -> Form:
    """A form from YAML.

    Raises:
        BadQuestions: It is no YAML, or not a form; the reason names the question.
    """
    try:
        return Form.model_validate(read_yaml(body))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadQuestions(name, f"it is no YAML: {str(error).splitlines()[0][:200]}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise BadQuestions(name, f"{place}: {first['msg'][:300]}" if place else first["msg"][:300]) from None


def digest_of(form: Form) -> str:
    """The sha256 of everything an edition asks: an intake keeps it, to show later what was asked."""
    told = form.model_dump(mode="json", fallback=repr)
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@cache
def current_form() -> Form:
    """The edition that a new intake begins with."""
    file = files(_ROOM) / "questions.yaml"
    return read_form(file.read_bytes(), file.name)


def form_of(edition: str, folder: Traversable | None = None) -> Form:
    """The questions of one edition: the current one, or an earlier one that an intake began with.

    Args:
        edition: As the file names it, e.g. 2026-11.
        folder: Where earlier editions stand, one YAML file each; those that come with Codman without.

    Raises:
        NoSuchEdition: It is not here.
        BadQuestions: Its file cannot be read.
    """
    current = current_form()
    if edition == current.edition:
        return current
    earlier = _packaged() if folder is None else _editions(folder)
    if edition not in earlier:
        raise NoSuchEdition(edition, tuple(sorted({*earlier, current.edition})))
    return earlier[edition]


@cache
def _packaged() -> dict[str, Form]:
    return _editions(files(_ROOM) / "editions")


def _editions(folder: Traversable) -> dict[str, Form]:
    if not folder.is_dir():
        return {}
    forms = (read_form(file.read_bytes(), file.name) for file in folder.iterdir() if file.name.endswith(".yaml"))
    return {form.edition: form for form in forms}
