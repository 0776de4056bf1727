"""What runs though no decision covers it: where, in which mode, and why none does; the pauses that this proposes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from codman.flows.superseded import rejected
from codman.registry import governance
from codman.registry.names import names_of
from codman.registry.nouns import USES
from codman.registry.places import marked
from codman.registry.schema import deployments
from codman.registry.schema_review import cases
from codman.registry.undecided import OF, settled_versions, uncovered_by_use, uncovered_of
from codman.review.stages import ways_from
from codman.spine.day import written_day
from codman.spine.pausing import PauseCause, PauseProposalFields
from codman.spine.policy import Checkpoint
from codman.spine.review import APPROVALS, EXPEDITED_TIERS, Case, CaseOutcome, CaseState, Procedure
from codman.spine.site import Deployment, Mode
from codman.spine.use import FAVOURABLE, RUNNING, Decision, Stage, Use

ON_PATIENTS: Final = (Mode.PILOT, Mode.LIVE)  # somebody acts on what it says
_EXPOSURE: Final = (Stage.SILENT.value, Stage.PILOT.value, Stage.LIVE.value)
_LONGEST: Final = 390


@dataclass(frozen=True, slots=True)
class Uncovered:
    """One deployment that runs without a decision."""

    deployment: Deployment
    why: str  # what the decisions lack; a clause
    of_version: bool = False  # only its version is another one: change control has reopened what that touches

    @property
    def grave(self) -> bool:
        """Whether it reaches patients, and nothing else looks after it."""
        return self.deployment.mode in ON_PATIENTS and not self.of_version


def uncovered(connection: Connection, use: Use, day: str) -> list[Uncovered]:
    """The deployments of a use that run without a decision, and why each does.

    Args:
        connection: Where to read.
        use: Which use.
        day: The day, ISO 8601.
    """
    found = uncovered_of(connection, use.id, day)
    if not found:
        return []
    granted = _granted(connection, use)
    named = names_of(connection, [one.version for one in granted])
    if _retired_since(connection, use, granted):
        return [_because(one, use, granted, day, named, "it was retired since") for one in found]
    unshown = frozenset() if rejected(connection, use) else settled_versions(connection, use.id)[1]
    again = "what its version changed is still to be shown again"
    return [
        _because(one, use, granted, day, named, again if one.version in unshown else "it was refused since")
        for one in found
    ]


def sentences(found: Iterable[Uncovered], called: Mapping[str, str]) -> list[str]:
    """What runs, where and why that is nobody's decision: a sentence's body for each mode and reason.

    Args:
        found: As `uncovered` gives them.
        called: The sites' names, by id.
    """
    grouped: dict[tuple[Mode, str], list[str]] = {}
    for one in found:
        place = called.get(one.deployment.site, one.deployment.site)
        grouped.setdefault((one.deployment.mode, one.why), []).append(place)
    order = sorted(grouped.items(), key=lambda pair: (-_EXPOSURE.index(pair[0][0].value), pair[0][1]))
    return [f"it runs {mode.value} at {_listed(sorted(places))}, and {why}" for (mode, why), places in order]


def leads_to_pause(use: Use) -> bool:
    """Whether a use that runs without a decision can be paused; what was there before anybody asked waits its turn."""
    ways = {one.after for one in ways_from(use.stage)}
    return Stage.PAUSED in ways and use.decision is not Decision.LEGACY


def pauses_to_propose(connection: Connection, day: str) -> Iterator[PauseProposalFields]:
    """A pause for each use that reaches patients where no decision covers it."""
    grave = (
        OF.c.stage.in_([stage.value for stage in RUNNING]),
        OF.c.decision != Decision.LEGACY.value,
        deployments.c.mode.in_([mode.value for mode in ON_PATIENTS]),
    )
    for name in uncovered_by_use(connection, day, *grave):
        use = USES.get(connection, name)
        because = why_paused(connection, use, day)
        if because is not None:
            yield PauseProposalFields(use=name, cause=PauseCause.UNDECIDED, because=because)


def why_paused(connection: Connection, use: Use, day: str) -> str | None:
    """Why a pause of a use is proposed, as it is kept, with sites as `places.marked` writes them.

    None where what runs is decided, or only its version is another.
    """
    found = [one for one in uncovered(connection, use, day) if one.grave] if leads_to_pause(use) else []
    said = sentences(found, {one.deployment.site: marked(one.deployment.site) for one in found})
    return said[0][:_LONGEST] if said else None


def _granted(connection: Connection, use: Use) -> list[Case]:
    decided: list[Case] = governance.every(
        connection,
        "case",
        cases.c.use == use.id,
        cases.c.state == CaseState.DECIDED.value,
        cases.c.outcome.in_([one.value for one in APPROVALS]),
        cases.c.leads_to.in_(_EXPOSURE),
        cases.c.checkpoint != Checkpoint.MONITORING.value,
        order="decided_at",
    )
    return decided


def _retired_since(connection: Connection, use: Use, granted: Sequence[Case]) -> bool:
    retired = (cases.c.use == use.id, cases.c.outcome == CaseOutcome.RETIRED.value)
    last = max((one.decided_at or "" for one in governance.every(connection, "case", *retired)), default=None)
    return last is not None and all((one.decided_at or "") <= last for one in granted)


def _because(
    one: Deployment, use: Use, granted: Sequence[Case], day: str, named: Mapping[str, str], ended: str
) -> Uncovered:
    if not granted:
        if use.decision in FAVOURABLE and use.stage in RUNNING:
            return Uncovered(one, f"it is decided only up to {use.stage.value}")
        return Uncovered(one, "nobody has decided that it may")
    standing = [case for case in granted if case.expires_on is None or case.expires_on > day]
    if not standing:
        last = max(case.expires_on or "" for case in granted)
        return Uncovered(one, f"its decision stood until {written_day(last)}")
    here = [case for case in standing if not case.sites or one.site in case.sites]
    if not here:
        return Uncovered(one, "no decision names this site")
    reach = [case for case in here if _EXPOSURE.index(case.leads_to.value) >= _EXPOSURE.index(one.mode.value)]
    if not reach:
        most = max((case.leads_to.value for case in here), key=_EXPOSURE.index)
        return Uncovered(one, f"it is decided only up to {most}")
    about = [case.version for case in reach if case.version is not None]
    if len(about) == len(reach) and one.version not in about:
        label = named.get(about[-1], about[-1])
        if one.version is None:
            return Uncovered(one, f"which version runs is not said: the decision is about {label}", of_version=True)
        return Uncovered(one, f"the decision is about version {label}", of_version=True)
    if use.tier not in EXPEDITED_TIERS and all(case.procedure is Procedure.EXPEDITED for case in reach):
        return Uncovered(
            one, f"an expedited decision is none for {f'tier {use.tier.value}' if use.tier else 'a use with no tier'}"
        )
    if all(case.checkpoint is Checkpoint.CHANGE for case in reach):
        over = [case for case in granted if case not in standing and case.checkpoint is not Checkpoint.CHANGE]
        if over:
            last = max(case.expires_on or "" for case in over)
            return Uncovered(one, f"the decision that was changed stood until {written_day(last)}")
    return Uncovered(one, ended)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more site{'s' * (len(names) > 2)}"
