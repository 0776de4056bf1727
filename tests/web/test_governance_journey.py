"""The journey of one use through the demo hospital, in a real browser with scripts off: from its proposal to a pause.

Everybody signs in as themselves and reads what a person reads. Evidence comes from a build's own commands over the
network, the clock is the house's and moved by the test, and what the house does by itself its rounds do.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from walking import Build, Hospital, opened

from door import PASSWORD

USE = "Falls warning, medical wards"
PRODUCT = "Falls warning"
CONDITION = "Measure it again once it has run for a month."
GENERAL, UNIVERSITY = "North General Hospital", "North University Hospital"
PACK = """
pack: own-falls
title: What this hospital asks of warnings it buys
edition: "1"
technique: predictive
source:
  - {{title: Minutes of the AI committee, citation: "The hospital's own, item 4"}}
valid_from: {since}
counts: {{policies: 1, requirements: 3}}
checkpoints:
  - policy: own-falls-go-live
    edition: "1"
    applies_to: {{tier: [high, medium, low], setting: [inpatient], kind: [bought], task: [binary]}}
    checkpoint: go-live
    requires:
      - id: discrimination
        title: Ranks who falls above who does not
        evidence: evaluation
        origin: [local]
        measurement: {{metric: auroc, at_least: 0.75}}
      - id: calibration
        title: As many fall as it foretells
        evidence: evaluation
        origin: [local]
        measurement: {{metric: oe_ratio, between: [0.5, 2]}}
      - id: watching
        title: A plan says how it is watched
        document: monitoring-plan
        severity: warn
