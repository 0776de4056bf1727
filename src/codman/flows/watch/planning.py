"""A use's monitoring plan: made from its policy, parted among partners, and a report held against it beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from codman.evidence.keys import read_verifying_key
from codman.evidence.statements import read_statement
from codman.flows.gate import moment_of
from codman.flows.house import House
from codman.flows.packs import policy_named
from codman.flows.review.opening import policy_of
from codman.registry.access import Reader
from codman.registry.nouns import PEOPLE, PRODUCTS, USES
from codman.review.policy.exhibit import merged, of_statement
from codman.review.policy.load import load_policy
from codman.review.watching.conform import Conformity, conform
from codman.review.watching.contract import contract_for
from codman.review.watching.plan import plan_of
from codman.review.watching.written import load_plan
from codman.spine.monitor_plan import MonitorPlan
from codman.spine.policy import Checkpoint, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a person says of a plan beside its policy."""

    plan: str | None = None
    product: str | None = None
    use: str | None = None
    accountable: str | None = None
    partner: str | None = None
    label_delay_days: int = 0
    starts_on: str | None = None


@dataclass(frozen=True, slots=True)
class Conformed:
    """How a report fares with a contract."""

    contract: MonitorPlan
    results: tuple[Conformity, ...]

    @property
    def conforms(self) -> bool:
        """Whether every part of it can be judged."""
        return all(one.conforms for one in self.results)

    def answer(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {
            "contract": self.contract.plan,
            "edition": self.contract.edition,
            "partner": self.contract.partner,
            "conforms": self.conforms,
            "results": [one.answer() for one in self.results],
        }


def plan_from_policy(policy: str, said: Planned, *, own: Path | None = None, at: str | None = None) -> MonitorPlan:
    """The plan that follows from a policy.

    Args:
        policy: A policy's file, or the name of a ready one.
        said: What a person adds.
        own: The hospital's own packs, a folder.
        at: The day whose edition of a ready policy holds, ISO 8601; today where left out.

    Raises:
        BadInput: The policy cannot be used, is of another checkpoint, or there is none of that name.
    """
    file = Path(policy)
    if file.suffix in (".yaml", ".yml") or file.exists():
        return _made(load_policy(file), file.read_bytes(), said)
    held = policy_named(policy, moment_of(at).date(), own=own)
    return _made(held.policy, held.pack.policy_file(held.policy).encode(), said)


def plan_of_use(house: House, reader: Reader, use: str, said: Planned) -> MonitorPlan:
    """The plan of a use in the book, from the policy it meets today; its owner answers for it where nobody else does.

    Raises:
        NoSuchRecord: There is no such use within reach.
        NoPolicy: No pack has a monitoring policy for it.
    """
    chosen = policy_of(house, reader, use, Checkpoint.MONITORING)
    with house.database.reading() as connection:
        found = USES.get(connection, use)
        product = PRODUCTS.get(connection, found.product)
        owner = PEOPLE.get(connection, found.owner).email if found.owner else None
    named = Planned(
        plan=said.plan or found.name,
        product=said.product or product.name,
        use=use,
        accountable=said.accountable or owner or found.owner,
        partner=said.partner,
        label_delay_days=said.label_delay_days,
        starts_on=said.starts_on,
    )
    return _made(chosen.policy, chosen.pack.policy_file(chosen.policy).encode(), named)


def contract_of(plan: MonitorPlan, partner: str, at: str | None = None) -> MonitorPlan:
    """A partner's part of a plan.

    Raises:
        NoSuchPartner: They are responsible for nothing in it.
    """
    return contract_for(plan, partner, moment_of(at).date())


def held_against(
    contract: Path, reports: Sequence[Path], *, keys: Sequence[Path] = (), at: str | None = None
) -> Conformed:
    """Hold what a partner would send against a contract, or a whole plan.

    Args:
        contract: The contract's file.
        reports: Statements or their envelopes.
        keys: Public keys that are trusted; with any, what none of them signed does not conform.
        at: The time of judging, ISO 8601; now where left out.

    Raises:
        BadInput: A file or key cannot be read, or the statements are about several products, versions or uses.
    """
    plan = load_plan(contract)
    trusted = [read_verifying_key(key) for key in keys]
    exhibits = merged(of_statement(read_statement(file), trusted) for file in reports)
    return Conformed(plan, conform(plan, exhibits, moment_of(at)))


def next_due(plan: MonitorPlan) -> date | None:
    """The first day on which something of a contract is due; None where nothing has a day."""
    days = [due.due_on for one in plan.requires for due in one.watch.due[:1]]
    return date.fromisoformat(min(days)) if days else None


def _made(policy: Policy, text: bytes, said: Planned) -> MonitorPlan:
    return plan_of(
        policy,
        text=text,
        plan=said.plan,
        product=said.product,
        use=said.use,
        accountable=said.accountable,
        partner=said.partner,
        label_delay_days=said.label_delay_days,
        starts_on=said.starts_on,
    )
