"""Who may do what in governance: every step × role × state of the case × stage of the use × site × part in the case.

The tables below are written by hand. Each cell is tried through the flow itself, in a change that is taken back, so
that every cell meets the same house.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from book import signed
from committee import POLICY, SEATS, Committee, auroc, cast
from sqlalchemy import update

from codman.errors import CodmanError
from codman.flows.filing import file_evidence
from codman.flows.records import accept_deployment
from codman.flows.review import before_the_decision, cases, conditions, deciding, remarks, seats, staging
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.database import Change, Database
from codman.registry.log import SYSTEM, Author
from codman.registry.nouns import DEPLOYMENTS, DOCUMENTS, GRANTS, PEOPLE, PRODUCTS, USES, VERSIONS
from codman.registry.records import AlreadyThere, BadField, NoSuchRecord
from codman.registry.schema import uses
from codman.review.policy.load import policy_of_bytes
from codman.spine.person import GrantFields, PersonFields, Role
from codman.spine.product import VersionFields
from codman.spine.review import Case, CaseOutcome, CaseState, Choice, Conflict, Procedure
from codman.spine.site import DeploymentFields
from codman.spine.use import RUNNING, Stage

# --- the rules, by hand -------------------------------------------------------------------------------------------

PARTS = ("uninvolved", "proposer", "owner", "seat", "torn", "proxy", "builder")
HAND = {"proposer", "owner", "builder"}  # who have a hand in the use
ANY_PART = set(PARTS)
OPEN = {CaseState.OPEN, CaseState.VOTING}

#                    viewer owner engineer reviewer chair officer auditor admin
ROLE_TABLE = """
read                 x      x     x        x        x     x       x       x
open                 .      x     x        x        x     x       .       x
open in an emergency .      .     .        .        x     x       .       .
name a reviewer      .      .     .        .        x     x       .       .
excuse a reviewer    .      .     .        .        x     x       .       .
state an interest    .      .     .        x        x     x       .       .
name a delegate      .      .     .        x        x     x       .       .
vote                 .      .     .        x        x     x       .       .
vote for another     .      .     .        x        x     x       .       .
remark               .      x     x        x        x     x       .       x
add a condition      .      .     .        .        x     x       .       .
accept in writing    .      .     .        .        x     x       .       .
decide               .      .     .        .        x     x       .       .
decide an emergency  .      .     .        .        x     x       .       .
withdraw             .      .     .        .        x     x       .       .
withdraw one's own   .      x     x        x        x     x       .       x
close a condition    .      .     .        .        x     x       .       .
prolong a condition  .      .     .        .        x     x       .       .
"""

# who may take a step in a case, of those whose role allows it
PART_TABLE = {
    "read": ANY_PART,
    "name a reviewer": ANY_PART - HAND - {"torn"},
    "excuse a reviewer": ANY_PART - HAND - {"torn"},
    "state an interest": {"seat"},  # who is torn said so, and does not take it back
    "name a delegate": {"seat"},
    "vote": {"seat"},
    "vote for another": {"proxy"},
    "remark": ANY_PART,
    "add a condition": ANY_PART - HAND - {"torn"},
    "accept in writing": ANY_PART - HAND - {"torn"},
    "decide": ANY_PART - HAND - {"torn"},
    "decide an emergency": ANY_PART - HAND,  # nobody was asked to review it
    "withdraw": ANY_PART,
    "close a condition": ANY_PART - HAND - {"torn"},
    "prolong a condition": ANY_PART - HAND - {"torn"},
}

#                     viewer owner engineer reviewer chair officer auditor admin
MOVE_TABLE = """
proposed  triaged     .      x     .        .        x     x       .       .
proposed  retired     .      x     .        .        .     x       .       x
triaged   proposed    .      x     .        .        x     x       .       .
triaged   in-review   .      x     x        x        x     x       .       x
triaged   retired     .      x     .        .        .     x       .       x
in-review triaged     .      .     .        .        x     x       .       .
in-review silent      .      .     .        .        x     x       .       .
in-review pilot       .      .     .        .        x     x       .       .
in-review live        .      .     .        .        x     x       .       .
in-review retired     .      x     .        .        .     x       .       x
silent    silent      .      .     .        .        x     x       .       .
silent    pilot       .      .     .        .        x     x       .       .
silent    live        .      .     .        .        x     x       .       .
silent    paused      .      x     x        x        x     x       .       x
silent    retired     .      .     .        .        x     x       .       .
pilot     silent      .      .     .        .        x     x       .       .
pilot     pilot       .      .     .        .        x     x       .       .
pilot     live        .      .     .        .        x     x       .       .
pilot     paused      .      x     x        x        x     x       .       x
pilot     retired     .      .     .        .        x     x       .       .
live      silent      .      .     .        .        x     x       .       .
live      pilot       .      .     .        .        x     x       .       .
live      live        .      .     .        .        x     x       .       .
live      paused      .      x     x        x        x     x       .       x
live      retired     .      .     .        .        x     x       .       .
paused    in-review   .      x     x        x        x     x       .       x
paused    silent      .      .     .        .        x     x       .       .
paused    pilot       .      .     .        .        x     x       .       .
paused    live        .      .     .        .        x     x       .       .
paused    retired     .      .     .        .        x     x       .       .
retired   proposed    .      x     .        .        .     x       .       x
"""


def _table(text: str, words: int) -> dict[str, set[Role]]:
    rows = {}
    for line in text.strip().splitlines():
        cells = line.split()
        marks, name = cells[-len(Role) :], cells[: -len(Role)]
        assert words in (0, len(name)), line
        rows[" ".join(name)] = {role for role, mark in zip(Role, marks, strict=True) if mark == "x"}
    return rows


ROLES, MOVES = _table(ROLE_TABLE, 0), _table(MOVE_TABLE, 2)


def expected_step(step: str, role: Role, state: CaseState, site: str, part: str) -> str:
    """What the tables say of a step in a case."""
    if site == "other":
        return "not there"
    voted = state is CaseState.VOTING
    own = step == "withdraw" and part == "proposer" and not voted
    if role not in ROLES["withdraw one's own" if own else step]:
        return "not allowed"
    if step == "read":
        return "yes"
    if step in ("close a condition", "prolong a condition"):
        # a condition outlives its case: a withdrawn one took its condition along
        if state is CaseState.WITHDRAWN:
            return "closed"
        return "yes" if part in PART_TABLE[step] else "not yours"
    if state not in OPEN:
        return "closed"
    if part not in PART_TABLE[step] or (step == "withdraw" and voted and part in HAND | {"torn"}):
        return "not yours"
    return "cannot" if step == "decide" and state is CaseState.OPEN else "yes"  # there the votes are lacking


def expected_opening(step: str, role: Role, site: str) -> str:
    if site == "other":
        return "not there" if role in ROLES["open"] else "not allowed"
    return "yes" if role in ROLES["open"] & ROLES[step] else "not allowed"


def expected_move(before: Stage, after: Stage, role: Role, site: str, part: str) -> str:
    if site == "other":
        return "not there"
    row = MOVES.get(f"{before.value} {after.value}")
    if row is None:
        return "no way"
    if role in row and after is Stage.RETIRED:  # it is deployed, so its case makes the move, and nobody else
        return "lacks: no case has decided that it retires"
    if role in row and before is Stage.PAUSED and after in RUNNING and part in {"owner", "builder"}:
        return "not yours"  # somebody else says that it runs again
    return "yes" if role in row else "not allowed"


# --- the house ----------------------------------------------------------------------------------------------------

TWO = POLICY.replace(b"at_least: 0.75}", b"at_least: 0.70}") + (
    b"  - id: margin\n    severity: warn\n    evidence: evaluation\n    origin: [local]\n"
    b"    measurement: {metric: auroc, at_least: 0.75}\n"
)
CONDITION = {"sentence": "Show it again", "owner": "p-elsewhere", "due_on": "2027-02-01"}
CHECKPOINT = {
    CaseState.OPEN: b"pilot",
    CaseState.VOTING: b"silent",
    CaseState.DECIDED: b"go-live",
    CaseState.WITHDRAWN: b"validation",
}


class Rehearsing:
    """A database whose every change is taken back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def changing(self, author: Author, why: str | None = None) -> AbstractContextManager[Change]:
        return self._database.rehearsing(author, why)


