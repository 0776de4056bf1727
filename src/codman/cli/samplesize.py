"""codman samplesize: how many patients and events a wanted precision needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codman.cli.flags import Band, Format, Level, Positive, Printed
from codman.errors import BadInput

if TYPE_CHECKING:
    from codman.evaluate.samplesize.linear_predictor import LinearPredictor
    from codman.evaluate.samplesize.plan import Plan

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def samplesize(
    metric: Annotated[
        list[str], typer.Option(metavar="METRIC", help="What is to be measured: auroc, calibration_slope, … Repeat.")
    ],
    width: Annotated[list[str], typer.Option(metavar="[METRIC=]X", help="Wanted, upper minus lower end. Repeat.")],
    prevalence: Annotated[
        float | None, typer.Option(metavar="X", help="Expected share of patients with the event.")
    ] = None,
    expect: Annotated[list[str] | None, typer.Option(metavar="[METRIC=]X", help="Expected value. Repeat.")] = None,
    threshold: Annotated[float | None, typer.Option(metavar="X", help="Flagged is a risk >= X.")] = None,
    lp_mean: Annotated[float | None, typer.Option(metavar="X", help="Mean of the model's log odds.")] = None,
    lp_sd: Annotated[float | None, typer.Option(metavar="X", help="Their standard deviation.")] = None,
    lp_beta: Annotated[str | None, typer.Option(metavar="A,B", help="Risks follow this beta distribution.")] = None,
    predictions: Annotated[
        str | None, typer.Option(metavar="FILE", help="Earlier predictions to take the spread from.")
    ] = None,
    score: Annotated[str | None, typer.Option(metavar="COL", help="Column of the risk in --predictions.")] = None,
    slice_share: Annotated[
        list[float] | None, typer.Option(metavar="X", help="Share of a slice to plan for. Repeat.")
    ] = None,
    by_slice: Annotated[
        str | None, typer.Option(metavar="FILE", help="Earlier patients, to plan for each slice.")
    ] = None,
    by: Annotated[list[str] | None, typer.Option(metavar="COL[,COL]", help="Slices of --by-slice. Repeat.")] = None,
    band: Band = None,
    label: Annotated[
        str | None, typer.Option(metavar="COL", help="Column of what happened, in --by-slice or --predictions.")
    ] = None,
    positive: Positive = None,
    level: Level = 0.95,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the answer as JSON here.")] = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Say how many patients and events the wanted interval widths need, for everyone and for each slice.

    Example: codman samplesize --metric auroc --expect 0.8 --width 0.1 --prevalence 0.05
    """
    from codman.cli import question as q
    from codman.evaluate.samplesize.plan import plan, share_of
    from codman.evaluate.samplesize.precision import Expected
    from codman.evaluate.samplesize.slices import prevalence_of, shares
    from codman.evidence.files import write_whole
    from codman.tables.source import open_source

    values = keyed(expect or [], metric, "--expect")
    if (by_slice is None) != (not by):
        missing = "--by" if by_slice else "--by-slice"
        raise BadInput(
            what=f"{missing} is missing",
            why="slices need a file of patients and columns to group them by",
            fix="give --by-slice FILE --by COL, or only --slice-share 0.12",
        )
    spread = _spread(lp_mean, lp_sd, lp_beta, predictions, score)
    if prevalence is None and label is not None and (by_slice or predictions):
        prevalence = prevalence_of(open_source(by_slice or predictions), label, positive=positive)
    if prevalence is None and spread is not None:
        prevalence = spread.prevalence
    if prevalence is None:
        raise BadInput(
            what="the expected prevalence is missing",
            why="how many patients have the event decides how many are needed",
            fix="give --prevalence X, or --label with a file of earlier patients",
        )
    if spread is None and {"calibration_slope", "calibration_intercept", "brier", "log_loss"} & set(metric):
        spread = _from_auroc(values, prevalence)
    if not 0.0 < level < 1.0:
        raise BadInput(what="--level cannot be used", why=f"it is {level:g}", fix="give a level such as 0.95")
    slices = [share_of(share) for share in slice_share or []]
    if by_slice is not None:
        slices += shares(
            open_source(by_slice),
            [q.words("--by", one) for one in by or []],
            bands={name: q.numbers("--band", x) for name, x in q.pairs("--band", band or [], "age=0,40,65").items()},
            label_column=label,
            positive=positive,
        )
    expected = Expected(prevalence=prevalence, values=values, threshold=threshold, spread=spread, level=level)
    answer = plan(keyed(width, metric, "--width"), expected, slices)
    written = json.dumps(answer.written(), indent=2, ensure_ascii=False)
    if out is not None:
        write_whole(out, (written + "\n").encode())
        typer.echo(f"wrote {out}", err=True)
    if format_ is Format.JSON:
        if out is None:
            typer.echo(written)
        return
    for line in _lines(answer):
        typer.echo(line, err=out is not None)


