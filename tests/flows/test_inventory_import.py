"""Files into the book: every row accounted for, nothing changed twice, people's own changes kept, all or nothing."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

sys.path.insert(0, str(Path(__file__).parent))
from book import bare

from codman.flows.filing import file_evidence
from codman.flows.house import House
from codman.flows.inventory import asked, list_uses
from codman.flows.inventory_import import import_file, propose_mapping
from codman.flows.operator import OPERATOR
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.governance import CASES
from codman.registry.imports.mapping import BadMapping
from codman.registry.imports.table import UnreadableList
from codman.registry.log import SYSTEM, check, entries, size_of
from codman.registry.nouns import PEOPLE, PRODUCTS, USES, VENDORS, VERSIONS
from codman.registry.schema import facts, imported_rows, products, saved_views, uses, vendors, versions
from codman.settings import read_settings
from codman.spine.person import Role
from codman.spine.product import ProductFields, VendorFields, VersionFields
from codman.spine.review import CaseFields
from codman.spine.use import UseFields
from codman.wiring import open_house

MAPPING = """\
mapping: register
id: Ref
fields:
  use.name: {column: Name}
  use.organisation: {column: Unit}
  use.purpose: {column: Purpose}
  use.stage: {column: Stage}
  vendor.name: {column: Vendor}
rest: register
"""
HEADING = "Ref,Name,Unit,Purpose,Stage,Vendor,Colour\n"
FIRST = (
    HEADING
    + "1,Sepsis,ICU,Warns,Live,Acme Inc.,red\n2,Scribe,Clinic,Writes,Pilot,ACME INC,blue\n3,Idea,Clinic,,Planned,,\n"
)


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    opened = open_house(read_settings(workspace=tmp_path / "work", database_url=database_url))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def federal(real_data: Path) -> Path:
    return real_data / "governance" / "us-federal-2025"


@pytest.fixture(scope="module")
def federal_house(federal: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The federal inventory, brought in once for the tests that only look at it."""
    folder = tmp_path_factory.mktemp("federal")
    opened = open_house(read_settings(workspace=folder, database_url=f"sqlite:///{folder / 'book.db'}"))
    import_file(opened, OPERATOR, federal / "use-cases.csv")
    yield opened
    opened.close()


def bring(house, tmp_path, text, name="list.csv"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "register.yaml").write_text(MAPPING, encoding="utf-8")
    return import_file(house, OPERATOR, tmp_path / name, tmp_path / "register.yaml")


def counts(house):
    with house.database.reading() as connection:
        of = {t.name: connection.execute(select(func.count()).select_from(t)).scalar_one()
              for t in (uses, products, vendors, facts, imported_rows, versions)}  # fmt: skip
        return of, size_of(connection)


def use_named(house, name):
    with house.database.reading() as connection:
        return USES.get(connection, connection.execute(select(uses.c.id).where(uses.c.name == name)).scalar_one())


def facts_of(house, about):
    with house.database.reading() as connection:
        return dict(connection.execute(select(facts.c.field, facts.c.value).where(facts.c.about == about)).all())


def test_a_list_becomes_uses_products_vendors_and_facts(house, tmp_path):
    done = bring(house, tmp_path, FIRST)

    assert done.answer() == {
        "rows": 3, "created": 3, "updated": 0, "unchanged": 0, "rejected": [], "skipped": {}
    }  # fmt: skip
    of, _ = counts(house)
    assert (of["uses"], of["products"], of["vendors"]) == (3, 3, 1)  # Acme Inc. and ACME INC are one
    sepsis = use_named(house, "Sepsis")
    assert (sepsis.stage, sepsis.decision, sepsis.organisation) == ("live", "undecided (legacy)", "ICU")
    assert facts_of(house, sepsis.id) == {"register/Colour": "red", "register/Ref": "1"}


def test_a_second_import_changes_nothing_and_writes_no_entry(house, tmp_path):
    bring(house, tmp_path, FIRST)
    before = counts(house)

    again = bring(house, tmp_path, FIRST)

    assert (again.created, again.updated, again.unchanged) == (0, 0, 3)
    assert counts(house) == before


