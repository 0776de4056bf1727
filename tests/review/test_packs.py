"""The ready packs: counted, cited, dated, usable, and one policy for every use at every checkpoint."""

from __future__ import annotations

import re
from datetime import date
from itertools import product
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.flows.gate import check_policies
from codman.review import packs as ready_packs
from codman.review.packs import NoPolicy, SeveralPolicies, every_pack, frameworks, packs, policies_for
from codman.review.packs.catalog import NoSuchPack, pack
from codman.review.packs.dated import OutOfDate
from codman.review.packs.pack import PACK_TEXT, pack_of_bytes
from codman.review.policy import judge
from codman.review.policy.load import policy_of_bytes
from codman.review.policy.written import BadPolicy, parse
from codman.spine.evaluation_spec import Task
from codman.spine.policy import Checkpoint
from codman.spine.statement import Origin
from codman.spine.use import Tier
from codman.spine.verdict import Outcome
from policy_evidence import document, evaluation, measured, read

TODAY = date(2026, 11, 21)
READY = Path(ready_packs.__file__).parent / "ready"
EIGHT = ("validation", "silent", "pilot", "go-live", "monitoring", "change", "pause", "retire")
KINDS = ("bought", "built", "embedded", "open")
SETTINGS = ("inpatient", "emergency", "imaging", "radiology", "outpatient", "patient-facing")
# counted by hand from the files: policies, requirements
COUNTED = {
    "bought-embedded-high": (8, 60),
    "bought-embedded-medium": (8, 60),
    "foundation-model": (8, 44),
    "generative-documentation": (8, 48),
    "imaging-triage": (8, 44),
    "other-outcomes": (8, 44),
    "patient-chatbot": (8, 56),
    "predictive-high": (8, 66),
    "predictive-low": (8, 22),
    "predictive-medium": (8, 61),
    "time-to-event": (8, 49),
}
OWN = """\
pack: {name}
title: Ours
edition: {edition}
technique: predictive
source:
  - {{title: Our committee, citation: "minutes of 3 November 2026"}}
valid_from: {first}
valid_to: {last}
counts: {{policies: 1, requirements: 1}}
checkpoints:
  - policy: {policy}
    edition: {edition}
    applies_to: {{tier: [high], task: [binary]}}
    checkpoint: go-live
    requires:
      - id: card
        title: A model card
        document: model-card
        controls: [ruaih/4]
"""


def own(**said: str) -> bytes:
    usual = {"name": "ours", "edition": "2026-12", "first": "2026-11-01", "last": "null", "policy": "our-go-live"}
    return OWN.format(**(usual | said)).encode()


@pytest.fixture
def folder(tmp_path):
    def written(*files: bytes):
        for i, data in enumerate(files):
            (tmp_path / f"{i}.yaml").write_bytes(data)
        return tmp_path

    return written


def test_the_ready_packs_hold_as_much_as_was_counted():
    found = {p.pack: (len(p.checkpoints), sum(len(c.requires) for c in p.checkpoints)) for p in every_pack()}

    assert found == COUNTED


@pytest.mark.parametrize("name", COUNTED)
def test_a_ready_pack_has_a_policy_for_each_of_the_eight_checkpoints(name):
    assert tuple(policy.checkpoint.value for policy in pack(name, TODAY).checkpoints) == EIGHT


@pytest.mark.parametrize("name", COUNTED)
def test_who_still_depends_on_a_use_was_looked_at_within_a_quarter_before_it_retires(name):
    (retire,) = pack(name, TODAY).at(Checkpoint.RETIRE)
    assert {one.id: one.max_age_days for one in retire.requires}["hazard-check"] == 90


@pytest.mark.parametrize("name", COUNTED)
def test_each_requirement_cites_controls_that_their_framework_has_on_the_packs_first_day(name):
    found = pack(name, TODAY)
    known = {f.framework: f for f in frameworks(found.valid_from)}

    for policy in found.checkpoints:
        for requirement in policy.requires:
            assert requirement.controls, (policy.policy, requirement.id)
            for cited in requirement.controls:
                framework, _, control = cited.partition("/")
                assert known[framework].under(control), (policy.policy, requirement.id, cited)
                assert known[framework].source
                assert known[framework].edition


