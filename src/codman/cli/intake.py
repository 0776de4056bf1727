"""`codman intake`: begin a proposal from answers, a model card or a model, list proposals, show one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from codman.cli.flags import Format, Printed
from codman.cli.layout import print_sections, printable
from codman.cli.opened import DatabaseUrl, Workspace, opened
from codman.cli.submit import where
from codman.report.document import Bullets, Paragraph, Section

if TYPE_CHECKING:
    from codman.spine.intake import Intake

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Proposals of uses: begin one from what you have, list them, show one.",
)

_LARGEST: Final = 16 * 1024 * 1024
_SOURCES: Final = {"form": "the form", "row": "a use of the book"}
_Server = Annotated[
    str | None, typer.Option(metavar="URL", help="The server; CODMAN_SERVER, else the local workspace.")
]
_Token = Annotated[str | None, typer.Option(metavar="TOKEN", help="Your token there; CODMAN_TOKEN.")]


@app.command(short_help="Begin a proposal.")
def propose(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Answers by question, JSON or YAML.", show_default=False)
    ] = None,
    from_card: Annotated[Path | None, typer.Option(metavar="FILE", help="A CHAI model card, XML.")] = None,
    from_model: Annotated[
        str | None,
        typer.Option(metavar="FILE|URL", help="A model registry's answer, or the address of an MLflow server."),
    ] = None,
    row: Annotated[str | None, typer.Option(metavar="NAME", help="The use or model, where there are several.")] = None,
    owner: Annotated[
        str | None,
        typer.Option(metavar="PERSON", help="Who proposes, by id or e-mail; on a server it is who the token is of."),
    ] = None,
    server: _Server = None,
    token: _Token = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Begin a proposal from answers, from a model card or from a model; finish it in the pages, or over the API.

    Answers are kept right or wrong; `codman intake show` says what is wrong or missing. Exit 2 for a file that cannot
    be read, 4 when the server does not answer.
    """
    from codman.errors import BadInput

    if sum(one is not None for one in (file, from_card, from_model)) != 1:
        raise BadInput(
            what="it is not clear what the proposal begins from",
            why="one of FILE, --from-card and --from-model is needed, and no two of them",
            fix="codman intake propose answers.yaml, or --from-card card.xml, or --from-model models.json",
        )
    remote, secret = where(workspace, database_url, server, token)
    if remote is not None:
        begun = _begun_there(remote, secret, file, from_card, from_model, row, owner)
    else:
        begun = _begun_here(workspace, database_url, file, from_card, from_model, row, owner)
    if format_ is Format.JSON:
        sys.stdout.write(begun.model_dump_json(indent=2) + "\n")
        return
    sys.stdout.write(
        f"begun  {begun.id}  {len(begun.answers)} answers, {len(begun.notes)} notes\n"
        f"next: codman intake show {begun.id}\n"
    )