@dataclass
class Matrix:
    """The furnished house: a case in every state, each with people in every part."""

    made: Committee
    house: Any  # its changes are taken back
    cases: dict[CaseState, Case]
    conditions: dict[CaseState, str]
    spare: dict[CaseState, str]  # a reviewer who has not voted
    emergency: Case

    def reader(self, role: Role, site: str, part: str) -> Reader:
        path = "/north/" if site == "own" else "/south/"
        return Reader(f"p-{part}", part, (Held(role, path),), fresh_until="2999-01-01T00:00:00.000000Z")

    def at_stage(self, stage: Stage) -> int:
        with self.made.house.database.unrecorded() as connection:
            connection.execute(update(uses).where(uses.c.id == "ward").values(stage=stage.value))
        with self.made.house.database.reading() as connection:
            return int(USES.get(connection, "ward").revision)


def furnished(folder: Path, url: str) -> Matrix:
    made = Committee(folder, url)
    house = made.house
    people = ["uninvolved", "proposer", "owner", "seat", "torn", "proxy", "builder"]
    with house.database.changing(SYSTEM) as change:
        for name in [*people, "absent", "spare", "later", "another", "elsewhere"]:
            if name != "owner":  # the committee has one
                PEOPLE.add(change, PersonFields(name=f"Person {name}"), f"p-{name}")
                GRANTS.add(change, GrantFields(person=f"p-{name}", role=Role.REVIEWER))
        PRODUCTS.change(change, "sepsis", {"kind": "built"}, None)
        USES.change(change, "ward", {"owner": "p-owner", "tier": "high", "downtime_procedure": "Score by hand"}, None)
        where = DeploymentFields(use="ward", site="north", version="sepsis-120", mode="silent", clinician="p-clin")
        DEPLOYMENTS.add(change, where, "d-north")
        paper = {"about_kind": "use", "about": "ward", "type": staging.HAZARD_CHECK, "title": "Who still needs it"}
        file = {"digest": "c" * 64, "size": 1, "media_type": "text/plain"}
        DOCUMENTS.add(change, DOCUMENTS.validated({**paper, **file}))
    with house.database.changing(Author("person", "p-builder")) as change:
        VERSIONS.add(change, VersionFields(product="sepsis", label="1.3.0", digest="d" * 64))
    accept_deployment(house, made.person("clin"), "d-north", 1)
    pipeline = made.registered("pipeline")
    # by somebody with no part in it: who sends a use's evidence decides nothing about it
    said = signed(pipeline, measurements=[auroc(0.77, 0.71, 0.83)], evaluated_at="2026-11-01T08:00:00Z")
    file_evidence(house, said, made.officer)
    held, promised, spare = {}, {}, {}
    for state, checkpoint in CHECKPOINT.items():
        held[state], promised[state], spare[state] = _case(made, state, checkpoint)
    asked = cases.open_case(
        house,
        replace(made.second, person="p-proposer"),
        policy_of_bytes(TWO.replace(b"checkpoint: go-live", b"checkpoint: change"), "policy.yaml"),
        use="ward",
        leads_to=Stage.LIVE,
        sites=["north"],
        procedure=Procedure.EMERGENCY,
    )
    return Matrix(made, replace(house, database=Rehearsing(house.database)), held, promised, spare, asked)