def test_a_changed_row_changes_only_what_the_file_changed(house, tmp_path):
    bring(house, tmp_path, FIRST)
    scribe = use_named(house, "Scribe")

    done = bring(house, tmp_path, FIRST.replace("Pilot,ACME INC,blue", "Live,Other LLC,"))

    assert (done.created, done.updated, done.unchanged) == (0, 1, 2)
    after = use_named(house, "Scribe")
    assert (after.id, after.stage, after.decision) == (scribe.id, "live", "undecided (legacy)")
    assert facts_of(house, after.id) == {"register/Ref": "2"}  # blue is no longer said
    with house.database.reading() as connection:
        vendor = PRODUCTS.get(connection, after.product).vendor
        assert connection.execute(select(vendors.c.name).where(vendors.c.id == vendor)).scalar_one() == "Other LLC"


def test_what_a_person_changed_since_outlives_the_next_edition_of_the_file(house, tmp_path):
    bring(house, tmp_path, FIRST)
    sepsis = use_named(house, "Sepsis")
    with house.database.changing(SYSTEM) as change:
        USES.change(change, sepsis.id, {"purpose": "Warns the ward", "decision": "approved"}, None)

    done = bring(house, tmp_path, FIRST.replace("Warns,Live", "Warns early,Retired"))

    after = use_named(house, "Sepsis")
    assert (after.purpose, after.decision, after.stage) == ("Warns the ward", "approved", "retired")
    assert [n.why for n in done.notes if n.row == 2] == ["use.purpose: a person changed it since; it was left as it is"]


def test_a_row_that_gets_its_identifier_later_or_shares_it_later_is_the_same_use(house, tmp_path):
    bring(house, tmp_path, FIRST.replace("2,Scribe", ",Scribe"))
    scribe, sepsis = use_named(house, "Scribe"), use_named(house, "Sepsis")

    named = bring(house, tmp_path, FIRST)
    shared = bring(house, tmp_path, FIRST + "1,Other,ICU,New,Live,,\n")

    assert (named.created, named.updated, named.unchanged) == (0, 1, 2)
    assert (shared.created, shared.updated + shared.unchanged) == (1, 3)
    assert (use_named(house, "Scribe").id, use_named(house, "Sepsis").id) == (scribe.id, sepsis.id)


def test_a_row_that_names_another_product_leaves_the_first_one_to_its_other_uses(house, tmp_path):
    fields = "{use.name: {column: Name}, use.organisation: {column: Unit}, product.name: {column: Product}}"
    (tmp_path / "m.yaml").write_text(f"mapping: m\nfields: {fields}\n")
    (tmp_path / "l.csv").write_text("Name,Unit,Product\nA,North,Copilot\nB,South,copilot\n")
    import_file(house, OPERATOR, tmp_path / "l.csv", tmp_path / "m.yaml")
    (tmp_path / "l.csv").write_text("Name,Unit,Product\nA,North,Gemini\nB,South,copilot\n")

    done = import_file(house, OPERATOR, tmp_path / "l.csv", "m")

    assert (done.updated, done.unchanged) == (1, 1)
    with house.database.reading() as connection:
        names = [PRODUCTS.get(connection, use_named(house, use).product).name for use in "AB"]
    assert names == ["Gemini", "Copilot"]


def test_rows_may_change_places(house, tmp_path):
    bring(house, tmp_path, FIRST)
    lines = FIRST.splitlines(keepends=True)

    done = bring(house, tmp_path, "".join([lines[0], *reversed(lines[1:])]))

    assert (done.created, done.updated, done.unchanged) == (0, 0, 3)


def test_a_list_that_is_refused_leaves_nothing_behind(house, tmp_path, monkeypatch):
    before = counts(house)
    (tmp_path / "bad.csv").write_bytes(b"PK\x03\x04 broken")
    (tmp_path / "bad.yaml").write_text("mapping: bad\nfields: {}\n")
    (tmp_path / "good.csv").write_text(FIRST)

    with pytest.raises(UnreadableList):
        import_file(house, OPERATOR, tmp_path / "bad.csv")
    with pytest.raises(BadMapping):
        import_file(house, OPERATOR, tmp_path / "good.csv", tmp_path / "bad.yaml")
    with pytest.raises(BadMapping, match="none of that name"):
        import_file(house, OPERATOR, tmp_path / "good.csv", "nothing")
    with pytest.raises(BadMapping, match="propose"):
        import_file(house, OPERATOR, tmp_path / "good.csv")

    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr("codman.registry.imports.kept_facts._insert", fail)
    with pytest.raises(OSError, match="disk"):
        bring(house, tmp_path, FIRST)
    assert counts(house) == before


