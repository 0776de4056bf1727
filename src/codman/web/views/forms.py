"""Forms: what is asked, what was answered, what is wrong with it. An answer comes back as it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import ValidationError

from codman.registry.records import Records
from codman.web.views.sent import Form

FieldKind = Literal["line", "prose", "day", "choice", "yesno", "lines", "amount", "email", "password"]
NOT_SAID: Final = "not said"
CHOOSE: Final = "choose one"


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to choose."""

    value: str
    text: str
    group: str = ""  # under which heading; options of one heading follow each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question of a form."""

    name: str
    label: str
    kind: FieldKind = "line"
    hint: str = ""
    options: tuple[Option, ...] = ()
    needed: bool = False
    unsaid: str = NOT_SAID  # what leaving a choice open means
    search: str | None = None  # of a choice too long to list: the words searched for; None is a list


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question with its answer, ready to be shown."""

    id: str
    name: str
    label: str
    kind: str
    value: str
    hint: str
    error: str
    options: tuple[Option, ...]
    needed: bool
    autocomplete: str = ""
    search: str | None = None


_YES_NO: Final = (Option("", NOT_SAID), Option("true", "yes"), Option("false", "no"))

WHY: Final = Ask(
    name="why",
    label="Why",
    kind="line",
    hint="Kept in the audit log. Leave patients out of it.",
)


def shown(asks: Sequence[Ask], values: Mapping[str, str], errors: Mapping[str, str]) -> tuple[Asked, ...]:
    """The questions with their answers and what is wrong with them."""
    return tuple(
        Asked(
            id=f"f-{ask.name}",
            name=ask.name,
            label=ask.label,
            kind={"yesno": "choice", "lines": "line"}.get(ask.kind, ask.kind),
            value=values.get(ask.name, ""),
            hint=ask.hint,
            error=errors.get(ask.name, ""),
            options=_YES_NO if ask.kind == "yesno" else _choices(ask, values.get(ask.name, "")),
            needed=ask.needed,
            search=ask.search,
        )
        for ask in asks
    )


def as_text(asks: Sequence[Ask], plain: Mapping[str, Any]) -> dict[str, str]:
    """A record's fields as the form writes them."""
    return {ask.name: _text(ask, plain.get(ask.name)) for ask in asks}


def answers(asks: Sequence[Ask], form: Form) -> dict[str, Any]:
    """What a form says, by field; an empty answer is None."""
    return {ask.name: _answer(ask, form.get(ask.name)) for ask in asks if ask is not WHY and ask.name in form.values}


def unanswered(asks: Sequence[Ask], values: Mapping[str, str]) -> dict[str, str]:
    """What was left open though it is needed, or searched for and then not chosen."""
    found = {}
    for ask in asks:
        if values.get(ask.name, "").strip():
            continue
        if ask.search:
            found[ask.name] = "choose one of those that fit, or take the search away"
        elif ask.needed:
            found[ask.name] = "this is needed"
    return found


def what_is_wrong(records: Records[Any, Any], values: Mapping[str, Any]) -> dict[str, str]:
    """What cannot be kept, by field, in words a person can act on; nothing where all can."""
    try:
        records.fields.model_validate(values)
    except ValidationError as error:
        found: dict[str, str] = {}
        for one in error.errors(include_url=False, include_input=False, include_context=False):
            place = str(one["loc"][0]) if one["loc"] else ""
            found.setdefault(place, _said(one["type"], one["msg"], empty=values.get(place) is None))
        return found
    return {}


def _choices(ask: Ask, value: str) -> tuple[Option, ...]:
    if ask.kind != "choice":
        return ()
    options = ask.options if ask.needed and value else (Option("", CHOOSE if ask.needed else ask.unsaid), *ask.options)
    known = {option.value for option in options}
    return options if value in known else (*options, Option(value, value))


def _text(ask: Ask, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, dict):
        return "\n".join(f"{name}: {said}" for name, said in value.items())
    if ask.kind == "amount":
        return f"{value:.10g}"
    return str(value)


def _answer(ask: Ask, text: str | None) -> Any:
    if text is None:
        return None
    if ask.kind == "yesno":
        return {"true": True, "false": False}.get(text, text)
    if ask.kind == "lines":
        return [] if text.lower() == "none" else [part.strip() for part in text.split(",") if part.strip()]
    if ask.kind == "amount":
        try:
            return float(text.replace(",", "").replace(" ", ""))
        except ValueError:
            return text
    if ask.name == "descriptor":
        return _pairs(text)
    return text


def _pairs(text: str) -> Any:
    """Lines of `name: value` as a mapping; the text itself where they are not, so that it is refused with a reason."""
    pairs = [line.partition(":") for line in text.splitlines() if line.strip()]
    if not all(colon and name.strip() and value.strip() for name, colon, value in pairs):
        return text
    return {name.strip(): value.strip() for name, _, value in pairs}


def _said(kind: str, message: str, *, empty: bool) -> str:
    if kind == "missing" or empty:
        return "this is needed"
    if kind == "dict_type":
        return "write one `name: value` on each line"
    if kind in ("float_parsing", "float_type"):
        return "this is not a number"
    if kind == "enum":
        return "choose one of the list"
    if kind == "string_too_long":
        return "this is too long" + message.removeprefix("String should have").replace("at most", ": at most")
    if kind == "string_pattern_mismatch":
        return "this has another form than the field needs"
    return message.removeprefix("Value error, ")
