"""Events of the demo hospital: what a model said of invented patients, what became of them, what staff did about it.

Scores are true risks of the invented patients, so a model is as good as its story says until the story says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import Enum
from typing import Any, Final

import numpy as np
import pyarrow as pa

from codman.evaluate.estimates import FloatArray
from codman.tables.events.columns import LEVELS, NUMBERS

SOURCE: Final = "demo-hospital"
_CHUNK: Final = 5_000
_HOUR: Final = 3_600_000_000  # microseconds
_DAY: Final = 24 * _HOUR
_A_MONDAY: Final = 4 * _DAY  # 5 January 1970


class Turn(Enum):
    """What happens to a model after its turning point."""

    FEED_BREAKS = "a feed breaks"  # one laboratory value is stale or missing for many: it ranks worse
    PATIENTS_AGE = "patients are older"  # its columns drift, and it stays as good
    STAFF_ACT = "staff act"  # what it foretells is prevented where it is seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A number the model reads: standard normal in the invented patients, written out in its unit."""

    name: str
    centre: float
    spread: float
    weight: float  # of log odds, a standard deviation


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One use's events: who they are about, and when what turns."""

    use: str
    version: str
    first: date
    turns_on: date
    until: date  # exclusive
    a_day: int
    turn: Turn
    features: tuple[Feature, ...]  # the first is the one whose feed breaks; the second is age
    base: float  # log odds of a patient in the middle of everything
    delay_days: int  # until the outcome of everybody is known
    threshold: float


def events(stream: Stream, seed: int) -> Iterator[pa.Table]:
    """Predictions, outcomes and actions of a use, in tables of some thousand rows; the same seed gives the same."""
    chance = np.random.default_rng(seed)
    rows = _invented(stream, chance)
    n = len(rows["at"])
    for start in range(0, n, _CHUNK):
        part = {name: values[start : start + _CHUNK] for name, values in rows.items()}
        yield _predictions(stream, part)
        yield _outcomes(stream, part)
        if part["acted"].any():
            yield _actions(stream, part)


def _invented(stream: Stream, chance: np.random.Generator) -> dict[str, Any]:
    days = (stream.until - stream.first).days
    n = days * stream.a_day
    day = np.repeat(np.arange(days), stream.a_day)
    begin = datetime.combine(stream.first, time(), UTC)
    at = (
        int(begin.timestamp() * 1e6)
        + day * _DAY
        + np.sort(chance.integers(6 * _HOUR, 23 * _HOUR, n).reshape(days, -1)).ravel()
    )
    turned = day >= (stream.turns_on - stream.first).days
    seen = chance.normal(size=(n, len(stream.features)))
    if stream.turn is Turn.PATIENTS_AGE:
        seen[turned, 1] += 0.6
    weights = np.array([one.weight for one in stream.features])
    risk = _logistic(stream.base + seen @ weights)
    read = seen.copy()
    absent = np.zeros(n, dtype=bool)
    if stream.turn is Turn.FEED_BREAKS:
        stale = turned & (chance.random(n) < 0.45)
        read[stale, 0] = 1.0 + chance.normal(size=int(stale.sum()))
        absent = turned & (chance.random(n) < 0.15)
        read[absent, 0] = 0.0  # the model takes the middle where it sees none
    score = _logistic(stream.base + read @ weights)
    shown = np.ones(n, dtype=bool)
    acted = np.zeros(n, dtype=bool)
    if stream.turn is Turn.STAFF_ACT:
        shown = turned & (chance.random(n) < 0.67)  # two of three wards see it; before, none did
        acted = shown & (score >= stream.threshold) & (chance.random(n) < 0.95)
        risk = np.where(acted, risk * 0.2, risk)
    event = chance.random(n) < risk
    # a registry hands outcomes over on Mondays, an event's as soon as it is seen
    known = at + (np.where(event, chance.uniform(0.2, 0.6, n), 0.6) * stream.delay_days * _DAY).astype(np.int64)
    known = known + (7 * _DAY - (known - _A_MONDAY) % (7 * _DAY))
    return {
        "name": np.arange(n),
        "at": at,
        "score": score,
        "read": read,
        "absent": absent,
        "female": chance.random(n) < 0.5,
        "shown": shown,
        "acted": acted,
        "event": event,
        "known_at": np.minimum(known, at + stream.delay_days * _DAY),
    }


def _predictions(stream: Stream, rows: Mapping[str, Any]) -> pa.Table:
    names = _names(stream, rows)
    n = len(names)
    numbers: list[list[tuple[str, float]]] = []
    columns = [np.round(f.centre + f.spread * rows["read"][:, k], 2) for k, f in enumerate(stream.features)]
    order = sorted(range(len(columns)), key=lambda k: stream.features[k].name)
    for i in range(n):
        numbers.append([(stream.features[k].name, columns[k][i]) for k in order if k or not rows["absent"][i]])
    return pa.table(
        {
            "source": pa.array([SOURCE] * n),
            "id": names,
            "prediction_id": names,
            "use": pa.array([stream.use] * n),
            "version": pa.array([stream.version] * n),
            "subject": pa.array([f"{name}-patient" for name in names.to_pylist()]),
            "predicted_at": _instants(rows["at"]),
            "score": pa.array(rows["score"]),
            "numbers": pa.array(numbers, NUMBERS),
            "levels": pa.array([[("sex", "F" if one else "M")] for one in rows["female"]], LEVELS),
            "shown": pa.array(rows["shown"]),
        }
    )


def _outcomes(stream: Stream, rows: Mapping[str, Any]) -> pa.Table:
    """What is known by the end of the history; the rest will never come."""
    here = rows["known_at"] < int(datetime.combine(stream.until, time(), UTC).timestamp() * 1e6)
    names = _names(stream, rows).filter(pa.array(here))
    n = len(names)
    return pa.table(
        {
            "source": pa.array([SOURCE] * n),
            "id": pa.array([f"{name}-outcome" for name in names.to_pylist()], pa.string()),
            "prediction_id": names,
            "use": pa.array([stream.use] * n, pa.string()),
            "label": pa.array(rows["event"][here].astype(np.float64)),
            "occurred_at": _instants(rows["at"][here] + _HOUR),
            "observed_at": _instants(rows["known_at"][here]),
        }
    )


def _actions(stream: Stream, rows: Mapping[str, Any]) -> pa.Table:
    names = _names(stream, rows).filter(pa.array(rows["acted"]))
    n = len(names)
    return pa.table(
        {
            "source": pa.array([SOURCE] * n),
            "id": pa.array([f"{name}-action" for name in names.to_pylist()], pa.string()),
            "prediction_id": names,
            "use": pa.array([stream.use] * n, pa.string()),
            "action": pa.array(["acted"] * n, pa.string()),
            "acted_at": _instants(rows["at"][rows["acted"]] + _HOUR // 2),
        }
    )


def _names(stream: Stream, rows: Mapping[str, Any]) -> pa.Array:
    return pa.array([f"{stream.use}-{one}" for one in rows["name"]], pa.string())


def _instants(micros: Any) -> pa.Array:
    return pa.array(micros, pa.int64()).cast(pa.timestamp("us", tz="UTC"))


def _logistic(x: FloatArray) -> FloatArray:
    risk: FloatArray = 1 / (1 + np.exp(-x))
    return risk
