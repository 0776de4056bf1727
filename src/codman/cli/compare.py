"""codman compare: two models on the same patients: better, no worse, or unknown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codman.cli.flags import Band, Format, Level, Positive, Printed
from codman.spine.statement import Origin

if TYPE_CHECKING:
    from codman.evidence.keys import SigningKey
    from codman.spine.statement import Statement

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="Predictions of the model in use.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Predictions of the challenger on the same patients.")],
    label: Annotated[str, typer.Option(metavar="COL", help="Column of what happened, in both files.")],
    score: Annotated[str, typer.Option(metavar="COL", help="Column of the score, in both files.")],
    score_b: Annotated[
        str | None, typer.Option(metavar="COL", help="Column of B's score, where it is called otherwise.")
    ] = None,
    id_: Annotated[
        str | None, typer.Option("--id", metavar="COL", help="Column that joins the rows; else the same order.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(metavar="COL", help="Column of the patient, where rows repeat.")
    ] = None,
    positive: Positive = None,
    margin: Annotated[
        list[str] | None, typer.Option(metavar="METRIC=X", help="The loss that would be accepted: auroc=-0.02. Repeat.")
    ] = None,
    threshold: Annotated[list[str] | None, typer.Option(metavar="X", help="Flagged is score >= X. Repeat.")] = None,
    metrics: Annotated[str | None, typer.Option(metavar="A,B", help="Only these metrics.")] = None,
    by: Annotated[list[str] | None, typer.Option(metavar="COL[,COL]", help="Compare by group. Repeat.")] = None,
    band: Band = None,
    weight: Annotated[str | None, typer.Option(metavar="COL", help="Column of sampling weights.")] = None,
    level: Level = 0.95,
    interval: Annotated[
        str,
        typer.Option(
            metavar="METHOD", help="analytic, a paired bootstrap (percentile | bca), or anytime: see --planned."
        ),
    ] = "analytic",
    planned: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="With anytime: patients you expect by the decision; intervals hold at every look."
        ),
    ] = None,
    attempt: Annotated[
        int | None,
        typer.Option(metavar="N", help="Which challenger this is of all that were tried; told, not corrected."),
    ] = None,
    replicates: Annotated[int, typer.Option(metavar="N", help="Of the bootstrap.")] = 2000,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the bootstrap.")] = 7,
    strict: Annotated[bool, typer.Option("--strict", help="Suppress as for what leaves the house.")] = False,
    at_version_a: Annotated[int | None, typer.Option(metavar="N", help="Version of A, a Delta table.")] = None,
    at_version_b: Annotated[int | None, typer.Option(metavar="N", help="Version of B, a Delta table.")] = None,
    product: Annotated[str | None, typer.Option(metavar="NAME", help="The product's name.")] = None,
    version: Annotated[str | None, typer.Option(metavar="VERSION", help="B's version.")] = None,
    use: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is used for, and where.")] = None,
    origin: Annotated[Origin, typer.Option(help="Whose word this is.")] = Origin.LOCAL,
    artifact: Annotated[str | None, typer.Option(metavar="FILE|sha256:…", help="Model B's file, or sha256:…")] = None,
    criteria: Annotated[Path | None, typer.Option(metavar="FILE", help="Criteria that were committed before.")] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your private key, PEM; signs the statement.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the comparison statement here.")] = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Say how much better or worse model B is than A on the same patients, with paired intervals and tests.

    Rows are joined by --id; without it both files must hold the same rows in the same order. With --margin, the answer
    says whether B is superior, non-inferior, inferior, or whether that is not known.
    """
    from codman.cli import question as q
    from codman.cli.statement_out import signer_of
    from codman.flows.compare import compare as run
    from codman.spine.comparison_spec import ComparisonSpec
    from codman.tables.source import open_source

    # what can be refused before the tables are read is refused first
    signer = signer_of(key, out, a, b, artifact, criteria)
    spec = q.spec_of(
        ComparisonSpec,
        "codman compare",
        label=label,
        score=score,
        score_b=score_b,
        id=id_,
        positive=positive,
        by=[q.words("--by", one) for one in by or []],
        bands={
            name: q.numbers("--band", edges) for name, edges in q.pairs("--band", band or [], "age=0,40,65").items()
        },
        thresholds=[q.number("--threshold", one) for one in threshold or []],
        margins={name: q.number("--margin", x) for name, x in q.pairs("--margin", margin or [], "auroc=-0.02").items()},
        subject=subject,
        weight=weight,
        metrics=None if metrics is None else q.words("--metrics", metrics),
        interval=q.one_of("--interval", interval, ("analytic", "percentile", "bca", "anytime")),
        planned=planned,
        attempt=attempt,
        replicates=replicates,
        level=level,
        suppression="strict" if strict else "standard",
        seed=seed,
    )
    statement = run(
        open_source(a, name="a", at_version=at_version_a),
        open_source(b, name="b", at_version=at_version_b),
        spec,
        product=product,
        version=version,
        use=use,
        origin=origin,
        artifact=artifact,
        criteria=criteria,
    )
    _give(statement, signer, out, format_)


def _give(statement: Statement, signer: SigningKey | None, out: Path | None, how: Format) -> None:
    from codman.cli.comparison_text import lines
    from codman.cli.statement_out import print_json
    from codman.evidence.statements import write_statement
    from codman.spine.comparison_statement import ComparisonPredicate

    if out is not None:
        digest = write_statement(statement, out, signer)
        typer.echo(f"{out}  comparison sha256:{digest}", err=True)
    if out is None and (how is Format.JSON or signer is not None):
        print_json(statement, signer)
    elif how is Format.TEXT:
        for line in lines(ComparisonPredicate.model_validate(statement.predicate)):
            typer.echo(line, err=out is not None)