@pytest.mark.parametrize("name", COUNTED)
def test_a_ready_pack_and_all_it_holds_can_be_used(name):
    checked = check_policies([READY / f"{name}.yaml"])

    assert [one.error for one in checked] == [None]
    assert {a.requirement.split("/")[0] for one in checked for a in one.advice if a.requirement} <= {
        policy.policy for policy in pack(name, TODAY).checkpoints
    }


def test_what_goes_live_is_measured_on_local_patients():
    for found in every_pack():
        if found.technique != "predictive" or found.pack == "predictive-low":
            continue
        for policy in found.at(Checkpoint.GO_LIVE):
            numbers = [r for r in policy.requires if r.evidence.value == "evaluation" and r.id != "claimed"]
            assert numbers
            assert all(r.origin == (Origin.LOCAL,) for r in numbers), policy.policy


def test_numbers_of_another_maker_are_kept_apart_from_local_ones():
    for policy in pack("bought-embedded-high", TODAY).at(Checkpoint.GO_LIVE):
        claimed = next(r for r in policy.requires if r.id == "claimed")
        assert Origin.LOCAL not in claimed.origin


def test_every_use_meets_exactly_one_policy_at_every_checkpoint():
    tiers, tasks = (None, *Tier), (None, *get_args(Task))
    for tier, task, setting, kind, flags, at in product(
        tiers, tasks, (None, *SETTINGS), (None, *KINDS), ((False, False), (True, False), (None, True)), EIGHT
    ):
        generative, foundation = flags
        chosen = policies_for(
            tier, task, setting, kind, Checkpoint(at), TODAY, generative=generative, foundation=foundation
        )
        applies = chosen.policy.applies_to
        assert chosen.policy.checkpoint.value == at
        assert chosen.pack.technique == ("foundation" if foundation else "generative" if generative else "predictive")
        for key, said in (("tier", tier), ("task", task), ("setting", setting), ("kind", kind)):
            wanted = getattr(applies, key)
            assert wanted is None or said is None or said in wanted


@pytest.mark.parametrize(
    ("tier", "task", "setting", "kind", "more", "policy"),
    [
        ("high", "binary", "inpatient", "built", {}, "predictive-high-go-live"),
        ("medium", "multilabel", "inpatient", "open", {}, "predictive-medium-go-live"),
        ("low", "binary", "imaging", "bought", {}, "predictive-low-go-live"),
        ("medium", "binary", "Imaging", "bought", {}, "imaging-triage-go-live"),
        ("high", "binary", "inpatient", "embedded", {}, "bought-embedded-high-go-live"),
        ("medium", "binary", None, "bought", {}, "bought-embedded-medium-go-live"),
        ("high", "survival", "inpatient", "bought", {}, "time-to-event-go-live"),
        ("medium", "regression", None, "built", {}, "other-outcomes-go-live"),
        ("low", None, "inpatient", "bought", {"generative": True}, "generative-documentation-go-live"),
        (None, None, "patient-facing", None, {"generative": True}, "patient-chatbot-go-live"),
        ("high", "binary", "imaging", "open", {"generative": True, "foundation": True}, "foundation-model-go-live"),
    ],
)
def test_the_most_specific_policy_is_chosen(tier, task, setting, kind, more, policy):
    assert policies_for(tier, task, setting, kind, Checkpoint.GO_LIVE, TODAY, **more).policy.policy == policy


@given(st.sampled_from(EIGHT), st.sampled_from((None, *SETTINGS)), st.sampled_from((None, *KINDS)))
def test_a_tier_nobody_answered_is_judged_as_high_and_a_task_as_binary(at, setting, kind):
    known = policies_for("high", "binary", setting, kind, Checkpoint(at), TODAY)

    assert policies_for(None, None, setting, kind, Checkpoint(at), TODAY).policy == known.policy


def test_why_a_policy_was_chosen_is_said():
    chosen = policies_for(None, "binary", "inpatient", "bought", Checkpoint.GO_LIVE, TODAY)

    assert chosen.why == (
        "bought-embedded-high-go-live, edition 2026-11, is meant for predictive AI, tier not known, so taken as high, "
        "task binary, kind bought; more specific than bought-embedded-medium-go-live, predictive-high-go-live, "
        "predictive-low-go-live, predictive-medium-go-live."
    )