def _case(made: Committee, state: CaseState, checkpoint: bytes) -> tuple[Case, str, str]:
    house, chair = made.house, made.person("chair")
    policy = policy_of_bytes(TWO.replace(b"checkpoint: go-live", b"checkpoint: " + checkpoint), "policy.yaml")
    proposer = Reader("p-proposer", "proposer", (Held(Role.OWNER),))
    case = cases.open_case(
        house, proposer, policy, use="ward", leads_to=Stage.LIVE, sites=["north"], version="sepsis-120", quorum=3
    )
    made.seated(case)
    for name, conflict in (
        ("seat", Conflict.NONE),
        ("torn", Conflict.CONFLICT),
        ("absent", Conflict.NONE),
        ("spare", Conflict.NONE),
    ):
        seats.name_reviewer(house, chair, case.id, f"p-{name}", "clinical")
        person = Reader(f"p-{name}", name, (Held(Role.REVIEWER),))
        own = seats.state_interest(house, person, case.id, conflict)
        if name == "absent":
            seats.delegate(house, person, case.id, "p-proxy")
    condition = before_the_decision.add_condition(house, chair, case.id, CONDITION)
    if state in (CaseState.VOTING, CaseState.DECIDED):
        for name in SEATS:
            cast(house, made.person(name), case.id, Choice.APPROVE)
    now = cases.docket(house, chair, case.id).case
    if state is CaseState.DECIDED:
        deciding.decide(house, chair, case.id, now.revision, CaseOutcome.CONDITIONAL, "as voted")
    if state is CaseState.WITHDRAWN:
        cases.withdraw(house, proposer, case.id, now.revision, why="for the test")
    found = cases.docket(house, chair, case.id).case
    assert found.state is state
    return found, condition.id, own.id


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    folder = tmp_path_factory.mktemp("matrix")
    found = furnished(folder, f"sqlite:///{folder / 'book.db'}")
    yield found
    found.made.house.close()


