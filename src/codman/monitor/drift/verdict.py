"""What a drift report comes to: which columns moved by more than matters, in a clinician's words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from codman.spine.measurement import Measurement

_MOST: int = 200  # sentences: a statement is no log


def drifted(found: Iterable[Measurement]) -> list[Measurement]:
    """The measurements whose whole interval lies above the distance that matters."""
    return [m for m in found if m.params.get("beyond") == "yes"]


def alarms(found: Iterable[Measurement], *, windows: bool = False) -> list[str]:
    """A sentence for each shift that matters, everyone first; with its first day where there are several windows."""
    moved = sorted(drifted(found), key=lambda m: (len(m.slice), -(m.params.get("importance") or 0.0)))
    told = [f"{m.window.start[:10]}: {sentence(m)}" if windows and m.window else sentence(m) for m in moved[:_MOST]]
    return told if len(moved) <= _MOST else [*told, f"and {len(moved) - _MOST:,} more"]


def sentence(moved: Measurement) -> str:
    """`PSI of heart_rate 0.310 (0.290 to 0.330), n 1,200: above 0.1`, and what it means for the model where known."""
    said = f"{moved}: above {moved.params['delta']:g}"
    importance = moved.params.get("importance")
    if importance is not None:
        said += f"; the model's reliance on it is {importance:.0%} of the whole"
    effect = moved.params.get("estimated_auroc_change")
    if effect is not None:
        said += f"; by itself it would change AUROC by {effect:+.3f}"
    return said


def state(found: Iterable[Measurement]) -> Literal["quiet", "watch", "alarm", "blind"]:
    """alarm: a shift that matters in everyone; watch: one in a group, or that may matter; blind: nothing to judge."""
    judged = [m for m in found if "beyond" in m.params]
    if not any(m.value is not None for m in judged):
        return "blind"
    if any(m.params["beyond"] == "yes" and not m.slice for m in judged):
        return "alarm"
    return "watch" if any(m.params["beyond"] in ("yes", "unclear") for m in judged) else "quiet"


def costs(found: Iterable[Measurement]) -> list[Measurement]:
    """The estimated falls of AUROC that chance does not explain, of all columns together."""
    return [
        m
        for m in found
        if m.metric == "estimated_auroc_change" and m.feature is None and m.upper is not None and m.upper < 0
    ]
