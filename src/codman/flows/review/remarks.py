"""remark: questions and answers in a case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codman.flows.house import House
from codman.flows.review.cases import working
from codman.registry.access import Reader
from codman.registry.governance import REMARKS
from codman.registry.records import BadField
from codman.spine.review import Remark, RemarkFields


def remark(
    house: House,
    reader: Reader,
    case: str,
    text: str,
    *,
    requirement: str | None = None,
    answers: str | None = None,
    request: str | None = None,
) -> Remark:
    """Ask or answer something in a case.

    Raises:
        NotAllowed: They may not, for this use.
        BadField: It answers nothing that was asked here, names a requirement the policy does not have, or is empty.
        CaseClosed: It is decided or withdrawn.
    """
    with house.database.changing(reader.author(request)) as change:
        found = working(change.connection, reader, case, "case.remark")
        if answers is not None and all(one.id != answers for one in found.remarks):
            raise BadField("remark", "answers", "there is no such question in this case")
        if requirement is not None and all(one.id != requirement for one in found.policy.requires):
            names = ", ".join(one.id for one in found.policy.requires)
            raise BadField("remark", "requirement", f"the case's policy has no such requirement; it has: {names}")
        said = {"case": case, "author": reader.person, "requirement": requirement, "answers": answers, "text": text}
        return REMARKS.add(change, _remark(said))


def _remark(said: Mapping[str, Any]) -> RemarkFields:
    return REMARKS.validated(said)