# --- the steps ----------------------------------------------------------------------------------------------------

Step = Callable[[Matrix, Reader, CaseState], object]


def _name(m: Matrix, who: Reader, state: CaseState) -> object:
    return seats.name_reviewer(m.house, who, m.cases[state].id, "p-later", "clinical")


def _excuse(m: Matrix, who: Reader, state: CaseState) -> object:
    return seats.excuse_reviewer(m.house, who, m.spare[state], 2)


def _interest(m: Matrix, who: Reader, state: CaseState) -> object:
    return seats.state_interest(m.house, who, m.cases[state].id, Conflict.NONE)


def _delegate(m: Matrix, who: Reader, state: CaseState) -> object:
    return seats.delegate(m.house, who, m.cases[state].id, "p-another")


def _vote(m: Matrix, who: Reader, state: CaseState) -> object:
    return cast(m.house, who, m.cases[state].id, Choice.APPROVE)


def _vote_for_another(m: Matrix, who: Reader, state: CaseState) -> object:
    return cast(m.house, who, m.cases[state].id, Choice.APPROVE, of="p-absent")


def _remark(m: Matrix, who: Reader, state: CaseState) -> object:
    return remarks.remark(m.house, who, m.cases[state].id, "Who watches it at night?")


def _condition(m: Matrix, who: Reader, state: CaseState) -> object:
    return before_the_decision.add_condition(m.house, who, m.cases[state].id, CONDITION)


def _accept(m: Matrix, who: Reader, state: CaseState) -> object:
    return before_the_decision.accept_inconclusive(m.house, who, m.cases[state].id, "margin", "too few yet", CONDITION)


def _decide(m: Matrix, who: Reader, state: CaseState) -> object:
    case = m.cases[state]
    return deciding.decide(m.house, who, case.id, case.revision, CaseOutcome.CONDITIONAL, "as voted")


def _withdraw(m: Matrix, who: Reader, state: CaseState) -> object:
    case = m.cases[state]
    return cases.withdraw(m.house, who, case.id, case.revision, why="we bought another")


def _close(m: Matrix, who: Reader, state: CaseState) -> object:
    return conditions.close_by_hand(m.house, who, m.conditions[state], 1, "seen on the ward")


def _prolong(m: Matrix, who: Reader, state: CaseState) -> object:
    return conditions.prolong(m.house, who, m.conditions[state], 1, "2027-03-01", "the ward moved")


STEPS: dict[str, Step] = {
    "read": lambda m, who, state: cases.docket(m.house, who, m.cases[state].id),
    "name a reviewer": _name,
    "excuse a reviewer": _excuse,
    "state an interest": _interest,
    "name a delegate": _delegate,
    "vote": _vote,
    "vote for another": _vote_for_another,
    "remark": _remark,
    "add a condition": _condition,
    "accept in writing": _accept,
    "decide": _decide,
    "withdraw": _withdraw,
    "close a condition": _close,
    "prolong a condition": _prolong,
}

WORDS: dict[type[CodmanError], str] = {
    cases.CaseClosed: "closed",
    conditions.ConditionClosed: "closed",
    cases.NotYours: "not yours",
    NotAllowed: "not allowed",
    NoSuchRecord: "not there",
    deciding.CannotDecide: "cannot",
    AlreadyThere: "already there",
    BadField: "bad field",
}


def outcome(do: Callable[[], object]) -> str:
    """What became of it, in the tables' words."""
    try:
        do()
    except staging.CannotMove as error:
        return "no way" if "no way leads" in error.why else f"lacks: {error.why}"
    except CodmanError as error:
        return next((word for kind, word in WORDS.items() if isinstance(error, kind)), repr(error))
    return "yes"


