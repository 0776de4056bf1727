"""Run rules: patterns on a chart that chance seldom makes, each by the name its authors gave it.

More rules find shifts sooner and cry wolf more often; `false_alarms` says how often a set of rules does so together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from codman.errors import nearest
from codman.evaluate.distributions import norm_cdf
from codman.evaluate.estimates import BoolArray, FloatArray, IntArray
from codman.monitor.charts.chart import ChartImpossible, Signal

_Found = tuple[BoolArray, BoolArray]  # (…, n) fired above, fired below; the same twice where a rule has no side


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One named rule. It looks at points as sigmas from the centre; NaN breaks a run."""

    name: str
    says: str  # what it means, for a reader
    find: Callable[[FloatArray], _Found]
    track: Callable[[], _Tracker] | None  # the same by zones, for the exact run length; None: it compares neighbours
    sided: bool = True


class _Tracker:
    """A rule as a machine over the eight zones −4 … −1, 1 … 4 (1: within one sigma, 4: beyond three)."""

    def __init__(
        self, start: tuple[int, ...], step: Callable[[tuple[int, ...], int], tuple[tuple[int, ...], bool]]
    ) -> None:
        self.start, self.step = start, step


def _sums(flags: BoolArray, window: int) -> IntArray:
    """How many of the last `window` points are flagged, at every point."""
    counts = np.cumsum(flags, axis=-1, dtype=np.int64)
    counts[..., window:] = counts[..., window:] - counts[..., :-window]
    return counts


def _some_of(k: int, n: int, beyond: float) -> Callable[[FloatArray], _Found]:
    def find(z: FloatArray) -> _Found:
        with np.errstate(invalid="ignore"):
            up, down = z > beyond, z < -beyond
        return up & (_sums(up, n) >= k), down & (_sums(down, n) >= k)

    return find


def _same_side(n: int) -> Callable[[FloatArray], _Found]:
    return _some_of(n, n, 0.0)


def _trend(z: FloatArray) -> _Found:
    with np.errstate(invalid="ignore"):
        step = np.diff(z, axis=-1, prepend=np.nan)
        return _sums(step > 0, 5) >= 5, _sums(step < 0, 5) >= 5  # six points are five steps


def _alternating(z: FloatArray) -> _Found:
    with np.errstate(invalid="ignore"):
        step = np.diff(z, axis=-1, prepend=np.nan)
        turns = (step * np.concatenate([np.full_like(step[..., :1], np.nan), step[..., :-1]], axis=-1)) < 0
    found = _sums(turns, 12) >= 12  # fourteen points are twelve turns
    return found, found


def _hugging(z: FloatArray) -> _Found:
    found = _sums(np.abs(z) < 1, 15) >= 15
    return found, found


def _avoiding(z: FloatArray) -> _Found:
    found = _sums(np.abs(z) > 1, 8) >= 8
    return found, found


def _zones_some_of(k: int, n: int, zone: int) -> Callable[[], _Tracker]:
    """k of n beyond a zone on one side: remembers which of the last n − 1 points were, on each side."""
    keep = (1 << (n - 1)) - 1

    def step(state: tuple[int, ...], at: int) -> tuple[tuple[int, ...], bool]:
        up, down = int(at >= zone), int(at <= -zone)
        fired = (up and state[0].bit_count() + 1 >= k) or (down and state[1].bit_count() + 1 >= k)
        return ((state[0] << 1 | up) & keep, (state[1] << 1 | down) & keep), bool(fired)

    return lambda: _Tracker((0, 0), step)


def _zones_run(n: int, of: Callable[[int], int]) -> Callable[[], _Tracker]:
    """n in a row of one kind (0 is no kind): remembers the kind and how many."""

    def step(state: tuple[int, ...], at: int) -> tuple[tuple[int, ...], bool]:
        kind = of(at)
        count = 0 if kind == 0 else state[1] + 1 if kind == state[0] else 1
        return (kind, count), count >= n

    return lambda: _Tracker((0, 0), step)


def _side(at: int) -> int:
    return 1 if at > 0 else -1