@app.command("list", short_help="List proposals.")
def list_(
    state: Annotated[str | None, typer.Option(metavar="STATE", help="Only these: draft, submitted, withdrawn.")] = None,
    server: _Server = None,
    token: _Token = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """List the proposals you may see, the last touched first."""
    from codman.errors import BadInput, nearest
    from codman.flows.intake import list_intakes, title_of
    from codman.flows.operator import OPERATOR
    from codman.spine.intake import IntakeState

    if state is not None and state not in list(IntakeState):
        fix = nearest(state, list(IntakeState))
        raise BadInput(what=f"no proposal is {state[:40]!r}", why="it is none of their states", fix=fix)
    asked = {} if state is None else {"state": [state]}
    remote, secret = where(workspace, database_url, server, token)
    found: list[Intake] = []
    if remote is not None:
        from codman.client import Client

        with Client(remote, secret) as client:
            found = list(client.intakes.list(state=state))
    else:
        with opened(workspace, database_url) as house:
            cursor: str | None = None
            while True:
                page = list_intakes(house, OPERATOR, where=asked, limit=500, cursor=cursor)
                found += page.items
                cursor = page.next
                if cursor is None:
                    break
    if format_ is Format.JSON:
        sys.stdout.write(
            json.dumps([one.model_dump(mode="json") for one in found], indent=2, ensure_ascii=False) + "\n"
        )
        return
    for one in found:
        sys.stdout.write(f"{one.id}  {one.state.value:<9}  {one.updated_at[:10]}  {printable(title_of(one))}\n")
    if not found:
        sys.stdout.write("no proposals\n")


@app.command(short_help="Show a proposal.")
def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="The proposal.", show_default=False)],
    server: _Server = None,
    token: _Token = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Show a proposal: its answers, what is wrong or missing, and uses that it may be a duplicate of."""
    remote, secret = where(workspace, database_url, server, token)
    if remote is not None:
        from codman.client import Client

        with Client(remote, secret) as client:
            read = client.intakes.read(name)
    else:
        read = _read_here(workspace, database_url, name)
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps(read, indent=2, ensure_ascii=False) + "\n")
        return
    print_sections(tuple(_sections(read)))


def _sections(read: Mapping[str, Any]) -> Iterator[Section]:
    """What is wrong and missing first, then what it may be already, then the answers."""
    intake = read["intake"]
    complete = "complete" if read["complete"] else "not complete"
    head = (
        f"{intake['id']}  {intake['state']}, {complete}; begun from {_SOURCES.get(intake['source'], intake['source'])}"
    )
    yield Section("proposal", "", (Paragraph(head),))
    faults = read["faults"]
    if wrong := tuple(one["message"] for one in faults if not one["missing"]):
        yield Section("wrong", "Wrong", (Bullets(wrong),))
    asks = {one["id"]: one["ask"] for one in read["asked"]}
    if missing := tuple(asks.get(one["question"], one["message"]) for one in faults if one["missing"]):
        yield Section("missing", f"Missing ({len(missing)})", (Bullets(missing),))
    if read["duplicates"]:
        may_be = tuple(f"{one['name']} ({one['use']}): {'; '.join(one['reasons'])}" for one in read["duplicates"])
        yield Section("may-be", "May be the same use as", (Bullets(may_be),))
    if intake["answers"]:
        said = tuple(
            f"{asks.get(question, f'{question}:')} "
            + (", ".join(map(str, answer)) if isinstance(answer, list) else str(answer))
            for question, answer in intake["answers"].items()
        )
        yield Section("answers", "Answers", (Bullets(said),))


def _read_here(workspace: Path | None, database_url: str | None, name: str) -> dict[str, Any]:
    from codman.flows.intake import open_intake
    from codman.flows.operator import OPERATOR

    with opened(workspace, database_url) as house:
        found = open_intake(house, OPERATOR, name)
    return {
        "intake": found.intake.model_dump(mode="json"),
        "complete": found.filled.complete,
        "asked": [{"id": one.id, "ask": one.ask} for one in found.filled.asked],
        "faults": [{"question": f.question, "message": f.message, "missing": f.missing} for f in found.filled.faults],
        "duplicates": [{"use": d.use, "name": d.name, "reasons": list(d.reasons)} for d in found.duplicates],
    }


def _begun_here(
    workspace: Path | None,
    database_url: str | None,
    file: Path | None,
    from_card: Path | None,
    from_model: str | None,
    row: str | None,
    owner: str | None,
) -> Intake:
    from codman.errors import BadInput
    from codman.flows.intake import begin
    from codman.flows.intake_sources import begin_from_file, begin_from_table
    from codman.flows.operator import OPERATOR, person_named

    answers = None if file is None else _answers(file)
    body = _body(from_card, from_model)
    with opened(workspace, database_url) as house:
        if owner is None:
            why = "a proposal is somebody's, and on this machine nobody is signed in"
            raise BadInput(what="it is not said who proposes", why=why, fix="give --owner, an id or an e-mail address")
        proposer = person_named(house, owner)
        if answers is not None:
            return begin(house, OPERATOR, answers, source="file", owner=proposer)
        if body is not None:
            return begin_from_file(house, OPERATOR, body, row=row, owner=proposer)
        from codman.integrations.mlflow import registered_models
        from codman.settings import read_settings
        from codman.wiring import egress_policy

        table = registered_models(from_model or "", egress_policy(read_settings(workspace=workspace)))
        return begin_from_table(house, OPERATOR, table, row=row, mapping="mlflow", owner=proposer)


def _begun_there(
    server: str,
    token: str | None,
    file: Path | None,
    from_card: Path | None,
    from_model: str | None,
    row: str | None,
    owner: str | None,
) -> Intake:
    from codman.client import Client
    from codman.errors import BadInput

    if owner is not None:
        why = "on a server a proposal is theirs whose token it is"
        raise BadInput(what="--owner is not for a server", why=why, fix="leave --owner out, or use that person's token")
    answers = None if file is None else _answers(file)
    body = _body(from_card, from_model)
    if answers is None and body is None:
        why = "the server is not sent to other addresses"
        fix = "save the registry's answer to a file and give that"
        raise BadInput(what="an MLflow server is read only into a local workspace", why=why, fix=fix)
    with Client(server, token) as client:
        if answers is not None:
            return client.intakes.begin(answers)
        return client.intakes.begin_from_file(body or b"", row=row)


def _body(from_card: Path | None, from_model: str | None) -> bytes | None:
    """The file to begin from; none for answers, and for an address."""
    from codman.evidence.files import read_whole

    if from_card is not None:
        return read_whole(from_card, at_most=_LARGEST)
    if from_model is None or from_model.startswith(("http://", "https://")):
        return None
    return read_whole(Path(from_model), at_most=_LARGEST)


def _answers(file: Path) -> dict[str, Any]:
    """Answers by question, as a person wrote them."""
    import yaml

    from codman.errors import BadInput
    from codman.evidence.files import read_whole

    try:
        read = yaml.safe_load(read_whole(file, at_most=_LARGEST))
    except (yaml.YAMLError, ValueError, RecursionError):
        read = None
    if not isinstance(read, dict) or not all(isinstance(key, str) for key in read):
        raise BadInput(
            what=f"{file} holds no answers",
            why="it is not a list of questions, each with its answer, as JSON or YAML",
            fix="write lines such as: name: Sepsis alert; the questions are at /api/v1/intake-questions/{edition}",
        )
    return dict(read)
