"""Incidents: alarms that belong together, with what probably caused them."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from codman.monitor.alarms.stream import Stream, WatchImpossible

_AS_GOOD = 0.9  # causes that explain this part of what the best one does are told apart by time


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One stream's alarm going on."""

    stream: Stream
    window: int  # at whose end it went on
    at: str  # ISO 8601, the same as a time
    moved: int  # window in which the shift most likely began
    shift: float  # in the metric's unit, in the direction that matters
    e: float  # evidence, as an e-value

    @property
    def severe(self) -> bool:
        """Whether the shift passes every budget."""
        return self.stream.severe is not None and self.shift >= self.stream.severe


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Something that streams share and that would explain an incident's alarms."""

    kind: str  # "lineage", "site", "feature" or "slice"
    name: str
    alarms: int  # of the incident, about it
    streams: int  # watched, about it
    moved: int  # window in which the first of its alarms began
    score: float  # how much likelier the alarms are if it is the cause than if they fell anywhere (log)

    def written(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {
            "kind": self.kind,
            "name": self.name,
            "alarms": self.alarms,
            "streams": self.streams,
            "moved": self.moved,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Alarms that a person sees as one thing."""

    alarms: tuple[Alarm, ...]  # in order of time
    causes: tuple[Cause, ...]  # likeliest first; empty where nothing stands out
    owner: str

    @property
    def at(self) -> str:
        """When its first alarm went on."""
        return min(alarm.at for alarm in self.alarms)

    @property
    def severe(self) -> bool:
        """Whether any of its alarms is."""
        return any(alarm.severe for alarm in self.alarms)

    @property
    def sentence(self) -> str:
        """What probably happened, in one sentence."""
        n = len(self.alarms)
        many = "1 alarm" if n == 1 else f"{n} alarms"
        if not self.causes:
            first = self.alarms[0].stream
            where = "".join(f", {column} {level}" for column, level in first.slice.items())
            return f"{many}, the first of {first.metric}" + (f" of {first.feature}" if first.feature else "") + where
        cause = self.causes[0]
        first_of_all = min(alarm.moved for alarm in self.alarms)
        when = "and it moved first" if cause.moved == first_of_all else "though others moved before"
        what = {"lineage": "made from", "site": "at", "feature": "of", "slice": "among"}[cause.kind]
        watched = "1 stream" if cause.streams == 1 else f"{cause.streams} streams"
        return f"{cause.alarms} of {many} are {what} {cause.name} ({watched} watched), {when}"


def incidents(
    alarms: Sequence[Alarm], watched: Sequence[Stream], *, within: int = 2, owners: Mapping[str, str] | None = None
) -> tuple[Incident, ...]:
    """Put alarms that belong together into incidents, and say what probably caused each.

    Two alarms belong together when they went on within so many windows of each other and share a feature, something
    they are made from, a site, or a level of a slice; an alarm about a model's performance also belongs to the others
    of its use. Sharing is passed on: a with b and b with c is one incident.

    Args:
        alarms: Alarms that went on.
        watched: All streams that are watched, the quiet ones too: what did not move says as much as what did.
        within: Windows between two alarms of one incident.
        owners: Who answers for a cause, by its name; others go to the owner of most of the alarms' streams.

    Raises:
        WatchImpossible: `within` is below 0.
    """
    if within < 0:
        raise WatchImpossible(what="alarms cannot be grouped", why=f"within {within} windows", fix="say 0 or more")
    about: dict[tuple[str, str], int] = Counter(tag for stream in watched for tag in _tags(stream))
    found = [
        _incident(tuple(sorted(group, key=lambda one: (one.window, one.moved))), about, len(watched), owners or {})
        for group in _groups(alarms, within)
    ]
    return tuple(sorted(found, key=lambda one: (one.alarms[0].window, -len(one.alarms))))


def _tags(stream: Stream) -> Iterator[tuple[str, str]]:
    """What a stream may share with another: what could have moved it."""
    yield from (("lineage", name) for name in stream.lineage)
    if stream.site is not None:
        yield "site", stream.site
    if stream.feature is not None:
        yield "feature", stream.feature
    yield from (("slice", f"{column} {level}") for column, level in stream.slice.items())


def _groups(alarms: Sequence[Alarm], within: int) -> list[list[Alarm]]:
    parent = list(range(len(alarms)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    sharing: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, alarm in enumerate(alarms):
        for tag in _tags(alarm.stream):
            sharing[tag].append(i)
        sharing["use", alarm.stream.use].append(i)
    for (kind, _), members in sharing.items():
        members.sort(key=lambda i: alarms[i].window)
        for a, b in _neighbours(alarms, members, about_use=kind == "use"):
            if abs(alarms[b].window - alarms[a].window) <= within:
                parent[root(a)] = root(b)
    grouped: dict[int, list[Alarm]] = defaultdict(list)
    for i, alarm in enumerate(alarms):
        grouped[root(i)].append(alarm)
    return list(grouped.values())


def _neighbours(alarms: Sequence[Alarm], members: list[int], *, about_use: bool) -> Iterator[tuple[int, int]]:
    """Pairs to be joined if near in time; of a use, each with the nearest alarm about its performance."""
    if not about_use:
        yield from pairwise(members)
        return
    whole = [i for i in members if alarms[i].stream.feature is None]
    yield from pairwise(whole)
    for i in members if whole else []:
        yield i, min(whole, key=lambda other: abs(alarms[other].window - alarms[i].window))


def _incident(
    alarms: tuple[Alarm, ...], about: Mapping[tuple[str, str], int], watched: int, owners: Mapping[str, str]
) -> Incident:
    causes = _causes(alarms, about, watched)
    of_streams = Counter(alarm.stream.owner for alarm in alarms).most_common(1)[0][0]
    owner = owners.get(causes[0].name, of_streams) if causes else of_streams
    return Incident(alarms=alarms, causes=causes, owner=owner)


def _causes(alarms: tuple[Alarm, ...], about: Mapping[tuple[str, str], int], watched: int) -> tuple[Cause, ...]:
    """Likeliest first, by Kulldorff's scan statistic: a cause's streams alarm, and others do not.

    Of causes that explain about as much, the one that moved first, then the narrower one.
    """
    mine: dict[tuple[str, str], list[Alarm]] = defaultdict(list)
    for alarm in alarms:
        for tag in _tags(alarm.stream):
            mine[tag].append(alarm)
    found = []
    for (kind, name), explained in mine.items():
        score = scan(len({id(alarm.stream) for alarm in explained}), about[kind, name], len(alarms), watched)
        if score > 0:
            found.append(
                Cause(
                    kind=kind, name=name, alarms=len(explained), streams=about[kind, name],
                    moved=min(alarm.moved for alarm in explained), score=score,
                )
            )  # fmt: skip
    if not found:
        return ()
    best = max(cause.score for cause in found)
    return tuple(
        sorted(found, key=lambda c: (c.score < _AS_GOOD * best, c.moved if c.score >= _AS_GOOD * best else 0, -c.score))
    )


def scan(inside: int, of: int, alarms: int, watched: int) -> float:
    """Log likelihood that alarms come at a higher rate inside than outside, over one rate everywhere; 0 if not higher.

    Args:
        inside: Alarms among the streams in question.
        of: Those streams.
        alarms: All alarms.
        watched: All streams.

    Source: Kulldorff 1997, doi:10.1080/03610929708831995 (Bernoulli model).
    """
    outside, others = alarms - inside, watched - of
    if of == 0 or others == 0 or inside / of <= outside / others:
        return 0.0
    split = _entropy(inside, of) + _entropy(outside, others)
    return split - _entropy(alarms, watched)


def _entropy(k: int, n: int) -> float:
    """Log likelihood of k in n at its own rate."""
    return sum(x * math.log(x / n) for x in (k, n - k) if x > 0)
