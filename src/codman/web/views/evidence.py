"""A statement's page: what it says in one sentence, what it is worth and why, its numbers, where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from codman.evidence.verify import Verification
from codman.flows.filed import Filed, Held
from codman.flows.settling import Unknown
from codman.report import words as said
from codman.spine.measurement import Measurement
from codman.spine.vocabulary import UnknownMetric, word
from codman.web.render import day
from codman.web.views import marks
from codman.web.views.drawing import CurveDrawing, Interval, curve, interval, scale_of
from codman.web.views.marks import Fact, Gap, Tag

MOST_GROUPS: Final = 60
_ONE_BETTER: Final = ("_ratio", "oe_ratio", "calibration_slope", "likelihood_ratio_positive")
_ZERO_EVEN: Final = ("_difference", "_change", "calibration_intercept", "bias", "net_benefit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One measurement as a table shows it."""

    who: str
    value: str
    span: str
    n: str
    drawing: Interval | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The measurements of one metric."""

    key: str
    title: str
    meaning: str
    rows: tuple[Number, ...]
    sentence: str
    low: str
    high: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was checked just now."""

    name: str
    tag: Tag
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceView:
    """The whole page."""

    digest: str
    title: str
    kind: str
    tags: tuple[Tag, ...]
    about: tuple[Fact, ...]
    unknown: tuple[Gap, ...]
    first: tuple[Number, ...]  # for everyone, one line a metric
    groups: tuple[Group, ...]  # by group of patients
    more_groups: int
    curves: tuple[CurveDrawing, ...]
    steps: tuple[Step, ...]
    standing: str
    inputs: tuple[tuple[str, str, str, str], ...]
    provenance: tuple[Fact, ...]
    software: tuple[tuple[str, str], ...]
    command: str
    signed: bool
    newer: str
    log_index: int


def evidence_view(
    held: Held,
    verification: Verification | None,
    named: Mapping[str, str],
    *,
    newer: str | None,
    waits: Unknown | None = None,
    put_aside: str | None = None,
    may_say: bool = False,
) -> EvidenceView:
    """The page of a filed statement.

    Args:
        held: The statement and what it is worth.
        verification: The check of its envelope made just now; None where it is not signed.
        named: Names by id.
        newer: The digest of a statement that says the same of a later day.
        waits: What it names that the book does not know, where it does.
        put_aside: When somebody said that it is about none that the book has.
        may_say: Whether the reader may say what it is about.
    """
    filed, predicate = held.filed, held.read.predicate
    measurements: Sequence[Measurement] = tuple(getattr(predicate, "measurements", ()))
    plain = held.read.statement.predicate
    groups = _groups(measurements)
    return EvidenceView(
        digest=filed.digest,
        title=said.capital(filed.headline or _named(filed)),
        kind=filed.kind,
        tags=_tags(filed, newer),
        about=_about(filed, named),
        unknown=(*_names_unknown(waits, put_aside, may_say=may_say), *_unknown(filed, measurements, newer)),
        first=_first(measurements),
        groups=groups[:MOST_GROUPS],
        more_groups=max(0, len(groups) - MOST_GROUPS),
        curves=_curves(getattr(predicate, "curves", None)),
        steps=_steps(verification),
        standing=filed.why,
        inputs=tuple(
            (one.name, one.uri, said.count(one.rows), one.digest.sha256)
            for one in getattr(predicate, "inputs", None) or ()
        ),
        provenance=_provenance(held, plain, named),
        software=tuple(sorted((getattr(predicate, "software", None) or {}).items())),
        command=_command(filed),
        signed=bool(held.envelopes),
        newer=newer or "",
        log_index=filed.log_index,
    )


def _named(filed: Filed) -> str:
    about = " ".join(part for part in (filed.product, filed.version) if part)
    return f"{filed.kind.capitalize()}{f': {about}' if about else ''}"


def _tags(filed: Filed, newer: str | None) -> tuple[Tag, ...]:
    tags = [marks.standing(filed.standing), Tag(filed.kind.capitalize())]
    if filed.origin:
        tags.append(Tag(f"Origin {filed.origin}"))
    if newer:
        tags.append(Tag("There is a newer one", "unsure", "?"))
    return tuple(tags)