"""

# page by page; a page that its own answers make longer comes twice
PROPOSAL: tuple[dict[str, str | list[str]], ...] = (
    {
        "name": USE,
        "purpose": "Tells the ward nurse in the morning who may fall today.",
        "product_name": PRODUCT,
        "kind": "bought",
        "version": "1.0",
        "generative": "no",
    },
    {"vendor": "Steady Steps"},
    {
        "owner": "person-demo-owner-01",
        "care_setting": "inpatient",
        "users": "ward nurse",
        "patient_facing": "no",
        "clinical": "yes",
    },
    {"population": "Adults on a medical ward", "groups": "none", "patients_a_year": "9000"},
    {
        "output": "A risk from 0 to 1, each morning.",
        "output_type": "prediction",
        "decision_role": "informs",
        "autonomy": "person-decides",
        "significance": "drive",
        "condition_state": "serious",
        "principal_basis": "no",
        "decides_on": "none",
        "device": "exempt-support",
        "learns": "no",
    },
    {
        "trained": "yes",
        "demographic_inputs": ["age", "sex"],
        "data_leaves": "no",
        "generalisable": "no",
        "allocates_patients": "no",
        "in_eu": "no",
    },
    {"mitigation": "Its alerts are counted by age and sex each quarter."},
    {
        "risks": "It misses who is newly confused.",
        "downtime_procedure": "The nurse asks as before it came.",
        "already_running": "no",
        "urgency": "ordinary",
    },
    {"monitoring": "Its ranking is measured each quarter."},
)
SITES = {GENERAL: "site-demo-north-general", UNIVERSITY: "site-demo-north-university"}


@pytest.fixture
def hospital(tmp_path: Path, browser: Any) -> Iterator[Hospital]:
    """The demo hospital in small, with a policy of its own."""
    with opened(tmp_path / "hospital", browser) as served:
        packs = served.house.settings.workspace / "packs"
        packs.mkdir()
        (packs / "own.yaml").write_text(PACK.format(since=served.clock.day(-30)))
        yield served


def test_a_use_goes_from_its_proposal_to_a_proposed_pause(hospital: Hospital, tmp_path: Path) -> None:
    use = _propose(hospital)
    _raise_its_tier(hospital, use)
    _put_it_at_two_sites(hospital, use)
    build = _take_in_the_build(hospital, tmp_path)
    _measure(build, 200, gate_ends_with=3)
    case = _open_the_review(hospital, use)
    _show_what_is_inconclusive_then_met(hospital, case, build)
    _file_the_plan(hospital, use, case)
    _vote(hospital, case)
    _decide(hospital, case)
    _accept_and_go_live(hospital, use)
    _ask_the_vendor_to_report(hospital, use)
    _deploy_a_new_version(hospital, use)
    _let_the_condition_lapse(hospital, use, case)
    _report_late(hospital, use)
    _raise_a_concern(hospital, use)


def _propose(hospital: Hospital) -> str:
    """The owner fills in the pages of the intake and sends it in; it has a tier, with the reasons shown."""
    owner = hospital.as_("owner-01").open("/intakes").press("Propose a use")
    for answers in PROPOSAL:
        owner.say(**answers).press("Save and go on")
    owner.reads(USE, "Tells the ward nurse in the morning").press("Send it in")
    owner.reads("How closely it is looked at", "Each rule that holds, the strongest first")
    owner.reads("Tier Medium", "It drives what is done for patients in a serious state", "IMDRF SaMD category II")
    return owner.path.split("/")[2]


def _raise_its_tier(hospital: Hospital, use: str) -> None:
    """The officer sees why it has that tier, and sets a higher one, which nobody else need agree to."""
    officer = hospital.as_("officer-01").open(f"/uses/{use}").follow("Its tier, and why")
    officer.say(tier="high", why="A fall on a ward is a serious event here").press("Set it")
    officer.reads("Tier High", "By the rules Medium")
    officer.open(f"/uses/{use}").reads("Triaged")


def _put_it_at_two_sites(hospital: Hospital, use: str) -> None:
    """Two hospitals, each with a clinician of its own."""
    owner = hospital.as_("owner-01")
    for site, clinician in ((GENERAL, "01"), (UNIVERSITY, "04")):
        owner.open(f"/uses/{use}").follow("Add a site")
        owner.say(site=SITES[site], mode="silent", clinician=f"person-demo-clinician-{clinician}")
        owner.page.get_by_label("Version", exact=True).select_option(label=f"{PRODUCT}, 1.0")
        owner.press("Add it")
    owner.reads(GENERAL, UNIVERSITY, "Clinician 1", "Clinician 4")


def _take_in_the_build(hospital: Hospital, folder: Path) -> Build:
    """The officer registers the pipeline's key; an engineer makes it a token; the policy is the hospital's own."""
    build = Build(hospital.address, folder)
    build.run("evidence", "keygen", "--out", "build")
    officer = hospital.as_("officer-01").open("/keys/new")
    officer.say(name="Falls pipeline", owner="Clinical informatics", pem=(folder / "build.pub").read_text())
    officer.say(owner_kind="pipeline", origins="local").press("Register it").reads("Falls pipeline")
    engineer = hospital.as_("engineer-01").open("/account/tokens/new")
    engineer.say(scope="evidence.submit", name="falls pipeline").press("Make the token")
    build.token = engineer.page.get_by_label("Token", exact=True).inner_text().strip()
    own = ("--workspace", str(hospital.house.settings.workspace))
    (folder / "policy.yaml").write_text(build.run("policy", "show", "own-falls-go-live", *own))
    return build


def _measure(build: Build, patients: int, *, gate_ends_with: int) -> None:
    """Measure so many patients, sign it, hold it against the policy, send it in."""
    rng = np.random.default_rng(11)
    risk = 1 / (1 + np.exp(-rng.normal(-1.9, 1.4, patients)))
    table = pl.DataFrame({"risk": risk, "fell": rng.random(patients) < risk})
    table.write_parquet(build.folder / "predictions.parquet")
    about = ("--product", PRODUCT, "--version", "1.0", "--use", USE)
    columns = ("--label", "fell", "--score", "risk", "--metrics", "auroc,oe_ratio")
    build.run("evaluate", "predictions.parquet", *columns, *about, "--out", "bare.json")
    build.run("evidence", "sign", "bare.json", "--key", "build.key", "--out", "signed.json")
    facts = ("--kind", "bought", "--setting", "inpatient", "--tier", "high")
    held = ("gate", "signed.json", "--policy", "policy.yaml", "--key", "build.pub", *facts)
    build.run(*held, ends_with=gate_ends_with)
    assert "filed" in build.run("submit", "signed.json")


def _open_the_review(hospital: Hospital, use: str) -> str:
    """The owner brings it before the committee; what it must meet is the hospital's own policy."""
    owner = hospital.as_("owner-01").open(f"/uses/{use}").follow("Take it there (in-review)")
    owner.say(to="in-review").press("Take it there")
    owner.follow("Open a review").say(use=use, checkpoint="go-live").press("Go on")
    owner.reads("own-falls-go-live", "is meant for predictive AI, tier high")
    owner.page.get_by_label("Which version").select_option(label=f"{PRODUCT}, 1.0")
    owner.say(quorum="3", chair="person-demo-chair-01", due_on=hospital.clock.day(14), site=list(SITES.values()))
    owner.press("Open it")
    return owner.path.split("/")[2]