def test_a_pack_outside_its_dates_is_refused_and_marked():
    before = date(2026, 10, 31)

    assert packs(before) == ()
    assert pack("predictive-low", TODAY).standing(before) == "not before 1 Nov 2026"
    with pytest.raises(OutOfDate, match=r"predictive-low 2026-11 does not hold on 31 Oct 2026: not before 1 Nov 2026"):
        pack("predictive-low", before)
    with pytest.raises(NoPolicy, match=r"predictive-low 2026-11 is not before 1 Nov 2026"):
        policies_for("low", None, None, None, Checkpoint.PAUSE, before)


def test_a_pack_holds_on_its_last_day_and_no_longer():
    mine = pack_of_bytes(own(last="2026-11-30"), "x.yaml")

    assert mine.standing(TODAY) == "in force until 30 Nov 2026"
    assert mine.holds(date(2026, 11, 30))
    assert not mine.holds(date(2026, 12, 1))
    assert mine.standing(date(2026, 12, 1)) == "no longer after 30 Nov 2026"


@pytest.mark.parametrize("path", [*READY.glob("*.yaml"), *READY.with_name("frameworks").glob("*.yaml")], ids=str)
def test_what_came_with_codman_reads_the_same_by_either_reader_of_yaml(path):
    slow, fast = (parse(path.read_bytes(), path.name, as_text=PACK_TEXT, ours=ours) for ours in (False, True))

    assert fast == slow


def test_an_own_pack_is_read_again_when_its_file_is_another(tmp_path):
    file = tmp_path / "ours.yaml"
    file.write_bytes(own(edition="2026-11"))
    first, again = pack("ours", TODAY, tmp_path), pack("ours", TODAY, tmp_path)
    file.write_bytes(own(edition="2026-12"))

    assert again is first
    assert pack("ours", TODAY, tmp_path).edition == "2026-12"


def test_a_pack_nobody_wrote_is_an_error():
    with pytest.raises(NoSuchPack):
        pack("sepsis", TODAY)


def test_an_own_pack_stands_beside_the_ready_ones_and_wins_among_equals(folder):
    there = folder(own())

    assert len(packs(TODAY, there)) == len(COUNTED) + 1
    assert policies_for("high", "binary", None, "built", Checkpoint.GO_LIVE, TODAY, own=there).policy.policy == (
        "our-go-live"
    )
    # less specific than the ready one for imaging: that one stays
    imaging = policies_for("high", "binary", "imaging", "built", Checkpoint.GO_LIVE, TODAY, own=there)
    assert imaging.policy.policy == "imaging-triage-go-live"


def test_an_own_pack_of_the_same_name_and_edition_replaces_the_ready_one(folder):
    there = folder(own(name="predictive-high", edition="2026-11"))

    assert len(packs(TODAY, there)) == len(COUNTED)
    assert pack("predictive-high", TODAY, there).own
    with pytest.raises(NoPolicy):
        policies_for("high", "binary", None, "built", Checkpoint.MONITORING, TODAY, own=there)


def test_of_two_own_editions_the_newest_that_holds_is_taken(folder):
    there = folder(
        own(), own(edition="2027-01", first="2027-01-01"), own(edition="2026-06", first="2026-06-01", last="2026-11-25")
    )

    editions = [
        policies_for("high", "binary", None, None, Checkpoint.GO_LIVE, day, own=there).policy.edition
        for day in (date(2026, 10, 1), TODAY, date(2027, 1, 1))
    ]
    assert editions == ["2026-06", "2026-12", "2027-01"]


def test_two_own_policies_for_the_same_use_are_an_error_and_not_a_choice(folder):
    there = folder(own(), own(name="theirs", policy="their-go-live"))

    with pytest.raises(SeveralPolicies, match=r"our-go-live \(ours 2026-12\) and their-go-live \(theirs 2026-12\)"):
        policies_for("high", "binary", None, None, Checkpoint.GO_LIVE, TODAY, own=there)