def test_a_mapping_is_kept_under_its_name_and_used_again_by_it(house, tmp_path):
    bring(house, tmp_path, FIRST)

    again = import_file(house, OPERATOR, tmp_path / "list.csv", "register")
    found = import_file(house, OPERATOR, tmp_path / "list.csv")  # its columns tell

    assert (again.unchanged, found.mapping, found.unchanged) == (3, "register", 3)


def test_nobody_takes_the_name_of_a_ready_mapping(house, tmp_path):
    (tmp_path / "list.csv").write_text(FIRST)
    (tmp_path / "m.yaml").write_text(MAPPING.replace("mapping: register", "mapping: chai"))

    with pytest.raises(BadMapping, match="a ready mapping has that name"):
        import_file(house, OPERATOR, tmp_path / "list.csv", tmp_path / "m.yaml")


def test_only_the_office_may_import(house, tmp_path):
    (tmp_path / "list.csv").write_text(FIRST)
    for role in set(Role) - {Role.OFFICER, Role.ADMIN}:
        with pytest.raises(NotAllowed):
            import_file(house, Reader("p", "p", (Held(role),)), tmp_path / "list.csv")


def test_every_word_of_a_row_stays_outside_the_log_by_its_salted_hash(house, tmp_path):
    bring(house, tmp_path, FIRST.replace("red", "a secret colour"))

    with house.database.reading() as connection:
        raw = b"".join(entry.raw for entry in entries(connection))
        check(connection)
    assert b"a secret colour" not in raw
    assert b"register/Colour" in raw


def test_the_federal_inventory_comes_in_whole_and_twice_is_once(house, federal):
    started = time.process_time()
    first = import_file(house, OPERATOR, federal / "use-cases.csv", "omb-2025")
    seconds = time.process_time() - started
    again = import_file(house, OPERATOR, federal / "use-cases.csv")

    assert first.rows == 3611 == first.created + len(first.rejected) + sum(first.skipped.values())
    assert first.skipped == {"the same as an earlier row": 2}
    assert first.rejected == []
    assert first.identity == {"its own identifier": 2901, "organisation + name + purpose": 708}
    assert (again.created, again.updated, again.unchanged) == (0, 0, 3609)
    assert seconds < 20