def _show_what_is_inconclusive_then_met(hospital: Hospital, case: str, build: Build) -> None:
    """On few patients one requirement cannot be decided, and the page says how many would; on more it is met."""
    chair = hospital.as_("chair-01").open(f"/reviews/{case}")
    chair.reads("What is not known Ranks who falls above who does not: inconclusive", "Requirements 1 of 3 met")
    chair.reads("the interval lies on both sides of it", "more patients", "What stops an approval 1")
    _measure(build, 4000, gate_ends_with=0)
    chair.open(f"/reviews/{case}").reads("Requirements 2 of 3 met", "What stops an approval Nothing")
    assert "inconclusive" not in chair.text.lower()


def _file_the_plan(hospital: Hospital, use: str, case: str) -> None:
    """The owner files what only warned, and it is met."""
    owner = hospital.as_("owner-01").open(f"/uses/{use}").follow("File a document")
    plan = {"name": "plan.txt", "mimeType": "text/plain", "buffer": b"Each quarter, by the nursing office."}
    owner.page.get_by_label("File (needed)").set_input_files(plan)
    owner.say(title="How falls warnings are watched", type="monitoring-plan").press("File it")
    owner.open(f"/reviews/{case}").reads("Requirements 3 of 3 met")


def _vote(hospital: Hospital, case: str) -> None:
    """The chair names three and asks for one thing by a day; then each states their interest and votes on that."""
    chair = hospital.as_("chair-01")
    for number, discipline in (("01", "clinical"), ("02", "nursing"), ("03", "safety")):
        chair.open(f"/reviews/{case}").follow("Name a reviewer")
        chair.say(person=f"person-demo-reviewer-{number}", discipline=discipline).press("Name them")
    chair.open(f"/reviews/{case}").follow("Add a condition")
    asked = {"sentence": CONDITION, "owner": "person-demo-owner-01", "due_on": hospital.clock.day(40)}
    chair.say(requirement="discrimination", **asked).press("Add it")
    for number, choice in (("01", "approve"), ("02", "approve with conditions"), ("03", "approve")):
        chair.open(f"/reviews/{case}").reads("Still needed")
        reviewer = hospital.as_(f"reviewer-{number}").open("/").follow(USE)
        reviewer.say(conflict="none").press("State it").say(choice=choice).press("Cast the vote")
    chair.open(f"/reviews/{case}").reads("Votes 3 of 3")
    assert "Still needed" not in chair.text


def _decide(hospital: Hospital, case: str) -> None:
    """The chair proves once more who they are, and signs."""
    chair = hospital.as_("chair-01")
    hospital.clock.later(minutes=10)
    chair.open(f"/reviews/{case}").follow("Close the case and sign the decision")
    chair.reads("Prove that it is you").say(password=PASSWORD).press("Go on")
    chair.say(outcome="approved with conditions", reasons="It finds who falls, and the ward is ready.").press(
        "Sign the decision"
    )
    chair.reads("Decision: Falls warning", "Approved with conditions", "It finds who falls, and the ward is ready.")
    chair.reads(CONDITION, "approval: approves what it says sha256:", "Download the signed envelope")


def _accept_and_go_live(hospital: Hospital, use: str) -> None:
    """Each site's clinician accepts for themselves; only then it goes live, there."""
    chair = hospital.as_("chair-01").open(f"/uses/{use}")
    chair.reads(f"not accepted yet at: {GENERAL}, {UNIVERSITY}")
    for clinician, site in (("01", GENERAL), ("04", UNIVERSITY)):
        hospital.as_(f"clinician-{clinician}").open("/").press(f"Accept {USE} at {site}")
    chair.open(f"/uses/{use}").follow("Take it there (live)").press("Take it there")
    chair.reads("Live since", "2 accepted", "Approved with conditions at the go-live checkpoint, up to live")
    chair.reads("Conditions that are open", CONDITION)


def _ask_the_vendor_to_report(hospital: Hospital, use: str) -> None:
    """The owner has the vendor report each quarter, the first time in five weeks."""
    owner = hospital.as_("owner-01").open(f"/uses/{use}").follow("What teams and vendors report about it")
    owner.reads("nobody was asked for one").follow("Have a team or a vendor report")
    owner.page.get_by_label("The vendor in this book").select_option(label="Steady Steps")
    owner.say(partner="vendor", every_months="3", first_due=hospital.clock.day(35), partner_name="Steady Steps")
    owner.say(owner="person-demo-owner-01", metrics="auroc", email="reports@steady.invalid")
    owner.press("Await these reports").reads("Steady Steps (vendor)")