def test_a_folder_that_is_not_there_holds_no_packs(tmp_path):
    assert len(packs(TODAY, tmp_path / "nothing")) == len(COUNTED)


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("requirements: 1}", "requirements: 2}", "line 9: 2 requirements are counted and 1 are there"),
        ("policies: 1,", "policies: 3,", "line 9: 3 policies are counted and 1 are there"),
        ("title: Ours", "title: Ours\ntile: x", "unknown key 'tile'"),
        ("    edition: 2026-12\n", "    edition: 2026-11\n", "our-go-live is of edition 2026-11"),
        ("document: model-card", "docment: model-card", "line 16: requirement 'card' asks for nothing"),
        ("valid_to: null", "valid_to: 2026-01-01", "valid_to is before valid_from"),
        ("valid_from: 2026-11-01", "valid_from: soon", "valid_from"),
        ("minutes of 3 November 2026", "https://example.org/minutes", "a citation names a work, not an address"),
        ("technique: predictive", "technique: magic", "technique"),
        ("technique: predictive\n", "technique: predictive\nown: true\n", "unknown key 'own'"),
        ("checkpoints:", "checkpoint:", "'checkpoints' is not a list of policies"),
    ],
)
def test_a_pack_that_cannot_be_used_is_refused_with_its_line(was, now, said):
    text = own().decode()
    assert was in text

    with pytest.raises(BadPolicy) as caught:
        pack_of_bytes(text.replace(was, now, 1).encode(), "ours.yaml")

    assert said in str(caught.value)


def test_all_that_is_wrong_with_its_policies_is_told_at_once():
    text = own().decode().replace("document: model-card", "docment: model-card")
    second = text.partition("checkpoints:\n")[2].replace("our-go-live", "our-pause").replace("go-live", "goo-live")

    with pytest.raises(BadPolicy) as caught:
        pack_of_bytes((text + second).encode(), "ours.yaml")

    # each policy asks for nothing, under an unknown key; the second has no such checkpoint
    assert sorted(fault.line for fault in caught.value.faults) == [16, 18, 23, 25, 27]


@pytest.mark.parametrize("name", COUNTED)
def test_each_policy_of_a_pack_can_be_had_as_a_file_that_says_the_same(name):
    found = pack(name, TODAY)

    for policy in found.checkpoints:
        text = found.policy_file(policy)
        assert policy_of_bytes(text.encode(), "x.yaml").model_dump() == policy.model_dump()


def test_a_policy_written_within_brackets_is_given_out_in_our_own_style():
    flow = own().decode().partition("checkpoints:\n")
    item = (
        "  - {policy: our-go-live, edition: 2026-12, checkpoint: go-live, requires: [{id: a, title: A, measurement: "
        "{metric: auroc, at_least: 0.7, class: x}}, {id: b, document: d}, {id: c, evidence: scan}]}\n"
    )
    found = pack_of_bytes((flow[0].replace("requirements: 1", "requirements: 3") + flow[1] + item).encode(), "x.yaml")

    text = found.policy_file(found.checkpoints[0])

    assert policy_of_bytes(text.encode(), "x.yaml").model_dump() == found.checkpoints[0].model_dump()


def test_bought_ai_that_ranks_well_here_is_met_and_its_makers_word_alone_is_not():
    policy = policies_for("medium", "binary", "inpatient", "bought", Checkpoint.PILOT, TODAY).policy
    rows = (measured("auroc", 0.80, 0.76, 0.84), measured("number_needed_to_evaluate", 8, 6, 11, threshold=0.2))
    papers = [document(kind) for kind in ("human-oversight-plan", "training-material", "downtime-procedure")]

    here = judge(policy, [read(evaluation(*rows)), *map(read, papers)])
    theirs = judge(policy, [read(evaluation(*rows, origin="developer")), *map(read, papers)])

    by_id = {r.id: r.outcome for r in here.results}
    assert by_id["discrimination"] is by_id["workflow"] is Outcome.MET
    assert by_id["watched"] is by_id["monitoring-plan"] is Outcome.MISSING
    assert {r.id: r.outcome for r in theirs.results}["discrimination"] is Outcome.MISSING


def test_the_days_a_pack_asks_for_leave_room_beyond_the_period():
    # a monthly, quarterly or yearly look that is a few days late is not stale: 35, 100, 190, 370
    for found in every_pack():
        for policy in found.at(Checkpoint.MONITORING):
            ages = {r.max_age_days for r in policy.requires if r.max_age_days is not None}
            assert ages <= {35, 100, 190, 370}, policy.policy


def test_the_pack_on_the_page_about_packs_can_be_used():
    page = (Path(__file__).parents[2] / "docs" / "policy-packs.md").read_text()
    text = page.partition("```yaml\n")[2].partition("```")[0]

    found = pack_of_bytes(text.encode(), "sepsis.yaml", own=True)

    assert found.name == "sepsis 2027-01"
    assert {f"`{name}`" for name in COUNTED} - set(re.findall(r"`[a-z-]+`", page)) == set()
