"""Who presides over a case, named anew: a case does not wait for a chair who is away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from codman.flows.house import House
from codman.flows.review.cases import Docket, NotYours, require_impartial, require_seat, working
from codman.jobs.notice import Notice
from codman.jobs.outbox import enqueue
from codman.registry.access import Reader
from codman.registry.database import Change
from codman.registry.governance import CASES
from codman.registry.nouns import PEOPLE
from codman.registry.records import AlreadyThere, BadField
from codman.registry.timeline import MOST_A_PAGE, Asked, entries_of
from codman.spine.day import written_day
from codman.spine.review import Case, Conflict

_CHAIR: Final = "chair"
_MAIL: Final = "mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """That another person was named to preside over a case: by whom, in whose place, and why."""

    at: str
    by: str
    before: str | None  # who presided until then; None where nobody was named
    after: str
    why: str | None  # None where it was erased


def name_chair(
    house: House, reader: Reader, case: str, revision: int, chair: str, why: str, *, request: str | None = None
) -> Case:
    """Name who presides over a case in place of who was named before, or take it over oneself.

    Whoever has a vote in it neither takes it over nor says who does; who presides hands it on all the same. Who
    presided until then is told by mail.

    Args:
        house: The open house.
        reader: Who does it.
        case: Which case.
        revision: The revision they saw.
        chair: Who presides from now on.
        why: Why; it stands in the minutes.
        request: The request it came with, for the log.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They may not close cases of this use.
        NotYours: They have a hand in the use, a conflict of interest, or a vote in this case.
        CaseClosed: It is decided or withdrawn.
        Stale: It was changed since they looked.
        AlreadyThere: They preside over it already.
        BadField: The person could not close it, or votes in it; or no reason is given.
    """
    with house.database.changing(reader.author(request), why) as change:
        found = working(change.connection, reader, case, "case.decide", revision)
        require_impartial(found, reader)
        before = found.case.chair
        if (why_not := why_not_named_by(found, reader)) is not None:
            raise NotYours(why_not, "ask another chair or officer, who has none")
        if not why.strip():
            raise BadField("case", "why", "say why another person presides")
        if chair == before:
            raise AlreadyThere("case", "they preside over it already")
        _require_chair(change.connection, found, chair)
        now: Case = CASES.change(change, case, {_CHAIR: chair}, revision)
        _tell(change, house, reader, found)
        return now


def why_not_named_by(found: Docket, reader: Reader) -> str | None:
    """Why somebody who may close the case does not say who presides over it; None where they may."""
    if reader.person == found.case.chair or not votes_in(found, reader.person):
        return None
    return "you have a vote in this case, so you do not say who presides over it"


def votes_in(found: Docket, person: str) -> bool:
    """Whether somebody has a vote of their own in a case, or casts another's."""
    own = any(one.person == person and one.conflict is not Conflict.CONFLICT for one in found.reviewers)
    return own or any(one.delegate == person for one in found.reviewers)


def handed_on(connection: Connection, case: str) -> list[Handed]:
    """Each time another person was named to preside over a case, in order, as the log tells."""
    asked = Asked(about=[case], about_kind=CASES.kind, action=f"{CASES.kind}.change", limit=MOST_A_PAGE)
    found = []
    for one in reversed(entries_of(connection, asked).items):
        told = one.value
        if _CHAIR in told["after"] and "outcome" not in told["after"]:  # who closes it presided over it
            before, after = told["before"][_CHAIR], told["after"][_CHAIR]
            by = told["actor"]["id"]
            found.append(Handed(at=told["at"], by=by, before=before, after=after, why=one.texts.get("why")))
    return found


def said_of(one: Handed, names: Mapping[str, str]) -> str:
    """That another person was named to preside, as a sentence with its reason."""
    by, after = names.get(one.by, one.by), names.get(one.after, one.after)
    took = f"{by} took over as who presides" if one.by == one.after else f"{by} named {after} to preside"
    instead = "" if one.before is None else f", in place of {names.get(one.before, one.before)}"
    why = "" if one.why is None else f": {one.why.strip().rstrip('.')}"
    return f"On {written_day(one.at)} {took}{instead}{why}."


def _require_chair(connection: Connection, found: Docket, person: str) -> None:
    """Refuse who could not close the case themselves."""
    require_seat(connection, person, found.use, "case.decide", _CHAIR, found.case.sites)
    if person in found.interested:
        raise BadField(CASES.kind, _CHAIR, f"they {found.interested[person]}: others decide")
    if any(one.person == person and one.conflict is Conflict.CONFLICT for one in found.reviewers):
        raise BadField(CASES.kind, _CHAIR, "they declared a conflict of interest in this case")
    if votes_in(found, person):
        raise BadField(CASES.kind, _CHAIR, "they have a vote in this case, or cast one for another")


def _tell(change: Change, house: House, reader: Reader, found: Docket) -> None:
    """Mail to who presided until now, where they did not hand it on themselves."""
    before = found.case.chair
    if before is None or before == reader.person:
        return
    notice = Notice(
        event="case.chair",
        title="Another person presides over a case of yours",
        text="You were named to preside over it. Who presides now, and why, stands on the case's page.",
        link=f"{house.settings.address}/reviews/{found.case.id}",
        about=found.case.id,
        urgency="medium",
    )
    person = PEOPLE.get(change.connection, before)
    if person.active and person.email is not None:
        key = f"case/{found.case.id}/chair/{found.case.revision}/{before}"
        enqueue(change.connection, _MAIL, person.email, notice, key, at=change.at)
