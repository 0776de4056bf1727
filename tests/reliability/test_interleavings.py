"""G7: whatever order people act in, two people decide, no hand votes twice, nothing moves after the close."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from committee import SEATS, Committee, cast

from codman.errors import CodmanError
from codman.flows.review.before_the_decision import add_condition
from codman.flows.review.cases import Docket, docket, withdraw
from codman.flows.review.deciding import decide
from codman.flows.review.remarks import remark
from codman.flows.review.seats import delegate, name_reviewer, state_interest
from codman.registry.log import SYSTEM, check, entries
from codman.registry.nouns import USES
from codman.registry.replay import check_records
from codman.spine.review import Case, CaseOutcome, CaseState, Choice, Conflict
from codman.spine.use import UseFields

PEOPLE = ("owner", "chair", "idle", *SEATS)
BOOKS = range(20) if os.environ.get("CODMAN_SOAK") == "1" else range(1)  # 5,000 orders on each database
CLOSERS = ("chair", "chair", "owner", "clin", "one", "two")


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    made.evidence(use=None)  # about the product: every use of it
    yield made
    made.house.close()


def who(house: Committee, name: str) -> Any:
    return {"one": house.officer, "two": house.second}.get(name) or house.person(name)


def step(house: Committee, case: str, r: random.Random) -> Callable[[], object]:
    """One thing that somebody tries, right or wrong."""
    h, person, other = house.house, r.choice(PEOPLE), r.choice(PEOPLE)
    tried: list[Callable[[], object]] = [
        lambda: name_reviewer(h, who(house, r.choice(CLOSERS)), case, f"p-{person}", SEATS.get(person, "clinical")),
        lambda: name_reviewer(h, who(house, "chair"), case, f"p-{person}", SEATS.get(person, "clinical")),
        lambda: state_interest(
            h, who(house, person), case, r.choice([Conflict.NONE, Conflict.NONE, Conflict.CONFLICT])
        ),
        lambda: state_interest(h, who(house, person), case, Conflict.NONE),
        lambda: cast(h, who(house, r.choice(list(SEATS))), case, Choice.APPROVE),
        lambda: cast(h, who(house, r.choice(list(SEATS))), case, Choice.APPROVE),
        lambda: delegate(h, who(house, person), case, r.choice([None, f"p-{other}"])),
        lambda: cast(
            h, who(house, person), case, r.choice(list(Choice)), reason="so", of=r.choice([None, f"p-{other}"])
        ),
        lambda: cast(h, who(house, person), case, Choice.APPROVE),
        lambda: cast(h, who(house, person), case, Choice.APPROVE),
        lambda: remark(h, who(house, person), case, "Why?"),
        lambda: cast(h, who(house, r.choice(list(SEATS))), case, Choice.APPROVE),
        lambda: close(house, case, r),
        lambda: close(house, case, r),
    ]
    if r.random() < 0.01:
        return lambda: withdraw(h, who(house, person), case, seen(house, case).revision, why="no")
    if r.random() < 0.02:  # after it all votes are cast again
        again = {"sentence": "Again", "owner": "p-owner", "due_on": "2027-02-01"}
        return lambda: add_condition(h, who(house, "chair"), case, again)
    return r.choice(tried)


def seen(house: Committee, case: str) -> Case:
    return docket(house.house, house.person("viewer"), case).case


def close(house: Committee, case: str, r: random.Random) -> object:
    outcome = r.choice([CaseOutcome.APPROVED, CaseOutcome.APPROVED, *CaseOutcome])
    return decide(house.house, fresh(house, r.choice(CLOSERS)), case, seen(house, case).revision, outcome, "as voted")


def fresh(house: Committee, name: str) -> Any:
    return replace(who(house, name), fresh_until="2099-01-01T00:00:00.000000Z")


def opened(house: Committee, number: int) -> Case:
    with house.house.database.changing(SYSTEM) as change:
        USES.add(change, UseFields(product="sepsis", name=f"Use {number}", tier="low", site="north"), f"use-{number}")
    return house.opened(use=f"use-{number}", quorum=2, version=None)


def tried(action: Callable[[], object]) -> bool:
    try:
        action()
    except CodmanError:
        return False
    return True


def holds(found: Docket, log: list[dict[str, Any]]) -> None:
    """What must be true of a case however it came to where it is."""
    case = found.case
    mine = [e for e in log if _about(e, found)]
    closed = [i for i, e in enumerate(mine) if (e["after"] or {}).get("state") in ("decided", "withdrawn")]
    assert len(closed) <= 1, "closed twice"
    after = mine[closed[0] + 1 :] if closed else []
    assert [e["action"] for e in after if e["about"]["kind"] in ("vote", "reviewer", "remark", "acceptance")] == []
    if case.state is not CaseState.DECIDED:
        return
    closer = next(e["actor"]["id"] for e in mine if (e["after"] or {}).get("state") == "decided")
    assert closer not in found.interested, "who has a hand in it closed it"
    named = {r.person: r for r in found.reviewers}
    counted = {}
    for vote in found.votes:
        sits = named.get(vote.person)
        if sits is None or sits.conflict is not Conflict.NONE or vote.person in found.interested:
            continue
        if vote.cast_by in found.interested or vote.cast_by not in (vote.person, sits.delegate):
            continue
        if vote.choice is not Choice.ABSTAIN:
            counted.setdefault(vote.cast_by, vote)
    assert len(counted) >= case.quorum, "decided without its quorum"
    assert len({closer, *counted}) >= 2, "one person decided"
    for_it = sum(v.choice in (Choice.APPROVE, Choice.WITH_CONDITIONS) for v in counted.values())
    if case.outcome in (CaseOutcome.APPROVED, CaseOutcome.CONDITIONAL, CaseOutcome.RETIRED):
        assert 2 * for_it > len(counted), "approved against the votes"


def _about(entry: dict[str, Any], found: Docket) -> bool:
    ids = {found.case.id, *(one.id for group in (found.reviewers, found.votes, found.remarks) for one in group)}
    return entry["about"]["id"] in ids


def read(house: Committee, case: str) -> Docket:
    return docket(house.house, house.person("viewer"), case)


def log_of(house: Committee, start: int = 0) -> list[dict[str, Any]]:
    with house.house.database.reading() as connection:
        return [written.value for written in entries(connection, start)]


@pytest.mark.soak
@pytest.mark.parametrize("book", BOOKS)
def test_the_two_person_rule_holds_in_every_order_of_steps(house, book, whole, figure):
    """Whole, 5,000 orders a database, in twenty books that the workers share; else 24 orders in one."""
    r = random.Random(7 + book)
    rounds, decided, done = (250 if whole else 24), 0, 0
    at = len(log_of(house))
    for number in range(rounds):
        case = opened(house, number)
        if r.random() < 0.7:
            house.seated(case, *r.sample(list(SEATS), r.randint(2, 4)))
        for _ in range(r.randint(8, 24)):
            done += tried(step(house, case.id, r))
        found = read(house, case.id)
        log = log_of(house, at)
        at += len(log)
        holds(found, log)
        decided += found.case.state is CaseState.DECIDED
    assert decided >= rounds // 20, "too few came to a decision: the test shows nothing"
    with house.house.database.reading() as connection:
        check(connection)
        check_records(connection)
    figure(
        goal="G7",
        book=book,
        database=house.house.database.engine.dialect.name,
        interleavings=rounds,
        steps=done,
        decided=decided,
    )


@pytest.mark.soak
def test_people_who_act_at_once_lose_no_vote_and_decide_once(house, whole, figure):
    r = random.Random(8)
    rounds, closings = (150 if whole else 2), 0
    for number in range(rounds):
        case = opened(house, number)
        house.seated(case)
        seeds = [r.random() for _ in range(12)]
        start = len(log_of(house))
        with ThreadPoolExecutor(12) as pool:
            list(
                pool.map(
                    lambda seed, c=case: [tried(step(house, c.id, random.Random(seed + k))) for k in range(8)], seeds
                )
            )
        found = read(house, case.id)
        log = log_of(house, start)
        votes = [e for e in log if e["action"] == "vote.create"]
        assert len({e["after"]["person"] for e in votes}) == len(votes) == len(found.votes)
        holds(found, log)
        closings += found.case.state is CaseState.DECIDED
    figure(goal="G7", at_once=12, rounds=rounds, decided=closings)
