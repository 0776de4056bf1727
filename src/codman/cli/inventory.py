"""`codman inventory`: bring uses in, list them, match bought products, take them out as a file."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from codman.cli.card import card
from codman.cli.flags import Format, Printed
from codman.cli.opened import DatabaseUrl, Workspace, opened

if TYPE_CHECKING:
    from codman.registry.access import Reader
    from codman.registry.imports.write import Imported

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="The inventory of AI uses: bring it in, list it, match it, take it out.",
)

app.command(short_help="Write a model card of a use.")(card)

_File = Annotated[
    Path, typer.Argument(metavar="FILE", help="CSV, XLSX, JSON, CHAI card, CycloneDX.", show_default=False)
]
_WORTH_SAYING: Final = 1_000  # rows

_Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD=VALUE", help="Only these; (missing) is an empty field. Repeatable.", show_default=False
    ),
]


@app.command(short_help="Guess a mapping for a file.")
def propose(
    file: _File,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the mapping goes, YAML.", show_default=False)],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The mapping's name; the file's without.")] = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Guess what a file's columns mean, by their names and values, and write it down for you to correct.

    Nothing is imported. Look at the lines marked CHECK, then: codman inventory import FILE --mapping THAT.
    """
    from codman.evidence.files import refuse_overwriting, write_whole
    from codman.flows.inventory_import import propose_mapping

    refuse_overwriting(out, file)
    proposal = propose_mapping(file, name)
    write_whole(out, proposal.text.encode())
    if format_ is Format.JSON:
        answer = {
            "mapping": proposal.mapping.mapping,
            "fields": {
                g.target: {"column": g.column, "confidence": g.confidence, "why": g.why, "runner_up": g.runner_up}
                for g in proposal.guesses
            },
        }
        sys.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False) + "\n")
        return
    for guess in proposal.guesses:
        _line(f"{guess.confidence:.2f}  {guess.target:<24} {guess.column[:60]}")
    sys.stderr.write(f"{out}: {len(proposal.unsure)} of {len(proposal.guesses)} guesses want a look\n")


@contextmanager
def calls_told() -> Iterator[None]:
    """What is called meanwhile is told on stderr, a line a call, as the server's own log does."""
    log, handler = logging.getLogger("codman.egress"), logging.StreamHandler(sys.stderr)
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


@app.command("import", short_help="Bring a file's uses into the book.")
def import_(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A file, or http(s)://… of an MLflow server that CODMAN_EGRESS_ALLOW names.",
            show_default=False,
        ),
    ],
    mapping: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="A ready or saved mapping, or a file; what fits the columns without."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where notes on single rows go, JSON.", show_default=False)
    ] = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Bring a file's uses into the book of record: all of it, or nothing and a reason.

    Each row is created, updated, unchanged, rejected or skipped. A second import of the same file changes nothing.
    What already runs enters as live, undecided (legacy). Ready mappings: omb-2025, omb-2025-commercial, chai,
    cyclonedx, mlflow; for any other file see `propose`.
    """
    from codman.evidence.files import refuse_overwriting, write_whole
    from codman.flows.inventory_import import NoneFits, fits_without_a_book, import_table, read_table
    from codman.integrations.mlflow import registered_models
    from codman.registry.imports.mapping import BadMapping
    from codman.settings import read_settings
    from codman.wiring import NoBook, egress_policy

    chosen: str | Path | None = mapping
    if mapping is not None and Path(mapping).suffix in (".yaml", ".yml"):
        chosen = Path(mapping)
    reader = _operator()
    if report is not None:
        refuse_overwriting(report, *([] if "://" in file else [Path(file)]))
    if file.startswith(("http://", "https://")):
        policy = egress_policy(read_settings(workspace=workspace))
        with calls_told():
            table, chosen = registered_models(file, policy), chosen or "mlflow"
    else:
        table = read_table(Path(file))  # before the book is opened: what cannot be read makes none
    # no book is begun for what could not be imported into it; where there is one it may keep the mapping
    make = fits_without_a_book(table, chosen)
    try:
        with opened(workspace, database_url, make=make) as house:
            done = import_table(house, reader, table, chosen, _progress)
    except NoBook:
        if chosen is None:
            raise NoneFits from None
        raise BadMapping(
            str(chosen)[:80], "none of that name comes with Codman, and no book is here that keeps one"
        ) from None
    if report is not None:
        write_whole(report, (json.dumps(done.report(), indent=2, ensure_ascii=False) + "\n").encode())
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps(done.answer(), indent=2, ensure_ascii=False) + "\n")
    _tell(done, sys.stderr if format_ is Format.JSON else sys.stdout)


@app.command("list", short_help="List uses.")
def list_(
    where: _Where = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """List the uses in the book, e.g. `--where stage=live --where impact=high-impact --where monitoring=(missing)`."""
    from codman.flows.inventory import asked, list_uses

    question = asked(where or [])
    with opened(workspace, database_url) as house:
        uses = list_uses(house, _operator(), question)
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps([use.model_dump(mode="json") for use in uses], ensure_ascii=False) + "\n")
        return
    for use in uses:
        _line(f"{use.id}  {use.stage:<9} {use.decision:<20} {(use.organisation or '')[:16]:<16} {use.name[:60]}")
    sys.stderr.write(f"{_many(len(uses), 'use')}\n")


@app.command(short_help="Write uses to a file.")
def export(
    out: Annotated[Path, typer.Option(metavar="FILE", help="x.csv, x.xlsx or x.json.", show_default=False)],
    where: _Where = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write the uses to a CSV, XLSX or JSON file; a cell that begins like a formula gets a ' before it."""
    from codman.flows.inventory import asked
    from codman.flows.inventory import export as write_file

    question = asked(where or [])
    with opened(workspace, database_url) as house:
        count = write_file(house, _operator(), question, out)
    sys.stderr.write(f"{out}: {_many(count, 'use')}\n")


