"""A requirement that a measurement keep a bound: the interval decides, so luck in a small group cannot pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final, cast

from codman.errors import BadInput, nearest
from codman.review.policy import limits, wording
from codman.review.policy.bound import Bound
from codman.review.policy.exhibit import Exhibit
from codman.review.policy.held import hold, outcome_of
from codman.review.policy.requirement import Change, Fault, RequirementKind
from codman.review.policy.wording import word
from codman.spine.measurement import PARAM_TOLERANCE, Measurement
from codman.spine.policy import Ask, Requirement
from codman.spine.statement import Kind
from codman.spine.verdict import Finding, Outcome, rank
from codman.spine.vocabulary import ESTIMATED

_LISTED: Final = 8


class SeveralThresholds(BadInput):
    """The evidence has several thresholds and the policy names none."""

    def __init__(self, requirement: Requirement, exhibit: Exhibit, thresholds: Sequence[float]) -> None:
        shown = ", ".join(f"{t:.10g}" for t in thresholds[:8]) + (" …" if len(thresholds) > 8 else "")
        super().__init__(
            what=f"requirement {requirement.id!r} does not say which threshold it is about",
            why=f"{exhibit.name} measures {cast('Bound', requirement.asks).metric} at {shown}",
            fix=f"name one in the policy: threshold: {thresholds[0]:.10g}",
        )


class MeasurementKind:
    """Bounds on measurements."""

    key: Final = "measurement"
    asks: Final = Bound
    as_text: Final = frozenset({"metric", "slice", "by", "class", "label", "unit", "kind", "feature"})
    default_evidence: Final[Kind | None] = Kind.EVALUATION

    def form(self, written: Any) -> Any:
        """The fields of the bound, as they were written."""
        return written

    def faults(self, requirement: Requirement) -> Iterator[Fault]:
        """Unknown or forbidden metrics, and limits that nothing can keep."""
        return limits.faults(cast("Bound", requirement.asks))

    def contradicts(self, one: Requirement, other: Requirement) -> str | None:
        """Two limits on the same number that leave no room between them."""
        return limits.contradiction(one, other)

    def advice(self, requirement: Requirement) -> Iterator[str]:
        """What lets a bound be met by luck or by an old or foreign number."""
        return limits.advice(requirement)

    def answers(self, _ask: Ask, _exhibit: Exhibit) -> bool:
        """Any statement of the kind: the newest one counts, whether or not it has the number."""
        return True

    def wants(self, ask: Ask) -> str:
        """The number and its limit."""
        bound = cast("Bound", ask)
        return wording.sought(bound, word(bound.metric))

    def judge(self, requirement: Requirement, exhibit: Exhibit, level: float) -> Finding:
        """Hold every measurement that is meant against the bound; the worst outcome counts.

        Raises:
            SeveralThresholds: Several thresholds are measured and the policy names none.
        """
        bound: Bound = requirement.asks  # type: ignore[assignment]  # a cast is a call, for every number of every use
        picked = [m for m in exhibit.about(bound.place) if bound.picks(m)]
        if len(picked) == 1:  # as for most bounds
            return hold(bound, picked[0], exhibit, level)
        picked = _usual(picked, bound)
        if not picked:
            return Finding(
                outcome=Outcome.MISSING, said=partial(_not_measured, bound, exhibit), evidence=exhibit.digest
            )
        if bound.threshold is None:
            thresholds = _thresholds(picked)
            if len(thresholds) > 1:
                raise SeveralThresholds(requirement, exhibit, thresholds)
        found = [hold(bound, m, exhibit, level) for m in picked]
        # among equals the first by its words, so that the order of rows does not matter
        return min(found, key=lambda f: (rank(f.outcome), f.sentence))

    def outcome(self, requirement: Requirement, exhibit: Exhibit, level: float) -> Outcome:
        """The outcome of `judge`."""
        bound: Bound = requirement.asks  # type: ignore[assignment]  # as above
        rows = exhibit.about(bound.place)
        if len(rows) == 1 and bound.picks(rows[0]):
            return outcome_of(bound, rows[0], exhibit, level)
        picked = [m for m in rows if bound.picks(m)]
        if len(picked) == 1:
            return outcome_of(bound, picked[0], exhibit, level)
        return self.judge(requirement, exhibit, level).outcome

    def compare(self, old: Ask, new: Ask) -> Iterator[Change]:
        """Limits tightened or loosened; another number is another demand."""
        return limits.compare(cast("Bound", old), cast("Bound", new))


def _usual(picked: list[Measurement], bound: Bound) -> list[Measurement]:
    """A part or a variant (one class, one label, one of two models, one kind) is judged only when it is named.

    Where the whole does not stand beside the parts, all of them are judged and the worst counts.
    """
    for part, named in (("kind", bound.kind), ("class", bound.class_), ("label", bound.label), ("model", None)):
        if named is None:
            picked = [m for m in picked if part not in m.params] or picked
    return picked


def _thresholds(picked: Sequence[Measurement]) -> list[float]:
    found: list[float] = []
    for m in picked:
        t = m.params.get("threshold")
        if isinstance(t, (int, float)) and not any(abs(t - f) <= PARAM_TOLERANCE for f in found):
            found.append(float(t))
    return sorted(found)


def _not_measured(bound: Bound, exhibit: Exhibit) -> str:
    said = f"{exhibit.label} does not measure {wording.sought(bound, word(bound.metric))}"
    there = exhibit.measurements(bound.metric)
    if not there:
        if not bound.metric.startswith(ESTIMATED) and exhibit.measurements(ESTIMATED + bound.metric):
            said += "; an estimate without labels is there, but it never stands for the measured number"
        return wording.sentence(said)
    others = [m for m in there if m.slice == bound.slice]
    if not others:
        return wording.sentence(f"{said}; {_other_patients(bound, there)}")
    thresholds = _thresholds(others)
    if (
        bound.threshold is not None
        and thresholds
        and not any(abs(bound.threshold - t) <= PARAM_TOLERANCE for t in thresholds)
    ):
        shown = ", ".join(f"{t:.10g}" for t in thresholds[:8])
        return wording.sentence(f"{said}; it does so at {shown}")
    groupings = sorted(
        {" and ".join(map(str, m.params["by"])) for m in others if isinstance(m.params.get("by"), (list, tuple))}
    )
    if bound.by is not None and groupings:
        return wording.sentence(f"{said}; it does so between groups of {', or of '.join(groupings[:5])}")
    return wording.sentence(said)


def _other_patients(bound: Bound, there: Sequence[Measurement]) -> str:
    """Which groups there are where the one that is asked for is not among them."""
    label = word(bound.metric).label
    for column, level in bound.slice.items():
        levels = sorted({m.slice[column] for m in there if column in m.slice})
        if not levels:
            columns = sorted({c for m in there for c in m.slice})
            return f"it measures {label} by {_listed(columns)}" if columns else f"it measures {label} only for everyone"
        if level not in levels:
            near = nearest(level, levels)
            return f"{column} has {_listed(levels)}" + (f" ({near})" if near.startswith("did you mean") else "")
    return f"it measures {label} only for other patients"


def _listed(names: Sequence[str]) -> str:
    shown = [*names[:_LISTED], f"{len(names) - _LISTED} more"] if len(names) > _LISTED else names
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


KIND: Final[RequirementKind] = MeasurementKind()
