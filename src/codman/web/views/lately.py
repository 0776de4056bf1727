"""What somebody did lately, in the words of the pages: you approved this use, you took that concern in hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from codman.registry.documents import Fact
from codman.registry.governance import CASES, GOVERNANCE
from codman.registry.keys import OwnerKind
from codman.registry.log import Written
from codman.registry.mine import in_sight
from codman.registry.names import names_of
from codman.registry.nouns import DEPLOYMENTS, FACTS
from codman.registry.timeline import Asked, entries_of
from codman.spine.review import CaseState
from codman.spine.statement import Kind
from codman.web.views.history import by_triage, done, place_of

_SHOWN: Final = 8
_LOOKED: Final = 60  # entries: of these, many are sign-ins and answers saved one by one
# how one came in, and what the house wrote down by itself while one did something else
_LEFT_OUT: Final = frozenset({"session", "account", "password", "identity", "invitation", "link", "policy", "house"})
_UNSAID: Final = frozenset(
    {"person.sign", "evidence.link", "log.try", "reopening.create", "pause_proposal.create", "expected_report.create"}
)
# statements that the house files of what somebody did, which is told as that
_OF_DEEDS: Final = frozenset({Kind.DECISION.value, Kind.REPORT.value, Kind.CONCERN.value})
_OUTCOMES: Final[Mapping[str, str]] = {
    "approved": "You approved",
    "approved with conditions": "You approved, with conditions,",
    "rejected": "You rejected",
    "deferred": "You deferred the decision on",
    "retired": "You decided to retire",
}
_CHOICES: Final[Mapping[str, str]] = {
    "approve": "You voted to approve",
    "approve with conditions": "You voted to approve, with conditions,",
    "defer": "You voted to put off",
    "reject": "You voted to reject",
    "abstain": "You abstained from the vote on",
}
_WORDS: Final[Mapping[str, str]] = {
    "case.create": "You opened a review of",
    "case.change": "You changed the review of",
    "reviewer.create": "You named a reviewer for",
    "reviewer.change": "You stated an interest or handed on a vote for",
    "reviewer.remove": "You excused a reviewer of",
    "remark.create": "You wrote in the review of",
    "acceptance.create": "You accepted what evidence could not decide about",
    "exclusion.create": "You said that a requirement does not apply to",
    "exclusion.change": "You answered whether a requirement applies to",
    "condition.create": "You set a condition on",
    "condition.change": "You saw to a condition of",
    "use.create": "You added the use",
    "use.change": "You changed the use",
    "deployment.create": "You put down a site of",
    "deployment.change": "You changed a site of",
    "fact.create": "You answered a question about",
    "fact.change": "You answered a question anew about",
    "triage.create": "You set the tier of",
    "triage.change": "You saw to the tier of",
    "determination.create": "You recorded whether research rules apply to",
    "schedule.create": "You asked for reports about",
    "schedule.change": "You changed who reports about",
    "expected_report.change": "You saw to a report about",
    "change_plan.create": "You wrote a change plan of",
    "change_plan.change": "You laid a change plan before a case of",
    "pause_proposal.change": "You settled a pause that was proposed of",
    "concern.create": "You raised a concern about",
    "concern.change": "You put down what is known of a concern about",
    "corrective_action.create": "You gave somebody something to do after a concern about",
    "corrective_action.change": "You said that something was done after a concern about",
    "intake.create": "You began a proposal",
    "intake.change": "You went on with a proposal",
    "evidence.file": "You sent evidence",
    "token.create": "You made an access token",
    "token.revoke": "You revoked an access token",
}
_HREFS: Final[Mapping[str, str]] = {  # by what was written of: what stands in for {} is its use, case or id
    "case": "/reviews/{case}",
    "vote": "/reviews/{case}",
    "reviewer": "/reviews/{case}",
    "remark": "/reviews/{case}",
    "acceptance": "/reviews/{case}",
    "exclusion": "/reviews/{case}",
    "condition": "/reviews/{case}",
    "deployment": "/uses/{use}",
    "triage": "/uses/{use}/triage",
    "determination": "/uses/{use}/triage",
    "schedule": "/uses/{use}/reports",
    "expected_report": "/reports/{id}",
    "change_plan": "/plans/{id}",
    "pause_proposal": "/uses/{use}/changes",
    "concern": "/incidents/{id}",
    "corrective_action": "/incidents/{concern}",
    "intake": "/intakes/{id}",
    "token": "/account",
}
_WHAT_ELSE: Final[Mapping[str, str]] = {  # what it is called where it has no use
    "concern": "a tool nobody could name",
    "corrective_action": "a tool nobody could name",
    "intake": "",
    "token": "",
    "statement": "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something the reader did."""

    index: int
    at: str
    sentence: str
    about: str
    href: str
    why: str


class _About(NamedTuple):
    """What an entry is about, and the use behind it."""

    kind: str
    id: str
    use: str | None
    case: str | None
    concern: str | None


