"""Attacks by names: evidence of another's use or product taken over by a rename, and one person under two addresses."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "flows"))

from book import bare
from committee import Committee

from codman.flows import records
from codman.flows.filing import file_evidence
from codman.flows.inventory import asked, export
from codman.flows.inventory_import import import_file
from codman.flows.operator import OPERATOR
from codman.flows.review.evidence import exhibits_of
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.accounts_people import SameMailbox
from codman.registry.fixed_fields import FixedField
from codman.registry.log import SYSTEM
from codman.registry.nouns import USES
from codman.spine.person import Role
from codman.spine.use import Decision, Stage, Use

STRANGER = "Sepsis in another hospital"


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Committee]:
    """A house with a use that somebody answers for."""
    made = Committee(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"owner": "p-owner"}, None)
    yield made
    made.house.close()


def _use(house: Committee, name: str = "ward") -> Use:
    with house.house.database.reading() as connection:
        return USES.get(connection, name)


def _called(house: Committee, who: str, name: str) -> Use:
    reader = house.officer if who == "one" else house.second if who == "two" else house.person(who)
    now = _use(house).revision
    return records.change(house.house, reader, "use", "ward", {"name": name}, now)  # type: ignore[no-any-return]


def _counted(house: Committee, use: str = "ward") -> int:
    with house.house.database.reading() as connection:
        return len(exhibits_of(house.house, connection, USES.get(connection, use)))


def test_who_answers_for_a_use_takes_no_strangers_evidence_over_under_its_name(house: Committee) -> None:
    house.evidence(use=STRANGER)

    with pytest.raises(FixedField, match="filed evidence goes by this name, or by the new one, and you answer for"):
        _called(house, "owner", f" {STRANGER.upper()}")
    assert _counted(house) == 0


def test_of_a_product_that_a_committee_had_no_keeper_enters_a_use_as_one_that_ran_before(house: Committee) -> None:
    twin = {"product": "sepsis", "name": "Twin", "site": "north", "stage": Stage.LIVE, "decision": Decision.LEGACY}
    before = records.create(house.house, house.person("owner"), "use", twin | {"name": "Ran before"})
    house.opened()

    with pytest.raises(NotAllowed, match="decide"):
        records.create(house.house, house.person("owner"), "use", twin)
    assert records.create(house.house, house.officer, "use", twin).decision is before.decision


def test_evidence_that_came_under_a_moments_name_binds_who_answers_for_the_use_to_that_name(house: Committee) -> None:
    _called(house, "owner", STRANGER)
    house.evidence(use=STRANGER)

    with pytest.raises(FixedField, match="you answer for this use"):
        _called(house, "owner", "Ward sepsis")
    assert (_called(house, "two", "Ward sepsis").name, _counted(house)) == ("Ward sepsis", 1)


def test_a_use_made_for_a_moment_is_not_named_otherwise_by_who_made_it(house: Committee) -> None:
    house.evidence(use=STRANGER)
    made = records.create(house.house, house.second, "use", {"product": "sepsis", "name": STRANGER, "site": "north"})

    with pytest.raises(FixedField, match="you put it into the book"):
        records.change(house.house, house.second, "use", made.id, {"name": "Ward sepsis"}, made.revision)


def test_who_answers_for_a_use_takes_no_evidence_of_another_product_over_by_naming_its_product_so(
    house: Committee,
) -> None:
    file_evidence(house.house, bare(product="Stroke alert", use=None, version="1"), house.officer)

    with pytest.raises(FixedField, match="you answer for this use"):
        records.change(house.house, house.person("owner"), "product", "sepsis", {"name": "Stroke alert"}, 1)


def test_a_use_that_no_evidence_names_is_renamed_by_who_answers_for_it(house: Committee) -> None:
    assert _called(house, "owner", "Ward sepsis, adults").name == "Ward sepsis, adults"


def test_no_file_takes_a_strangers_evidence_over_by_a_name(house: Committee, tmp_path: Path) -> None:
    house.evidence(use=STRANGER)
    out = tmp_path / "uses.csv"
    export(house.house, OPERATOR, asked([]), out)
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    row = next(one for one in rows if one["id"] == "ward")
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row | {"name": STRANGER})

    ((_, why),) = import_file(house.house, OPERATOR, out).rejected
    assert "no file renames it" in why
    assert (_use(house).name, _counted(house)) == ("Ward sepsis", 0)


def test_nobody_is_made_two_people_by_what_stands_behind_a_plus_in_their_address(house: Committee) -> None:
    admin = Reader("p-one", "Admin", (Held(Role.ADMIN),))
    one = records.create(house.house, admin, "person", {"name": "Ada", "email": "ada+x@example.org"})

    with pytest.raises(SameMailbox):
        records.create(house.house, admin, "person", {"name": "Ada again", "email": "Ada@example.org"})
    two = records.create(house.house, admin, "person", {"name": "Ben"})
    with pytest.raises(SameMailbox):
        records.change(house.house, admin, "person", two.id, {"email": "ada+y@example.org"}, two.revision)
    changed = records.change(house.house, admin, "person", one.id, {"email": "ada@example.org"}, one.revision)
    assert changed.email == "ada@example.org"
