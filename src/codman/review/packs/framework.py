"""Frameworks: what a law, a regulator or a standard asks, control by control, as requirements cite it.

One YAML file each. What the registry already lists field by field (HTI-1, the CHAI card) is read from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache, cached_property
from importlib.resources import files
from typing import Annotated, Any, Final

from pydantic import Field

from codman.errors import BadInput, nearest
from codman.registry import frameworks as registry
from codman.review.packs.dated import Dated, OutOfDate, Strict, day_of, made
from codman.review.policy.written import Written, parse
from codman.spine.policy import Name

CITED: Final = r"^[a-z0-9-]+$"
_TEXT: Final = frozenset(
    {"framework", "title", "edition", "source", "valid_from", "valid_to", "applies_from", "status", "controls"}
)
_FLAGS: Final = {"true": True, "false": False}


class NoSuchFramework(BadInput):
    """A framework that is not among those known here."""

    def __init__(self, name: str) -> None:
        super().__init__(what=f"there is no framework {name!r}", why="it is not listed", fix=nearest(name, names()))


class Only(Strict):
    """The uses a control is asked of; a key left out means all of them."""

    technique: tuple[Name, ...] | None = None
    tier: tuple[Name, ...] | None = None
    setting: tuple[Name, ...] | None = None
    kind: tuple[Name, ...] | None = None


class Control(Strict):
    """One thing a framework asks; the title is ours, short, and never the standard's text."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", max_length=100)]
    title: Name
    part: Name | None = Field(default=None, description="The largest division it is in: a function, an annex")
    group: Name | None = Field(default=None, description="The division below: a category")
    documents: tuple[Name, ...] = Field(default=(), description="Types of document that answer it")
    only: Only = Only()
    checked: bool = Field(default=True, description="False: from memory, not yet compared with a source")


class FrameworkCounts(Strict):
    """How many there are, written by hand from the source."""

    controls: int = Field(ge=1)
    parts: dict[str, int] = Field(default_factory=dict)
    groups: int | None = None


class ControlFramework(Dated):
    """A framework and its controls, in its own order."""

    framework: Annotated[str, Field(pattern=CITED)]
    title: Name
    status: Name = Field(description="Whether it binds, and what is about to change")
    applies_from: date | None = Field(default=None, description="From when it must be kept, where that is later")
    unchecked: tuple[Name, ...] = Field(default=(), description="What of the above is from memory")
    counts: FrameworkCounts
    controls: tuple[Control, ...] = Field(min_length=1)

    @cached_property
    def by_id(self) -> Mapping[str, Control]:
        """The controls by their ids."""
        return {control.id: control for control in self.controls}

    @property
    def checked(self) -> bool:
        """Whether all of it was compared with a source."""
        return not self.unchecked and all(control.checked for control in self.controls)

    def under(self, cited: str) -> tuple[Control, ...]:
        """The controls a citation means: the one of that id, or all below it (`MEASURE-2`, `KeyMetrics`)."""
        exact = self.by_id.get(cited)
        if exact is not None:
            return (exact,)
        return tuple(control for control in self.controls if control.id.startswith((f"{cited}.", f"{cited}/")))


def names() -> tuple[str, ...]:
    """The names of all frameworks, of any date."""
    return tuple(dict.fromkeys(each.framework for each in _all()))


def every_framework() -> tuple[ControlFramework, ...]:
    """All of them, of any date."""
    return _all()


def frameworks(at: datetime | date) -> tuple[ControlFramework, ...]:
    """The frameworks that hold on a day, the newest edition of each."""
    newest: dict[str, ControlFramework] = {}
    for each in sorted(_all(), key=lambda f: f.valid_from):
        if each.holds(at):
            newest[each.framework] = each
    return tuple(newest[name] for name in names() if name in newest)


def framework(name: str, at: datetime | date) -> ControlFramework:
    """One framework, as it holds on a day.

    Raises:
        NoSuchFramework: It is not known here.
        OutOfDate: It holds on other days.
    """
    editions = [each for each in _all() if each.framework == name]
    if not editions:
        raise NoSuchFramework(name)
    holding = [each for each in editions if each.holds(at)]
    if not holding:
        raise OutOfDate(f"{name} {editions[-1].edition}", editions[-1].standing(at), day_of(at))
    return max(holding, key=lambda each: each.valid_from)


def framework_of_bytes(data: bytes, name: str, *, ours: bool = False) -> ControlFramework:
    """A framework from its file's bytes; `name` is what errors call them, and `ours` says that they came with Codman.

    Raises:
        BadPolicy: It cannot be read, or its counts are not what it holds.
    """
    written = parse(data, name, as_text=_TEXT, ours=ours)
    fields = dict(written.value)
    listed = fields.pop("fields_of", None)
    controls = _listed(written) if listed is None else _registered(listed)
    fields["controls"] = [made(Control, c, written, ("controls", i)) for i, c in enumerate(controls)]
    found = made(ControlFramework, fields, written)
    _as_counted(found, written)
    return found


def _listed(written: Written) -> list[Mapping[str, Any]]:
    """Its own controls. Values are kept as they were written, so that an id 1.10 stays; `checked` is a truth value."""
    controls = written.value.get("controls")
    if not isinstance(controls, list) or not all(isinstance(control, Mapping) for control in controls):
        raise written.refuse(("controls",), "'controls' is not a list of controls", "list each with its id and title")
    flagged = ({**control, "checked": _FLAGS.get(control.get("checked", "true"))} for control in controls)
    return list(flagged)


def _registered(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The fields the registry lists, some of them asked only of some uses."""
    only = said.get("only", {})
    return [
        {
            "id": field.id,
            "title": field.title,
            "part": said["parts"].get(field.group or "", said["part"]),
            "group": field.group,
            "only": only.get(field.group or "", {}),
        }
        for field in registry.framework(said["name"]).fields
        if not field.identifier
    ]


def _as_counted(found: ControlFramework, written: Written) -> None:
    parts = Counter(control.part for control in found.controls if control.part is not None)
    held = {"controls": len(found.controls), "parts": dict(parts)}
    if found.counts.groups is not None:
        held["groups"] = len({control.group for control in found.controls if control.group is not None})
    for key, number in held.items():
        said = getattr(found.counts, key)
        if said != number:
            fix = "compare with the source; else correct the count"
            raise written.refuse(("counts", key), f"{key}: {said} counted, {number} there", fix)
    if len(found.by_id) < len(found.controls):
        twice = next(i for i, n in Counter(control.id for control in found.controls).items() if n > 1)
        raise written.refuse(("controls",), f"two controls have the id {twice!r}", "give each its own")


@cache
def _all() -> tuple[ControlFramework, ...]:
    folder = files("codman.review.packs").joinpath("frameworks")
    found = sorted((file.name, file.read_bytes()) for file in folder.iterdir() if file.name.endswith(".yaml"))
    return tuple(framework_of_bytes(data, name, ours=True) for name, data in found)
