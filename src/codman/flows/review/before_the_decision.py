"""What a case asks for if it is approved, written before it is closed: conditions, and what is accepted in writing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from codman.flows.house import House
from codman.flows.review.cases import CannotDecide, Docket, require_impartial, working
from codman.flows.review.voting import verdict_of
from codman.registry.access import Reader
from codman.registry.database import Change
from codman.registry.governance import ACCEPTANCES, CONDITIONS
from codman.registry.nouns import PEOPLE
from codman.registry.records import BadField
from codman.spine.review import Acceptance, ConditionFields
from codman.spine.verdict import Outcome

_ASKED: Final = frozenset({"sentence", "owner", "due_on", "requirement", "document", "patients_needed"})


def add_condition(
    house: House, reader: Reader, case: str, fields: Mapping[str, Any], *, request: str | None = None
) -> Any:
    """Write what a case will ask for if it is approved: of whom, by when, closed by what.

    Raises:
        NotAllowed: They do not preside over this use's cases.
        NotYours: They have a hand in the use, or a conflict of interest.
        CaseClosed: It is decided or withdrawn.
        BadField: A field cannot be kept, or the day is past.
    """
    with house.database.changing(reader.author(request)) as change:
        found = working(change.connection, reader, case, "case.change")
        require_impartial(found, reader)
        return CONDITIONS.add(change, _condition(change, found, fields))


def accept_inconclusive(
    house: House,
    reader: Reader,
    case: str,
    requirement: str,
    reason: str,
    condition: Mapping[str, Any],
    *,
    request: str | None = None,
) -> Acceptance:
    """Accept, in writing, a requirement that the evidence cannot decide; only under a condition that will decide it.

    Raises:
        NotAllowed: They do not preside.
        NotYours: They have a hand in the use, or a conflict of interest.
        CannotDecide: The requirement is not inconclusive.
        BadField: A field cannot be kept.
    """
    with house.database.changing(reader.author(request)) as change:
        found = working(change.connection, reader, case, "case.accept")
        require_impartial(found, reader)
        result = next((r for r in verdict_of(house, change.connection, found).results if r.id == requirement), None)
        if result is None:
            raise BadField("acceptance", "requirement", "the case's policy has no such requirement")
        if result.outcome is not Outcome.INCONCLUSIVE:
            raise CannotDecide(
                f"'{result.title}' is {result.outcome.value}: only what is inconclusive can be accepted in writing",
                "bring evidence that decides it",
            )
        made = CONDITIONS.add(change, _condition(change, found, {**condition, "requirement": requirement}))
        said = {"case": case, "requirement": requirement, "person": reader.person, "reason": reason}
        return ACCEPTANCES.add(change, ACCEPTANCES.validated({**said, "condition": made.id}))


def _condition(change: Change, found: Docket, fields: Mapping[str, Any]) -> ConditionFields:
    extra = sorted(set(fields) - _ASKED)
    if extra:
        raise BadField(
            "condition",
            extra[0][:60],
            "a condition is written without it; steps after the decision set it",
            fix="leave it out",
        )
    if isinstance(fields.get("document"), str):  # as types of documents are written
        fields = {**fields, "document": "-".join(fields["document"].lower().split())}
    made: ConditionFields = CONDITIONS.validated({**fields, "use": found.use.id, "case": found.case.id})
    if made.requirement is not None and all(one.id != made.requirement for one in found.policy.requires):
        raise BadField("condition", "requirement", "the case's policy has no such requirement")
    if made.due_on <= change.today:
        raise BadField("condition", "due_on", "the day is today or past: give one that can still be kept")
    owner = PEOPLE.get_many(change.connection, [made.owner]).get(made.owner)
    if owner is not None and not owner.active:
        raise BadField("condition", "owner", "their account is closed: give somebody who can still do it")
    return made
