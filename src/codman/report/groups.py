"""By group of patients: a table for each panel, forest plots beside it, and the differences between groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from codman.report import words
from codman.report.document import Block, Bullets, Column, Gallery, Paragraph, Section, Table, numbers, table
from codman.report.figures.forest import forest
from codman.report.panels import Panel
from codman.report.reading import Reading, between_groups
from codman.spine.measurement import Measurement
from codman.spine.vocabulary import DIFFERENCE, RATIO

MOST_ROWS: Final = 30
MOST_WORST: Final = 8
MOST_SENTENCES: Final = 10
MOST_FOREST_PANELS: Final = 6
MIXED: Final = "prevalence differs"  # how a difference's note says that prevalence is mixed into it
DAGGER: Final = "†"
MAY_BE_CHANCE: Final = "A gap whose interval starts at 0 may be chance."
_FIRST_TO_SAY: Final = (
    "auroc",
    "sensitivity",
    "ppv",
    "oe_ratio",
    "cindex_harrell",
    "auroc_t",
    "macro_auroc",
    "mae",
    "bias",
)
_FIRST_TABLE: Final = frozenset({*_FIRST_TO_SAY, "specificity", "npv", "alert_rate", "calibration_slope", "prevalence"})


def by_group(reading: Reading, panels: Sequence[Panel]) -> Section | None:
    """Tables and forest plots by group; None where there is only everyone."""
    if len(reading.slices) < 2:
        return None
    blocks: list[Block] = []
    for i, panel in enumerate(panels):
        shown, left = chosen(reading, panel)
        blocks.append(panel_table(reading, panel, shown, left))
        if i < MOST_FOREST_PANELS:
            figures = [f for m in panel.drawn if (f := forest(reading, m, shown, panel.params)) is not None]
            if figures:
                blocks.append(Gallery(tuple(figures)))
    return Section("groups", "How good, for whom", tuple(blocks))


def overall(reading: Reading, panels: Sequence[Panel]) -> Section | None:
    """The same panels where there are no groups: everyone, one row a metric."""
    if len(reading.slices) > 1:
        return None
    rows = [
        (
            words.capital(words.label(metric)),
            words.at(panel.params) or words.NONE,
            words.number(m.value),
            words.span(m),
            m.note or "",
        )
        for panel in panels
        for metric in panel.metrics
        if (m := reading.at(metric, {}, **panel.params)) is not None
    ]
    if not rows:
        return None
    columns: list[Column | str] = ["Number", Column("At", "text"), *numbers("Value", "Interval"), "Note"]
    said = Paragraph("No groups were named, so nothing is known about how the model does for one group or another.")
    return Section(
        "overall",
        "How good",
        (said, table("overall", f"Everyone; intervals at {words.level(reading.measurements)}", columns, rows)),
    )


def chosen(reading: Reading, panel: Panel, most: int = MOST_ROWS) -> tuple[list[dict[str, str]], int]:
    """The groups a reader sees first: everyone, single groups, then the worst intersections; and how many are left."""
    single = [s for s in reading.slices if len(s) <= 1]
    crossed = [s for s in reading.slices if len(s) > 1]
    room = most - len(single)
    if len(crossed) <= room:
        return single + crossed, 0
    if len(single) > most:
        fewer = _fewer(reading, panel, single, most)
        return fewer, len(reading.slices) - len(fewer)
    metric = panel.drawn[0] if panel.drawn else panel.metrics[0]
    worst = reading.worst(metric, crossed, min(MOST_WORST, room), **panel.params)
    return single + worst, len(crossed) - len(worst)


def _fewer(
    reading: Reading, panel: Panel, single: Sequence[dict[str, str]], most: int = MOST_ROWS
) -> list[dict[str, str]]:
    """Of very many levels, the worst: nobody reads a forest of hundreds."""
    metric = panel.drawn[0] if panel.drawn else panel.metrics[0]
    return [{}, *reading.worst(metric, [s for s in single if s], most - 1, **panel.params)]


def panel_table(
    reading: Reading,
    panel: Panel,
    shown: Sequence[Mapping[str, str]],
    left: int,
    *,
    sizes: bool = True,
    rest: str = "under All measurements",
) -> Table:
    """One panel as a table: a row a group, a column a number.

    Args:
        reading: Where the numbers stand.
        panel: Which numbers.
        shown: The groups.
        left: How many groups are not shown.
        sizes: Whether rows and events are counted.
        rest: Where the groups that are not shown stand.
    """
    several = reading.spec.task in ("multiclass", "multilabel")  # each class or label counts its own events
    events = any(m.positives is not None for m in reading.measurements) and (bool(panel.params) or not several)
    counted = ["Results" if reading.unit else "Rows", *(["Events"] if events else [])] if sizes else []
    columns: list[Column | str] = [
        "Patients",
        *numbers(*counted),
        *numbers(*(words.capital(words.label(m)) for m in panel.metrics)),
    ]
    rows = []
    for s in shown:
        own = (m for name in panel.metrics if (m := reading.at(name, s, **panel.params)) and m.n is not None)
        size = next(own, None) if several else reading.size(s)
        cells = [words.count(size.n if size else None), words.count(size.positives if size else None)][: len(counted)]
        if reading.suppressed(s):
            cells += ["fewer than 11"] + [words.NONE] * (len(panel.metrics) - 1)
        else:
            cells += [_cell(reading.at(metric, s, **panel.params)) for metric in panel.metrics]
        rows.append((words.group(s), *cells))
    caption = f"{panel.title}; values with intervals at {words.level(reading.measurements)}"
    if left:
        metric = words.label(panel.drawn[0] if panel.drawn else panel.metrics[0])
        caption += f". Of many groups, the worst by {metric}; {words.many(left, 'more group')} {rest}"
    return table(f"panel-{panel.key}", caption, columns, rows)


def _cell(m: Measurement | None) -> str:
    if m is None:
        return words.NONE
    return words.with_interval(m)


# ── differences ──────────────────────────────────────────────────────────────────────────────────────────────────


def differences(reading: Reading) -> Section | None:
    """How far groups are apart: the largest gap of every number, who is highest, lowest, not judged."""
    found = [m for m in reading.measurements if between_groups(m.metric) and m.params.get("by")]
    gaps = [m for m in found if m.metric.endswith(DIFFERENCE)]
    ratios = [m for m in found if m.metric.endswith(RATIO)]
    if not found:
        return None
    blocks: list[Block] = [
        Paragraph(f"Each interval allows for having searched all pairs of groups for the largest gap. {MAY_BE_CHANCE}")
    ]
    sentences = [sentence(reading, m) for m in first_gaps(reading, MOST_SENTENCES)]
    if sentences:
        blocks.append(Bullets(tuple(sentences)))
    if any(m.note and MIXED in m.note for m in found):
        blocks.append(
            Paragraph(f"{DAGGER} How common the event is differs between groups and is mixed into this number.")
        )
    known = [m for m in gaps if _base(m.metric) in _FIRST_TABLE]
    first = [m for m in known if len(m.params["by"]) == 1] or known
    rest = [m for m in gaps if m not in first]
    level = words.level(found)
    if first:
        blocks.append(
            _gap_table(reading, "differences-first", f"Largest gap; intervals at {level}", "Difference", first)
        )
    if rest:
        folded = f"{words.many(len(rest), 'more difference')}"
        blocks.append(_gap_table(reading, "differences-rest", "Other differences", "Difference", rest, folded))
    if ratios:
        folded = f"{words.many(len(ratios), 'ratio')}, smallest group over largest"
        blocks.append(_gap_table(reading, "ratios", "Ratios, smallest group over largest", "Ratio", ratios, folded))
    return Section("differences", "Differences between groups", tuple(blocks))


def first_gaps(reading: Reading, most: int) -> list[Measurement]:
    """The gaps worth a sentence: the numbers a reader asks about first, single columns before intersections."""
    rank = {f"{name}{DIFFERENCE}": i for i, name in enumerate(_FIRST_TO_SAY)}
    worth = [m for m in reading.measurements if m.metric in rank and m.value is not None and m.params.get("by")]
    return sorted(worth, key=lambda m: (len(m.params["by"]), rank[m.metric]))[:most]


def _base(metric: str) -> str:
    return metric.removesuffix(DIFFERENCE if metric.endswith(DIFFERENCE) else RATIO)


def _side(reading: Reading, m: Measurement, which: str) -> str:
    """A group of a difference, with its own value: `race Black, 0.612`."""
    slice_ = m.params.get(which)
    if not isinstance(slice_, Mapping) or not slice_:
        return words.NONE
    own = reading.at(
        _base(m.metric), slice_, **{k: m.params[k] for k in ("threshold", "horizon", "class", "label") if k in m.params}
    )
    return words.group(slice_) + (f", {words.number(own.value)}" if own is not None and own.value is not None else "")


def left_out(m: Measurement) -> list[dict[str, Any]]:
    """Groups a difference could not judge, each with its reason."""
    named = m.params.get("not_judged") or []
    return [dict(one) for one in named if isinstance(one, Mapping)] if isinstance(named, list) else []


def sentence(reading: Reading, m: Measurement) -> str:
    """A gap in words: how wide, who is highest and lowest, who could not be judged."""
    name = words.capital(words.named(_base(m.metric), m.params))
    reference = m.params.get("reference")
    hidden = left_out(m)
    rest = f" Not judged: {words.listed((words.group(h.get('slice', {})) for h in hidden), most=6)}." if hidden else ""
    if isinstance(reference, Mapping):
        who = words.group(m.params.get("group") or {})
        return f"{name} for {who} minus {words.group(reference)}: {words.with_interval(m)}.{rest}"
    return (
        f"{name} differs by {words.with_interval(m)} between groups of {words.listed(m.params['by'])}: "
        f"highest {_side(reading, m, 'highest')}; lowest {_side(reading, m, 'lowest')}.{rest}"
    )


def _gap_table(
    reading: Reading, key: str, caption: str, what: str, found: Sequence[Measurement], folded: str = ""
) -> Table:
    adjusted = any("p_holm" in m.params for m in found)
    rows = []
    for m in found:
        hidden = left_out(m)
        against = m.params.get("reference")
        signed = ""
        if isinstance(against, Mapping):
            signed = f", {words.group(m.params.get('group') or {})} minus {words.group(against)}"
        mixed = f" {DAGGER}" if m.note and MIXED in m.note else ""
        row = [
            words.capital(words.named(_base(m.metric), m.params)) + signed + mixed,
            " and ".join(m.params["by"]),
            words.number(m.value),
            words.span(m),
            *([words.p_value(m.params.get("p_holm"))] if adjusted else []),
            _side(reading, m, "highest"),
            _side(reading, m, "lowest"),
            words.listed((words.group(h.get("slice", {})) for h in hidden), most=6) or words.NONE,
            "; ".join(part for part in (m.note or "").split("; ") if MIXED not in part),
        ]
        rows.append(row)
    columns: list[Column | str] = [
        "Number",
        "Groups of",
        *numbers(what, "Interval", *(["p (Holm)"] if adjusted else [])),
        "Highest",
        "Lowest",
        "Not judged",
        "Note",
    ]
    return table(key, caption, columns, rows, folded=folded)
