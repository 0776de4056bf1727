"""The demo hospital holds what it says it holds, and nobody in it ever lived."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from pydantic import ValidationError

from codman.evaluate.run import run
from codman.registry.documents import FactFields
from codman.simulate.catalogue import Outcome, read_catalogue
from codman.simulate.history import Added, Answered, Changed, Measured, Papered, Revoked, Signer
from codman.simulate.hospital import Hospital, make_hospital
from codman.simulate.predictions import predictions
from codman.spine.person import Role
from codman.spine.product import ProductKind
from codman.spine.site import Mode
from codman.spine.statement import Origin
from codman.spine.use import RUNNING, Decision, Impact, Stage, Tier
from codman.tables.source import open_source

PLATFORMS = {"product-demo-ehr", "product-demo-monitor"}


@pytest.fixture(scope="module")
def hospital() -> Hospital:
    return make_hospital(7)


@pytest.fixture(scope="module")
def small() -> Hospital:
    return make_hospital(7, small=True)


def test_a_system_of_three_regions_twelve_hospitals_and_sixty_units(hospital: Hospital):
    levels = Counter(site["level"] for site in hospital.standing("site").values())

    assert levels == {"system": 1, "region": 3, "hospital": 12, "unit": 60}


def test_140_uses_of_90_products_in_every_stage_decision_kind_impact_and_tier(hospital: Hospital):
    uses = hospital.standing("use").values()
    products = {k: v for k, v in hospital.standing("product").items() if k not in PLATFORMS}

    assert len(uses) == 140
    assert len(products) == 90
    assert {use["stage"] for use in uses} == {stage.value for stage in Stage}
    assert {use["decision"] for use in uses} == {decision.value for decision in Decision}
    assert {use["impact"] for use in uses} == {impact.value for impact in Impact} | {None}
    assert {use["tier"] for use in uses} == {tier.value for tier in Tier} | {None}
    assert {product["kind"] for product in products.values()} == {kind.value for kind in ProductKind}
    assert {use["product"] for use in uses} == products.keys()
    generative = {name for name, product in products.items() if product["generative"]}
    assert sum(use["product"] in generative for use in uses) >= 15
    assert len(hospital.standing("vendor")) == 25


def test_forty_uses_run_that_nobody_decided_on(hospital: Hospital):
    legacy = [use for use in hospital.standing("use").values() if use["decision"] == Decision.LEGACY]

    assert Counter(use["stage"] for use in legacy) == {"live": 38, "retired": 2}


def test_what_an_office_usually_misses_is_missing(hospital: Hospital):
    uses = list(hospital.standing("use").values())

    for field in ("owner", "monitoring", "population", "downtime_procedure", "demographic_inputs", "impact", "tier"):
        blank = sum(use[field] is None for use in uses)
        assert 5 <= blank <= 100, field
    assert any(use["demographic_inputs"] == [] for use in uses)


def test_deployments_run_in_every_mode_and_only_some_are_accepted_by_a_clinician_of_the_hospital(hospital: Hospital):
    uses, people = hospital.standing("use"), hospital.standing("person")
    deployments = hospital.standing("deployment").values()

    assert {one["mode"] for one in deployments} == {mode.value for mode in Mode}
    accepted = [one for one in deployments if one["accepted_at"]]
    assert 0.3 < len(accepted) / len(deployments) < 0.8
    assert all(one["clinician"] in people for one in accepted)
    assert any(one["clinician"] is None for one in deployments)
    for one in deployments:
        stage = Stage(uses[one["use"]]["stage"])
        assert (one["mode"] in {"silent", "pilot", "live"}) == (stage in RUNNING)


def test_nobody_is_more_than_a_role_and_a_number(hospital: Hospital):
    people = hospital.standing("person").values()

    assert all(re.fullmatch(r"[A-Z][a-z]+ \d+, [A-Za-z ]+", person["name"]) for person in people)
    assert all(person["email"].endswith("@demo.invalid") for person in people)
    assert {grant["role"] for grant in hospital.standing("grant").values()} == {role.value for role in Role}


def test_no_product_carries_a_submission_number_that_could_be_a_real_devices(hospital: Hospital):
    assert all(product["submission"] is None for product in hospital.standing("product").values())


def test_product_names_are_told_apart_and_so_are_the_uses_of_one_product(hospital: Hospital):
    names = [product["name"].lower() for product in hospital.standing("product").values()]
    uses = [(use["product"], use["name"].lower()) for use in hospital.standing("use").values()]

    assert len(names) == len(set(names))
    assert len(uses) == len(set(uses))


def test_versions_come_over_two_years_and_the_opaque_ones_are_known_by_what_was_seen(hospital: Hospital):
    versions = hospital.standing("version").values()
    opaque = [version for version in versions if version["digest"] is None]

    assert opaque
    assert all({"vendor", "product", "build", "observed_on"} <= version["descriptor"].keys() for version in opaque)
    assert any(version["ehr_build"] for version in opaque)
    assert any(version["parent"] for version in versions)


def test_at_least_forty_uses_were_evaluated_by_those_who_may_say_so(hospital: Hospital):
    trials: list[Measured] = hospital.steps(Measured)
    signers = {signer.id: signer for signer in hospital.steps(Signer)}
    counts = Counter(trial.use for trial in trials if trial.origin is not Origin.DEVELOPER)

    assert len(counts) >= 40
    assert set(counts.values()) <= {1, 2, 3}
    assert {trial.origin for trial in trials} == {Origin.LOCAL, Origin.DEVELOPER, Origin.ATTESTED}
    assert {trial.spec.task for trial in trials} == {"binary", "multiclass", "survival"}
    for trial in trials:
        signer = signers[trial.signer]
        assert signer.origin is trial.origin
        assert not signer.products or trial.product in signer.products
        assert 1500 <= trial.cohort.rows <= 6000
    assert hospital.steps(Papered)
    assert hospital.steps(Revoked)


def test_some_models_disappoint_everyone_some_one_group_and_some_groups_are_too_small_to_show(hospital: Hospital):
    trials = [one for one in hospital.steps(Measured) if one.spec.task == "binary" and one.origin is Origin.LOCAL]
    weak = [one for one in trials if one.cohort.signal < 1][:2]
    small = [one for one in trials if ["sex", "race"] in one.spec.by and one.cohort.rows <= 2500][:3]
    blind = [one for one in trials if one.cohort.blind and one.cohort.blind[0] == "race"][:4]
    found = [
        m for one in (*weak, *blind, *small) for m in run(open_source(predictions(one.cohort)), one.spec).measurements
    ]

    assert any(m.metric == "auroc" and not m.slice and (m.value or 1) < 0.75 for m in found)
    assert any(m.metric == "sensitivity_difference" and (m.lower or 0) > 0.1 for m in found)
    assert any(m.value is None and m.note == "suppressed" for m in found)


def test_the_history_goes_forward_for_two_years_and_every_step_finds_what_it_speaks_of(hospital: Hospital):
    there: set[str] = set()
    before = hospital.history[0].at
    assert (hospital.until - hospital.first).days == 730
    for event in hospital.history:
        assert before <= event.at
        assert hospital.first <= event.at.date() <= hospital.until
        assert event.author is None or event.author in there
        before, step = event.at, event.step
        if isinstance(step, Added):
            assert step.id not in there
            plain = step.fields.model_dump()
            named = {plain.get(k) for k in ("vendor", "embedded_in", "person", "owner", "use", "version", "clinician")}
            assert named - {None} <= there
            there.add(step.id)
        elif isinstance(step, Changed):
            assert step.id in there
        elif isinstance(step, Measured | Papered):
            assert {step.product, step.version} <= there
            there.add(step.id)
        elif isinstance(step, Answered):
            assert {step.about, step.evidence} - {None} <= there


def test_answers_are_claims_papers_and_evidence_in_fields_a_framework_has(hospital: Hospital):
    answered: list[Answered] = hospital.steps(Answered)

    assert {one.basis for one in answered} == {"claim", "document", "evidence"}
    assert all((one.evidence is None) == (one.basis == "claim") for one in answered)
    FactFields(about_kind="use", about="a", field=answered[0].field, value="x", source="y")
    assert {one.field.partition("/")[0] for one in answered} == {"hti-1", "chai-model-card"}
    assert len({(one.about, one.field, one.source) for one in answered}) == len(answered)


def test_the_small_hospital_has_two_hospitals_twelve_uses_every_role_and_no_more_than_three_evaluations(
    small: Hospital,
):
    assert sum(site["level"] == "hospital" for site in small.standing("site").values()) == 2
    assert len(small.standing("use")) == 12
    assert {grant["role"] for grant in small.standing("grant").values()} == {role.value for role in Role}
    assert 1 <= len(small.steps(Measured)) <= 3


@pytest.mark.parametrize("seed", range(40))
def test_every_seed_makes_a_hospital_that_holds_together(seed: int):
    for small in (True, False):
        made = make_hospital(seed, small=small)
        test_the_history_goes_forward_for_two_years_and_every_step_finds_what_it_speaks_of(made)
        test_product_names_are_told_apart_and_so_are_the_uses_of_one_product(made)
        assert made.steps(Measured)


def test_the_same_seed_gives_the_same_hospital_in_another_process(small: Hospital):
    code = "from codman.simulate.hospital import make_hospital; print(make_hospital(7, small=True))"
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": n},
        ).stdout
        for n in ("1", "2")
    }

    assert told == {f"{small}\n"}
    assert make_hospital(8, small=True) != small


def test_another_last_day_moves_the_whole_history(small: Hospital):
    later = make_hospital(7, small=True, until=date(2027, 1, 19))

    assert [event.at - small.history[0].at for event in small.history] == [
        event.at - later.history[0].at for event in later.history
    ]
    assert replace(small, first=later.first, until=later.until, history=()) == replace(later, history=())


def test_the_catalogues_vendors_each_have_a_name_of_their_own():
    catalogue = read_catalogue()

    assert len({vendor.name for vendor in catalogue.vendors}) == len(catalogue.vendors) == 25
    assert sum(len(sort.ways) for sort in catalogue.kinds) == 90


@pytest.mark.parametrize(
    "wrong",
    [
        {"task": "binary", "label": "x", "auroc": 0.8, "prevalence": 0.1},
        {"task": "multiclass", "label": "x", "auroc": 0.8, "classes": ["a", "b"], "shares": [0.5, 0.4]},
        {"task": "survival", "label": "x", "auroc": 0.8, "prevalence": 0.1},
    ],
)
def test_an_outcome_that_cannot_be_invented_is_refused(wrong: dict[str, object]):
    with pytest.raises(ValidationError):
        Outcome.model_validate(wrong)
