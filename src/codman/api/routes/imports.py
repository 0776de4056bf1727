"""Files into the inventory: what their columns seem to mean, a rehearsal, the import, and what became of each row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG
from codman.flows.inventory_import import import_bytes
from codman.flows.inventory_mappings import propose_for
from codman.registry.imports.mapping import NAME, Mapping
from codman.registry.imports.saved import body_of

_FILE: Final = Body(
    {"type": "string", "format": "binary"},
    "The file: CSV, XLSX, JSON, a CHAI card or a CycloneDX BOM; its bytes tell which",
    ("*/*",),
)
_Count = Annotated[int, Field(ge=0)]


class ImportQuestion(BaseModel):
    """How a file is brought in."""

    model_config = CONFIG

    mapping: Annotated[str, Field(pattern=NAME)] | None = Field(
        default=None, description="The name of a ready or saved mapping; the one that fits where left out"
    )
    dry_run: bool = Field(default=False, description="Only tell what would become of each row; nothing is changed")


class ProposalQuestion(BaseModel):
    """What a proposed mapping is called."""

    model_config = CONFIG

    name: Annotated[str, Field(pattern=NAME)] | None = Field(default=None, description="Its name; `list` without")


class RejectedRow(BaseModel):
    """A row that could not become a use."""

    model_config = CONFIG

    row: int = Field(description="Its number in the file, counted from 1 as a spreadsheet does")
    reason: str


class RowNote(BaseModel):
    """What there is to say of one row."""

    model_config = CONFIG

    row: int
    column: str
    why: str


class ImportReport(BaseModel):
    """What became of every row: `rows` is the sum of created, updated, unchanged, rejected and skipped."""

    model_config = CONFIG

    dry_run: bool = Field(description="Whether it was only tried")
    mapping: str = Field(description="The mapping it was read by")
    rows: _Count
    created: _Count
    updated: _Count
    unchanged: _Count
    rejected: list[RejectedRow]
    skipped: dict[str, _Count] = Field(description="How many rows, by reason")
    identity: dict[str, _Count] = Field(description="How many rows were known again by what")
    reading: list[str] = Field(description="How the file was read")
    not_in_file: list[str] = Field(description="Columns that the mapping names and the file lacks")
    notes: list[RowNote]


class Guessed(BaseModel):
    """One field of the book, the column that seems to fill it, and how sure that is."""

    model_config = CONFIG

    target: str
    column: str
    confidence: Annotated[float, Field(ge=0, le=1)]
    why: str
    runner_up: str | None


class Proposal(BaseModel):
    """A mapping as guessed, for a person to correct and save."""

    model_config = CONFIG

    mapping: Mapping
    guesses: list[Guessed]
    text: str = Field(description="The same as YAML, with the reason beside each line: edit it, then PUT it")


def operations() -> Iterator[Operation]:
    """What can be done with a file of uses."""
    yield Operation(
        method="POST",
        path="/inventory/import",
        name="import_inventory",
        tag="inventory",
        action="inventory.import",
        summary="Import a file",
        description="Brings a file's uses into the book: all of it, or nothing and a reason. The same file again "
        "changes nothing. What already runs enters as live, undecided (legacy).",
        do=_import,
        query=ImportQuestion,
        body=_FILE,
        problems=(409,),
        answers=(Answer(200, "What became of each row", ImportReport),),
    )
    yield Operation(
        method="POST",
        path="/inventory/proposal",
        name="propose_mapping",
        tag="mappings",
        action="mapping.save",
        summary="Propose a mapping for a file",
        description="Guesses what a file's columns mean, by their names and by what stands in them. Nothing is kept: "
        "correct what is wrong, then save it.",
        do=_propose,
        query=ProposalQuestion,
        body=_FILE,
        answers=(Answer(200, "The proposal", Proposal),),
    )


def _import(call: Call) -> Reply:
    question: ImportQuestion = call.query
    done = import_bytes(
        call.house,
        call.reader,
        call.body,
        question.mapping,
        rehearse=question.dry_run,
        why=call.reason(),
        request=call.request,
    )
    return replies.plain(ImportReport(dry_run=question.dry_run, **done.report()))


def _propose(call: Call) -> Reply:
    proposal = propose_for(call.reader, call.body, call.query.name)
    guesses = [{name: getattr(guess, name) for name in Guessed.model_fields} for guess in proposal.guesses]
    answer: dict[str, Any] = {"mapping": body_of(proposal.mapping), "guesses": guesses, "text": proposal.text}
    return replies.plain(answer)
