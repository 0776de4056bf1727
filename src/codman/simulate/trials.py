"""trials: which uses were evaluated on which invented patients, when, and by whom; some models disappoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any, Final

from codman.simulate.history import Event, Measured, Replaced, Revoked, Signer
from codman.simulate.lives import HOURS, Calendar
from codman.simulate.places import Staff
from codman.simulate.plans import DAYS, Plan
from codman.simulate.predictions import BY_SEX_AGE_RACE, Cohort, question
from codman.simulate.supply import Edition
from codman.spine.person import Role
from codman.spine.product import ProductKind
from codman.spine.statement import Origin
from codman.spine.use import Stage, Tier

PIPELINE, OLD_PIPELINE, IMAGING, LAB = "key-demo-pipeline-2", "key-demo-pipeline-1", "key-demo-imaging", "key-demo-lab"
VENDORS_THAT_SIGN: Final = 4
ROTATED_ON: Final = 365
LOST_ON, REVOKED_ON = 640, 668  # a vendor's key was lost, and it took four weeks until anybody said so
_EVALUATED: Final = 44
_SMALL: Final = 2
_VENDOR_SENDS, _BRIEFLY = 0.7, 0.3
_ROWS: Final = (1500, 2000, 2500, 3000, 4000, 6000)
_WINDOW_DAYS: Final = 120
# how a model does here, and how often: as promised, too extreme, too high, blind in one group, weak
_CONDUCT: Final[Sequence[tuple[float, Mapping[str, Any]]]] = (
    (0.4, {}),
    (0.12, {"slope": 1.7}),
    (0.1, {"shift": 0.8}),
    (0.12, {"blind": ("race", "Black", 0.85), "rows": 6000}),
    (0.08, {"blind": ("sex", "F", 0.6), "rows": 6000}),
    (0.06, {"blind": ("language", "Spanish", 0.85), "rows": 6000}),
    (0.12, {"signal": 0.55}),
)
_DRIFTS: Final = (0.0, 0.0, 0.25, 0.5)
_BY_LANGUAGE: Final = (("sex",), ("age_band",), ("language",))
_BY_BOTH: Final = (("sex",), ("race",), ("sex", "race"))
_GROUPS: Final = (BY_SEX_AGE_RACE, (("sex",), ("race",)), _BY_BOTH)


def trials(
    random: Random,
    seed: int,
    calendar: Calendar,
    staff: Staff,
    plans: Sequence[Plan],
    known: Mapping[str, Sequence[Edition]],
    *,
    small: bool,
) -> Iterator[Event]:
    """The keys of those who evaluate, then every evaluation, each signed by one of them."""
    officer, engineer = staff.by_role[Role.OFFICER][0], staff.by_role[Role.ENGINEER][0]
    signers = list(_signers(plans, small=small))
    for signer in signers:
        day = ROTATED_ON if signer.id == PIPELINE else 1
        yield Event(calendar.at(day, HOURS["keys"]), officer, "keys of those who send evidence", signer)
    replaced = Replaced(OLD_PIPELINE, PIPELINE)
    yield Event(calendar.at(ROTATED_ON, HOURS["deployments"]), officer, "yearly rotation", replaced)
    vendors = [signer for signer in signers if signer.owner_kind == "vendor"]
    trial = _Trials(random, seed, calendar, known)
    for plan in _evaluated(random, plans, small=small):
        conduct = random.choices([c for _, c in _CONDUCT], [weight for weight, _ in _CONDUCT])[0]
        drift = random.choice(_DRIFTS)
        days = _days(random, plan, small=small)
        for turn, day in enumerate(days):
            later = {"drift": drift} if turn and turn == len(days) - 1 else {}
            step = trial.of(
                plan, day, {**conduct, **later}, *_signer(plan, day), brief=bool(turn) or random.random() < _BRIEFLY
            )
            yield Event(calendar.at(day, HOURS["evidence"]), engineer, None, step)
        for vendor in vendors[0 if small else 1 :]:
            if plan.offer.id in vendor.products and random.random() < _VENDOR_SENDS:
                step = trial.of(plan, days[0], {}, vendor.id, vendor.origin, brief=True)
                yield Event(calendar.at(days[0], HOURS["evidence"]), officer, "sent by the vendor", step)
    if not small:
        yield from _lost(calendar, officer, vendors[0], plans, trial)


def _lost(calendar: Calendar, officer: str, vendor: Signer, plans: Sequence[Plan], trial: _Trials) -> Iterator[Event]:
    """A key that was lost: one statement from before counts, one from after it was taken counts no more."""
    lost = Revoked(vendor.id, calendar.at(LOST_ON, 0))
    yield Event(calendar.at(REVOKED_ON, HOURS["keys"]), officer, "the vendor reports its key as lost", lost)
    about = min((plan for plan in plans if plan.offer.id in vendor.products), key=lambda plan: plan.first_day)
    for day in (max(about.first_day + 1, LOST_ON - 30), LOST_ON + 5):
        if about.first_day < day:
            step = trial.of(about, day, {}, vendor.id, vendor.origin, brief=True)
            yield Event(calendar.at(day, HOURS["evidence"]), officer, "sent by the vendor", step)


def _signers(plans: Sequence[Plan], *, small: bool) -> Iterator[Signer]:
    house = "Enterprise data science"
    yield Signer(id=OLD_PIPELINE, name="pipeline 1", owner_kind="pipeline", owner=house, origin=Origin.LOCAL)
    yield Signer(id=PIPELINE, name="pipeline 2", owner_kind="pipeline", owner=house, origin=Origin.LOCAL)
    yield Signer(
        id=IMAGING, name="imaging pipeline", owner_kind="pipeline", owner="Imaging informatics", origin=Origin.LOCAL
    )
    yield Signer(id=LAB, name="assurance lab", owner_kind="lab", owner="Assurance laboratory 1", origin=Origin.ATTESTED)
    products: dict[str, list[str]] = {}
    for plan in plans:
        offer = plan.offer
        if offer.way is ProductKind.BOUGHT and offer.vendor and offer.sort.outcome:
            products.setdefault(offer.vendor.name, []).append(offer.id)
    for n, (vendor, sold) in enumerate(list(products.items())[: 1 if small else VENDORS_THAT_SIGN], 1):
        yield Signer(
            id=f"key-demo-vendor-{n}",
            name=f"{vendor} release key",
            owner_kind="vendor",
            owner=vendor,
            origin=Origin.DEVELOPER,
            products=tuple(dict.fromkeys(sold)),
        )


def _evaluated(random: Random, plans: Sequence[Plan], *, small: bool) -> list[Plan]:
    """Uses that somebody looked at: nearly all that went through review, a few of those that were found."""
    able = [plan for plan in plans if plan.offer.sort.outcome and ({Stage.SILENT, Stage.LIVE} & plan.days.keys())]
    reviewed = [plan for plan in able if not plan.found]
    found = [plan for plan in able if plan.found]
    wanted = _SMALL if small else _EVALUATED
    legacy = 0 if small else 6
    some = random.sample(reviewed, min(wanted - legacy, len(reviewed)))
    chosen = {plan.id for plan in (*some, *random.sample(found, min(legacy, len(found))))}
    return [plan for plan in plans if plan.id in chosen]


def _days(random: Random, plan: Plan, *, small: bool) -> list[int]:
    """In silence before the pilot, then again once it is live; of those found, only lately."""
    start = plan.days.get(Stage.SILENT, plan.days.get(Stage.LIVE, 0))
    if plan.found:
        return [DAYS - random.randint(5, 200)]
    end = plan.days.get(Stage.RETIRED, DAYS - 2)
    days = [start + 30]
    if Stage.LIVE in plan.days and not small:
        days += [day for day in (start + 210, start + 400) if day < end][: random.choice((0, 1, 1, 2))]
    return [min(day, end - 1) for day in days]


def _signer(plan: Plan, day: int) -> tuple[str, Origin]:
    """Who measured it here, and as whose word."""
    sort = plan.offer.sort
    if sort.tier is Tier.HIGH and plan.offer.way is ProductKind.BOUGHT and int(plan.id[-1]) % 3 == 0:
        return LAB, Origin.ATTESTED
    if sort.sort in ("imaging", "pathology"):
        return IMAGING, Origin.LOCAL
    return (OLD_PIPELINE if day < ROTATED_ON else PIPELINE), Origin.LOCAL


@dataclass(slots=True)
class _Trials:
    """Numbers the evaluations as they are invented."""

    random: Random
    seed: int
    calendar: Calendar
    known: Mapping[str, Sequence[Edition]]
    number: int = 0

    def of(
        self, plan: Plan, day: int, conduct: Mapping[str, Any], signer: str, origin: Origin, *, brief: bool
    ) -> Measured:
        """One evaluation of a use, on patients of the months before a day."""
        outcome = plan.offer.sort.outcome
        assert outcome is not None  # noqa: S101 (only such plans are chosen)
        self.number += 1
        on = self.calendar.day(day)
        groups = _BY_LANGUAGE if conduct.get("blind", ("",))[0] == "language" else self.random.choice(_GROUPS)
        version = [edition for edition in self.known[plan.offer.id] if edition.known_on <= on][-1]
        cohort = Cohort(
            outcome=outcome,
            seed=self.seed * 1000 + self.number,
            start=on - timedelta(days=_WINDOW_DAYS),
            end=on - timedelta(days=1),
            **{"rows": self.random.choice(_ROWS), **conduct},
        )
        return Measured(
            id=f"trial-demo-{self.number:03d}",
            use=plan.id,
            product=plan.offer.id,
            version=version.id,
            cohort=cohort,
            spec=question(outcome, groups=groups, brief=brief),
            signer=signer,
            origin=origin,
        )
