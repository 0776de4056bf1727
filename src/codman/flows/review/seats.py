"""Seats: who reviews a case, who may not, what they say of their interests, and who casts their vote."""

from __future__ import annotations

import json
from typing import Final

from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.flows.review.cases import Docket, NotYours, require_impartial, require_seat, working
from codman.registry import governance
from codman.registry.access import Reader, paths_for
from codman.registry.governance import REVIEWERS
from codman.registry.records import AlreadyThere, BadField
from codman.registry.schema import log_entries, log_texts
from codman.review.committee import as_listed
from codman.review.votes import unseated
from codman.spine.review import Case, Conflict, Reviewer

_ANOTHER: Final = "ask another who presides"
_CAST: Final = "cast it, or state a conflict"
_DELEGATE: Final = "delegate"  # as what somebody stands in a case who was to vote for another, and stated a conflict


class Seated(AlreadyThere):
    """Somebody named as a reviewer who is one already."""

    def __init__(self) -> None:
        super().__init__("reviewer", "they review this case already")
        self.fix = "correct what they judge it as, as long as nobody has voted"


def unseated_in(found: Docket) -> tuple[str, ...]:
    """The disciplines of which a case needs a vote and that nobody named for it could give."""
    return unseated(found.case, found.reviewers, {*found.interested, *found.gone}, found.floor)


def name_reviewer(
    house: House, reader: Reader, case: str, person: str, discipline: str, *, request: str | None = None
) -> Reviewer:
    """Ask somebody to review a case; whoever has a hand in the use does not choose who judges it.

    Nobody says of themselves as what they judge it; and once somebody voted, who was taken off comes back as the same.

    Raises:
        NotAllowed: The reader may not, for this use.
        NotYours: The reader has a hand in the use, or a conflict of interest, or names themselves.
        BadField: The person may not vote here: they hold no role of the committee, or have a hand in the use.
        CaseClosed: It is decided or withdrawn.
        AlreadyThere: They are named already.
    """
    with house.database.changing(reader.author(request)) as change:
        found = working(change.connection, reader, case, "case.change")
        require_impartial(found, reader)
        if person == reader.person:
            raise NotYours("nobody names themselves: somebody else says who reviews it, and as what", _ANOTHER)
        require_seat(change.connection, person, found.use, "case.vote", "person", found.case.sites)
        if any(one.person == person for one in found.reviewers):
            raise Seated
        if person in found.interested:
            raise BadField(
                "reviewer", "person", f"they {found.interested[person]}: others decide", fix="name somebody else"
            )
        if any(one.delegate == person for one in found.reviewers):
            raise BadField(
                "reviewer", "person", "they cast another reviewer's vote in this case", fix="name somebody else"
            )
        said = {"case": case, "person": person, "discipline": as_listed(discipline)}
        before = _judged_it_as(change.connection, found.case, person) if found.votes else None
        if before not in (None, said["discipline"]):
            why = f"they reviewed it as {before} before, and somebody has voted since: they come back as that"
            raise BadField("reviewer", "discipline", why)
        return REVIEWERS.add(change, REVIEWERS.validated(said))


def _judged_it_as(connection: Connection, case: Case, person: str) -> str | None:
    """What somebody judged a case as when they were last taken off it; None where they never were."""
    told = connection.execute(
        select(log_entries.c.entry, log_texts.c.text)
        .join(log_texts, log_texts.c.number == log_entries.c.number)
        .where(
            log_entries.c.action == "reviewer.remove",
            log_entries.c.at >= case.created_at,
            log_texts.c.field == "before.discipline",
        )
        .order_by(log_entries.c.number.desc())
    ).all()
    seats = ((json.loads(bytes(raw))["before"], discipline) for raw, discipline in told)
    return next((said for one, said in seats if (one["case"], one["person"]) == (case.id, person)), None)


def correct_discipline(
    house: House, reader: Reader, reviewer: str, revision: int, discipline: str, *, request: str | None = None
) -> Reviewer:
    """Correct what a reviewer judges a case as, before anybody has voted in it: then it is part of what was voted.

    Raises:
        NoSuchRecord: There is no such reviewer within their reach.
        NotAllowed: They may not, for this use.
        NotYours: They have a hand in the use, a conflict of interest, or are the reviewer themselves.
        AlreadyThere: Somebody voted in this case.
        BadField: It is none, or too long.
        CaseClosed: It is decided or withdrawn.
        Stale: It was changed since they looked.
    """
    with house.database.changing(reader.author(request)) as change:
        one: Reviewer = governance.get(change.connection, "reviewer", reviewer, paths_for(reader, "review.read"))
        found = working(change.connection, reader, one.case, "case.change")
        require_impartial(found, reader)
        if one.person == reader.person:
            raise NotYours("you review it yourself: somebody else says as what", _ANOTHER)
        if found.votes:
            raise AlreadyThere("vote", "somebody voted in this case: what its reviewers judge it as stays as it was")
        return REVIEWERS.change(change, reviewer, {"discipline": as_listed(discipline)}, revision)


