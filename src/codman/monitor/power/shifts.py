"""A fall planted in a world: the same world, changed in the way that makes one metric fall by so much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from codman.monitor.alarms.distance_looks import DISTANCES, distance
from codman.monitor.alarms.score_looks import SHARES, oe, share_counts
from codman.monitor.alarms.stream import WatchImpossible
from codman.monitor.power.world import World

METRICS: Final = (
    "auroc",
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
    "oe_ratio",
    "prevalence",
    "alert_rate",
    *DISTANCES,
)
AT_A_THRESHOLD: Final = ("sensitivity", "specificity", "ppv", "npv", "alert_rate")
FEW_BINS: Final = 10  # of a distance: deciles, as the vocabulary has them

# what is done to the world, said to a reader
SAYS: Final = {
    "auroc": "a part of the patients with the event score like those without it",
    "sensitivity": "a part of the patients with the event score like those without it",
    "specificity": "a part of the patients without the event score like those with it",
    "ppv": "a part of the patients without the event score like those with it",
    "npv": "a part of the patients with the event score like those without it",
    "oe_ratio": "at every score, the odds of the event change by one factor",
    "prevalence": "the event becomes more or less common, each class keeping its scores",
    "alert_rate": "patients' scores move, the risk at each score staying the same",
} | dict.fromkeys(DISTANCES, "patients' scores move, the risk at each score staying the same")


def value_of(metric: str, world: World) -> float:
    """The metric in the world itself; a distance is 0."""
    if metric in DISTANCES:
        return 0.0
    counts = world.counts(1e9)
    if metric in SHARES:
        events, n = share_counts(metric, counts)
        return float(events / n) if n > 0 else float("nan")
    return world.auroc if metric == "auroc" else float(oe(counts)[0])


def shifted(world: World, metric: str, fall: float) -> World:
    """The world in which the metric is `fall` lower (higher where `fall` is negative; a distance: that far off).

    Raises:
        WatchImpossible: The metric cannot fall so far here, or is none that can be planted.
    """
    if metric not in METRICS:
        raise WatchImpossible(what=f"{metric} cannot be planted", why="it is none of those", fix=", ".join(METRICS))
    if metric in AT_A_THRESHOLD and world.threshold is None:
        raise WatchImpossible(what=f"{metric} needs a threshold", why="it is about alerts", fix="give --threshold X")
    if metric in DISTANCES:
        return _moved(world, lambda one: _apart(metric, world, one), fall, (0.0, 60.0), metric)
    wanted = value_of(metric, world) - fall
    if metric == "oe_ratio":
        return _moved(world, lambda one: value_of(metric, one), wanted, (-8.0, 8.0), metric, _odds)
    if metric == "alert_rate":
        return _moved(world, lambda one: value_of(metric, one), wanted, (-60.0, 60.0), metric)
    if metric == "prevalence":
        if not 0 < wanted < 1:
            raise _too_far(metric, fall, world)
        return replace(world, prevalence=wanted)
    blend = _event_blended if metric in ("auroc", "sensitivity", "npv") else _other_blended
    return _moved(world, lambda one: value_of(metric, one), wanted, (0.0, 1.0), metric, blend)


def _event_blended(world: World, part: float) -> World:
    return replace(world, event=(1 - part) * world.event + part * world.other)


def _other_blended(world: World, part: float) -> World:
    return replace(world, other=(1 - part) * world.other + part * world.event)


def _odds(world: World, log_factor: float) -> World:
    mass, event = world.mass, world.prevalence * world.event
    risk = event / np.maximum(mass, 1e-300)
    risk = risk * np.exp(log_factor) / (1 + risk * (np.exp(log_factor) - 1))
    return _of_mass(world, mass, risk)


def _tilted(world: World, by: float) -> World:
    """Patients move up the ranks of the score (down where `by` is negative); the risk at each score stays."""
    mass = world.mass
    risk = world.prevalence * world.event / np.maximum(mass, 1e-300)
    rank = np.cumsum(mass) - mass / 2
    tilt = mass * np.exp(by * (rank - (by > 0)))
    return _of_mass(world, tilt / tilt.sum(), risk)


def _of_mass(
    world: World,
    mass: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    risk: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> World:
    event, other = mass * risk, mass * (1 - risk)
    return replace(world, event=event / event.sum(), other=other / other.sum(), prevalence=float(event.sum()))


def _apart(metric: str, world: World, other: World) -> float:
    return float(distance(metric, other.mass[None], world.mass[None])[0])


def _moved(
    world: World, value: Callable[[World], float], wanted: float, span: tuple[float, float], metric: str,
    how: Callable[[World, float], World] = _tilted,
) -> World:  # fmt: skip
    """The world changed by as much as makes the value what is wanted, by halving."""
    low, high = span
    ends = value(how(world, low)), value(how(world, high))
    if not (min(ends) <= wanted <= max(ends)) or not np.isfinite(wanted):
        raise _too_far(metric, value(world) - wanted, world)
    rises = ends[1] > ends[0]
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if (value(how(world, middle)) < wanted) == rises else (low, middle)
    return how(world, (low + high) / 2)


def _too_far(metric: str, fall: float, world: World) -> WatchImpossible:
    return WatchImpossible(
        what=f"{metric} cannot fall by {abs(fall):g} here",
        why=f"it stands at {value_of(metric, world):.3g} among these scores",
        fix="ask for a smaller fall, or the other direction with a minus sign",
    )
