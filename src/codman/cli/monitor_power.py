"""`codman monitor power` and `replay`: what would be noticed and how soon, and how many alarms it costs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from codman.cli.flags import Band, Format, Positive, Printed
from codman.errors import BadInput
from codman.spine.vocabulary import word

if TYPE_CHECKING:
    from codman.monitor.power.notice import Answer, Noticed
    from codman.monitor.power.replay import Replay

Texts = list[str] | None
Level = Annotated[
    float, typer.Option("--alarm-level", metavar="X", help="Of a year's alarms, the share that may be false.")
]
Out = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the answer as JSON here.")]


def power(
    metric: Annotated[
        str,
        typer.Option(
            metavar="METRIC",
            help="auroc | sensitivity | specificity | ppv | npv | oe_ratio | prevalence | alert_rate | ks | psi | "
            "js_distance | hellinger.",
        ),
    ],
    fall: Annotated[
        float, typer.Option(metavar="X", help="How far it falls; negative for a rise; of a distance, how far off.")
    ],
    per_week: Annotated[float, typer.Option(metavar="N", help="Patients scored a week, in the slice in question.")],
    prevalence: Annotated[float | None, typer.Option(metavar="X", help="Share of patients with the event.")] = None,
    auroc: Annotated[float | None, typer.Option(metavar="X", help="AUROC of the model now; 0.8 unless said.")] = None,
    threshold: Annotated[float | None, typer.Option(metavar="X", help="Alerted is a score >= X.")] = None,
    delay: Annotated[float, typer.Option(metavar="DAYS", help="Until a patient's label is final.")] = 0.0,
    window: Annotated[str, typer.Option(metavar="SIZE", help="month | week | day.")] = "week",
    delta: Annotated[
        float | None,
        typer.Option(metavar="X", help="Largest shift that does not matter; half of the fall unless said."),
    ] = None,
    streams: Annotated[
        int, typer.Option(metavar="N", help="Streams that share the level: features x slices x metrics.")
    ] = 1,
    reference: Annotated[
        float | None, typer.Option(metavar="N", help="Patients of the reference; half a year of them unless said.")
    ] = None,
    owner_budget: Annotated[
        float | None, typer.Option(metavar="N", help="Incidents a month that the owner will look at.")
    ] = None,
    alarm_level: Level = 0.05,
    weeks: Annotated[float, typer.Option(metavar="N", help="Weeks after the fall in which it may be noticed.")] = 52.0,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="FILE", help="Earlier predictions to take the scores from.")
    ] = None,
    score: Annotated[str | None, typer.Option(metavar="COL", help="Column of the score in --from.")] = None,
    label: Annotated[
        str | None, typer.Option(metavar="COL", help="Column of what happened in --from; else scores are risks.")
    ] = None,
    positive: Positive = None,
    runs: Annotated[int, typer.Option(metavar="N", help="Simulated histories.")] = 400,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the simulation.")] = 7,
    out: Out = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Say how long a fall of a metric goes unnoticed, and how many false alarms that costs, by simulation.

    The simulated patients go through the same alarms that watch real ones.

    Example: codman monitor power --metric auroc --fall 0.1 --per-week 2000 --prevalence 0.08 --delay 30
    """
    from codman.flows.watch.power import measure_power
    from codman.monitor.power.notice import Question
    from codman.monitor.power.rules import window_days
    from codman.tables.source import open_source

    question = Question(
        metric=metric, fall=fall, per_week=per_week, delta=delta, delay_days=delay, window_days=window_days(window),
        streams=streams, reference=reference, budget=owner_budget, weeks_after=weeks, level=alarm_level, runs=runs,
        seed=seed,
    )  # fmt: skip
    answer = measure_power(
        question, auroc=auroc, prevalence=prevalence, threshold=threshold,
        source=None if from_ is None else open_source(from_), score=score, outcome=label, positive=positive,
    )  # fmt: skip
    _print(answer.written(), _power_lines(answer), out, format_)