def wrong_steps(m: Matrix, cells: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    wrong = []
    for step, role, state, site, part in cells:
        who = m.reader(role, site, part)
        found = outcome(lambda step=step, who=who, state=state: STEPS[step](m, who, state))
        if found != (wanted := expected_step(step, role, state, site, part)):
            wrong.append((step, role.value, state.value, site, part, f"{found}, not {wanted}"))
    return wrong


CASE_CELLS = list(product(STEPS, Role, CaseState, ("own", "other"), PARTS))
MOVE_CELLS = list(product(Stage, Role, ("own", "other"), PARTS))


def wrong_moves(m: Matrix, before: Stage, cells: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    revision, wrong = m.at_stage(before), []
    for after, role, site, part in cells:
        who = m.reader(role, site, part)
        found = outcome(
            lambda who=who, after=after: staging.move(m.house, who, "ward", after, revision, reason="for the test")
        )
        if found != (wanted := expected_move(before, after, role, site, part)):
            wrong.append((before.value, after.value, role.value, site, part, f"{found}, not {wanted}"))
    return wrong


def wrong_openings(m: Matrix, cells: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    policy = policy_of_bytes(TWO.replace(b"checkpoint: go-live", b"checkpoint: monitoring"), "policy.yaml")
    wrong = []
    for step, role, site, part in cells:
        who = m.reader(role, site, part)
        procedure = Procedure.FULL if step == "open" else Procedure.EMERGENCY
        found = outcome(
            lambda who=who, procedure=procedure: cases.open_case(
                m.house, who, policy, use="ward", leads_to=Stage.LIVE, sites=["north"], procedure=procedure
            )
        )
        if found != (wanted := expected_opening(step, role, site)):
            wrong.append((step, role.value, site, part, f"{found}, not {wanted}"))
    return wrong


def wrong_emergencies(m: Matrix, cells: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    wrong, step = [], "decide an emergency"
    for role, site, part in cells:
        who = m.reader(role, site, part)
        found = outcome(
            lambda who=who: deciding.decide(
                m.house, who, m.emergency.id, m.emergency.revision, CaseOutcome.APPROVED, "the old system is down"
            )
        )
        if found != (wanted := expected_step(step, role, CaseState.VOTING, site, part)):
            wrong.append((step, role.value, site, part, f"{found}, not {wanted}"))
    return wrong


OPENINGS = list(product(("open", "open in an emergency"), Role, ("own", "other"), PARTS))
EMERGENCIES = list(product(Role, ("own", "other"), PARTS))


@pytest.mark.parametrize("stage", Stage, ids=lambda stage: stage.value)
def test_each_step_in_a_case_is_allowed_or_refused_as_the_tables_say_at_every_stage(matrix, stage, whole):
    """Every cell of a case, its stages shared out among them; every cell at every stage in `make soak`."""
    matrix.at_stage(stage)
    first, every = (0, 1) if whole else (list(Stage).index(stage), len(Stage))

    assert wrong_steps(matrix, CASE_CELLS[first::every]) == []


@pytest.mark.parametrize("before", Stage, ids=lambda stage: stage.value)
def test_each_move_of_a_use_is_allowed_or_refused_as_the_table_says(matrix, before, whole):
    """Every move by every role; from each stage every second of its cells, all of them in `make soak`."""
    first, every = (0, 1) if whole else (list(Stage).index(before) % 2, 2)

    assert wrong_moves(matrix, before, MOVE_CELLS[first::every]) == []


@pytest.mark.parametrize("stage", Stage, ids=lambda stage: stage.value)
def test_cases_are_opened_and_emergencies_decided_by_whom_the_tables_say(matrix, stage):
    matrix.at_stage(stage)

    assert wrong_openings(matrix, OPENINGS) == []
    assert wrong_emergencies(matrix, EMERGENCIES) == []


def test_no_cell_of_the_tables_is_decided_by_nobody_or_by_everybody():
    """The tables can be wrong only by hand: every step but reading is refused to somebody, and allowed to somebody."""
    assert {step for step, roles in ROLES.items() if roles == set(Role)} == {"read"}
    assert [step for step, roles in {**ROLES, **MOVES}.items() if not roles] == []
    assert len(CASE_CELLS) == 14 * 8 * 4 * 2 * 7


def test_a_sample_of_the_cells_comes_out_alike_on_postgresql(tmp_path, postgresql, whole):
    sample = random.Random(20261121)
    made = furnished(tmp_path, postgresql())
    try:
        for stage in sample.sample(list(Stage), 3):
            made.at_stage(stage)
            assert wrong_steps(made, sample.sample(CASE_CELLS, 1_000 if whole else 120)) == []
            assert wrong_moves(made, stage, sample.sample(MOVE_CELLS, 200 if whole else 40)) == []
            assert wrong_openings(made, sample.sample(OPENINGS, 20)) == []
            assert wrong_emergencies(made, sample.sample(EMERGENCIES, 20)) == []
    finally:
        made.made.house.close()
