"""answers: what is said of products and uses where a framework asks: mostly claims, some papers, a little evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Final

from codman.simulate.history import Answered, Event, Measured, Papered
from codman.simulate.lives import HOURS, Calendar
from codman.simulate.places import Staff
from codman.simulate.plans import Plan
from codman.simulate.supply import Edition, Offer
from codman.simulate.trials import OLD_PIPELINE, PIPELINE, ROTATED_ON
from codman.spine.person import Role
from codman.spine.product import ProductKind
from codman.spine.statement import Origin

_ANSWERED: Final = 0.55  # share of the products somebody has asked the vendor about
_CARDS: Final = 10
_LATER: Final = 3  # days from a product's entry to its card, and from a card to the answers taken from it
_CHAI: Final = "chai-model-card"


def answers(
    random: Random,
    calendar: Calendar,
    staff: Staff,
    plans: Sequence[Plan],
    known: Mapping[str, Sequence[Edition]],
    measured: Sequence[Measured],
    *,
    small: bool,
) -> Iterator[Event]:
    """Model cards, and the answers that were taken from them, from vendors' letters, and from evaluations here."""
    officer, engineer = staff.by_role[Role.OFFICER][0], staff.by_role[Role.ENGINEER][0]
    first: dict[str, Plan] = {}
    for plan in plans:
        there = first.setdefault(plan.offer.id, plan)
        if plan.first_day < there.first_day:
            first[plan.offer.id] = plan
    asked = [plan for plan in first.values() if random.random() < _ANSWERED]
    carded = {plan.offer.id for plan in asked[: 1 if small else _CARDS]}
    number = 0
    for plan in asked:
        offer, day, card = plan.offer, plan.first_day + _LATER, None
        if offer.id in carded:
            card = _card(calendar, offer, known[offer.id][0], day)
            yield Event(calendar.at(day, HOURS["evidence"]), engineer, "model card filed", card)
        for field, value in _about(offer, known[offer.id][0]).items():
            if random.random() < 0.3:
                continue  # the vendor's letter leaves it out
            number += 1
            step = Answered(
                id=f"fact-demo-{number:04d}",
                about_kind="product",
                about=offer.id,
                field=field,
                value=value,
                basis="claim" if card is None else "document",
                source=_source(offer, card),
                evidence=None if card is None else card.id,
            )
            yield Event(calendar.at(day + _LATER, HOURS["evidence"] + 1), officer, "asked of the maker", step)
    for one in {trial.use: trial for trial in measured if trial.origin is Origin.LOCAL}.values():
        for field, value in _shown(one).items():
            number += 1
            day = (one.cohort.end - calendar.first).days + 1
            step = Answered(
                id=f"fact-demo-{number:04d}",
                about_kind="use",
                about=one.use,
                field=field,
                value=value,
                basis="evidence",
                source=f"evaluation {one.id}",
                evidence=one.id,
            )
            yield Event(calendar.at(day, HOURS["evidence"] + 1), engineer, "measured here", step)


def _about(offer: Offer, edition: Edition) -> dict[str, str]:
    """What a maker says of its product where no column of the book asks, by the framework's field."""
    sort = offer.sort
    ours = offer.way is ProductKind.BUILT
    kind = "other: text" if sort.generative else "prediction"
    if sort.outcome and sort.outcome.task == "multiclass":
        kind = "classification"
    said = {
        "hti-1/1.ii": "Paid by the hospital." if ours else "Paid by the maker.",
        "hti-1/1.iii": f"{sort.name}. {sort.autonomy}.",
        "hti-1/1.iv": kind,
        "hti-1/3.i": f"Not for patients other than these: {sort.population}",
        "hti-1/3.ii": "Not measured in pregnancy; less sure where documentation is late.",
        "hti-1/4.i": f"Trained on: {sort.population} Records without an outcome were left out.",
        "hti-1/4.iii": "Two in three patients White, as the maker counted them."
        if not ours
        else "As in this system's records: see the local evaluation.",
        "hti-1/5.i": "Groups were compared after training; nothing was changed.",
        "hti-1/6.ii": "Nobody but this hospital." if ours else "The maker itself.",
        "hti-1/9.i": "Once a year, or when there is a reason.",
        f"{_CHAI}/UsesAndDirections/HowToUse": f"{sort.autonomy}. Shown in: {sort.destination}.",
        f"{_CHAI}/Warnings/ClinicalRiskLevel": sort.tier.value,
        f"{_CHAI}/TrustIngredients/AISystemFacts/InputDataSource": "Images" if sort.sort == "imaging" else "The EHR",
        f"{_CHAI}/TrustIngredients/TransparencyInformation/StakeholdersConsulted": sort.users,
        f"{_CHAI}/Resources/PatientConsentOrDisclosure": "Patients are told in the general notice.",
    }
    if sort.generative:
        said[f"{_CHAI}/TrustIngredients/AISystemFacts/FoundationModels"] = "A licensed model the maker does not name."
    if sort.outcome:
        auroc = sort.outcome.auroc
        said["hti-1/7.i"] = f"AUROC {auroc:.2f} on the maker's own test data."
        key = f"{_CHAI}/KeyMetrics/UsefulnessUsabilityEfficacy"
        said[f"{key}/Results/MetricResult/Label"] = "AUROC"
        said[f"{key}/Results/MetricResult/ValueJson"] = json.dumps({"kind": "single", "value": auroc})
        said[f"{key}/TestingDataDescription"] = "Held-out rows of the training data."
    if edition.fields.change_note:
        said["hti-1/9.ii"] = edition.fields.change_note
    return said


def _shown(trial: Measured) -> dict[str, str]:
    """What a local evaluation lets the hospital answer by itself."""
    cohort = trial.cohort
    window = f"{cohort.rows:,} local predictions from {cohort.start:%Y-%m-%d} to {cohort.end:%Y-%m-%d}"
    groups = ", ".join(" and ".join(group) for group in trial.spec.by)
    return {
        "hti-1/8.ii": f"Measured on {window}.",
        "hti-1/8.iv": f"Measured on {window}, by {groups}.".replace("age_band", "age"),
    }


def _source(offer: Offer, card: Papered | None) -> str:
    if card is not None:
        return f"model card, {card.file}"
    return "the team that built it" if offer.way is ProductKind.BUILT else "the maker's letter"


def _card(calendar: Calendar, offer: Offer, edition: Edition, day: int) -> Papered:
    said = _about(offer, edition)
    title = f"Model card: {offer.fields.name} {edition.fields.label}"
    maker = offer.vendor.name if offer.vendor else "Demo Health data science"
    lines = [
        f"# {title}",
        "",
        "An invented product of the demo hospital.",
        "",
        f"- Maker: {'A public research group' if offer.way is ProductKind.OPEN else maker}",
        f"- Intended use: {offer.sort.purpose}",
        f"- Patients: {offer.sort.population}",
        f"- Users: {offer.sort.users}",
        f"- Role in the decision: {offer.sort.role.value}",
        f"- Model: {offer.sort.model}",
        *(f"- {field}: {value}" for field, value in said.items()),
        f"- Written: {calendar.day(day):%Y-%m-%d}",
        "",
    ]
    return Papered(
        id=f"card-{offer.id.removeprefix('product-')}",
        product=offer.id,
        version=edition.id,
        type="model-card",
        title=title,
        file=f"{offer.id.removeprefix('product-demo-')}-model-card.md",
        text="\n".join(lines),
        signer=OLD_PIPELINE if day < ROTATED_ON else PIPELINE,
        origin=Origin.LOCAL,
    )
