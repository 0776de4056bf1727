"""Attacks on who decides: votes against that are waited out, judges that an owner picks, a delegate nobody stops."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "flows"))

from committee import Committee, cast

from codman.flows import records
from codman.flows.review.cases import docket
from codman.flows.review.deciding import CannotDecide, decide
from codman.flows.review.seats import name_reviewer, state_interest
from codman.registry.access import Reader
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, USES
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
