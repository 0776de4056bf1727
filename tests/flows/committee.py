"""A small open house with a committee: an owner who proposes, reviewers of four disciplines, a chair, evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from book import Book, signed

from codman.evidence.keys import SigningKey
from codman.flows.filing import file_evidence
from codman.flows.house import House
from codman.flows.review import voting
from codman.flows.review.cases import open_case
from codman.flows.review.seats import name_reviewer, state_interest
from codman.registry.access import Held, Reader
from codman.registry.database import instant
from codman.registry.log import SYSTEM
from codman.registry.nouns import GRANTS, PEOPLE, USES
from codman.review.policy.load import policy_of_bytes
from codman.spine.measurement import Measurement
from codman.spine.person import GrantFields, PersonFields, Role
from codman.spine.policy import Policy
from codman.spine.review import Case, Choice, Conflict, Vote
from codman.spine.use import Stage

SEATS = {"clin": "clinical", "stat": "statistics", "safe": "safety", "legal": "legal"}

POLICY = b"""
policy: go-live-high
edition: 2026-11
checkpoint: go-live
requires:
  - id: discrimination
    evidence: evaluation
    origin: [local]
    measurement: {metric: auroc, at_least: 0.75}
"""


def auroc(value: float, lower: float, upper: float, n: int = 1000) -> Measurement:
    """One number of an evaluation."""
    return Measurement(
        metric="auroc",
        value=value,
        lower=lower,
        upper=upper,
        level=0.95,
        n=n,
        positives=n // 10,
        method="delong-logit",
    )


def cast(house: House, reader: Reader, case: str, choice: Choice, **more: object) -> Vote:
    """Vote on what the case says now, as somebody does who has just read it."""
    return voting.cast(house, reader, case, choice, **{"on": voting.table(house, reader, case), **more})


class Committee(Book):
    """The book with people who review."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        super().__init__(folder, database_url)
        roles = {"owner": Role.OWNER, "chair": Role.CHAIR, "idle": Role.REVIEWER, "viewer": Role.VIEWER}
        roles |= dict.fromkeys(SEATS, Role.REVIEWER)
        with self.house.database.changing(SYSTEM) as change:
            for name in ("p-one", "p-two"):
                GRANTS.add(change, GrantFields(person=name, role=Role.OFFICER))
            for name, role in roles.items():
                PEOPLE.add(change, PersonFields(name=f"Person {name}"), f"p-{name}")
                GRANTS.add(change, GrantFields(person=f"p-{name}", role=role))
            USES.change(change, "ward", {"tier": "low"}, None)
        self.roles = roles
        self.pipeline: SigningKey | None = None

    def person(self, name: str, *, fresh: bool = True) -> Reader:
        """Somebody at the door, just signed in."""
        until = instant(self.clock() + timedelta(minutes=5)) if fresh else None
        return Reader(f"p-{name}", f"Person {name}", (Held(self.roles[name]),), fresh_until=until)

    def at(self, name: str, site: str) -> Reader:
        """The same, whose role begins at one site."""
        return replace(self.person(name), held=(Held(self.roles[name], f"/{site}/"),))

    def policy(self, body: bytes = POLICY) -> Policy:
        """What the case is judged by."""
        return policy_of_bytes(body, "policy.yaml")

    def evidence(self, *numbers: Measurement, key: SigningKey | None = None, **more: object) -> str:
        """An evaluation, filed by a pipeline; its digest."""
        self.pipeline = key or self.pipeline or self.registered("pipeline")
        said = {"measurements": list(numbers)} if numbers else {}
        said |= more
        at = self.clock() - timedelta(hours=1)
        body = signed(self.pipeline, evaluated_at=at.strftime("%Y-%m-%dT%H:%M:%SZ"), **said)
        return file_evidence(self.house, body, self.officer).digest

    def opened(self, **changes: object) -> Case:
        """A case on the ward's sepsis alert, submitted by its owner."""
        given = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["north"], "version": "sepsis-120"} | changes
        policy = self.policy(given.pop("policy", POLICY))
        return open_case(self.house, self.person("owner"), policy, **given)

    def seated(self, case: Case, *names: str) -> None:
        """Name reviewers, who then say that nothing stands in their way."""
        for name in names or tuple(SEATS):
            name_reviewer(self.house, self.person("chair"), case.id, f"p-{name}", SEATS.get(name, "clinical"))
            state_interest(self.house, self.person(name), case.id, Conflict.NONE)
