"""The first sentences of an evaluation's report: what, on whom, how good, how sure."""

from __future__ import annotations

from codman.report import words
from codman.report.panels import Panel
from codman.report.reading import Reading, between_groups
from codman.spine.measurement import Measurement
from codman.spine.vocabulary import word


def headline(reading: Reading, panels: list[Panel]) -> str:
    """One sentence a clinician understands, with its interval."""
    made = {
        "binary": _binary,
        "multiclass": _multiclass,
        "multilabel": _by_class,
        "regression": _regression,
        "survival": _survival,
    }[reading.spec.task](reading)
    if made:
        return made
    for panel in panels:
        for metric in panel.metrics:
            m = reading.at(metric, {}, **panel.params)
            if m is not None and m.value is not None:
                name = words.capital(words.named(metric, panel.params))
                return f"{name} is {words.first(m)}{_on(reading, m)}."
    for m in reading.measurements:  # what was asked for may be in no panel
        if m.value is not None and not m.slice and not between_groups(m.metric):
            unit = f" {word(m.metric).unit}" if word(m.metric).unit == "hours" else ""
            return f"{words.capital(words.named(m.metric, m.params))} is {words.first(m)}{unit}{_on(reading, m)}."
    return "Nothing could be measured on these rows."


def _on(reading: Reading, m: Measurement) -> str:
    if m.n is None:
        return ""
    unit = f" (one per {reading.unit})" if reading.unit else ""
    events = f", {words.count(m.positives)} of them with the event" if m.positives is not None else ""
    patients = reading.rows.patients
    whole = reading.unit is None and m.n == reading.rows.evaluated and not m.slice
    of = f" of {words.many(patients, 'patient')}" if whole and patients is not None and patients != m.n else ""
    return f" on {words.count(m.n)} results{of}{unit}{events}"


def _binary(reading: Reading) -> str:
    m = reading.at("auroc")
    if m is None or m.value is None:
        return ""
    one = reading.noun.removesuffix("s")
    return (
        f"AUROC is {words.first(m)}{_on(reading, m)}: given one {one} with the event and one without, "
        f"the model ranks them rightly about {round(100 * m.value)} times in 100."
    )


def _multiclass(reading: Reading) -> str:
    right, m = reading.at("accuracy"), reading.at("macro_auroc")
    if right is not None and right.value is not None:
        rest = f" Macro AUROC is {words.with_interval(m)}." if m is not None and m.value is not None else ""
        named = f"The model names the right class for {words.in_hundred(right.value)} {reading.noun}"
        return f"{named}: accuracy {words.first(right)}{_on(reading, right)}.{rest}"
    return ""


def _by_class(reading: Reading) -> str:
    found = [
        (str(label), m)
        for label in reading.parameter("label")
        if (m := reading.at("auroc", label=label)) is not None and m.value is not None
    ]
    if not found:
        return ""
    found.sort(key=lambda pair: pair[1].value or 0.0)
    low, high = found[0], found[-1]
    size = _on(reading, Measurement(metric="auroc", value=None, n=low[1].n))
    if len(found) == 1:
        return f"AUROC for {low[0]} is {words.with_interval(low[1])}{size}."
    return (
        f"Over {words.many(len(found), 'label')}{size}, AUROC runs from {words.with_interval(low[1])} for {low[0]} "
        f"to {words.with_interval(high[1])} for {high[0]}."
    )


def _regression(reading: Reading) -> str:
    m, bias = reading.at("mae"), reading.at("bias")
    if m is None or m.value is None:
        return ""
    rest = ""
    if bias is not None and bias.value is not None:
        way = "too high" if bias.value > 0 else "too low"
        rest = f" On average predictions are {words.number(abs(bias.value))} {way} (bias {words.inside(bias)})."
    return f"Predictions are off by {words.first(m)} on average{_on(reading, m)} (mean absolute error).{rest}"


def _survival(reading: Reading) -> str:
    m = reading.at("cindex_harrell") or reading.at("cindex_ipcw")
    if m is None or m.value is None:
        return ""
    return (
        f"{words.capital(words.label(m.metric))} is {words.first(m)}{_on(reading, m)}: of two {reading.noun} that can "
        f"be compared, the one with the higher risk has the event first about {round(100 * m.value)} times in 100."
    )


def lead(reading: Reading) -> list[str]:
    """What to know next: are the risks right, what happens at each threshold or horizon."""
    sentences = []
    ratio = reading.at("oe_ratio")
    if ratio is not None and ratio.value is not None:
        sentences.append(f"{_as_foretold(ratio)} (observed over expected {words.inside(ratio)}).")
    for threshold in reading.parameter("threshold")[:3]:
        found, right = reading.at("sensitivity", threshold=threshold), reading.at("ppv", threshold=threshold)
        if found is not None and found.value is not None and right is not None and right.value is not None:
            sentences.append(
                f"At threshold {words.short(threshold)} it finds {words.in_hundred(found.value)} {reading.noun} with "
                f"the event (sensitivity {words.inside(found)}), and {words.in_hundred(right.value)} {reading.noun} "
                f"it flags "
                f"have the event (PPV {words.inside(right)})."
            )
    for horizon in reading.parameter("horizon")[:3]:
        ratio = reading.at("oe_ratio_t", horizon=horizon)
        if ratio is not None and ratio.value is not None:
            sentences.append(
                f"By {words.short(horizon)} {reading.spec.time_unit}: {_as_foretold(ratio).lower()} "
                f"(observed over expected {words.inside(ratio)})."
            )
    return sentences


def _as_foretold(ratio: Measurement) -> str:
    if ratio.value is None or ratio.lower is None or ratio.upper is None:
        return "Events were counted against the risks foretold"
    if ratio.lower <= 1 <= ratio.upper:
        return "About as many events happened as were foretold"
    if ratio.value > 1:
        return "More events happened than were foretold"
    return "Fewer events happened than were foretold"