def _deploy_a_new_version(hospital: Hospital, use: str) -> None:
    """Another version runs at one site: what was measured on the old one is to be shown again, the plan is not."""
    owner = hospital.as_("owner-01").open(f"/uses/{use}").follow(PRODUCT).follow("Add a version")
    owner.say(label="2.0", change_note="Trained anew on this year's falls.").press("Add it")
    owner.open(f"/uses/{use}/changes").say(changed="version", to="2.0").press("Ask")
    owner.reads("It would reopen 2 requirements: Ranks who falls above who does not")
    owner.open(f"/uses/{use}").follow(f"Change {GENERAL}")
    owner.page.get_by_label("Version", exact=True).select_option(label=f"{PRODUCT}, 2.0")
    owner.press("Keep the change")
    hospital.rounds()
    owner.open(f"/uses/{use}").reads("1 site not yet accepted by the clinician")
    reopened = owner.page.locator("h3:has-text('To be shown again') + ul li").all_inner_texts()
    because = f"version 1.0 became 2.0 at {GENERAL} {hospital.clock.spoken()}"
    assert sorted(" ".join(one.split()) for one in reopened) == [
        f"As many fall as it foretells: {because}",
        f"Ranks who falls above who does not: {because}",
    ]


def _let_the_condition_lapse(hospital: Hospital, use: str, case: str) -> None:
    """Nobody brings what was asked for: the condition lapses by itself, and a pause is proposed, not made."""
    hospital.pass_days(45)
    officer = hospital.as_("officer-01").open(f"/reviews/{case}")
    officer.reads(f"{CONDITION} × Lapsed")
    officer.open("/").reads(f"A pause of {USE} is proposed")
    officer.open(f"/uses/{use}").reads("A pause is proposed", "and nothing came", "Live since")
    officer.follow("Pause it").reads("Pause it, as proposed", "A condition of its decision was due on")
    officer.open(f"/uses/{use}/changes").reads("Pauses that were proposed", "Proposed")


def _report_late(hospital: Hospital, use: str) -> None:
    """The vendor's report is late; a link that works once brings it in, and it stands as the vendor's word."""
    owner = hospital.as_("owner-01").open("/").reads(f"The report about {USE}", "Late: due")
    owner.open(f"/uses/{use}/reports").reads("1 report has not come", "Late")
    owner.follow(f", {USE}, Steady Steps").press("Make a link").reads("The link, shown this once")
    link = owner.page.locator("section.note code").inner_text()
    vendor = hospital.as_(None).open(link).reads(f"Report about {USE}", "it was due on", "this link works once")
    vendor.say(sender="Vera Vendor", incidents="none known", complaints="some", complaints_count="2")
    vendor.say(changes="none known", m0_value="0.80", m0_lower="0.78", m0_upper="0.82", m0_n="3100")
    vendor.press("Send the report").reads("Thank you: the report has arrived")
    assert vendor.page.goto(link).status == 404
    assert USE not in vendor.text
    owner.open(f"/uses/{use}/reports").reads("Received late", "by form, as a claim")


def _raise_a_concern(hospital: Hospital, use: str) -> None:
    """A nurse follows the code on the wall, without an account; the site's clinician finds it and takes it in hand."""
    owner = hospital.as_("owner-01").open(f"/uses/{use}").follow("Posters for the ward")
    owner.press(f"Make a poster for {GENERAL}").reads(f"Something wrong with {USE}?")
    address = owner.page.locator("article.poster .mono").inner_text()
    assert owner.page.get_by_role("img", name=f"QR code that opens the form at {address}").is_visible()
    nurse = hospital.as_(None).open(address).reads(f"{USE}, {GENERAL}", "needs no account")
    nurse.page.get_by_label("It missed something").check()
    nurse.page.get_by_label("Nearly: it was caught in time").check()
    nurse.say(words="No warning for two who were unsteady all night.").press("Send it")
    nurse.reads("It waits for the accountable clinician of this site, who must look at it by")
    clinician = hospital.as_("clinician-01").open("/").follow(f"A concern about {USE}")
    clinician.reads("Nobody has it yet", "No warning for two who were unsteady all night.", "without a name")
    clinician.press("I have it").reads("In hand", "Clinician 1, hospital medicine", "Propose a pause")
