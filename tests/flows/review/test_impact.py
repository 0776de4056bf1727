"""A changed policy held against all that the book holds: which uses would come out otherwise."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import POLICY, Committee, auroc

from codman.flows.review import impact as looked
from codman.flows.review.evidence import outcomes
from codman.flows.review.impact import impact
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.log import SYSTEM
from codman.registry.nouns import FACTS, USES
from codman.review.policy.load import policy_of_bytes
from codman.spine.measurement import Measurement
from codman.spine.person import Role
from codman.spine.verdict import Outcome

OLD = policy_of_bytes(POLICY, "old.yaml")
TIGHTER = POLICY.replace(b"0.75", b"0.78").replace(b"2026-11", b"2027-01")
CARD = b"  - {id: card, document: model-card}\n"


def new(body: bytes):
    return policy_of_bytes(body, "new.yaml")


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        for name in ("ward", "ward-south"):
            USES.change(change, name, {"stage": "live"}, None)
    yield made
    made.house.close()


def test_a_tighter_limit_names_the_use_that_no_longer_keeps_it_and_not_the_one_without_evidence(house):
    house.evidence(auroc(0.80, 0.76, 0.84))

    found = impact(house.house, house.officer, OLD, new(TIGHTER))

    (ward,) = found.uses
    assert (ward.use, ward.old, ward.new) == ("ward", Outcome.MET, Outcome.INCONCLUSIVE)
    assert [(t.requirement, t.old, t.new) for t in ward.turned] == [
        ("discrimination", Outcome.MET, Outcome.INCONCLUSIVE)
    ]
    assert found.judged == 2
    assert found.by_outcome() == {(Outcome.MET, Outcome.INCONCLUSIVE): 1}


def test_what_is_the_same_in_both_editions_is_judged_once_and_comes_out_the_same(house, monkeypatch):
    house.evidence(auroc(0.80, 0.76, 0.84))
    asked = []

    def counted(exhibits, policy, *more, **named):
        asked.append([r.id for r in policy.requires])
        return outcomes(exhibits, policy, *more, **named)

    monkeypatch.setattr(looked, "outcomes", counted)
    found = impact(house.house, house.officer, OLD, new(POLICY + CARD))

    assert asked == [["discrimination"], ["card"]] * 2
    assert {(one.use, one.old, one.new) for one in found.uses} == {
        ("ward", Outcome.MET, Outcome.MISSING),
        ("ward-south", Outcome.MISSING, Outcome.MISSING),
    }


def test_a_requirement_that_only_warns_from_now_on_no_longer_decides(house):
    house.evidence(auroc(0.60, 0.55, 0.65))
    warns = POLICY.replace(b"    origin: [local]\n", b"    origin: [local]\n    severity: warn\n") + CARD

    found = impact(house.house, house.officer, new(POLICY + CARD), new(warns))

    ward = next(one for one in found.uses if one.use == "ward")
    assert (ward.old, ward.new, ward.turned) == (Outcome.NOT_MET, Outcome.MISSING, ())


def test_one_use_that_cannot_be_judged_hides_no_other(house):
    def ppv(threshold: float) -> Measurement:
        return Measurement(
            metric="ppv", value=0.5, lower=0.4, upper=0.6, level=0.95, n=1000, method="wilson",
            params={"threshold": threshold},
        )  # fmt: skip

    house.evidence(auroc(0.80, 0.76, 0.84), ppv(0.1), ppv(0.2))
    more = b"  - {id: alarms, evidence: evaluation, measurement: {metric: ppv, at_least: 0.3}}\n"

    found = impact(house.house, house.officer, OLD, new(POLICY + more))

    (lost,) = found.unjudged
    assert lost.use == "ward"
    assert "does not say which threshold" in lost.why
    assert [one.use for one in found.uses] == ["ward-south"]


def test_somebody_who_may_read_no_review_learns_nothing(house):
    nobody = Reader("p-none", "Nobody", (Held(Role.VIEWER),), scopes=frozenset({"inventory.read"}))
    with pytest.raises(NotAllowed):
        impact(house.house, nobody, OLD, new(TIGHTER))


def test_what_patients_talk_to_is_held_to_what_is_meant_for_that_wherever_they_meet_it(house):
    house.evidence(auroc(0.80, 0.76, 0.84))
    only = b"applies_to: {setting: [patient-facing]}\ncheckpoint: go-live"
    old, changed = (new(body.replace(b"checkpoint: go-live", only)) for body in (POLICY, TIGHTER))
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"care_setting": "outpatient"}, None)
        USES.change(change, "ward-south", {"care_setting": "outpatient"}, None)
    assert impact(house.house, house.officer, old, changed).judged == 0

    fact = {"about_kind": "use", "about": "ward", "field": "intake/patient_facing", "value": "yes"}
    with house.house.database.changing(SYSTEM) as change:
        FACTS.add(change, FACTS.validated({**fact, "basis": "claim", "source": "owner"}))

    found = impact(house.house, house.officer, old, changed)
    assert (found.judged, [one.use for one in found.uses]) == (1, ["ward"])
