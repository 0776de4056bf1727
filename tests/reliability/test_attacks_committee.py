"""Attacks on who decides: votes against that are waited out, judges that an owner picks, a delegate nobody stops."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

sys.path.append(str(Path(__file__).parents[1] / "flows"))

from committee import Committee, cast

from codman.flows import records
from codman.flows.deployment_rules import NotTheClinician
from codman.flows.review.before_the_decision import add_condition
from codman.flows.review.cases import NotYours, docket
from codman.flows.review.conditions import look
from codman.flows.review.deciding import CannotDecide, decide
from codman.flows.review.seats import delegate, name_reviewer, state_interest
from codman.flows.review.voting import CaseChanged, count, table, verdict_of
from codman.flows.task import Duty
from codman.flows.work import waiting
from codman.registry.access import Reader
from codman.registry.database import instant
from codman.registry.fixed_fields import FixedField
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, GRANTS, USES
from codman.registry.records import BadField
from codman.registry.schema import grants
from codman.spine.review import Case, CaseOutcome, Choice, Conflict
from codman.spine.site import DeploymentFields, Mode


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Committee]:
    """A house whose use of high risk waits for its decision, with a version that runs silently at North."""
    made = Committee(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        said = {"tier": "high", "downtime_procedure": "by hand", "owner": "p-owner", "population": "Adults"}
        USES.change(change, "ward", said, None)
        runs = DeploymentFields(use="ward", site="north", version="sepsis-120", mode=Mode.SILENT, clinician="p-clin")
        DEPLOYMENTS.add(change, runs, "d-north")
    made.evidence()
    yield made
    made.house.close()


def _edited(house: Committee, who: Reader, noun: str, name: str, /, **patch: object) -> None:
    records.change(house.house, who, noun, name, patch, records.get(house.house, who, noun, name).revision)


def _closed(house: Committee, case: Case, outcome: CaseOutcome = CaseOutcome.APPROVED) -> Case:
    now = docket(house.house, house.person("chair"), case.id).case
    return decide(house.house, house.person("chair"), case.id, now.revision, outcome, "as voted")


def _voted(house: Committee, case: Case, choice: Choice, *names: str) -> None:
    for name in names:
        cast(house.house, house.person(name), case.id, choice, reason="as shown")


@pytest.mark.parametrize(
    ("who", "kind", "name", "field", "other", "back"),
    [
        ("owner", "use", "ward", "population", "Adults and children", "Adults"),
        ("owner", "product", "sepsis", "kind", "open", "bought"),
    ],
)
def test_votes_against_what_was_put_back_are_waited_for_from_the_day_that_it_was_put_back(
    house: Committee, who: str, kind: str, name: str, field: str, other: str, back: str
) -> None:
    _edited(house, house.person(who), kind, name, **{field: back})
    case = house.opened(quorum=3)
    house.seated(case)
    for person, discipline in ((house.second, "equity"), (house.person("idle"), "clinical")):
        name_reviewer(house.house, house.person("chair"), case.id, person.person, discipline)
        state_interest(house.house, person, case.id, Conflict.NONE)
    _voted(house, case, Choice.APPROVE, "clin", "stat", "safe")
    house.clock.forward(hours=24)
    _edited(house, house.person(who), kind, name, **{field: other})
    _voted(house, case, Choice.REJECT, "legal", "idle")
    cast(house.house, house.second, case.id, Choice.REJECT, reason="it harms")
    house.clock.forward(days=20)
    _edited(house, house.person(who), kind, name, **{field: back})

    with pytest.raises(CannotDecide, match="3 people have voted before what was voted on changed"):
        _closed(house, case)
    _voted(house, case, Choice.REJECT, "legal", "idle")
    house.clock.forward(days=6)  # three work days and a weekend: nobody waits for ever
    assert _closed(house, case).outcome is CaseOutcome.APPROVED


def test_no_owner_makes_an_owner_of_who_could_judge_it_and_a_chair_without_a_hand_in_it_may(house: Committee) -> None:
    owner = house.person("owner")
    with pytest.raises(FixedField, match="belong to the committee"):
        _edited(house, owner, "use", "ward", owner="p-stat")
    with pytest.raises(FixedField, match="belong to the committee"):
        records.create(house.house, owner, "use", {"product": "sepsis", "name": "Twin", "owner": "p-stat"})
    _edited(house, owner, "use", "ward", owner="p-viewer")  # who judges nothing
    case = house.opened(quorum=3)
    house.seated(case)

    _edited(house, house.second, "use", "ward", owner="p-idle")
    with pytest.raises(BadField, match="answer for this use"):
        name_reviewer(house.house, house.person("chair"), case.id, "p-idle", "clinical")


@pytest.mark.parametrize("seat", ["chair", "delegate"])
def test_nobody_with_a_seat_in_an_open_case_is_made_its_owner_whoever_says_so(house: Committee, seat: str) -> None:
    case = house.opened(quorum=3, chair="p-chair")
    house.seated(case)
    delegate(house.house, house.person("legal"), case.id, "p-idle")

    with pytest.raises(FixedField, match="or preside there"):
        _edited(house, house.second, "use", "ward", owner={"chair": "p-chair", "delegate": "p-idle"}[seat])


@pytest.mark.parametrize("how", ["has a hand", "stated a conflict", "lost the role"])
def test_a_case_waits_for_no_chair_who_may_close_it_no_more(house: Committee, how: str) -> None:
    case = house.opened(quorum=3, chair="p-chair")
    house.seated(case)
    _voted(house, case, Choice.REJECT, "clin", "stat", "safe")
    officer = replace(house.second, fresh_until=instant(house.clock() + timedelta(minutes=5)))
    revision = docket(house.house, officer, case.id).case.revision
    reject = (case.id, revision, CaseOutcome.REJECTED, "as voted")
    with pytest.raises(NotYours, match="another person presides"):
        decide(house.house, officer, *reject)

    if how == "stated a conflict":
        name_reviewer(house.house, officer, case.id, "p-chair", "clinical")
        state_interest(house.house, house.person("chair"), case.id, Conflict.CONFLICT)
    with house.house.database.changing(SYSTEM) as change:
        if how == "has a hand":
            USES.change(change, "ward", {"owner": "p-chair"}, None)
        if how == "lost the role":
            (held,) = change.connection.execute(select(grants.c.id).where(grants.c.person == "p-chair")).scalars()
            GRANTS.remove(change, held, None)
    closed = decide(house.house, officer, *reject)

    assert (closed.outcome, closed.chair) == (CaseOutcome.REJECTED, "p-two")


def _counts(house: Committee, case: Case) -> dict[Choice, int]:
    found = docket(house.house, house.person("chair"), case.id)
    with house.house.database.reading() as connection:
        return dict(count(found, verdict_of(house.house, connection, found)).counts)


def test_a_vote_that_a_delegate_cast_is_taken_back_by_whose_vote_it_is(house: Committee) -> None:
    case = house.opened(quorum=3)
    house.seated(case)
    legal = house.person("legal")
    delegate(house.house, legal, case.id, "p-idle")
    cast(house.house, house.person("idle"), case.id, Choice.APPROVE, of="p-legal")
    assert _counts(house, case) == {Choice.APPROVE: 1}

    delegate(house.house, legal, case.id, None)

    assert _counts(house, case) == {}
    assert [task.duty for task in waiting(house.house, legal)] == [Duty.VOTE]
    with pytest.raises(NotYours, match="not named as a reviewer"):
        cast(house.house, house.person("idle"), case.id, Choice.APPROVE, of="p-legal")
    cast(house.house, legal, case.id, Choice.REJECT, reason="I do not agree")
    assert _counts(house, case) == {Choice.REJECT: 1}
    with pytest.raises(NotYours, match="cast already"):
        delegate(house.house, legal, case.id, "p-idle")


def test_a_delegate_with_a_conflict_of_interest_says_so_and_casts_nobodys_vote(house: Committee) -> None:
    case = house.opened(quorum=3)
    house.seated(case)
    idle = house.person("idle")
    delegate(house.house, house.person("legal"), case.id, "p-idle")
    cast(house.house, idle, case.id, Choice.APPROVE, of="p-legal")
    with pytest.raises(NotYours, match="says by it that they have no conflict"):
        state_interest(house.house, idle, case.id, Conflict.NONE)

    state_interest(house.house, idle, case.id, Conflict.CONFLICT, "my sister sells it")

    assert _counts(house, case) == {}
    for of in ("p-legal", None):
        with pytest.raises(NotYours, match="you declared a conflict of interest"):
            cast(house.house, idle, case.id, Choice.APPROVE, of=of)
    with pytest.raises(BadField):
        delegate(house.house, house.person("stat"), case.id, "p-idle")


@pytest.mark.parametrize(
    ("kind", "name", "patch"),
    [
        ("use", "ward", {"name": "Ward sepsis south"}),
        ("product", "sepsis", {"name": "Sepsis agent that orders"}),
        ("product", "sepsis", {"summary": "Orders antibiotics by itself"}),
        ("product", "sepsis", {"generative": True}),
    ],
)
def test_a_use_called_otherwise_after_the_votes_is_voted_on_anew_under_its_name(
    house: Committee, kind: str, name: str, patch: dict[str, object]
) -> None:
    case = house.opened(quorum=3)
    house.seated(case)
    _voted(house, case, Choice.APPROVE, "clin", "stat", "safe")
    chair = house.person("chair")
    read, now = table(house.house, chair, case.id), docket(house.house, chair, case.id).case
    _edited(house, house.second, kind, name, **patch)

    with pytest.raises(CaseChanged):
        decide(house.house, chair, case.id, now.revision, CaseOutcome.APPROVED, "as voted", on=read)
    with pytest.raises(CannotDecide, match="must be cast again"):
        _closed(house, case)


def test_a_signed_decision_names_its_use_by_its_id_too(house: Committee) -> None:
    case = house.opened(quorum=3)
    house.seated(case)
    _voted(house, case, Choice.APPROVE, "clin", "stat", "safe")

    signed = house.house.store.get(_closed(house, case).decision or "").predicate

    assert (signed.use, signed.use_id) == ("Ward sepsis", "ward")  # type: ignore[union-attr]


def test_who_stated_a_conflict_of_interest_accepts_the_use_at_no_site_while_they_have_one(house: Committee) -> None:
    clin = house.person("clin")
    case = house.opened(quorum=3)
    house.seated(case, "clin", "stat", "safe", "legal", "idle")
    state_interest(house.house, clin, case.id, Conflict.CONFLICT)
    _voted(house, case, Choice.APPROVE, "idle", "stat", "safe")
    _closed(house, case)
    revision = records.get(house.house, clin, "deployment", "d-north").revision
    with pytest.raises(NotTheClinician, match="stated a conflict of interest"):
        records.accept_deployment(house.house, clin, "d-north", revision)

    again = house.opened(quorum=3)
    house.seated(again, "clin")  # who has none any more
    assert records.accept_deployment(house.house, clin, "d-north", revision).accepted_at is not None


def test_a_document_that_was_handed_in_keeps_its_condition_from_lapsing_for_two_weeks_and_no_longer(
    house: Committee,
) -> None:
    case = house.opened(quorum=3)
    house.seated(case)
    asked = {"sentence": "Train the ward", "owner": "p-owner", "due_on": "2026-11-20", "document": "training-record"}
    one = add_condition(house.house, house.person("chair"), case.id, asked)
    _voted(house, case, Choice.WITH_CONDITIONS, "clin", "stat", "safe")
    _closed(house, case, CaseOutcome.CONDITIONAL)
    house.clock.forward(days=1)
    paper = {"about_kind": "use", "about": "ward", "type": "training-record", "title": "A page", "digest": "1" * 64}
    records.create(house.house, house.person("owner"), "document", {**paper, "size": 1, "media_type": "text/plain"})
    assert look(house.house).handed_in == (one.id,)

    (task,) = [task for task in waiting(house.house, house.person("chair")) if task.duty is Duty.ACCEPT]
    assert task.due_on == "2026-12-04"
    assert look(house.house, "2026-12-04").lapsed == ()
    assert look(house.house, "2026-12-05").lapsed == (one.id,)
    assert look(house.house, "2026-12-05").lapsed == ()
