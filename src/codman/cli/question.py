"""The flags of a command as a spec: words and numbers taken apart, and nothing decided."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from codman.errors import BadInput, nearest
from codman.spine.vocabulary import word

S = TypeVar("S", bound=BaseModel)
_NOTHING: Final[Mapping[str, str]] = {}


class BadFlag(BadInput):
    """A flag that cannot be read."""

    def __init__(self, flag: str, given: str, why: str, fix: str) -> None:
        super().__init__(what=f"{flag} {given} cannot be read", why=why, fix=fix)


def number(flag: str, text: str) -> float:
    """A finite number.

    Raises:
        BadFlag: It is none.
    """
    try:
        value = float(text)
    except ValueError:
        raise BadFlag(flag, text, f"{text!r} is not a number", "write a number such as 0.2") from None
    if not math.isfinite(value):
        raise BadFlag(flag, text, "it is not finite", "write a number such as 0.2")
    return value


def numbers(flag: str, text: str) -> list[float]:
    """Numbers with commas between them."""
    return [number(flag, part) for part in words(flag, text)]


def words(flag: str, text: str) -> list[str]:
    """Words with commas between them.

    Raises:
        BadFlag: One is empty or stands twice.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise BadFlag(flag, text, "there is nothing before or after a comma", "write names with single commas between")
    if len(set(parts)) < len(parts):
        raise BadFlag(flag, text, "it names the same twice", "name each once")
    return parts


def pair(flag: str, text: str, example: str) -> tuple[str, str]:
    """A name and what it is given: `age=0,40,65`.

    Raises:
        BadFlag: There is no equals sign, or nothing on one side of it.
    """
    name, equals, value = text.partition("=")
    if not (name.strip() and equals and value.strip()):
        raise BadFlag(flag, text, "it is not NAME=VALUE", f"write for example: {flag} {example}")
    return name.strip(), value.strip()


def pairs(flag: str, texts: Iterable[str], example: str) -> dict[str, str]:
    """Several names, each given once.

    Raises:
        BadFlag: One is given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, value = pair(flag, text, example)
        if name in found:
            raise BadFlag(flag, text, f"{name!r} is given twice", "give it once")
        found[name] = value
    return found


def one_of(flag: str, text: str, known: Sequence[str]) -> str:
    """One of some words.

    Raises:
        BadFlag: It is none of them.
    """
    if text not in known:
        raise BadFlag(flag, text, "it is none of the words this flag knows", nearest(text, known))
    return text


def label_of(text: str, columns: Sequence[str]) -> str | list[str]:
    """One label column, or several with commas between (multilabel); a column may itself have a comma in its name."""
    return text if text in columns or "," not in text else words("--label", text)


def grouping(text: str, columns: Sequence[str]) -> list[str]:
    """The columns of a grouping; several make an intersection, and a column may itself have a comma in its name."""
    return [text] if text in columns else words("--by", text)


def score_of(text: str, columns: Sequence[str]) -> str | list[str] | dict[str, str]:
    """One score column, one for each label, or `class=column` for each class."""
    if text in columns or not {",", "="} & set(text):
        return text
    if "=" in text:
        return pairs("--score", words("--score", text), "benign=p_benign,malignant=p_malignant")
    return words("--score", text)


def metrics_of(text: str) -> list[str]:
    """Names of metrics with commas between them.

    Raises:
        UnknownMetric: One is not in the vocabulary.
    """
    return [word(name).name for name in words("--metrics", text)]


def choices(texts: Iterable[str], rows: str) -> list[dict[str, Any]]:
    """How thresholds are chosen: `sensitivity=0.9`, `alert_rate=0.05`, `cost_ratio=20`.

    Args:
        texts: As they were typed.
        rows: Name of the input they are chosen on.
    """
    found = []
    for text in texts:
        rule, target = pair("--choose", text, "sensitivity=0.9")
        one_of("--choose", rule, ("sensitivity", "alert_rate", "cost_ratio"))
        found.append({"rule": rule, "target": number("--choose", target), "rows": rows})
    return found


def spec_of(spec: type[S], command: str, /, *, why: Mapping[str, str] = _NOTHING, **fields: Any) -> S:
    """The spec, from flags that were given; one that was not keeps its default.

    Args:
        spec: What the command asks for.
        command: Whose help says more, e.g. `codman evaluate`.
        why: By field, why a value is refused, where the model's own words would not help.
        **fields: What was given.

    Raises:
        BadInput: A value is out of its range.
    """
    try:
        return spec(**{name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = str(first["loc"][0]) if first["loc"] else "an argument"
        raise BadInput(
            what=f"{place.replace('_', ' ')} cannot be used",
            why=why.get(place, first["msg"][:500]),
            fix=f"see {command} --help",
        ) from None