def _about(filed: Filed, named: Mapping[str, str]) -> tuple[Fact, ...]:
    from_book = filed.product_id is not None
    return (
        Fact(
            "Product",
            " ".join(part for part in (filed.product, filed.version) if part) or "not said",
            detail="" if from_book else "not a product in the book",
            href=f"/products/{filed.product_id}" if from_book else "",
        ),
        Fact(
            "Use",
            named.get(filed.use_id or "", filed.use or "not said"),
            detail="" if filed.use_id or not filed.use else "not a use in the book",
            href=f"/uses/{filed.use_id}" if filed.use_id else "",
        ),
        Fact("Measured", said_day(filed.evaluated_at), detail=f"filed {said_day(filed.filed_at)}"),
        Fact("Measurements", f"{filed.measurements:,}" if filed.measurements is not None else "none in it"),
    )


def _names_unknown(waits: Unknown | None, put_aside: str | None, *, may_say: bool) -> tuple[Gap, ...]:
    """That it names what the book does not know, and so counts for nothing of that name; with the way to say more."""
    if waits is None:
        return ()
    named = [f"the use “{waits.use}”"] if waits.use is not None else []
    named += [f"the version “{waits.version}”"] if waits.version is not None else []
    counts = "it is evidence of no use" if waits.use is not None else "it is evidence of no version in the book"
    text = f"It names {' and '.join(named)}, which the book does not know: {counts}"
    if put_aside is not None:
        return (Gap(f"{text}. On {day(put_aside)} somebody said that nothing in the book is meant"),)
    return (Gap(f"{text}; say what it is about" if may_say else text, f"/evidence/{waits.digest}/meaning" * may_say),)


def said_day(text: str | None) -> str:
    """A day, or that none is said."""
    return day(text) if text else "not said"


def _unknown(filed: Filed, measurements: Sequence[Measurement], newer: str | None) -> tuple[Gap, ...]:
    found = []
    if filed.standing == "claim":
        found.append(Gap("Nobody signed it: it is the word of whoever sent it"))
    if filed.standing == "revoked":
        found.append(Gap(f"Its signature counts no more: {filed.why}"))
    if newer:
        found.append(Gap("A newer statement of this kind is filed for the same product and use", f"/evidence/{newer}"))
    hidden = [m for m in measurements if m.suppressed]
    if hidden:
        groups = sorted({said.group(m.slice) for m in hidden if m.slice})
        named = f": {', '.join(groups[:6])}" + ("…" if len(groups) > 6 else "") if groups else ""
        found.append(Gap(f"{len(hidden):,} numbers are not shown, for they rest on fewer than 11 patients{named}"))
    without = [m for m in measurements if m.value is None and not m.suppressed]
    if without:
        reasons = sorted({m.note or "no reason given" for m in without})
        found.append(Gap(f"{len(without):,} numbers have no value: {'; '.join(reasons[:3])}"))
    return tuple(found)


def _first(measurements: Sequence[Measurement]) -> tuple[Number, ...]:
    return tuple(
        _number(m, title(m), None) for m in measurements if not m.slice and m.feature is None and not _between(m)
    )


def title(m: Measurement) -> str:
    """A metric's name with what else names it."""
    beside = said.at(m.params)
    return said.capital(said.label(m.metric)) + (f", {beside}" if beside else "")


def _between(m: Measurement) -> bool:
    return m.metric.endswith(("_difference", "_ratio")) and "by" in m.params


def _groups(measurements: Sequence[Measurement]) -> tuple[Group, ...]:
    together: dict[str, list[Measurement]] = {}
    for m in measurements:
        if m.slice or m.feature is not None or _between(m):
            together.setdefault(title(m), []).append(m)
    everyone = {title(m): m for m in measurements if not m.slice and m.feature is None and not _between(m)}
    return tuple(
        _group(f"g{number}", name, ([everyone[name]] if name in everyone else []) + found)
        for number, (name, found) in enumerate(together.items())
    )


def _group(key: str, name: str, found: Sequence[Measurement]) -> Group:
    scale = scale_of([end for m in found for end in (m.value, m.lower, m.upper)])
    even = _even(found[0].metric)
    rows = tuple(_number(m, _who(m), (scale, even)) for m in found)
    shown = [m for m in found if m.value is not None and m.slice]
    return Group(
        key=key,
        title=name,
        meaning=_meaning(found[0].metric),
        rows=rows,
        sentence=_spread(shown, found),
        low=said.number(scale.low),
        high=said.number(scale.high),
    )