@app.command(short_help="Match bought products to a public list.")
def match(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The list as downloaded, CSV.", show_default=False)
    ] = None,
    list_name: Annotated[str, typer.Option("--list", metavar="NAME", help="Which list it is: fda.")] = "fda",
    confirm: Annotated[
        list[str] | None,
        typer.Option(metavar="PRODUCT=SUBMISSION", help="Confirm a proposal. Repeatable.", show_default=False),
    ] = None,
    reject: Annotated[
        list[str] | None,
        typer.Option(metavar="PRODUCT=SUBMISSION", help="Reject a proposal. Repeatable.", show_default=False),
    ] = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Match products to the FDA's list of AI-enabled devices: by submission number, by names only as proposals.

    Nothing is linked until a person confirms it: a vendor has dozens of devices, and names are often wrong.
    """
    from codman.flows.inventory_match import decide, match_list, proposals

    reader = _operator()
    with opened(workspace, database_url) as house:
        if file is not None:
            match_list(house, reader, list_name, file)
        for given, yes in ((confirm or [], True), (reject or [], False)):
            for pair in given:
                decide(house, reader, list_name, pair, confirmed=yes)
        found = proposals(house, reader, list_name)
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps({"matches": [m.answer() for m in found]}, indent=2, ensure_ascii=False) + "\n")
        return
    for one in found:
        names = f"{one.product_name[:40]}  {one.submission}  {one.device[:40]}"
        _line(f"{one.state:<9} {one.score:.2f}  {one.product_id}  {names}")
        _line(f"          {'; '.join(one.reasons)}")
    sys.stderr.write(f"{_many(len(found), 'match', 'matches')}; confirm one with --confirm PRODUCT=SUBMISSION\n")


def _operator() -> Reader:
    from codman.flows.operator import OPERATOR

    return OPERATOR


def _many(count: int, one: str, several: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def _progress(done: int, everything: int) -> None:
    if everything < _WORTH_SAYING:
        return
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done:,} of {everything:,} rows" + ("\n" if done == everything else ""))
    elif done % _WORTH_SAYING == 0 or done == everything:
        sys.stderr.write(f"{done:,} of {everything:,} rows\n")
    sys.stderr.flush()


def _tell(done: Imported, out: Any) -> None:
    """What became of the rows, in prose."""
    lines = [
        f"{_many(done.rows, 'row')} by the mapping {done.mapping}: {done.created:,} created, {done.updated:,} updated, "
        f"{done.unchanged:,} unchanged, {len(done.rejected):,} rejected, {sum(done.skipped.values()):,} skipped"
    ]
    lines += [f"  skipped {n:,}: {reason}" for reason, n in done.skipped.items()]
    lines += [f"  rejected row {row}: {reason}" for row, reason in done.rejected[:20]]
    lines += [f"  {_many(n, 'row is', 'rows are')} known by {basis}" for basis, n in done.identity.items()]
    lines += [f"  {said}" for said in done.reading]
    lines += [f"  the file has no column {column[:60]!r}" for column in done.not_in_file[:5]]
    lines += [f"  {_many(n, 'row')}: {why}" for why, n in done.note_counts()[:12]]
    out.write("\n".join("".join(c if c.isprintable() else "\ufffd" for c in line) for line in lines) + "\n")


def _line(text: str) -> None:
    from codman.cli.layout import print_line

    print_line(text)
