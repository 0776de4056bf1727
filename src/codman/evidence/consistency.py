"""Whether a statement agrees with itself: counts that can be counts, intervals around their values.

What is refused here cannot have been measured, whoever made it; what is merely odd is left to a policy to judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from codman.errors import BadInput
from codman.spine.comparison_statement import ComparisonPredicate
from codman.spine.measurement import Measurement
from codman.spine.statement import EvaluationPredicate, Rows

# Methods whose interval contains the value by its formula. A bootstrap's, a corrected one's or another tool's may not.
_AROUND_THE_VALUE: Final = ("delong", "obuchowski", "wilson", "boyd-logit", "influence-logit", "mover")
_ROUNDING: Final = 1e-9  # relative: sums in another order move the last digits


class Contradiction(BadInput):
    """A statement whose numbers cannot all be true."""

    def __init__(self, name: str, place: str, why: str) -> None:
        super().__init__(
            what=f"{name} contradicts itself",
            why=f"{place}: {why}",
            fix="write it again from the data it was measured on",
        )


def refuse_contradictions(predicate: BaseModel, *, name: str) -> None:
    """Refuse a predicate whose numbers cannot all be true.

    Args:
        predicate: The predicate as its kind's model; kinds without rows and measurements always pass.
        name: What to call the statement in an error, usually the file's name.

    Raises:
        Contradiction: Rows do not add up; a measurement rests on more rows than were evaluated, has more events than
            rows, or an interval the wrong way round or, where the method rules that out, beside its value.
    """
    rows: Rows | None = getattr(predicate, "rows", None)
    if rows is not None:
        why = _account(rows)
        if why is not None:
            raise Contradiction(name, "rows", why)
    # other kinds may measure rows of a reference or of a simulation beside those they count
    most = rows.evaluated if rows and isinstance(predicate, (EvaluationPredicate, ComparisonPredicate)) else None
    measurements: Sequence[Measurement] = getattr(predicate, "measurements", ())
    for number, m in enumerate(measurements):
        why = _measured(m, most)
        if why is not None:
            raise Contradiction(name, _place(number, m), why)


def _account(rows: Rows) -> str | None:
    excluded = sum(rows.excluded.values())
    if rows.evaluated + excluded != rows.eligible:
        return (
            f"{rows.evaluated:,} evaluated and {excluded:,} excluded are {rows.evaluated + excluded:,},"
            f" and {rows.eligible:,} were eligible"
        )
    if rows.scored > rows.eligible:
        return f"{rows.scored:,} were scored, and {rows.eligible:,} were eligible"
    if rows.evaluated > rows.scored:
        return f"{rows.evaluated:,} were evaluated, and {rows.scored:,} were scored"
    if rows.patients is not None and rows.patients > rows.evaluated:
        return f"{rows.patients:,} patients are more than the {rows.evaluated:,} rows evaluated"
    return None


def _measured(m: Measurement, most: int | None) -> str | None:
    if m.n is not None:
        if most is not None and m.n > most and _of_rows(m):
            return f"n is {m.n:,}, and {most:,} rows were evaluated"
        if m.positives is not None and m.positives > m.n:
            return f"it counts {m.positives:,} with the event among {m.n:,}"
    lower, value, upper = m.lower, m.value, m.upper
    if lower is None or upper is None:
        return None
    if lower > upper:
        return f"its interval, {lower:g} to {upper:g}, is the wrong way round"
    if value is not None and not lower <= value <= upper and m.method.startswith(_AROUND_THE_VALUE):
        slack = _ROUNDING * max(abs(value), abs(lower), abs(upper))
        if not lower - slack <= value <= upper + slack:
            return f"{value:g} lies outside its own interval, {lower:g} to {upper:g}, which {m.method} rules out"
    return None


def _of_rows(m: Measurement) -> bool:
    """Whether it counts evaluated rows: not units, values of a column, or rows of another time."""
    return "unit" not in m.params and m.feature is None and m.window is None


def _place(number: int, m: Measurement) -> str:
    about = ", ".join([m.metric, *(f"{column} {level}" for column, level in m.slice.items())])
    return f"measurements.{number} ({about})"[:300]