def _spread(shown: Sequence[Measurement], found: Sequence[Measurement]) -> str:
    if len(shown) < 2:
        return _largest_gap(found)
    low = min(shown, key=lambda m: m.value or 0.0)
    high = max(shown, key=lambda m: m.value or 0.0)
    return (
        f"From {said.number(low.value)} ({said.group(low.slice)}) to {said.number(high.value)} "
        f"({said.group(high.slice)}) in {len(shown)} groups."
    )


def _largest_gap(found: Sequence[Measurement]) -> str:
    between = [m for m in found if _between(m) and m.value is not None]
    if not between:
        return ""
    most = max(between, key=lambda m: m.value or 0.0)
    highest, lowest = most.params.get("highest"), most.params.get("lowest")
    pair = f", {said.group(highest)} against {said.group(lowest)}" if highest and lowest else ""
    return f"at most {said.with_interval(most)}{pair}."


def _who(m: Measurement) -> str:
    if _between(m):
        return "between groups by " + ", ".join(map(str, m.params.get("by", ())))
    return f"{m.feature}: {said.group(m.slice)}" if m.feature else said.group(m.slice)


def _number(m: Measurement, who: str, on: tuple[Any, float | None] | None) -> Number:
    return Number(
        who=who,
        value="not shown" if m.suppressed else said.number(m.value),
        span=said.span(m),
        n=said.count(m.n),
        drawing=None if on is None else interval(m.value, m.lower, m.upper, on[0], on[1]),
        note=m.note or "",
    )


def _even(metric: str) -> float | None:
    if metric.endswith(_ZERO_EVEN):
        return 0.0
    return 1.0 if metric.endswith(_ONE_BETTER) else None


def _meaning(metric: str) -> str:
    try:
        return word(metric).meaning
    except UnknownMetric:
        return ""


def _curves(curves: Any) -> tuple[CurveDrawing, ...]:
    if curves is None:
        return ()
    drawn = []
    for name, heading, titles, diagonal in (
        ("roc", "ROC curve", ("1 − specificity", "sensitivity"), True),
        ("calibration", "Calibration", ("predicted risk", "observed"), True),
        ("precision_recall", "Precision and recall", ("recall", "precision"), False),
        ("decision", "Decision curve", ("threshold", "net benefit"), False),
    ):
        found = [one for one in getattr(curves, name) if not one.slice and any(y is not None for y in one.y)]
        if found:
            drawn.append(curve(heading, titles, [("everyone", found[0].x, found[0].y)], diagonal=diagonal))
    return tuple(drawn)


def _steps(verification: Verification | None) -> tuple[Step, ...]:
    if verification is None:
        return ()
    return tuple(
        Step(
            name=step.step,
            tag=Tag("Held", "met", "✓") if step.ok else Tag("Failed", "unmet", "×"),
            why=step.why,
        )
        for step in verification.steps
    )


def _provenance(held: Held, plain: Mapping[str, Any], named: Mapping[str, str]) -> tuple[Fact, ...]:
    filed = held.filed
    rows = plain.get("rows") or {}
    facts = [Fact(f"Subject: {one.name}", f"sha256:{one.digest.sha256}") for one in held.read.statement.subject]
    if rows:
        excluded = "; ".join(f"{count:,} {why}" for why, count in (rows.get("excluded") or {}).items())
        facts.append(
            Fact("Rows", f"{rows['evaluated']:,} evaluated of {rows['eligible']:,} eligible", detail=excluded or "")
        )
    facts += [
        Fact("Filed by", named.get(filed.filed_by, filed.filed_by), detail=f"entry {filed.log_index:,} of the log"),
        Fact("Size", f"{filed.size:,} bytes"),
    ]
    if plain.get("note"):
        facts.append(Fact("Note", str(plain["note"])))
    return tuple(facts)


def _command(filed: Filed) -> str:
    name = f"{filed.digest[:12]}.json"
    return f"codman reproduce {name}" if filed.kind in ("evaluation", "comparison") else f"codman evidence show {name}"