def replay(
    statements: Annotated[
        list[Path] | None, typer.Argument(metavar="[STATEMENT]…", help="Measurements by window, from any tool.")
    ] = None,
    reference: Annotated[str | None, typer.Option(metavar="A", help="Or predictions: those of before.")] = None,
    current: Annotated[str | None, typer.Option(metavar="B", help="And the history to be replayed.")] = None,
    score: Annotated[str | None, typer.Option(metavar="COL", help="Column of the score.")] = None,
    timestamp: Annotated[str | None, typer.Option(metavar="COL", help="Column of when the model spoke.")] = None,
    label: Annotated[str | None, typer.Option(metavar="COL", help="Column of what happened.")] = None,
    positive: Positive = None,
    window: Annotated[str, typer.Option(metavar="SIZE", help="month | week | day.")] = "week",
    metric: Annotated[Texts, typer.Option(metavar="METRIC", help="Only these. Repeat.")] = None,
    column: Annotated[Texts, typer.Option(metavar="COL", help="A feature to watch for drift. Repeat.")] = None,
    by: Annotated[Texts, typer.Option(metavar="COL[,COL]", help="Also in each group. Repeat.")] = None,
    band: Band = None,
    subject: Annotated[
        str | None, typer.Option(metavar="COL", help="Column of the patient, where rows repeat.")
    ] = None,
    threshold: Annotated[float | None, typer.Option(metavar="X", help="Alerted is a score >= X.")] = None,
    delay: Annotated[float, typer.Option(metavar="DAYS", help="Until a row's label is final.")] = 0.0,
    delta: Annotated[
        Texts,
        typer.Option(metavar="METRIC=X", help="Largest shift that does not matter; usual ones unless said. Repeat."),
    ] = None,
    standard: Annotated[
        Texts, typer.Option(metavar="METRIC=X", help="Statements: what it should be; else its first windows. Repeat.")
    ] = None,
    baseline: Annotated[int, typer.Option(metavar="N", help="Statements: how many first windows these are.")] = 8,
    lineage: Annotated[
        Texts, typer.Option(metavar="COL=NAME[,NAME]", help="What a feature is made from, nearest first. Repeat.")
    ] = None,
    owner: Annotated[str, typer.Option(metavar="NAME", help="Whom the alarms are told to.")] = "owner",
    owner_budget: Annotated[int, typer.Option(metavar="N", help="Incidents a month the owner will look at.")] = 4,
    alarm_level: Level = 0.05,
    out: Out = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Say which alarms a history would have raised, and how many a month, before they are switched on.

    Give either statements with measurements by window, or --reference and --current predictions.
    """
    from codman.cli import question as q
    from codman.flows.watch.power import replay_predictions, replay_statements
    from codman.monitor.power.replay_rows import Asked
    from codman.monitor.power.rules import rules_for, window_days
    from codman.tables.source import open_source

    rules = rules_for(window_days(window), level=alarm_level)
    deltas, standards = (
        {name: q.number(flag, x) for name, x in q.pairs(flag, texts or [], "auroc=0.03").items()}
        for flag, texts in (("--delta", delta), ("--standard", standard))
    )
    rows = [name for name, given in (("--reference", reference), ("--current", current)) if given]
    if bool(statements) == bool(rows):
        raise BadInput(
            what="nothing to replay" if not rows else "two histories at once",
            why="it is either statements or two files of predictions",
            fix="give STATEMENT…, or --reference A --current B",
        )
    if statements:
        found = replay_statements(
            statements, rules, deltas=deltas, standards=standards, baseline=baseline, owner=owner, budget=owner_budget
        )
    else:
        needed = {"--reference": reference, "--current": current, "--score": score, "--timestamp": timestamp}
        for flag, given in needed.items():
            if not given:
                raise BadInput(what=f"{flag} is missing", why="predictions are replayed with it", fix=f"add {flag}")
        asked = Asked(
            timestamp=str(timestamp), score=str(score), window=window, label=label, positive=positive, subject=subject,
            by=[q.words("--by", one) for one in by or []],
            bands={name: q.numbers("--band", x) for name, x in q.pairs("--band", band or [], "age=0,40,65").items()},
            columns=column or [], metrics=metric or [], threshold=threshold, deltas=deltas, delay_days=delay,
            owner=owner, budget=owner_budget,
            lineage={
                name: q.words("--lineage", x) for name, x in q.pairs("--lineage", lineage or [], "lactate=lab").items()
            },
        )  # fmt: skip
        found = replay_predictions(open_source(str(reference)), open_source(str(current)), asked, rules)
    _print(found.written(), _replay_lines(found), out, format_)


def _print(written: dict[str, Any], lines: Iterator[str], out: Path | None, format_: Format) -> None:
    from codman.evidence.files import write_whole

    text = json.dumps(written, indent=2, ensure_ascii=False, allow_nan=False)
    if out is not None:
        write_whole(out, (text + "\n").encode())
        typer.echo(f"wrote {out}", err=True)
    if format_ is Format.JSON:
        if out is None:
            typer.echo(text)
        return
    for line in lines:
        typer.echo(line, err=out is not None)


_HEADS: Final = f"{'noticed':>9}{'median':>10}{'90% within':>12}{'false alarms a month':>22}"


def _power_lines(answer: Answer) -> Iterator[str]:
    q, found = answer.question, answer.noticed
    yield (
        f"{word(q.metric).label} from {answer.value:.3g} to {answer.after:.3g}, "
        f"{answer.patients_a_window:,.0f} patients a window, shifts up to {q.tolerated:.3g} tolerated"
    )
    yield ""
    yield f"noticed in {found.found:.0%} of {q.runs} runs ({found.found_lower:.0%} to {found.found_upper:.0%})"
    yield "median " + ("not within the time" if found.median_days is None else f"{found.median_days:.0f} days")
    yield (
        "90% cannot be promised"
        if found.promised_days is None
        else f"90% noticed within {found.promised_days:.0f} days"
    )
    yield (
        f"false alarms a month: {found.false_per_month:.2g} (the simulation rules out more than "
        f"{found.false_per_month_at_most:.2g})"
    )
    yield f"a year has any false alarm in at most {q.by.level:.0%}"
    yield ""
    yield "what another level buys:"
    yield f"  {'level':>12}{_HEADS}"
    for one in answer.at_levels:
        yield f"  {one.level:>12g}{_bought(one)}"
    yield ""
    yield f"what tolerating less buys, at level {q.by.level:g}:"
    yield f"  {'shifts up to':>12}{_HEADS}"
    for one in answer.at_deltas:
        yield f"  {one.delta:>12.3g}{_bought(one)}"
    if answer.notes:
        yield ""
    for note in answer.notes:
        yield f"note: {note}"


def _bought(one: Noticed) -> str:
    middle = "-" if one.median_days is None else f"{one.median_days:.0f} days"
    promised = "-" if one.promised_days is None else f"{one.promised_days:.0f} days"
    return f"{one.found:>9.0%}{middle:>10}{promised:>12}{one.false_per_month:>22.2g}"


def _replay_lines(found: Replay) -> Iterator[str]:
    said = found.written()
    yield (
        f"{_of(said['windows'], 'window')} ({said['months']:.1f} months), {_of(said['streams'], 'stream')}: "
        f"{_of(said['alarms'], 'alarm')} in {_of(len(found.incidents), 'incident')}"
    )
    yield (
        f"a month: {said['incidents_per_month']:.2g} incidents "
        f"({said['incidents_per_month_lower']:.2g} to {said['incidents_per_month_upper']:.2g})"
    )
    for owner in said["owners"]:
        yield f"{owner['owner']}: {owner['at_once']} told at once, {owner['digest']} in a digest"
    if found.incidents:
        yield ""
    for one in found.incidents:
        yield f"{one.at[:10]}  {one.sentence}" + ("  severe" if one.severe else "")
    for note in found.notes:
        yield f"note: {note}"


def _of(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
