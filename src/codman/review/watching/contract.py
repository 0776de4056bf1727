"""A partner's part of a plan, as a contract: what is to be reported, in which form, on which days, and who answers.

The evidence may be computed by anybody's tool: it is judged exactly as the house's own.
"""

from __future__ import annotations

from datetime import date
from itertools import islice
from typing import Final

from codman.review.watching.plan import needs_outcomes, part_of
from codman.review.watching.windows import Span, due_on, following, window_of
from codman.spine.monitor_plan import Due, MonitorPlan, Watched
from codman.spine.policy import Requirement

AHEAD: Final = 4  # windows whose days a contract names


def contract_for(plan: MonitorPlan, partner: str, today: date, *, ahead: int = AHEAD) -> MonitorPlan:
    """A partner's part of a plan with its next windows and the form of what is sent.

    Args:
        plan: The whole plan.
        partner: Who is responsible, as the plan names them.
        today: The day it is made; windows from the one it is in on are named, or from the plan's start.
        ahead: How many of them.

    Raises:
        NoSuchPartner: They are responsible for nothing in it.
    """
    parts = part_of(plan, partner)
    return plan.model_copy(
        update={"partner": partner, "requires": tuple(_dated(plan, one, today, ahead) for one in parts)}
    )


def windows_ahead(plan: MonitorPlan, one: Watched, today: date, ahead: int = AHEAD) -> tuple[Due, ...]:
    """The next windows of a requirement and the days they are due; none where it counts rows."""
    current = window_of(one.watch.window, today)
    if current is None:
        return ()
    starts = date.fromisoformat(plan.starts_on) if plan.starts_on else current.start
    spans = islice(following(one.watch.window, max(starts, current.start)), ahead)
    return tuple(_due(plan, one, span) for span in spans)


def form_of(requirement: Requirement) -> str:
    """How a statement that answers it is sent."""
    kind = requirement.evidence.value
    origins = " or ".join(origin.value for origin in requirement.origin) or "any"
    return f"a signed statement of kind {kind} (schema /schemas/{kind}/v1.json), origin {origins}"


def _due(plan: MonitorPlan, one: Watched, span: Span) -> Due:
    delay = plan.label_delay_days if needs_outcomes(one.requirement) else 0
    day = due_on(span, label_delay_days=delay, due_days=one.watch.due_days)
    return Due(start=span.start.isoformat(), end=span.end.isoformat(), due_on=day.isoformat())


def _dated(plan: MonitorPlan, one: Watched, today: date, ahead: int) -> Watched:
    watch = one.watch.model_copy(
        update={"due": windows_ahead(plan, one, today, ahead), "format": one.watch.format or form_of(one.requirement)}
    )
    return one.model_copy(update={"watch": watch})
