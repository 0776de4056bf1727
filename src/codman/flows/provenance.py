"""Where numbers come from: which bytes, which model, which software, what was promised, when."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

import codman
from codman import __version__
from codman.errors import BadInput
from codman.evidence.statements import ReadStatement, read_statement
from codman.spine.statement import CriteriaRef, Digest, Input, Kind, Origin, Subject
from codman.tables.file_digest import sha256_of_file
from codman.tables.source import Source

_SHA256: Final = re.compile(r"sha256:([0-9a-fA-F]{64})")
NO_ARTIFACT: Final = "the subject's digest is that of the predictions: no artefact and no descriptor was given"


class BadArtifact(BadInput):
    """An artefact that is neither a file nor a sha256."""

    def __init__(self, artifact: str, why: str) -> None:
        super().__init__(
            what=f"{artifact[:200]} cannot be the artefact",
            why=why,
            fix="give the model's file, or sha256: and its 64 hexadecimal digits",
        )


class NotCriteria(BadInput):
    """A statement that promises nothing."""

    def __init__(self, path: Path, kind: Kind) -> None:
        super().__init__(
            what=f"{path} holds no criteria",
            why=f"it is a statement about {kind.value}",
            fix="make one: codman policy commit POLICY --out criteria.json",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Which model a run's statement is about, which bytes it rests on, and what was promised.

    Made by `provenance_of` before the tables are read, for what can be refused without them.
    """

    subject: Subject
    note: str | None  # where the subject's digest is not the model's own
    stated: Mapping[str, Any]  # product, version, use, origin and criteria
    inputs: Sequence[tuple[Input, Source]]
    at: str | None

    def said(self, *notes: str | None, engines: tuple[str, ...] = ()) -> dict[str, Any]:
        """The fields that the predicate of every run has, once its tables are read.

        Args:
            *notes: What reading the tables and the run itself had to remark.
            engines: The rooms that computed; evaluate alone without any.
        """
        return {
            **self.stated,
            "evaluated_at": self.at or now(),
            "note": note_of(self.note, *notes),
            # a text file's rows are counted by reading it
            "inputs": [
                one if one.rows is not None else one.model_copy(update={"rows": source.rows})
                for one, source in self.inputs
            ],
            "software": software(*engines),
        }


def provenance_of(
    sources: Sequence[tuple[str, Source]],
    about: Source,
    *,
    product: str | None,
    version: str | None,
    use: str | None,
    origin: Origin,
    artifact: str | None,
    criteria: CriteriaRef | None,
    at: str | None,
) -> Provenance:
    """Where the numbers of a run will come from.

    Args:
        sources: What it reads, by the name that the statement gives it.
        about: The one of them whose predictions are the model's.
        product: The product's name; without one, that file's.
        version: Its version.
        use: What it is used for, and where.
        origin: Whose word this is.
        artifact: The model's file or `sha256:…`; without it the subject is pinned by the predictions.
        criteria: What was promised before the run.
        at: When, ISO 8601 with a zone; now without it.

    Raises:
        BadArtifact: The artefact is neither a file nor a sha256.
    """
    name = product or Path(about.uri).name or "predictions"
    inputs = [(input_of(source, called), source) for called, source in sources]
    predictions = next(one.digest.sha256 for one, source in inputs if source is about)
    subject, note = subject_of(name, version, artifact, predictions)
    return Provenance(
        subject=subject,
        note=note,
        stated={"product": name, "version": version, "use": use, "origin": origin, "criteria": criteria},
        inputs=inputs,
        at=at,
    )


def now() -> str:
    """This second, in UTC, as statements write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def software(*rooms: str) -> dict[str, str]:
    """The versions that can move a number's last bit.

    Args:
        *rooms: The engines that computed; evaluate alone without any.
    """
    return {
        "codman": __version__,
        "codman_engine": engine_digest(rooms or ("evaluate",)),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pyarrow": pa.__version__,
        "platform": f"{platform.system().lower()}-{platform.machine()}",
    }


@cache
def engine_digest(rooms: tuple[str, ...] = ("evaluate",)) -> str:
    """Which code computed: the first 16 digits of a sha256 over the engines' source and their compiled kernels."""
    found = hashlib.sha256()
    for room in rooms:
        engine = Path(codman.__file__).parent / room
        for path in sorted(path for path in engine.rglob("*") if path.suffix in (".py", ".so")):
            found.update(path.relative_to(engine).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def input_of(source: Source, name: str | None = None) -> Input:
    """What was read, pinned by its digest."""
    return Input(
        name=name or source.name,
        uri=source.uri,
        digest=Digest(sha256=source.digest()),
        rows=source.rows,
        table_version=source.table_version,
    )


def subject_of(product: str, version: str | None, artifact: str | None, predictions: str) -> tuple[Subject, str | None]:
    """The model a statement is about, and a note where its digest is not the model's own.

    Args:
        product: Its name.
        version: Its version, where it has one.
        artifact: The model's (or its descriptor's) file, or `sha256:…`.
        predictions: sha256 of the predictions, for want of anything better.

    Raises:
        BadArtifact: It is neither a file nor a sha256.
    """
    name = product if version is None else f"{product}@{version}"
    if artifact is None:
        return Subject(name=name, digest=Digest(sha256=predictions)), NO_ARTIFACT
    return Subject(name=name, digest=Digest(sha256=artifact_digest(artifact))), None


def artifact_digest(artifact: str) -> str:
    """sha256 of a file, or the digest itself where it is given as `sha256:…`.

    Raises:
        BadArtifact: It is neither.
    """
    given = _SHA256.fullmatch(artifact)
    if given:
        return given[1].lower()
    if artifact.startswith("sha256:"):
        raise BadArtifact(artifact, "a sha256 has 64 hexadecimal digits")
    path = Path(artifact)
    if path.is_dir():
        raise BadArtifact(artifact, "it is a folder, which has no one digest")
    if not path.exists():
        raise BadArtifact(artifact, "there is no such file")
    return sha256_of_file(path)


def criteria_of(path: Path | None) -> CriteriaRef | None:
    """What a criteria statement promised, as an evaluation cites it.

    Raises:
        NotCriteria: The statement is about something else.
        NotAStatement: The file is no statement.
    """
    if path is None:
        return None
    read: ReadStatement = read_statement(path)
    if read.kind is not Kind.CRITERIA:
        raise NotCriteria(path, read.kind)
    said = read.statement.predicate
    return CriteriaRef(
        digest=Digest(sha256=read.digest), committed_at=said["committed_at"], receipt=said.get("receipt")
    )


def note_of(*notes: str | None) -> str | None:
    """Several notes as one; None where there is nothing to say."""
    said = [note for note in notes if note]
    return "; ".join(dict.fromkeys(said)) or None
