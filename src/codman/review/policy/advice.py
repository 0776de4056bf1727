"""What the writer of a policy may have forgotten: nothing here stops anybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from codman.review.policy.catalog import BY_KEY
from codman.spine.policy import Policy, Severity

USUAL_LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to think about, and where it stands."""

    requirement: str | None  # its id; null is the policy as a whole
    line: int
    words: str


def advise(policy: Policy) -> Iterator[Advice]:
    """Go through a policy that can be used, and name what weakens it."""
    if policy.level < USUAL_LEVEL:
        yield Advice(
            None, 1, f"level {policy.level:g}: narrower intervals than the usual 0.95 let luck pass more often"
        )
    if all(r.severity is Severity.WARN for r in policy.requires):
        yield Advice(None, 1, "every requirement only warns: a gate will never say met")
    for requirement in policy.requires:
        for words in BY_KEY[requirement.asked_as].advice(requirement):
            yield Advice(requirement.id, requirement.line, words)
        if requirement.title is None:
            yield Advice(requirement.id, requirement.line, "no title: people will read its id")
