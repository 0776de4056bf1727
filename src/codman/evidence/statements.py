"""Statements: build one, write it, read one that somebody else wrote.

A statement's digest is the sha256 of its canonical JSON, signed or not; an unsigned file holds exactly those bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from codman.errors import BadInput
from codman.evidence import schemas
from codman.evidence.canonical import MAX_BYTES, canonical, parse, sha256
from codman.evidence.consistency import refuse_contradictions
from codman.evidence.envelope import Envelope, from_json, looks_signed, sign
from codman.evidence.files import read_whole, write_whole
from codman.evidence.keys import SigningKey, read_signing_key
from codman.spine.engine_statements import MonitoringPredicate
from codman.spine.measurement import Measurement
from codman.spine.statement import STATEMENT_TYPE, Kind, Statement, Subject

_MAX_SUBJECTS: Final = 1000
_MAX_FILE: Final = 2 * MAX_BYTES  # base64 and the envelope around the largest payload


class NotAStatement(BadInput):
    """A file that is no in-toto Statement of Codman's, signed or not."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            what=f"{name} is not a statement",
            why=why,
            fix="give a file that `codman evaluate --out`, `codman compare --out` or `codman evidence` wrote",
        )


@dataclass(frozen=True, slots=True)
class ReadStatement:
    """A statement as it was found: what it says, the envelope it came in, where."""

    statement: Statement
    envelope: Envelope | None  # None: not signed. Signed is not verified: see verify.py
    path: Path | None
    digest: str  # sha256 of the canonical statement, 64 hexadecimal digits
    predicate: BaseModel  # the predicate as its kind's model
    body: bytes  # the canonical statement: what was hashed

    @property
    def kind(self) -> Kind:
        """What it is about."""
        return Kind(self.statement.predicate_type.removesuffix("/v1").rpartition("/")[2])


def build(kind: Kind, subject: Subject | Sequence[Subject], predicate: BaseModel | Mapping[str, Any]) -> Statement:
    """Make a statement of a kind about a subject.

    Args:
        kind: What it is about.
        subject: The model, policy or document it is about, with its digest.
        predicate: What it says: the kind's own model, or its fields as plain JSON types (then checked here).

    Raises:
        BadPredicate: The fields are not those of the kind.
        RowLevelData: It would carry a value per patient.
        Contradiction: Its numbers cannot all be true.
    """
    name = f"the {kind.value} statement"
    if isinstance(predicate, schemas.PREDICATES[kind]):
        fields = _plain(predicate)
        schemas.refuse_rows(fields, name=name)
        refuse_contradictions(predicate, name=name)
    else:
        fields = _plain(predicate) if isinstance(predicate, BaseModel) else dict(predicate)
        schemas.check(kind, fields, name=name)
    subjects = [subject] if isinstance(subject, Subject) else list(subject)
    return Statement(subject=subjects, predicate_type=kind.predicate_type, predicate=fields)


def canonical_statement(statement: Statement) -> bytes:
    """The one sequence of bytes a statement is: what is signed, hashed and written."""
    return canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": s.name, "digest": {"sha256": s.digest.sha256}} for s in statement.subject],
            "predicateType": statement.predicate_type,
            "predicate": statement.predicate,
        }
    )


def digest(statement: Statement) -> str:
    """The statement's name everywhere: sha256 of its canonical JSON, 64 hexadecimal digits."""
    return sha256(canonical_statement(statement))


def write_statement(statement: Statement, out: Path | str, key: SigningKey | Path | None = None) -> str:
    """Write a statement: bare, or with a key in a signed envelope. Whole or not at all.

    Args:
        statement: What to write.
        out: Where; a file that is there is replaced.
        key: Who signs, as a key or its file; None writes the bare statement.

    Returns:
        The statement's digest.

    Raises:
        BadKey: The file is no private Ed25519 key.
        CannotWrite: The folder is missing or not ours.
    """
    signer = read_signing_key(key) if isinstance(key, Path) else key
    payload = canonical_statement(statement)
    write_whole(Path(out), payload if signer is None else sign(payload, signer).to_bytes())
    return sha256(payload)