def keyed(texts: list[str], metrics: list[str], option: str) -> dict[str, float]:
    """[METRIC=]X options by metric; a bare number is every metric's width, or the only metric's expected value.

    Raises:
        BadInput: A metric stands twice, a width is missing, or a bare expected value could mean several metrics.
    """
    from codman.cli import question as q

    bare, named = [t for t in texts if "=" not in t], [t for t in texts if "=" in t]
    by_name = {name: q.number(option, x) for name, x in q.pairs(option, named, "auroc=0.1").items()}
    if len(bare) > 1 or (bare and option == "--expect" and len(metrics) > 1):
        raise BadInput(
            what=f"{option} does not say which metric it is for",
            why=f"{len(bare)} bare numbers for {len(metrics)} metrics",
            fix=f"write {option} {metrics[0]}=X",
        )
    if bare:
        by_name = {**{metric: q.number(option, bare[0]) for metric in metrics}, **by_name}
    if option == "--width":
        for metric in metrics:
            if metric not in by_name:
                raise BadInput(
                    what=f"{metric} has no wanted width", why="--width names others", fix=f"add --width {metric}=X"
                )
        for metric in by_name:
            if metric not in metrics:
                raise BadInput(
                    what=f"--width {metric} is for no metric asked for",
                    why=f"--metric names {', '.join(metrics)}",
                    fix=f"add --metric {metric}",
                )
    return by_name


def _spread(
    mean: float | None, sd: float | None, beta_of: str | None, predictions: str | None, score: str | None
) -> LinearPredictor | None:
    from codman.cli.question import numbers
    from codman.evaluate.samplesize.linear_predictor import beta, normal
    from codman.evaluate.samplesize.slices import spread_of
    from codman.tables.source import open_source

    given = [mean is not None or sd is not None, beta_of is not None, predictions is not None]
    if sum(given) > 1:
        raise BadInput(
            what="the spread of risks was given more than once",
            why="--lp-mean with --lp-sd, --lp-beta and --predictions are three ways to say it",
            fix="leave all but one out",
        )
    if mean is not None and sd is not None:
        return normal(mean, sd)
    if mean is not None or sd is not None:
        raise BadInput(what="half a spread was given", why="--lp-mean and --lp-sd go together", fix="give both")
    if beta_of is not None:
        ends = numbers("--lp-beta", beta_of)
        if len(ends) != 2:
            raise BadInput(
                what=f"--lp-beta {beta_of!r} cannot be read", why="it is not two numbers", fix="write 0.5,4.5"
            )
        return beta(ends[0], ends[1])
    if predictions is None:
        return None
    if score is None:
        raise BadInput(what="--score is missing", why="--predictions needs its column of risks", fix="add --score COL")
    return spread_of(open_source(predictions), score)


def _from_auroc(values: dict[str, float], prevalence: float) -> LinearPredictor | None:
    from codman.evaluate.samplesize.linear_predictor import of_auroc

    return of_auroc(values["auroc"], prevalence) if "auroc" in values else None


def _lines(answer: Plan) -> Iterator[str]:
    most = answer.largest
    yield f"{answer.patients:,} patients" + (" so that every slice is measured as precisely" if answer.slices else "")
    yield (
        f"{most.n:,} for everyone ({most.events:,} with the event, {most.non_events:,} without), "
        f"at prevalence {answer.prevalence:.3g}; {most.metric} needs most"
    )
    if answer.spread is not None:
        yield f"spread of risks: {answer.spread}" + ("" if answer.note is None else f"; {answer.note}")
    yield ""
    for need in answer.needs:
        at = "" if need.expect is None else f" at {need.expect:.3g}"
        yield (
            f"{need.metric}{at}: a {answer.level:.0%} interval {need.width:g} wide needs {need.n:,} patients "
            f"({need.events:,} with the event)"
        )
    for of in answer.slices:
        who = ", ".join(f"{k} {v}" for k, v in of.slice.items())
        if of.n is None or of.share is None or of.n_slice is None:
            yield f"{who}: {of.note}"
            continue
        note = "" if of.note is None else f"; {of.note}"
        yield f"{who} ({of.share:.1%}): {of.n_slice:,} of its patients, so {of.n:,} of all ({of.metric}){note}"
