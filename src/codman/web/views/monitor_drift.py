"""Drift of a use by column with its estimated effect, and whether care changed the outcome: the newest window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from codman.flows.watch.ages import Track, UseWatched
from codman.report import words as said
from codman.spine.measurement import Measurement
from codman.web.views.marks import Tag
from codman.web.views.monitor_marks import window_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """One column in the newest window."""

    column: str
    psi: str
    span: str
    beyond: Tag | None  # None: of all together
    missing: str
    reliance: str
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CareLine:
    """One group of rows, compared with the reference."""

    group: str
    auroc: str
    oe: str
    n: str


def window_of(tracks: Sequence[Track]) -> str:
    """The newest window of some numbers, in words."""
    newest = max((one for track in tracks for one in track.numbers), key=lambda one: one.ends_on, default=None)
    return "" if newest is None else window_words(newest.starts_on, newest.ends_on)


def _newest_in(tracks: Sequence[Track], metric: str, feature: str | None) -> Measurement | None:
    mine = [t for t in tracks if t.metric == metric and t.feature == feature and not t.slice]
    numbers = [one for track in mine for one in track.numbers]
    return max(numbers, key=lambda one: one.ends_on).m if numbers else None


def weight(track: Track) -> float:
    """Columns the model relies on most come first."""
    importance = track.numbers[-1].m.params.get("importance")
    return -float(importance) if isinstance(importance, (int, float)) else 1.0


def drifted(found: UseWatched, drifts: Sequence[Track]) -> Iterator[Drifted]:
    """Every column in the newest window, by how much the model relies on it."""
    for track in sorted(drifts, key=weight):
        m = track.numbers[-1].m
        missing = _newest_in(found.drift, "missing_rate_difference", track.feature)
        effect = _newest_in(found.effects, "estimated_auroc_change", track.feature)
        importance = m.params.get("importance")
        yield Drifted(
            column=track.feature or "all together",
            psi=said.number(m.value),
            span="" if m.lower is None else said.span(m),
            beyond=_BEYOND.get(str(m.params.get("beyond")), Tag("Not judged")),
            missing="–" if missing is None or missing.value is None else _signed_share(missing.value),
            reliance="–" if not isinstance(importance, (int, float)) else said.per_cent(float(importance)),
            effect="not estimated" if effect is None else said.with_interval(effect),
        )
    effect = _newest_in(found.effects, "estimated_auroc_change", None)
    if effect is not None:
        yield Drifted(
            column="all columns together",
            psi="",
            span="",
            beyond=None,
            missing="",
            reliance="",
            effect=said.with_interval(effect),
        )


def told_apart(found: UseWatched) -> str:
    """How well the newest window's patients are told from the reference's, from all columns together."""
    m = _newest_in(found.drift, "domain_auroc", None)
    return "" if m is None or m.value is None else said.with_interval(m)


_BEYOND: Final[Mapping[str, Tag]] = {
    "yes": Tag("Moved", "unmet", "×"),
    "unclear": Tag("May have moved", "unsure", "?"),
    "no": Tag("Not moved", "met", "✓"),
}


def _signed_share(share: float) -> str:
    return f"{'−' if share < 0 else '+'}{abs(100 * share):.1f} points"


def care_lines(found: UseWatched) -> Iterator[CareLine]:
    """How each group of rows compares with the reference: those that staff never saw are free of care."""
    groups = dict.fromkeys(
        str(t.numbers[-1].m.params["group"]) for t in found.care if "group" in t.numbers[-1].m.params
    )
    for group in groups:
        mine = {t.metric: t.numbers[-1].m for t in found.care if t.numbers[-1].m.params.get("group") == group}
        auroc, oe = mine.get("auroc_change"), mine.get("oe_ratio_change")
        counted = next((m.n for m in (oe, auroc) if m is not None and m.n is not None), None)
        factor = None if oe is None else oe.params.get("now_over_then")
        yield CareLine(
            group=group.capitalize(),
            auroc="not compared" if auroc is None or auroc.value is None else said.with_interval(auroc),
            oe="not compared" if factor is None else f"{float(factor):.2f} times",
            n=said.count(counted),
        )
