"""A policy's YAML as plain values that remember their lines, from a file somebody else wrote.

Stricter than YAML: no key twice, no aliases, no tags, no text that quietly became a date, an octal or a truth value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from codman.errors import BadInput, nearest
from codman.spine.yaml_text import FAST_SAFE_LOADER

MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 20
MAX_BRACKETS: Final = 200  # open at once; far above MAX_DEPTH, because a title may hold some
Place = tuple[str | int, ...]

_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_DECIMAL: Final = re.compile(r"[-+]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][-+]?[0-9]{1,3})?")
_IMPLICIT: Final = frozenset(
    f"tag:yaml.org,2002:{tag}" for tag in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value")
)
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTHS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


class BadPolicy(BadInput):
    """A policy that cannot be read as one; `faults` holds everything that is wrong with it, this first."""

    def __init__(
        self,
        path: str,
        line: int | None,
        what: str,
        fix: str,
        *,
        requirement: str | None = None,
        key: str | None = None,
    ) -> None:
        place = path if line is None else f"{path}, line {line}"
        super().__init__(what="the policy cannot be used", why=f"{place}: {what}", fix=fix)
        self.line = line
        self.fault = what
        self.requirement = requirement  # its id, where the fault stands in one that has an id
        self.key = key  # the keys that lead to it: measurement.at_least
        self.faults: tuple[BadPolicy, ...] = (self,)


def first_of(faults: Sequence[BadPolicy]) -> BadPolicy:
    """The first of several faults, which carries them all."""
    faults[0].faults = tuple(faults)
    return faults[0]


@dataclass(slots=True)
class Written:
    """Plain values and where each stands."""

    path: str
    value: Any
    lines: dict[Place, int] = field(default_factory=dict)  # of keys and items
    text: str = field(default="", repr=False)  # as it was written, comments and all

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest thing around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def part(self, place: Place) -> Written:
        """What stands at a place, as a whole of its own whose lines are still the file's."""
        value = self.value
        for step in place:
            value = value[step]
        n = len(place)
        return Written(self.path, value, {at[n:]: line for at, line in self.lines.items() if at[:n] == place})

    def refuse(self, place: Place, what: str, fix: str) -> BadPolicy:
        """An error that names this place."""
        requirement, inside = self._requirement(place)
        key = ".".join(str(part) for part in inside if isinstance(part, str)) or None
        return BadPolicy(self.path, self.line(place), what, fix, requirement=requirement, key=key)

    def _requirement(self, place: Place) -> tuple[str | None, Place]:
        """The id of the requirement a place is in, and the rest of the way; no id and the whole way elsewhere."""
        if len(place) < 2 or place[0] != "requires":
            return None, place
        said = self.value["requires"][place[1]]
        id_ = said.get("id") if isinstance(said, Mapping) else None
        return (id_ if isinstance(id_, str) else None), place[2:]

    def unknown(self, place: Place, known: Iterable[str]) -> BadPolicy:
        """An error for a key that means nothing here."""
        key = str(place[-1])
        inside = _spoken(place[:-1])
        return self.refuse(place, f"unknown key {key!r}{inside}", nearest(key, known))


def _spoken(place: Place) -> str:
    keys = [str(part) for part in place if isinstance(part, str)]
    return f" in {'.'.join(keys)}" if keys else ""


def read(path: Path, *, as_text: frozenset[str]) -> Written:
    """Read a policy file.

    Args:
        path: A YAML file of at most 1 MiB.
        as_text: Keys whose values, and all beneath them, are kept as the text that was written (`edition: 2026-11-01`
            stays text though YAML sees a date).

    Raises:
        BadPolicy: Not there, not YAML, a key twice, an alias or a tag, nested too deep.
    """
    return parse(bytes_of(path), str(path), as_text=as_text)