_BEYOND_3: Final = "one point more than 3 sigma from the centre"
_TWO_OF_3: Final = "2 of 3 points more than 2 sigma from the centre, on the same side"
_FOUR_OF_5: Final = "4 of 5 points more than 1 sigma from the centre, on the same side"

_ALL: Final = (
    Rule(name="Western Electric 1", says=_BEYOND_3, find=_some_of(1, 1, 3), track=_zones_some_of(1, 1, 4)),
    Rule(name="Western Electric 2", says=_TWO_OF_3, find=_some_of(2, 3, 2), track=_zones_some_of(2, 3, 3)),
    Rule(name="Western Electric 3", says=_FOUR_OF_5, find=_some_of(4, 5, 1), track=_zones_some_of(4, 5, 2)),
    Rule(
        name="Western Electric 4",
        says="8 points in a row on the same side of the centre",
        find=_same_side(8),
        track=_zones_run(8, _side),
    ),
    Rule(name="Nelson 1", says=_BEYOND_3, find=_some_of(1, 1, 3), track=_zones_some_of(1, 1, 4)),
    Rule(
        name="Nelson 2",
        says="9 points in a row on the same side of the centre",
        find=_same_side(9),
        track=_zones_run(9, _side),
    ),
    Rule(name="Nelson 3", says="6 points in a row all rising or all falling", find=_trend, track=None),
    Rule(
        name="Nelson 4",
        says="14 points in a row that go up and down in turn",
        find=_alternating,
        track=None,
        sided=False,
    ),
    Rule(name="Nelson 5", says=_TWO_OF_3, find=_some_of(2, 3, 2), track=_zones_some_of(2, 3, 3)),
    Rule(name="Nelson 6", says=_FOUR_OF_5, find=_some_of(4, 5, 1), track=_zones_some_of(4, 5, 2)),
    Rule(
        name="Nelson 7",
        says="15 points in a row within 1 sigma of the centre",
        find=_hugging,
        track=_zones_run(15, lambda at: int(abs(at) == 1)),
        sided=False,
    ),
    Rule(
        name="Nelson 8",
        says="8 points in a row more than 1 sigma from the centre, on either side",
        find=_avoiding,
        track=_zones_run(8, lambda at: int(abs(at) > 1)),
        sided=False,
    ),
)
RULES: Final[Mapping[str, Rule]] = {rule.name: rule for rule in _ALL}
WESTERN_ELECTRIC: Final = tuple(name for name in RULES if name.startswith("Western"))
NELSON: Final = tuple(name for name in RULES if name.startswith("Nelson"))


def rule(name: str) -> Rule:
    """The rule of this name.

    Raises:
        ChartImpossible: There is none.
    """
    if name not in RULES:
        raise ChartImpossible(
            what=f"there is no run rule {name!r}", why="it has no such name", fix=nearest(name, RULES)
        )
    return RULES[name]


def run_signals(sigmas: FloatArray, rules: Sequence[str]) -> list[Signal]:
    """Every point at which a rule fires, in order of the points.

    Args:
        sigmas: (n,) each point's distance from the centre in its own standard deviations; NaN breaks a run.
        rules: Names of rules.

    Raises:
        ChartImpossible: A name is no rule's.

    Source: Western Electric 1956, Statistical Quality Control Handbook; Nelson 1984,
    doi:10.1080/00224065.1984.11978921.
    """
    found: list[Signal] = []
    for name in rules:
        one = rule(name)
        up, down = one.find(sigmas)
        for i in np.flatnonzero(up | down):
            found.append(Signal(point=int(i), rule=name, side=("above" if up[i] else "below") if one.sided else ""))
    return sorted(found, key=lambda signal: (signal.point, rules.index(signal.rule)))


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarms:
    """How often a set of rules fires when nothing has changed and points are independent and normal."""

    in_control_run: float  # points until the first false signal, on average
    at_least_one: float  # chance of one or more in a chart of `points` points
    points: int
    method: str  # "markov" is exact; "simulation:RUNS:seed=S" where a rule compares neighbours