def lately(connection: Connection, person: str, within: Sequence[str]) -> tuple[Deed, ...]:
    """What somebody did, the newest first; how they came in is left out, and what they did twice is told once.

    Args:
        connection: Where to read.
        person: Who.
        within: Paths of the sites whose uses they may see; what is out of their sight by now leads nowhere.
    """
    items = [one for one in entries_of(connection, Asked(actor=person, limit=_LOOKED)).items if _told(one.value)]
    abouts = {one.index: _about(connection, one) for one in items}
    uses = {about.use for about in abouts.values() if about.use is not None}
    seen = in_sight(connection, sorted(uses), within)
    named = names_of(connection, [*uses, *(about.id for about in abouts.values())])
    found: dict[tuple[str, str, str], Deed] = {}
    for one in items:
        about = abouts[one.index]
        deed = Deed(
            index=one.index,
            at=one.value["at"],
            sentence=_sentence(one.value),
            about=_called(about, named),
            href=_href(about) if about.use is None or about.use in seen else "",
            why=one.texts.get("why") or "",
        )
        found.setdefault((deed.sentence, deed.about, deed.href), deed)
    return tuple(found.values())[:_SHOWN]


def _told(value: Mapping[str, Any]) -> bool:
    action = str(value["action"])
    if action == "case.change" and (value.get("after") or {}).get("state") == CaseState.VOTING.value:
        return False  # the first vote changes the case, and is told as a vote
    after = value.get("after") or {}
    if action == "evidence.file" and after.get("kind") in _OF_DEEDS:
        return False
    if by_triage(value):
        return False  # told as the triage it was
    if action == "key.create" and after.get("owner_kind") == OwnerKind.NOTARY.value:
        return False
    return action.partition(".")[0] not in _LEFT_OUT and action not in _UNSAID


def _about(connection: Connection, one: Written) -> _About:
    kind, name = str(one.value["about"]["kind"]), str(one.value["about"]["id"])
    if kind == "use":
        return _About(kind, name, name, None, None)
    records: Any = {"deployment": DEPLOYMENTS, "fact": FACTS}.get(kind) or GOVERNANCE.get(kind)
    record = None if records is None else records.get_many(connection, [name]).get(name)
    if isinstance(record, Fact):
        use = record.about if record.about_kind == "use" else None
        return _About(str(record.about_kind), record.about, use, None, None)
    said: Mapping[str, Any] = record.model_dump() if record is not None else one.value.get("before") or {}
    case = name if kind == "case" else said.get("case")
    use = said.get("use")
    if use is None and case is not None:
        behind = CASES.get_many(connection, [case]).get(case)
        use = None if behind is None else behind.use
    return _About(kind, name, use, case, said.get("concern"))


def _sentence(value: Mapping[str, Any]) -> str:
    action, after = str(value["action"]), value.get("after") or {}
    return next(_particular(action, after), None) or _WORDS.get(action) or f"You {done(action)}"


def _particular(action: str, after: Mapping[str, Any]) -> Iterator[str]:
    """What fits better than the action alone."""
    if action == "case.change":
        if (outcome := str(after.get("outcome"))) in _OUTCOMES:
            yield _OUTCOMES[outcome]
        if after.get("state") == "withdrawn":
            yield "You withdrew the review of"
        elif "chair" in after and "outcome" not in after:
            yield "You said who presides over the review of"
    if action == "triage.create" and after.get("computed") == after.get("tier") and not after.get("asked_by"):
        yield "You had the rules give a tier to"
    if action.startswith("vote.") and after.get("choice") in _CHOICES:
        yield _CHOICES[after["choice"]]
    if action == "use.change" and after.get("stage"):
        yield "You paused" if after["stage"] == "paused" else f"You took to {after['stage']}:"
    if action == "deployment.change" and after.get("accepted_at"):
        yield "You accepted a site of"
    if action == "concern.change" and after.get("state") == "acknowledged":
        yield "You took in hand a concern about"
    if action == "concern.change" and after.get("state") == "closed":
        yield "You closed a concern about"
    if action == "intake.change" and after.get("state") not in (None, "draft"):
        yield "You sent a proposal" if after["state"] != "withdrawn" else "You withdrew a proposal"
    if action == "intake.change" and after.get("state") == "draft":
        yield "You took up a proposal again"


def _called(about: _About, named: Mapping[str, str]) -> str:
    if about.use is not None and about.use in named:
        return named[about.use]
    return _WHAT_ELSE[about.kind] if about.kind in _WHAT_ELSE else named.get(about.id, "")


def _href(about: _About) -> str:
    if about.kind not in _HREFS:
        return place_of(about.kind, about.id)
    parts = {"id": about.id, "use": about.use, "case": about.case, "concern": about.concern}
    path = _HREFS[about.kind]
    return path.format(**parts) if all(parts[name] for name in parts if f"{{{name}}}" in path) else ""
