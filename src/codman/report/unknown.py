"""What could not be measured, and why: said before anything else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from codman.report import words
from codman.report.groups import left_out
from codman.report.reading import JUDGED_ROWS, Reading, between_groups, slice_key
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import SUPPRESSED, Measurement

MOST: Final = 14
_MIXED: Final = "prevalence"


def not_measured(reading: Reading) -> list[str]:
    """One sentence for each thing that has no number: groups too small to show, numbers that could not be computed."""
    sentences = [*_suppressed(reading), *_without_value(reading), *_not_compared(reading)]
    if reading.rows.evaluated == 0:
        sentences.insert(0, "No row could be evaluated.")
    return sentences


def caveats(reading: Reading) -> list[str]:
    """Numbers that are there but must be read with care: chosen thresholds, warnings."""
    return [*_chosen(reading.spec), *_warned(reading)]


def shortened(sentences: Iterable[str]) -> tuple[str, ...]:
    """At most MOST sentences, each once; the rest are counted and stand in the full table."""
    every = list(dict.fromkeys(sentences))
    if len(every) <= MOST:
        return tuple(every)
    return (*every[: MOST - 1], f"And {len(every) - MOST + 1} more, each with its note under All measurements.")


def _suppressed(reading: Reading) -> list[str]:
    hidden = [s for s in reading.slices if reading.suppressed(s)]
    if not hidden:
        return []
    strict = " or too few of either outcome" if reading.spec.suppression == "strict" else ""
    named = words.listed(map(words.group, hidden), most=8)
    compared = any(between_groups(m.metric) for m in reading.measurements)
    apart = " No comparison between groups includes them." if compared else ""
    return [f"{words.many(len(hidden), 'group')} too small to show (fewer than 11 patients{strict}): {named}.{apart}"]


def _without_value(reading: Reading) -> list[str]:
    by_reason: dict[str, list[Measurement]] = defaultdict(list)
    for m in reading.measurements:
        if m.value is None and not m.suppressed and not between_groups(m.metric) and not reading.suppressed(m.slice):
            by_reason[m.note or "no reason was given"].append(m)
    return [_one_reason(reason, found) for reason, found in by_reason.items()]


def _one_reason(reason: str, found: Sequence[Measurement]) -> str:
    slices = list({slice_key(m.slice): m.slice for m in found}.values())
    what = list(dict.fromkeys(_named(m.metric, m.params) for m in found))
    return f"No {words.listed(what, most=5)} for {words.listed(map(words.group, slices), most=5)}: {reason}."


def _named(metric: str, params: Mapping[str, Any]) -> str:
    return words.named(metric, params)


def _not_compared(reading: Reading) -> list[str]:
    """Groups missing from a comparison between groups, by reason; no group vanishes from a fairness result."""
    said = {(slice_key(m.slice), m.note) for m in reading.measurements if m.note and not between_groups(m.metric)}
    held: dict[tuple[str, str], list[str]] = defaultdict(list)
    empty: dict[str, list[Measurement]] = defaultdict(list)
    for m in reading.measurements:
        if not between_groups(m.metric):
            continue
        if m.value is None:
            empty[m.note or "no reason was given"].append(m)
        for one in left_out(m):
            slice_ = one.get("slice", {})
            why = str(one.get("why", "no reason was given"))
            if why.startswith(SUPPRESSED) or (slice_key(slice_), why) in said:
                continue  # named already, with the same reason; the table of differences names it once more
            held[words.group(slice_), why].append(words.label(m.metric.rsplit("_", 1)[0]))
    by_names: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (group, why), metrics in held.items():
        by_names[words.listed(dict.fromkeys(metrics), most=4), why].append(group)
    sentences = [
        f"Left out when groups are compared in {metrics}: {words.listed(groups, most=6)} ({why})."
        for (metrics, why), groups in by_names.items()
    ]
    for why, found in empty.items():
        what = words.listed(
            dict.fromkeys(f"{_named(m.metric, m.params)} by {' and '.join(m.params.get('by', []))}" for m in found),
            most=4,
        )
        sentences.append(f"No {what}: {why}.")
    return sentences


def _chosen(spec: EvaluationSpec) -> list[str]:
    return [
        words.CHOSEN_ON_JUDGED.format(threshold=words.short(one.threshold))
        for one in spec.chosen
        if one.rows == JUDGED_ROWS and one.threshold is not None
    ]


def _warned(reading: Reading) -> list[str]:
    """Notes on numbers that do have a value, each once, with what it is about."""
    by_note: dict[str, list[Measurement]] = defaultdict(list)
    for m in reading.measurements:
        if m.value is not None and m.note and not (between_groups(m.metric) and _MIXED in m.note):
            by_note[m.note].append(m)
    sentences = []
    for note, found in by_note.items():
        if between_groups(found[0].metric):
            continue  # said in the differences table, row by row
        what = words.listed(dict.fromkeys(_named(m.metric, m.params) for m in found), most=3)
        slices = list({slice_key(m.slice): m.slice for m in found}.values())
        who = "" if len(slices) == 1 and not slices[0] else f" for {words.listed(map(words.group, slices), most=3)}"
        sentences.append(f"{words.capital(what)}{who}: {note}.")
    return sentences