def read_statement(path: Path | str) -> ReadStatement:
    """Read a statement, bare or in its envelope; the signature is not looked at here (verify.py does).

    Raises:
        NotAStatement: The file is something else, or of a kind this version does not know.
        BadEnvelope: It is meant as an envelope and is none.
        BadPredicate: It does not keep its kind's schema.
        RowLevelData: It carries a value per patient.
        Contradiction: Its numbers cannot all be true.
        CannotRead: It is not there.
    """
    path = Path(path)
    return read_bytes(read_whole(path, at_most=_MAX_FILE), name=str(path), path=path)


def read_bytes(data: bytes, *, name: str, path: Path | None = None) -> ReadStatement:
    """The same from bytes in memory; `name` is what errors call them."""
    value, envelope = open_envelope(data, name=name)
    if envelope is not None:
        value = parse(envelope.payload, name=f"the payload of {name}")
    return from_value(value, name=name, envelope=envelope, path=path)


def open_envelope(data: bytes, *, name: str) -> tuple[Any, Envelope | None]:
    """The JSON of a file, and the envelope it is, if it is one."""
    try:
        value = parse(data, name=name)
    except BadInput as error:
        raise NotAStatement(name, error.why) from None
    return value, from_json(value, name=name) if looks_signed(value) else None


def from_value(value: Any, *, name: str, envelope: Envelope | None = None, path: Path | None = None) -> ReadStatement:
    """Parsed JSON as a statement of a known kind that keeps its schema.

    Raises:
        NotAStatement: It is something else.
        BadPredicate: It does not keep its kind's schema.
    """
    if not isinstance(value, dict):
        raise NotAStatement(name, "it holds no JSON object")
    if value.get("_type") != STATEMENT_TYPE:
        raise NotAStatement(name, f"its '_type' is not {STATEMENT_TYPE}")
    try:
        statement = Statement.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise NotAStatement(name, f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:500]) from None
    kind = statement.kind
    if kind is None:
        raise NotAStatement(name, f"its predicateType is none of {', '.join(Kind)}")
    if len(statement.subject) > _MAX_SUBJECTS:
        raise NotAStatement(name, f"it has more than {_MAX_SUBJECTS} subjects")
    predicate = schemas.check(kind, statement.predicate, name=name)
    body = canonical_statement(statement)
    return ReadStatement(
        statement=statement, envelope=envelope, path=path, digest=sha256(body), predicate=predicate, body=body
    )


def _plain(model: BaseModel) -> dict[str, Any]:
    """A predicate as plain JSON types; its measurements as `Measurement.written` writes them, only quicker."""
    fields = model.model_dump(mode="json", exclude={"measurements"})
    if fields.get("note", "") is None:
        del fields["note"]
    measurements: Sequence[Measurement] | None = getattr(model, "measurements", None)
    if measurements is not None:
        rows = [_row(m) for m in measurements]
        if isinstance(model, MonitoringPredicate):  # told apart by column: null is the prediction as a whole
            rows = [row if "feature" in row else {**row, "feature": None} for row in rows]
        fields["measurements"] = rows
    return fields


def _row(m: Measurement) -> dict[str, Any]:
    row: dict[str, Any] = {
        "metric": m.metric,
        "slice": m.slice,
        "value": m.value,
        "lower": m.lower,
        "upper": m.upper,
        "level": m.level,
        "n": m.n,
        "positives": m.positives,
        "method": m.method,
        "params": m.params,
    }
    if m.feature is not None:
        row["feature"] = m.feature
    if m.window is not None:
        row["window"] = {"start": m.window.start, "end": m.window.end}
    if m.p_value is not None:
        row["p_value"] = m.p_value
    if m.note is not None:
        row["note"] = m.note
    return row
