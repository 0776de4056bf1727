"""codman compare: two models on the same patients: better, no worse, or unknown."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from codman.errors import BadInput

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


class Format(StrEnum):
    """How the answer is printed."""

    TEXT = "text"
    JSON = "json"


class Interval(StrEnum):
    """How intervals are computed."""

    ANALYTIC = "analytic"
    PERCENTILE = "percentile"
    BCA = "bca"


class Suppression(StrEnum):
    """Which small groups are hidden."""

    STANDARD = "standard"
    STRICT = "strict"


@app.command()
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="Predictions of the model in use.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Predictions of the challenger on the same patients.")],
    label: Annotated[str, typer.Option(help="Column of what happened, in both files.")],
    score: Annotated[str, typer.Option(help="Column of the score, in both files.")],
    score_b: Annotated[str | None, typer.Option(help="Column of B's score, where it is called otherwise.")] = None,
    id_: Annotated[str | None, typer.Option("--id", help="Column that joins the rows; else the same order.")] = None,
    subject: Annotated[str | None, typer.Option(help="Column of the patient, where rows repeat.")] = None,
    positive: Annotated[str | None, typer.Option(help="The label's value that means the event.")] = None,
    margin: Annotated[
        list[str] | None, typer.Option(metavar="METRIC=X", help="The loss that would be accepted: auroc=-0.02. Repeat.")
    ] = None,
    threshold: Annotated[list[float] | None, typer.Option(help="Flagged is score >= X. Repeat.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Only these metrics. Repeat.")] = None,
    by: Annotated[list[str] | None, typer.Option(metavar="COL[,COL]", help="Compare by group. Repeat.")] = None,
    band: Annotated[list[str] | None, typer.Option(metavar="COL=0,40,65", help="Cut a numeric column.")] = None,
    weight: Annotated[str | None, typer.Option(help="Column of sampling weights.")] = None,
    level: Annotated[float, typer.Option(help="Of the two-sided intervals.")] = 0.95,
    interval: Annotated[Interval, typer.Option(help="Analytic, or a paired bootstrap by patient.")] = Interval.ANALYTIC,
    replicates: Annotated[int, typer.Option(help="Of the bootstrap.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 7,
    suppression: Annotated[Suppression, typer.Option(help="strict for what leaves the house.")] = Suppression.STANDARD,
    product: Annotated[str | None, typer.Option(help="The product's name.")] = None,
    version: Annotated[str | None, typer.Option(help="B's version.")] = None,
    use: Annotated[str | None, typer.Option(help="What it is used for, and where.")] = None,
    origin: Annotated[str, typer.Option(help="local, developer, attested or published.")] = "local",
    artifact: Annotated[str | None, typer.Option(help="Model B's file, or sha256:…")] = None,
    criteria: Annotated[Path | None, typer.Option(help="Criteria that were committed before.")] = None,
    key: Annotated[Path | None, typer.Option(help="Sign with this private key; needs --out.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the comparison statement here.")] = None,
    format_: Annotated[Format, typer.Option("--format", help="How the answer is printed.")] = Format.TEXT,
) -> None:
    """Say how much better or worse model B is than A on the same patients, with paired intervals and tests.

    Rows are joined by --id; without it both files must hold the same rows in the same order. With --margin, the answer
    says whether B is superior, non-inferior, inferior, or whether that is not known.
    """
    from pydantic import ValidationError

    from codman.cli.comparison_text import lines
    from codman.evidence.statements import write_statement
    from codman.flows.compare import compare as run
    from codman.spine.comparison_spec import ComparisonSpec
    from codman.spine.comparison_statement import ComparisonPredicate
    from codman.spine.statement import Origin
    from codman.tables.source import open_source

    if key is not None and out is None:
        raise BadInput(what="there is nothing to sign", why="--key was given without --out", fix="add --out FILE")
    if origin not in list(Origin):
        raise BadInput(what=f"--origin {origin!r} is unknown", why="it says whose word this is", fix=", ".join(Origin))
    try:
        spec = ComparisonSpec(
            label=label,
            score=score,
            score_b=score_b,
            id=id_,
            positive=positive,
            by=[names(grouping, "--by") for grouping in by or []],
            bands={name: numbers(edges, "--band") for name, edges in once(band, "--band").items()},
            thresholds=threshold or [],
            margins={name: number(x, "--margin") for name, x in once(margin, "--margin").items()},
            subject=subject,
            weight=weight,
            metrics=metric or None,
            interval=interval.value,
            replicates=replicates,
            level=level,
            suppression=suppression.value,
            seed=seed,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise BadInput(what=f"{option} cannot be used", why=first["msg"], fix="see `codman compare --help`") from None
    ids = tuple(column for column in (id_, subject) if column is not None)
    statement = run(
        open_source(a, name="a", text=ids),
        open_source(b, name="b", text=ids),
        spec,
        product=product,
        version=version,
        use=use,
        origin=Origin(origin),
        artifact=artifact,
        criteria=criteria,
    )
    if out is not None:
        write_statement(statement, out, key)
        typer.echo(f"wrote {out}", err=True)
    if format_ is Format.JSON:
        if out is None:
            typer.echo(json.dumps(statement.model_dump(by_alias=True, mode="json"), indent=2, ensure_ascii=False))
        return
    for line in lines(ComparisonPredicate.model_validate(statement.predicate)):
        typer.echo(line, err=out is not None)


def named(text: str, option: str) -> tuple[str, str]:
    """NAME=VALUE as two.

    Raises:
        BadInput: There is no `=`, or nothing on one side of it.
    """
    name, _, value = text.partition("=")
    if not name.strip() or not value.strip():
        raise BadInput(
            what=f"{option} {text!r} cannot be read", why="it is not NAME=VALUE", fix=f"write {option} name=value"
        )
    return name.strip(), value.strip()


def once(texts: list[str] | None, option: str) -> dict[str, str]:
    """NAME=VALUE options by name.

    Raises:
        BadInput: A name stands twice.
    """
    found: dict[str, str] = {}
    for name, value in (named(text, option) for text in texts or []):
        if name in found:
            raise BadInput(what=f"{option} {name} was given twice", why="only one can hold", fix="leave one out")
        found[name] = value
    return found


def number(text: str, option: str) -> float:
    """A number an option was given.

    Raises:
        BadInput: It is none.
    """
    try:
        return float(text)
    except ValueError:
        raise BadInput(
            what=f"{option} {text!r} cannot be read", why="it is not a number", fix="write it with a point: -0.02"
        ) from None


def numbers(text: str, option: str) -> list[float]:
    """Numbers separated by commas."""
    return [number(part, option) for part in text.split(",")]


def names(text: str, option: str) -> list[str]:
    """Names separated by commas.

    Raises:
        BadInput: One is empty.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise BadInput(
            what=f"{option} {text!r} cannot be read", why="a name is empty", fix=f"write {option} sex,age_band"
        )
    return parts