def excuse_reviewer(house: House, reader: Reader, reviewer: str, revision: int, *, request: str | None = None) -> str:
    """Take a reviewer off a case, and say which; the log keeps that they were on it.

    Raises:
        NoSuchRecord: There is no such reviewer within their reach.
        NotAllowed: They may not, for this use.
        NotYours: They have a hand in the use, or a conflict of interest.
        AlreadyThere: The reviewer voted, or stated a conflict: neither is taken away by another.
    """
    with house.database.changing(reader.author(request)) as change:
        within = paths_for(reader, "review.read")
        one: Reviewer = governance.get(change.connection, "reviewer", reviewer, within)
        found = working(change.connection, reader, one.case, "case.change")
        require_impartial(found, reader)
        if any(vote.person == one.person for vote in found.votes):
            raise AlreadyThere("vote", "they voted, and a vote is not taken away by somebody else")
        if one.conflict is Conflict.CONFLICT:
            why = "they stated a conflict of interest, which stays with the case: they have no vote, and cast nobody's"
            raise AlreadyThere("conflict of interest", why)
        REVIEWERS.remove(change, reviewer, revision)
        return found.case.id


def state_interest(
    house: House, reader: Reader, case: str, conflict: Conflict, note: str | None = None, *, request: str | None = None
) -> Reviewer:
    """Say whether one has a conflict of interest in a case one reviews; one that was stated is not taken back.

    A delegate says so too: a conflict ends the delegation and stays with the case, and a vote that they cast for
    another says that they have none.

    Raises:
        NotYours: They are not named for it, take a conflict back that they stated, or have none as a delegate.
        CaseClosed: It is decided or withdrawn.
    """
    with house.database.changing(reader.author(request)) as change:
        found = working(change.connection, reader, case, "case.vote")
        lent = [one for one in found.reviewers if one.delegate == reader.person]
        if lent and conflict is not Conflict.CONFLICT:
            raise NotYours("whoever casts a vote for another says by it that they have no conflict of interest", _CAST)
        if lent:
            for one in lent:
                REVIEWERS.change(change, one.id, {"delegate": None}, None)
            said = {"case": case, "person": reader.person, "discipline": _DELEGATE}
            stated = {"conflict": conflict.value, "conflict_note": note}
            return REVIEWERS.add(change, REVIEWERS.validated({**said, **stated}))
        own = _own(found, reader)
        if own.conflict is Conflict.CONFLICT and conflict is not Conflict.CONFLICT:
            raise NotYours("you stated a conflict of interest in this case", "ask who presides to lift it")
        return REVIEWERS.change(change, own.id, {"conflict": conflict.value, "conflict_note": note}, None)


def lift_conflict(
    house: House, reader: Reader, reviewer: str, revision: int, why: str, *, request: str | None = None
) -> Reviewer:
    """Lift a conflict of interest that a reviewer stated, with a reason: they state their interest anew.

    Raises:
        NoSuchRecord: There is no such reviewer within their reach.
        NotAllowed: They do not preside over this use's cases.
        NotYours: They have a hand in the use, or a conflict of interest; it is their own; or another presides.
        BadField: There is none to lift, or no reason is given.
        Stale: It was changed since they looked.
    """
    with house.database.changing(reader.author(request), why) as change:
        within = paths_for(reader, "review.read")
        one: Reviewer = governance.get(change.connection, "reviewer", reviewer, within)
        found = working(change.connection, reader, one.case, "case.decide")
        require_impartial(found, reader)
        if found.presiding not in (None, reader.person):
            raise NotYours("another person presides over this case", "ask them to lift it")
        if one.conflict is not Conflict.CONFLICT:
            raise BadField(
                "reviewer", "conflict", "they stated no conflict of interest", fix="leave it: there is nothing to lift"
            )
        if not why.strip():
            raise BadField("reviewer", "why", "say why it stands in the way no more")
        return REVIEWERS.change(change, reviewer, {"conflict": Conflict.NOT_STATED.value}, revision)


def delegate(house: House, reader: Reader, case: str, to: str | None, *, request: str | None = None) -> Reviewer:
    """Name who casts one's vote, or take that back at any time: what a delegate cast counts no more from then on.

    Raises:
        NotYours: They are not named for it, voted already themselves, or have a conflict of interest and so no vote.
        BadField: The delegate may not vote here, reviews the case themselves, or casts another's vote.
    """
    with house.database.changing(reader.author(request)) as change:
        found = working(change.connection, reader, case, "case.vote")
        own = _own(found, reader)
        if to is not None and any(vote.person == reader.person == vote.cast_by for vote in found.votes):
            raise NotYours("the vote is cast already", "change the vote instead")
        if to is not None and own.conflict is Conflict.CONFLICT:
            raise NotYours("you declared a conflict of interest: there is no vote to hand on", "leave it to others")
        if to is not None:
            require_seat(change.connection, to, found.use, "case.vote", "delegate", found.case.sites)
            if to in found.interested:
                raise BadField(
                    "reviewer", "delegate", f"they {found.interested[to]}: others decide", fix="name somebody else"
                )
            if to == found.case.chair:
                raise BadField(
                    "reviewer", "delegate", "they preside over this case, and close it", fix="name somebody else"
                )
            if any(one.person == to or one.delegate == to for one in found.reviewers):
                raise BadField(
                    "reviewer",
                    "delegate",
                    "they have a vote in this case already; nobody casts two",
                    fix="name somebody else",
                )
        return REVIEWERS.change(change, own.id, {"delegate": to}, None)


def _own(found: Docket, reader: Reader) -> Reviewer:
    own = next((one for one in found.reviewers if one.person == reader.person), None)
    if own is None:
        raise NotYours("you are not named as a reviewer of this case", "ask the chair to name you")
    return own
