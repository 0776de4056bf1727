"""A policy file as a Policy, or one error that names the line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from codman.errors import nearest
from codman.review.policy.catalog import BY_KEY, KINDS
from codman.review.policy.requirement import RequirementKind
from codman.review.policy.written import BadPolicy, Place, Written, first_of, parse, read
from codman.spine.policy import AppliesTo, Ask, Checkpoint, Committee, Policy, Requirement
from codman.spine.statement import Kind

_TEXT: Final = frozenset({"policy", "edition", "id", "title", "controls", "applies_to"})
# names and levels, never numbers or dates: kept as they were written
AS_TEXT: Final = _TEXT.union(*(kind.as_text for kind in KINDS))
_POLICY_KEYS: Final = tuple(name for name in Policy.model_fields if name != "file")
_OWN_KEYS: Final = tuple(name for name in Requirement.model_fields if name not in ("asked_as", "asks", "line"))
_REQUIREMENT_KEYS: Final = (*_OWN_KEYS, *(kind.key for kind in KINDS if kind.key not in _OWN_KEYS))


def load_policy(path: Path | str) -> Policy:
    """Read a policy.

    Args:
        path: A YAML file.

    Raises:
        BadPolicy: It cannot be read, has an unknown key, metric or word, or holds a requirement that can never be met.
            The message names the line.
    """
    path = Path(path)
    return policy_of(read(path, as_text=AS_TEXT))


def policy_of_bytes(data: bytes, name: str) -> Policy:
    """The same from bytes in memory; `name` is what errors call them."""
    return policy_of(parse(data, name, as_text=AS_TEXT))


def policy_of(written: Written) -> Policy:
    """The same from values that were read already, as a pack's file holds several. Raises BadPolicy."""
    top = written.value
    if not isinstance(top, Mapping):
        raise written.refuse(
            (), "it is not a policy: there are no keys", "write at least: policy, edition, checkpoint, requires"
        )
    if "pack" in top and "checkpoints" in top:
        fix = "take one out of it: codman policy show POLICY > policy.yaml"
        raise written.refuse(("pack",), "it is a pack of policies, not one policy", fix)
    faults = [written.unknown((key,), _POLICY_KEYS) for key in top if key not in _POLICY_KEYS]
    for key in ("policy", "edition", "checkpoint", "requires"):
        if top.get(key) is None:
            faults.append(written.refuse((key,) if key in top else (), f"{key!r} is missing", _EXAMPLES[key]))
    fields: dict[str, Any] = {key: value for key, value in top.items() if value is not None and key in _POLICY_KEYS}
    if "applies_to" in fields:
        with _kept(faults):
            fields["applies_to"] = as_model(AppliesTo, _listed(fields["applies_to"]), ("applies_to",), written)
    if "committee" in fields:
        with _kept(faults):
            fields["committee"] = as_model(Committee, _listed(fields["committee"]), ("committee",), written)
    fields["requires"] = _requirements(fields.get("requires"), written, faults)
    fields["file"] = written.path
    if faults:
        # the rest of the top is still looked at; what is named already, or follows from it, is not named again
        named = {fault.key for fault in faults if fault.requirement is None}
        fields = {key: value for key, value in fields.items() if key not in ("applies_to", "committee", "requires")}
        rest: list[BadPolicy] = []
        with _kept(rest):
            as_model(Policy, fields, (), written)
        faults += [fault for fault in rest if fault.key in fields and fault.key not in named]
        raise first_of(sorted(faults, key=lambda fault: fault.line or 0))
    policy: Policy = as_model(Policy, fields, (), written)
    return policy


@contextmanager
def _kept(faults: list[BadPolicy]) -> Iterator[None]:
    """Keep what is wrong inside, and go on."""
    try:
        yield
    except BadPolicy as error:
        faults += error.faults


def _requirements(listed: Any, written: Written, faults: list[BadPolicy]) -> list[Requirement]:
    """Those that can be used; what is wrong with the others, and between them, is added to the faults."""
    if listed is None:
        return []
    if not isinstance(listed, list) or not listed:
        faults.append(written.refuse(("requires",), "'requires' is not a list of requirements", _EXAMPLES["requires"]))
        return []
    requires: dict[int, Requirement] = {}
    for i, item in enumerate(listed):
        with _kept(faults):
            requires[i] = _requirement(item, ("requires", i), written)
    for check in (_once, _agree):
        with _kept(faults):
            check(requires, written)
    return list(requires.values())


_EXAMPLES: Final = {
    "policy": "give it a name, like policy: high-risk-prediction",
    "edition": "say which edition it is, like edition: 2026-11",
    "checkpoint": f"name one of: {', '.join(Checkpoint)}",
    "requires": "list at least one requirement, beginning with '- id: …'",
}


def _listed(value: Any) -> Any:
    """`tier: high` is `tier: [high]`."""
    if not isinstance(value, Mapping):
        return value
    return {key: [one] if isinstance(one, str) else one for key, one in value.items()}


