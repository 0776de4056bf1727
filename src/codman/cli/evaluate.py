"""`codman evaluate`: predictions in, measurements with intervals out."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

import typer

from codman.errors import BadInput
from codman.spine.evaluation_spec import Aggregate, EvaluationSpec, Task
from codman.spine.statement import Origin

if TYPE_CHECKING:
    from codman.evidence.keys import SigningKey
    from codman.spine.statement import Statement

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

JUDGED_ROWS: Final = "judged rows"
THRESHOLD_ROWS: Final = "threshold-rows"
CENSORING_ROWS: Final = "censoring-rows"
_TASKS: Final = get_args(Task)
_AGGREGATES: Final = get_args(Aggregate)
_INTERVALS: Final = ("analytic", "percentile", "bca")
_AUROC_INTERVALS: Final = ("delong-logit", "delong")
_TIME_UNITS: Final = ("days", "weeks", "months", "years")
_INDEX_UNITS: Final = ("seconds", "minutes", "hours", "days")


class Format(StrEnum):
    """How the answer is written."""

    TEXT = "text"
    JSON = "json"


def _flag(*names: str, help: str, panel: str | None = None, metavar: str | None = None) -> Any:  # noqa: A002
    return typer.Option(*names, help=help, rich_help_panel=panel, metavar=metavar)


Text = str | None
Texts = list[str] | None


@app.command()
def evaluate(
    predictions: Annotated[
        str,
        typer.Argument(
            metavar="PREDICTIONS", help="Parquet, CSV, Arrow, NDJSON or a Delta folder.", show_default=False
        ),
    ],
    label: Annotated[
        str, _flag("--label", metavar="COL[,COL]", help="Column of what happened; several with commas: multilabel.")
    ],
    score: Annotated[
        str, _flag("--score", metavar="COL", help="Column of the score; several, or CLASS=COL,… for classes.")
    ],
    task: Annotated[
        Text, _flag("--task", metavar="TASK", help=f"{' | '.join(_TASKS)}; found from the columns where it is plain.")
    ] = None,
    positive: Annotated[
        Text, _flag("--positive", metavar="VALUE", help="The label's value that means the event.")
    ] = None,
    by: Annotated[Texts, _flag("--by", metavar="COL[,COL]", help="A grouping; a comma makes an intersection.")] = None,
    band: Annotated[
        Texts, _flag("--band", metavar="COL=0,40,65", help="Edges that cut COL into bands, for --by COL_band.")
    ] = None,
    threshold: Annotated[Texts, _flag("--threshold", metavar="X", help="Flagged is score >= X; repeat it.")] = None,
    choose: Annotated[
        Texts,
        _flag(
            "--choose",
            metavar="RULE=TARGET",
            help="sensitivity=0.9, alert_rate=0.05, or cost_ratio=4: a missed event is as bad as 4 false alarms.",
        ),
    ] = None,
    choose_on: Annotated[
        Text,
        _flag(
            "--choose-on",
            metavar="FILE",
            help="Rows --choose looks at; without it the judged rows, which a policy does not accept.",
        ),
    ] = None,
    subject: Annotated[
        Text, _flag("--subject", metavar="COL", help="Column of the patient, where patients have several rows.")
    ] = None,
    weight: Annotated[Text, _flag("--weight", metavar="COL", help="Column of sampling weights.")] = None,
    reference: Annotated[
        Texts, _flag("--reference", metavar="COL=LEVEL", help="Differences against this group.")
    ] = None,
    metrics: Annotated[Text, _flag("--metrics", metavar="A,B", help="Only these metrics.")] = None,
    unit: Annotated[
        Text, _flag("--unit", metavar="COL", help="Column of the encounter or patient that is judged once.")
    ] = None,
    aggregate: Annotated[
        Text, _flag("--aggregate", metavar="RULE", help=f"{' | '.join(_AGGREGATES)}: rows of a unit to one score.")
    ] = None,
    index_time: Annotated[
        Text, _flag("--index-time", metavar="COL", help="Column of when each row was scored.")
    ] = None,
    index_unit: Annotated[
        Text, _flag("--index-unit", metavar="UNIT", help="Unit of numeric index times; hours.")
    ] = None,
    onset: Annotated[Text, _flag("--onset", metavar="COL", help="Column of when the event began.")] = None,
    exclude_after: Annotated[
        Text, _flag("--exclude-after", metavar="COL", help="Column of a time after which rows are left out.")
    ] = None,
    time: Annotated[Text, _flag("--time", metavar="COL", help="Survival: column of the follow-up time.")] = None,
    time_unit: Annotated[Text, _flag("--time-unit", metavar="UNIT", help="days | weeks | months | years.")] = None,
    horizon: Annotated[Texts, _flag("--horizon", metavar="T,…", help="Horizons, in the time column's unit.")] = None,
    survival: Annotated[Text, _flag("--survival", metavar="T=COL,…", help="Columns of S(t), by horizon.")] = None,
    censoring_from: Annotated[
        Text, _flag("--censoring-from", metavar="FILE", help="Rows of the censoring weights.")
    ] = None,
    prediction_set: Annotated[Text, _flag("--prediction-set", metavar="COL", help="Column of prediction sets.")] = None,
    interval_columns: Annotated[
        Text, _flag("--interval-columns", metavar="LO,HI", help="A stated interval's ends.")
    ] = None,
    abstain: Annotated[Text, _flag("--abstain", metavar="COL", help="True where the model declines to judge.")] = None,
    interval: Annotated[Text, _flag("--interval", metavar="METHOD", help="analytic | percentile | bca.")] = None,
    auroc_interval: Annotated[Text, _flag("--auroc-interval", metavar="METHOD", help="delong-logit | delong.")] = None,
    replicates: Annotated[int | None, _flag("--replicates", metavar="N", help="Bootstrap replicates; 2000.")] = None,
    seed: Annotated[int | None, _flag("--seed", metavar="N", help="Seed of the bootstrap; 7.")] = None,
    level: Annotated[float | None, _flag("--level", metavar="X", help="Level of the intervals; 0.95.")] = None,
    strict: Annotated[bool, _flag("--strict", help="Suppress as for what leaves the house.")] = False,
    at_version: Annotated[int | None, _flag("--at-version", metavar="N", help="Version of a Delta table.")] = None,
    product: Annotated[
        Text, _flag("--product", metavar="NAME", help="The product; without it, the file's name.")
    ] = None,
    version: Annotated[Text, _flag("--version", metavar="VERSION", help="Its version.")] = None,
    use: Annotated[Text, _flag("--use", metavar="TEXT", help="What it is used for, and where.")] = None,
    artifact: Annotated[
        Text, _flag("--artifact", metavar="FILE|sha256:…", help="The model, or its descriptor.")
    ] = None,
    origin: Annotated[Origin, _flag("--origin", help="Whose word this is.")] = Origin.LOCAL,
    criteria: Annotated[
        Path | None, _flag("--criteria", metavar="FILE", help="What was committed before the run.")
    ] = None,
    key: Annotated[
        Path | None, _flag("--key", metavar="FILE", help="Your private key, PEM; signs the statement.")
    ] = None,
    out: Annotated[
        Path | None, _flag("--out", metavar="FILE", help="Where the statement goes; without it, a table.")
    ] = None,
    format: Annotated[Format, _flag("--format", help="Without --out: a table, or the statement.")] = Format.TEXT,  # noqa: A002
) -> None:
    """Measure PREDICTIONS: how well, for whom, with what uncertainty."""
    from codman.cli import question as q
    from codman.evaluate.run import infer_task
    from codman.evidence.files import refuse_overwriting
    from codman.evidence.keys import read_signing_key
    from codman.flows.assess import assess
    from codman.tables.source import open_source

    # what can be refused before the table is read is refused first
    signer = None if key is None else read_signing_key(key)
    if out is not None:
        _refuse_place(out)
        refuse_overwriting(out, predictions, choose_on, censoring_from, artifact, criteria, key)
    if choose_on is not None and not choose:
        raise BadInput(
            what="--choose-on has nothing to choose", why="no --choose was given", fix="add --choose sensitivity=0.9"
        )
    source = open_source(predictions, at_version=at_version)
    labels, scores = q.label_of(label, source.columns), q.score_of(score, source.columns)
    chosen = q.choices(choose or [], JUDGED_ROWS if choose_on is None else THRESHOLD_ROWS)
    fields: dict[str, Any] = {
        "label": labels,
        "score": scores,
        "positive": positive,
        "by": [q.grouping(one, source.columns) for one in by or []],
        "bands": {
            name: q.numbers("--band", edges) for name, edges in q.pairs("--band", band or [], "age=0,40,65").items()
        },
        "thresholds": [q.number("--threshold", one) for one in threshold or []],
        "chosen": chosen,
        "reference": q.pairs("--reference", reference or [], "sex=F"),
        "subject": subject,
        "weight": weight,
        "unit": _unit(unit, aggregate, index_time, index_unit, onset, exclude_after),
        "time": time,
        "time_unit": None if time_unit is None else q.one_of("--time-unit", time_unit, _TIME_UNITS),
        "horizons": [one for texts in horizon or [] for one in q.numbers("--horizon", texts)],
        "survival": _survival(survival),
        "censoring_from": None if censoring_from is None else CENSORING_ROWS,
        "prediction_set": prediction_set,
        "interval_columns": _ends(interval_columns),
        "abstain": abstain,
        "metrics": None if metrics is None else q.metrics_of(metrics),
        "interval": None if interval is None else q.one_of("--interval", interval, _INTERVALS),
        "replicates": replicates,
        "auroc_interval": None
        if auroc_interval is None
        else q.one_of("--auroc-interval", auroc_interval, _AUROC_INTERVALS),
        "level": level,
        "suppression": "strict" if strict else None,
        "seed": seed,
    }
    if task is not None:
        q.one_of("--task", task, _TASKS)
    # ranges first: they cost nothing, and inferring the task reads a column
    asked = partial(q.spec_of, EvaluationSpec, "codman evaluate", **fields)
    asked(task=task or "binary")
    spec = asked(task=task or infer_task(source, labels, scores, time, positive))
    others = {
        name: open_source(file, name=name)
        for name, file in ((THRESHOLD_ROWS, choose_on), (CENSORING_ROWS, censoring_from))
        if file is not None
    }
    statement = assess(
        source,
        spec,
        product=product,
        version=version,
        use=use,
        origin=origin,
        artifact=artifact,
        criteria=criteria,
        others=others,
    )
    _give(statement, signer, out, format)
    if chosen and choose_on is None:
        typer.echo(
            "warning: thresholds were chosen on the rows that are judged here, so numbers at them are too kind and a "
            "policy does not accept them; name other rows with --choose-on FILE",
            err=True,
        )


def _refuse_place(out: Path) -> None:
    if out.is_dir():
        raise BadInput(what=f"{out} cannot be written", why="it is a folder", fix="name a file in it")
    if not out.parent.is_dir():
        raise BadInput(what=f"{out} cannot be written", why=f"there is no folder {out.parent}", fix="make it first")


def _unit(
    column: Text, aggregate: Text, index_time: Text, index_unit: Text, onset: Text, exclude_after: Text
) -> dict[str, Any] | None:
    from codman.cli.question import one_of

    if column is None:
        if any(given is not None for given in (aggregate, index_time, index_unit, onset, exclude_after)):
            raise BadInput(
                what="there is no unit to aggregate",
                why="--aggregate, --index-time, --index-unit, --onset and --exclude-after are about --unit",
                fix="say which column identifies the encounter or patient: --unit COL",
            )
        return None
    if aggregate is None:
        raise BadInput(
            what=f"--unit {column} needs --aggregate",
            why="nothing says how the rows of one unit become one score",
            fix=f"add --aggregate {' or '.join(_AGGREGATES)}",
        )
    fields: dict[str, Any] = {
        "column": column,
        "aggregate": one_of("--aggregate", aggregate, _AGGREGATES),
        "index_time": index_time,
        "onset": onset,
        "exclude_after": exclude_after,
    }
    return fields if index_unit is None else fields | {"time_unit": one_of("--index-unit", index_unit, _INDEX_UNITS)}


def _survival(text: Text) -> dict[str, str] | None:
    from codman.cli.question import number, pairs, words

    if text is None:
        return None
    columns = pairs("--survival", words("--survival", text), "365=s_1y,730=s_2y")
    for horizon in columns:
        number("--survival", horizon)
    return columns


def _ends(text: Text) -> tuple[str, str] | None:
    from codman.cli.question import BadFlag, words

    if text is None:
        return None
    ends = words("--interval-columns", text)
    if len(ends) != 2:
        raise BadFlag("--interval-columns", text, "an interval has two ends", "write --interval-columns lower,upper")
    return ends[0], ends[1]


def _give(statement: Statement, signer: SigningKey | None, out: Path | None, format: Format) -> None:  # noqa: A002
    from codman.cli.statement_out import print_json
    from codman.cli.statement_text import print_statement, summary
    from codman.evidence.statements import from_value, write_statement
    from codman.spine.statement import EvaluationPredicate

    if out is not None:
        digest = write_statement(statement, out, signer)
        count = len(statement.predicate["measurements"])
        typer.echo(f"{out}  evaluation sha256:{digest}  {count:,} measurements", err=True)
        typer.echo(summary(EvaluationPredicate.model_validate(statement.predicate)), err=True)
    elif format is Format.JSON or signer is not None:
        print_json(statement, signer)
    else:
        print_statement(from_value(statement.model_dump(by_alias=True), name="the evaluation"))