def test_the_federal_inventorys_stages_impacts_and_words_are_in_the_book(federal_house, federal):
    house = federal_house
    with (federal / "use-cases.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list({tuple(row.items()): row for row in csv.DictReader(file)}.values())  # two rows stand twice
    stages = {"Deployed": "live", "Pilot": "pilot", "Retired": "retired", "Pre-deployment": "proposed", "": "proposed"}
    listed = list_uses(house, OPERATOR, asked([]))

    assert Counter(use.stage for use in listed) == Counter(stages[row["development_stage"]] for row in rows)
    assert Counter(use.organisation for use in listed) == Counter(row["agency"] for row in rows)
    assert Counter(use.impact is not None for use in listed) == Counter(
        bool(row["is_high_impact"].strip()) for row in rows
    )
    with house.database.reading() as connection:
        told = Counter(dict(connection.execute(select(facts.c.field, func.count()).group_by(facts.c.field)).all()))
    for column in ("benefits", "system_outputs", "HI_justification", "hi_training_established", "pia_url"):
        assert told[f"omb-2025/{column}"] == sum(any(c.isalnum() for c in row[column]) for row in rows), column


def test_the_102_of_227_deployed_high_impact_uses_without_monitoring_are_found_by_one_view(federal_house):
    house = federal_house
    with house.database.reading() as connection:
        view = connection.execute(
            select(saved_views.c.query).where(saved_views.c.id == "view-high-impact-unmonitored")
        ).scalar_one()

    assert len(list_uses(house, OPERATOR, asked(["stage=live", "impact=high-impact"]))) == 227
    assert len(list_uses(house, OPERATOR, asked(view.split("&")))) == 102


def test_the_commercial_inventory_passes_over_no_and_keeps_one_product_for_many_agencies(house, federal):
    done = import_file(house, OPERATOR, federal / "commercial.csv")

    assert done.rows == 900
    assert done.skipped == {
        "the agency says that it does not use it": 416,
        "the agency did not say whether it uses it": 16,
    }
    assert done.created == 468
    with house.database.reading() as connection:
        copilot = select(products.c.id).where(products.c.name == "Microsoft Copilot")
        product = connection.execute(copilot).scalar_one()
        agencies = connection.execute(select(uses.c.organisation).where(uses.c.product == product)).scalars()
        assert len(set(agencies)) > 3
    assert {"HHS", "VA"} <= {use.organisation for use in list_uses(house, OPERATOR, asked([]))}


def test_the_raw_file_of_hhs_by_a_proposed_mapping_agrees_with_ombs_cleaned_rows(federal_house, federal, tmp_path):
    """Each raw row is paired with OMB's by its unit, problem and outputs, which no comparison looks at."""
    house = open_house(read_settings(workspace=tmp_path / "raw", database_url=f"sqlite:///{tmp_path / 'raw.db'}"))
    raw = federal.parent / "hhs-2025" / "use-cases.csv"
    (tmp_path / "hhs.yaml").write_text(propose_mapping(raw, "hhs-2025").text, encoding="utf-8")
    done = import_file(house, OPERATOR, raw, tmp_path / "hhs.yaml")
    assert done.rows == 447 == done.created + sum(done.skipped.values())
    mine, cleaned = keyed(house, "HHS"), keyed(federal_house, "HHS")
    house.close()

    pairs = [(mine[k], cleaned[k]) for k in mine.keys() & cleaned.keys()]
    agree = [all(getattr(a, f) == getattr(b, f) for f in ("organisation", "name", "stage", "impact")) for a, b in pairs]
    assert len(pairs) >= 0.98 * 446
    assert sum(agree) >= 0.98 * 447


def keyed(house, organisation):
    """Uses by their unit, problem and outputs, in letters and digits alone; by their name where no problem is given."""
    told: dict[str, dict[str, str]] = {}
    with house.database.reading() as connection:
        for fact in connection.execute(select(facts.c.about, facts.c.field, facts.c.value)):
            told.setdefault(fact.about, {})[fact.field] = fact.value
        purposes = {row.id: row.purpose for row in connection.execute(select(uses.c.id, uses.c.purpose))}
    found = {}
    for use in list_uses(house, OPERATOR, asked([f"organisation={organisation}"])):
        said = told.get(use.id, {})
        parts = (said.get("omb-2025/agency_bureau"), purposes[use.id] or use.name, said.get("omb-2025/system_outputs"))
        found[tuple("".join(c for c in (p or "").casefold() if c.isalnum()) for p in parts)] = use
    return found


def test_a_card_is_a_claim_and_its_second_edition_changes_the_same_use(house, real_data):
    cards = real_data / "governance" / "chai-model-cards"
    first = import_file(house, OPERATOR, cards / "Aidoc_iPE-03-RT.v0.1.xml")
    second = import_file(house, OPERATOR, cards / "Aidoc_iPE-03-RT.xml")
    again = import_file(house, OPERATOR, cards / "Aidoc_iPE-03-RT.xml")

    assert (first.created, second.updated, again.unchanged) == (1, 1, 1)
    use = use_named(house, "BriefCase-Triage for Incidental Pulmonary Embolism")
    with house.database.reading() as connection:
        product = PRODUCTS.get(connection, use.product)
        told = connection.execute(select(facts).where(facts.c.about == product.id)).all()
        labels = connection.execute(select(versions.c.label, versions.c.released_on)).all()
    assert (product.submission, product.kind) == ("K250248", "bought")
    assert labels == [("iPE-03-RT", "2025-02-01")]
    assert {fact.basis for fact in told} == {"claim"}
    assert {fact.evidence for fact in told} == {None}
    result = "chai-model-card/KeyMetrics/UsefulnessUsabilityEfficacy/Results/MetricResult/ValueJson"
    assert [json.loads(v)["estimate"] for v in {f.field: f.value for f in told}[result].splitlines()] == [89.7, 90.1]


@pytest.mark.parametrize("value", ['{"kind":"single","value":0.99}', "TBD", "insert value here", '{"value": }'])
def test_a_placeholder_in_a_card_never_becomes_evidence(house, real_data, tmp_path, value):
    card = (real_data / "governance/chai-model-cards/OrbDoc_Voice-to-SOAP.xml").read_text(encoding="utf-8")
    number = '{"kind":"single","value":36.5,"unit":"%"}'
    assert number in card
    (tmp_path / "card.xml").write_text(card.replace(number, value), encoding="utf-8")

    import_file(house, OPERATOR, tmp_path / "card.xml")

    with house.database.reading() as connection:
        assert set(connection.execute(select(facts.c.basis)).scalars()) == {"claim"}
        assert (
            connection.execute(
                select(func.count()).select_from(facts).where(facts.c.evidence.is_not(None))
            ).scalar_one()
            == 0
        )


def test_an_owner_is_found_among_the_people_of_the_book(house, tmp_path):
    with house.database.changing(SYSTEM) as change:
        ann = PEOPLE.add(change, PEOPLE.validated({"name": "Ann Lee", "email": "ann@example.org"}))
    (tmp_path / "l.csv").write_text("Name,Owner\nA,ANN@example.org\nB,Ann  Lee\nC,Bob\n")
    (tmp_path / "m.yaml").write_text("mapping: m\nfields: {use.name: {column: Name}, use.owner: {column: Owner}}\n")

    import_file(house, OPERATOR, tmp_path / "l.csv", tmp_path / "m.yaml")

    assert [use_named(house, n).owner for n in "ABC"] == [ann.id, ann.id, None]


def test_a_file_in_which_every_row_changed_asks_the_database_by_the_batch_not_by_the_row(house, tmp_path):
    rows = [f"{k},Tool {k},Clinic,Writes,Live,,red\n" for k in range(600)]
    bring(house, tmp_path, HEADING + "".join(rows))
    asked_for: list[str] = []

    @event.listens_for(house.database.engine, "before_cursor_execute")
    def count(_connection, _cursor, statement, *_rest):
        asked_for.append(statement)

    done = bring(house, tmp_path, HEADING + "".join(rows).replace("Writes", "Reads").replace("red", "blue"))

    assert done.updated == 600
    assert len(asked_for) < 100  # two batches; one by one it would be thousands
    assert use_named(house, "Tool 599").purpose == "Reads"
    assert facts_of(house, use_named(house, "Tool 599").id)["register/Colour"] == "blue"


def test_two_rows_that_change_one_product_differently_leave_the_first_word_and_one_entry(house, tmp_path):
    mapping = "mapping: two\nid: Ref\nfields: {use.name: {column: Name}, product.name: {column: Product}, product.summary: {column: Says}}\n"  # noqa: E501
    (tmp_path / "two.yaml").write_text(mapping)
    for says in (("old", "old"), ("new", "newer")):
        lines = [f"{k},Use {k},Sepsis,{word}\n" for k, word in enumerate(says)]
        (tmp_path / "two.csv").write_text("Ref,Name,Product,Says\n" + "".join(lines))
        import_file(house, OPERATOR, tmp_path / "two.csv", tmp_path / "two.yaml")

    with house.database.reading() as connection:
        product = PRODUCTS.get(connection, use_named(house, "Use 0").product)
        changes = [e for e in entries(connection) if e.value["action"] == "product.change"]
    # the second row finds a summary that is not the one it had: the first row's word stands
    assert (product.summary, product.revision, len(changes)) == ("new", 2, 1)


DATED = """mapping: dated
fields:
  use.name: {column: Name}
  use.stage: {column: Status}
  use.stage_since: {column: Since}
"""


def bring_dated(house, tmp_path, *days):
    rows = "".join(f"Use {number},Live,{day}\n" for number, day in enumerate(days))
    (tmp_path / "dated.csv").write_text("Name,Status,Since\n" + rows, encoding="utf-8")
    (tmp_path / "dated.yaml").write_text(DATED, encoding="utf-8")
    done = import_file(house, OPERATOR, tmp_path / "dated.csv", tmp_path / "dated.yaml")
    with house.database.reading() as connection:
        page = USES.page(connection, limit=50)
    return done, sorted(use.stage_since for use in page.items)


def test_a_date_that_reads_both_ways_is_noted_at_its_row(house, tmp_path):
    done, days = bring_dated(house, tmp_path, "03/04/2024", "2024-05-06", "07/07/2024")

    assert days == ["2024-03-04", "2024-05-06", "2024-07-07"]
    assert [(n.row, n.why) for n in done.notes] == [(2, "use.stage_since: read as month/day")]


def test_one_date_that_reads_one_way_settles_its_whole_column(house, tmp_path):
    done, days = bring_dated(house, tmp_path, "03/04/2024", "13/02/2024")

    assert days == ["2024-02-13", "2024-04-03"]
    assert done.notes == []
    assert any("'Since': all its dates are read as day/month" in said for said in done.reading)


def test_dates_that_contradict_each_other_settle_nothing(house, tmp_path):
    done, days = bring_dated(house, tmp_path, "03/04/2024", "13/02/2024", "02/14/2024")

    assert days == ["2024-02-13", "2024-02-14", "2024-03-04"]
    assert [n.row for n in done.notes] == [2]


def test_a_file_that_no_mapping_fits_is_told_so_in_a_sentence(house, tmp_path):
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(BadMapping, match="no mapping fits this file: "):
        import_file(house, OPERATOR, tmp_path / "odd.csv")


RISKY = "mapping: risky\nid: Ref\nfields:\n  use.name: {column: Name}\n  use.stage: {column: Stage}\n"
RISKY += "  use.tier: {column: Tier}\n  use.impact: {column: Impact}\n"
RISKS = "Ref,Name,Stage,Tier,Impact\n1,Sepsis,Live,High,High-impact\n2,Idea,Planned,Low,Not high-impact\n"


def risks(house: House) -> dict[str, tuple[str, str | None, str | None]]:
    with house.database.reading() as connection:
        rows = connection.execute(select(uses.c.name, uses.c.stage, uses.c.tier, uses.c.impact))
        return {row.name: (row.stage, row.tier, row.impact) for row in rows}


def test_an_import_by_somebody_who_may_not_decide_sets_no_risk_and_no_stage(house: House, tmp_path: Path) -> None:
    admin = Reader("a", "a", (Held(Role.ADMIN),))
    (tmp_path / "risky.yaml").write_text(RISKY)
    list_ = tmp_path / "list.csv"
    list_.write_text(RISKS)

    first = import_file(house, admin, list_, tmp_path / "risky.yaml")
    assert risks(house) == {"Sepsis": ("live", "high", "high-impact"), "Idea": ("proposed", None, None)}
    assert [(n.row, n.column) for n in first.notes if "a review sets it" in n.why] == [
        (3, "use.impact"),
        (3, "use.tier"),
    ]

    list_.write_text(RISKS.replace("Live,High,High-impact", "Retired,Low,Not high-impact"))
    later = import_file(house, admin, list_, tmp_path / "risky.yaml")
    assert risks(house)["Sepsis"] == ("live", "high", "high-impact")
    assert {n.column for n in later.notes if n.row == 2} == {"use.stage", "use.tier", "use.impact"}
    assert (later.updated, later.unchanged) == (0, 2)

    decided = import_file(house, OPERATOR, list_, tmp_path / "risky.yaml")
    assert risks(house) == {
        "Sepsis": ("retired", "high", "high-impact"),
        "Idea": ("proposed", "low", "not high-impact"),
    }
    assert decided.updated == 2
    assert [(n.row, n.column) for n in decided.notes if "no one person" in n.why] == [
        (2, "use.tier"),
        (2, "use.impact"),
    ]


def case_of(use: str) -> CaseFields:
    """A case that is open about a use."""
    return CaseFields.model_validate(
        {
            "use": use,
            "checkpoint": "go-live",
            "leads_to": "live",
            "policy": "go-live-high",
            "edition": "2026-11",
            "policy_digest": "f" * 64,
            "proposed_by": "ada",
        }
    )


TWIN = "mapping: twin\nfields:\n  use.name: {column: Name}\n  use.stage: {column: Stage}\n  use.tier: {column: Tier}\n"
TWIN += "  product.name: {column: Product}\n  vendor.name: {column: Vendor}\n  version.label: {column: Version}\n"
TWIN += "  version.digest: {column: Digest}\n"
TWINS = f"""Name,Stage,Tier,Product,Vendor,Version,Digest
Sepsis again,Live,Low,SEPSIS alert,"Acme, Inc.",,
Sepsis by another name,Live,,Early warning,Other,1,{"A" * 64}
Scribe,Live,Low,Scribe,Acme Inc.,,
"""


def had_by_a_committee(house: House) -> str:
    """Sepsis, a use of Acme's Sepsis alert, came before a committee; the product."""
    with house.database.changing(SYSTEM) as change:
        PEOPLE.add(change, PEOPLE.validated({"name": "Ada Example", "email": "ada@example.org"}), "ada")
        vendor = VENDORS.add(change, VendorFields(name="Acme Inc")).id
        product = PRODUCTS.add(change, ProductFields(name="Sepsis alert", vendor=vendor)).id
        CASES.add(change, case_of(USES.add(change, UseFields(product=product, name="Sepsis")).id))
        return product


def test_a_file_brings_in_no_use_that_ran_before_of_a_product_that_a_committee_had(
    house: House, tmp_path: Path
) -> None:
    admin = Reader("a", "a", (Held(Role.ADMIN),))
    (tmp_path / "twin.yaml").write_text(TWIN)
    list_ = tmp_path / "list.csv"
    list_.write_text(TWINS)
    product = had_by_a_committee(house)
    with house.database.changing(SYSTEM) as change:
        VERSIONS.add(change, VersionFields(product=product, label="1", digest="a" * 64))

    done = import_file(house, admin, list_, tmp_path / "twin.yaml")

    assert risks(house) == {
        "Sepsis": ("proposed", None, None),
        "Sepsis again": ("proposed", None, None),
        "Sepsis by another name": ("proposed", None, None),
        "Scribe": ("live", "low", None),
    }
    assert [(n.row, n.column) for n in done.notes if "a committee had its product" in n.why] == [
        (2, "use.stage"),
        (2, "use.tier"),
        (3, "use.stage"),
    ]
    assert (done.created, done.rejected) == (3, [])
    again = import_file(house, admin, list_, tmp_path / "twin.yaml")
    assert (again.unchanged, again.updated) == (3, 0)


def test_who_may_decide_brings_in_what_runs_of_a_product_that_a_committee_had(house: House, tmp_path: Path) -> None:
    (tmp_path / "twin.yaml").write_text(TWIN)
    (tmp_path / "list.csv").write_text(TWINS)
    had_by_a_committee(house)
    import_file(house, OPERATOR, tmp_path / "list.csv", tmp_path / "twin.yaml")
    assert risks(house)["Sepsis again"] == ("live", "low", None)


def test_a_file_changes_nothing_that_the_committee_decides_whoever_imports_it(house: House, tmp_path: Path) -> None:
    (tmp_path / "risky.yaml").write_text(RISKY)
    list_ = tmp_path / "list.csv"
    list_.write_text(RISKS)
    import_file(house, OPERATOR, list_, tmp_path / "risky.yaml")
    sepsis = use_named(house, "Sepsis")
    with house.database.changing(SYSTEM) as change:
        PEOPLE.add(change, PEOPLE.validated({"name": "Ada Example", "email": "ada@example.org"}), "ada")
        CASES.add(change, case_of(sepsis.id))

    list_.write_text(RISKS.replace("Live,High,High-impact", "Pilot,Low,Not high-impact").replace("Sepsis", "Sepsis 2"))
    done = import_file(house, OPERATOR, list_, tmp_path / "risky.yaml")

    after = use_named(house, "Sepsis 2")
    assert (after.stage, after.tier, after.impact) == (sepsis.stage, sepsis.tier, sepsis.impact)
    assert {n.column for n in done.notes if "come before the committee" in n.why} == {
        "use.stage",
        "use.tier",
        "use.impact",
    }


def test_a_file_moves_no_use_that_has_evidence_to_another_product(house: House, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        "mapping: m\nid: Ref\nfields:\n  use.name: {column: Name}\n  product.name: {column: Product}\n"
    )
    list_ = tmp_path / "list.csv"
    list_.write_text("Ref,Name,Product\n1,Sepsis,Alert\n")
    import_file(house, OPERATOR, list_, tmp_path / "m.yaml")
    body = bare(product="Alert", version="1", use="Sepsis")
    file_evidence(house, body, Reader("o", "o", (Held(Role.OFFICER),)))

    list_.write_text("Ref,Name,Product\n1,Sepsis,Other\n")
    again = import_file(house, OPERATOR, list_, tmp_path / "m.yaml")

    assert [n.column for n in again.notes if "evidence is filed" in n.why] == ["product.name"]
    with house.database.reading() as connection:
        assert connection.execute(
            select(products.c.name).join(uses, uses.c.product == products.c.id)
        ).scalars().all() == ["Alert"]