def _requirement(item: Any, place: Place, written: Written) -> Requirement:
    if not isinstance(item, Mapping):
        raise written.refuse(place, "a requirement is not a set of keys", "write '- id: …' and its keys below")
    faults = [written.unknown((*place, key), _REQUIREMENT_KEYS) for key in item if key not in _REQUIREMENT_KEYS]
    if item.get("id") is None:
        faults.append(written.refuse(place, "a requirement has no id", "give it a short name, like id: discrimination"))
    kind, ask = None, None
    with _kept(faults):
        kind = _kind(item, place, written)
        ask = as_model(kind.asks, kind.form(item[kind.key]), (*place, kind.key), written)
    if kind is None:
        raise first_of(faults)
    fields = {key: value for key, value in item.items() if key in _OWN_KEYS and value is not None}
    for key in ("origin", "controls"):
        if isinstance(fields.get(key), str):
            fields[key] = [fields[key]]
    if fields.get("origin") == []:
        faults.append(
            written.refuse((*place, "origin"), "no origin counts", "name one, or leave 'origin' out to accept any")
        )
    if "evidence" not in fields and kind.default_evidence is not None:
        fields["evidence"] = kind.default_evidence
    # an ask that cannot be read is left out, so that the requirement's own keys are still looked at
    whole = {**fields, "asked_as": kind.key, "asks": Ask() if ask is None else ask, "line": written.line(place)}
    if "id" not in fields:
        whole["id"] = "no-id"
    requirement: Requirement | None = None
    with _kept(faults):
        requirement = as_model(Requirement, whole, place, written)
    if requirement is None:  # its ask is looked at as far as it can stand alone
        bare = {key: whole[key] for key in ("asked_as", "asks", "evidence", "line") if key in whole}
        with suppress(ValidationError):
            requirement = Requirement.model_validate({**bare, "id": "no-id"})
    if requirement is not None and ask is not None:
        for fault in kind.faults(requirement):
            inside = place if fault.key in _OWN_KEYS else (*place, kind.key)
            where = inside if fault.key is None else (*inside, fault.key)
            faults.append(written.refuse(where, f"{_who(item)}: {fault.why}", fault.fix))
    if faults or requirement is None:
        raise first_of(sorted(faults, key=lambda fault: fault.line or 0))
    return requirement


def _who(item: Mapping[str, Any]) -> str:
    return "a requirement" if item.get("id") is None else f"requirement {item['id']!r}"


def _kind(item: Mapping[str, Any], place: Place, written: Written) -> RequirementKind:
    named = [kind for kind in KINDS if item.get(kind.key) is not None and kind.key not in _OWN_KEYS]
    if len(named) > 1:
        keys = " and ".join(kind.key for kind in named)
        raise written.refuse(place, f"{_who(item)} asks for {keys} at once", "make two requirements of it")
    if named:
        return named[0]
    if item.get("evidence") is not None:
        return BY_KEY["evidence"]
    keys = ", ".join(kind.key for kind in KINDS)
    raise written.refuse(place, f"{_who(item)} asks for nothing", f"give it one of: {keys}")


def _once(requires: Mapping[int, Requirement], written: Written) -> None:
    seen: dict[str, int] = {}
    for i, requirement in requires.items():
        if requirement.id in seen:
            raise written.refuse(
                ("requires", i, "id"),
                f"the id {requirement.id!r} stands at line {seen[requirement.id]} already",
                "give each requirement its own id",
            )
        seen[requirement.id] = requirement.line


def _agree(requires: Mapping[int, Requirement], written: Written) -> None:
    for i, one in requires.items():
        for j, other in requires.items():
            if j < i and one.asked_as == other.asked_as and one.severity == other.severity:
                why = BY_KEY[one.asked_as].contradicts(other, one)
                if why is not None:
                    raise written.refuse(
                        ("requires", i), f"two requirements contradict: {why}", "correct one of the two"
                    )


def as_model(model: type[BaseModel], fields: Any, place: Place, written: Written) -> Any:
    """Fields as their model; the first thing wrong becomes one error with its line."""
    if not isinstance(fields, Mapping):
        raise written.refuse(
            place, f"'{place[-1] if place else 'policy'}' is not a set of keys", "write its keys below it"
        )
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        told = [_told(one, model, place, written) for one in error.errors(include_url=False)]
        # one value that is none of several kinds is one fault
        raise first_of(list({fault.key: fault for fault in reversed(told)}.values())[::-1]) from None


def _told(first: Mapping[str, Any], model: type[BaseModel], place: Place, written: Written) -> BadPolicy:
    where = (*place, *first["loc"])
    key = next((part for part in reversed(where) if isinstance(part, str)), "policy")
    known = [field.alias or name for name, field in model.model_fields.items()]
    kind = first["type"]
    if kind == "extra_forbidden":
        return written.unknown(where, known)
    if kind == "missing":
        return written.refuse(place, f"{key!r} is missing", f"its keys are: {', '.join(known)}")
    shown = _shown(first.get("input"))
    if kind in ("enum", "literal_error"):
        allowed = _allowed(key, first)
        return written.refuse(where, f"{shown} is no {key}", nearest(str(first.get("input")), allowed))
    message = str(first["msg"]).removeprefix("Value error, ")
    return written.refuse(where, f"{key}: {shown}: {message[:1].lower()}{message[1:]}", "correct that value")


def _allowed(key: str, first: Mapping[str, Any]) -> list[str]:
    if key == "evidence":
        return [kind.value for kind in Kind]
    said = str(first.get("ctx", {}).get("expected", ""))
    return [word.strip().strip("'") for word in said.replace(" or ", ",").split(",") if word.strip()]


def _shown(value: Any) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        return "this"
    return "nothing" if value is None else repr(value)[:60]