def false_alarms(rules: Sequence[str], points: int = 52) -> FalseAlarms:
    """The rules' joint false-alarm rate: with all four of Western Electric one chart in 92 points signals for nothing.

    Exact, by a Markov chain over the zones, for every set without Nelson 3 and 4, which compare neighbours and are
    simulated. Source of the chain: Champ & Woodall 1987, doi:10.1080/00401706.1987.10488266.

    Raises:
        ChartImpossible: A name is no rule's, or there is none.
    """
    names = tuple(dict.fromkeys(rule(name).name for name in rules))
    if not names:
        raise ChartImpossible(what="no run rule is named", why="none never fires", fix="name one or more")
    if all(RULES[name].track is not None for name in names):
        run, missed = _exact(names, points, 0.0)
        return FalseAlarms(in_control_run=run, at_least_one=1 - missed, points=points, method="markov")
    return _simulated(names, points)


def run_length(rules: Sequence[str], shift: float) -> float:
    """Points until the first signal, on average, when the mean has moved by `shift` sigma (rules by zones only).

    Raises:
        ChartImpossible: A rule compares neighbours (Nelson 3 and 4) and has no chain.
    """
    for name in rules:
        if rule(name).track is None:
            raise ChartImpossible(
                what=f"{name} has no exact run length", why="it compares neighbours", fix="leave it out"
            )
    return _exact(tuple(rules), 1, shift)[0]


@lru_cache(maxsize=64)
def _exact(names: tuple[str, ...], points: int, shift: float) -> tuple[float, float]:
    """Mean run length, and the chance of no signal in the first `points`."""
    trackers = [made() for name in names if (made := RULES[name].track) is not None]
    edges = [-np.inf, -3, -2, -1, 0, 1, 2, 3, np.inf]
    below = [norm_cdf(edge - shift) for edge in edges]
    zones = list(zip((-4, -3, -2, -1, 1, 2, 3, 4), np.diff(below), strict=True))
    start = tuple(tracker.start for tracker in trackers)
    index, todo = {start: 0}, [start]
    source, target, chance = [], [], []
    while todo:
        state = todo.pop()
        for zone, p in zones:
            moved = [tracker.step(mine, zone) for tracker, mine in zip(trackers, state, strict=True)]
            if any(fired for _, fired in moved):
                continue
            to = tuple(one for one, _ in moved)
            if to not in index:
                index[to] = len(index)
                todo.append(to)
            source.append(index[state])
            target.append(index[to])
            chance.append(p)
    frm, to_, p_ = np.array(source), np.array(target), np.array(chance)
    alive: FloatArray = np.zeros(len(index))
    alive[0] = 1.0
    run, left, missed = 0.0, 1.0, 0.0
    for step in range(1_000_000):
        if step == points:
            missed = left
        run += left
        before = left
        alive = np.asarray(np.bincount(to_, alive[frm] * p_, minlength=len(index)), dtype=np.float64)
        left = float(alive.sum())
        if step >= points and (left < 1e-13 or (step > 500 and left < 1e-3)):
            fall = left / before  # by now it falls at one rate, and the rest is a geometric series
            run += left / (1 - fall)
            break
    return run, missed


@lru_cache(maxsize=16)
def _simulated(names: tuple[str, ...], points: int, runs: int = 4000, seed: int = 7) -> FalseAlarms:
    random = np.random.default_rng(seed)
    long = max(1500, points)
    firsts = []
    for _ in range(runs // 400):
        z = random.standard_normal((400, long))
        fired = np.zeros(z.shape, dtype=np.bool_)
        for name in names:
            up, down = RULES[name].find(z)
            fired |= up | down
        firsts.append(np.where(fired.any(axis=1), fired.argmax(axis=1) + 1, long))
    first = np.concatenate(firsts)
    ended = first < long
    # runs still going at the end count what they have lasted: the mean of a waiting time cut off on the right
    return FalseAlarms(
        in_control_run=float(first.sum() / max(ended.sum(), 1)),
        at_least_one=float(np.mean(first <= points)),
        points=points,
        method=f"simulation:{runs}:seed={seed}",
    )