def bytes_of(path: Path) -> bytes:
    """A policy file's bytes, at most 1 MiB of them. Raises BadPolicy."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        why = (error.strerror or "the system refused").lower()
        raise BadPolicy(str(path), None, f"it cannot be read: {why}", "check the file's name") from None
    if len(data) > MAX_BYTES:
        raise BadPolicy(str(path), None, "it is larger than 1 MiB", "give a policy file")
    return data


def parse(data: bytes, path: str, *, as_text: frozenset[str], ours: bool = False) -> Written:
    """Read a policy's bytes.

    Args:
        data: YAML.
        path: What errors call it.
        as_text: As `read` takes it.
        ours: It came with Codman, so libyaml reads it, many times as fast. What somebody else wrote is not read so:
            libyaml knows no bound on depth, and a file of nothing but dashes would end the process.

    Raises:
        BadPolicy: It cannot be used.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadPolicy(path, None, f"byte {error.start} is not UTF-8", "save it as UTF-8 text") from None
    if _brackets(text) > MAX_BRACKETS:  # YAML's own reader would take minutes to find that out
        raise BadPolicy(path, None, "it is nested too deep", "write it flat, as in the documentation")
    try:
        loader = (FAST_SAFE_LOADER if ours else yaml.SafeLoader)(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        raise BadPolicy(
            path, line, f"this is not YAML: {error.problem or error.context}", "correct that line"
        ) from None
    except yaml.YAMLError as error:
        raise BadPolicy(
            path, None, f"this is not YAML: {str(error).splitlines()[0]}", "save it as plain text"
        ) from None
    except RecursionError:
        raise BadPolicy(path, None, "it is nested too deep", "write it flat, as in the documentation") from None
    except ValueError as error:  # PyYAML lets a bad escape or surrogate through to chr()
        raise BadPolicy(path, None, f"this is not YAML: {error}", "save it as plain text") from None
    if node is None:
        raise BadPolicy(path, None, "it is empty", "write at least: policy, edition, checkpoint, requires")
    reader = _Reader(path, as_text)
    value = reader.value(node, (), textual=False)
    return Written(path, value, reader.lines, text)


def _brackets(text: str) -> int:
    """The most brackets that are open at once."""
    open_now = most = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        open_now += 1 if bracket in "[{" else -1
        most = max(most, open_now)
    return most


class _Reader:
    """Walks YAML's nodes once."""

    def __init__(self, path: str, as_text: frozenset[str]) -> None:
        self.path = path
        self.as_text = as_text
        self.lines: dict[Place, int] = {}
        self.seen: set[int] = set()

    def refuse(self, node: yaml.Node, what: str, fix: str) -> BadPolicy:
        return BadPolicy(self.path, node.start_mark.line + 1, what, fix)

    def value(self, node: yaml.Node, place: Place, *, textual: bool) -> Any:
        self.lines.setdefault(place, node.start_mark.line + 1)
        if id(node) in self.seen:
            raise self.refuse(node, "an alias (*name) is used", "write the value out where it is needed")
        self.seen.add(id(node))
        if len(place) > MAX_DEPTH:
            raise self.refuse(node, "it is nested too deep", "write it flat, as in the documentation")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place, textual=textual)
        if isinstance(node, yaml.SequenceNode):
            self._plain_tag(node, "tag:yaml.org,2002:seq")
            return [self.value(item, (*place, i), textual=textual) for i, item in enumerate(node.value)]
        return self._scalar(node, textual=textual)

    def _mapping(self, node: yaml.MappingNode, place: Place, *, textual: bool) -> dict[str, Any]:
        self._plain_tag(node, "tag:yaml.org,2002:map")
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or id(key_node) in self.seen:
                raise self.refuse(key_node, "a key is not plain text", "write keys as plain words")
            self.seen.add(id(key_node))
            key = str(key_node.value)
            plain = key_node.tag == "tag:yaml.org,2002:str" or textual or "slice" in place
            if not plain:
                raise self.refuse(key_node, f"the key {key[:40]!r} is not text", "put it in quotes, or correct it")
            if key in found:
                raise self.refuse(key_node, f"the key {key[:40]!r} stands here twice", "keep one of the two")
            here = (*place, key)
            self.lines[here] = key_node.start_mark.line + 1
            found[key] = self.value(value_node, here, textual=textual or key in self.as_text)
        return found

    def _plain_tag(self, node: yaml.Node, tag: str) -> None:
        if node.tag != tag:
            raise self.refuse(node, "a YAML tag (!…) is used", "write the value without a tag")

    def _scalar(self, node: yaml.Node, *, textual: bool) -> Any:
        text = str(node.value)
        if node.tag not in _IMPLICIT:
            raise self.refuse(node, "a YAML tag (!…) is used", "write the value without a tag")
        if getattr(node, "style", None):  # quoted; of what is not, libyaml says "" and PyYAML None
            return text
        if text in _NULLS:
            return None
        if textual:
            return text
        if text in _TRUTHS:
            return _TRUTHS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return self._number(node, text)
        if node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float"):
            raise self.refuse(
                node, f"{text[:40]!r} is a number only YAML understands", "write it plainly, like 0.05 or 1000"
            )
        return text

    def _number(self, node: yaml.Node, text: str) -> float:
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise self.refuse(node, f"{text[:40]!r} is too large", "write a finite number")
        return number
