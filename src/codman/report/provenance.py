"""Where the numbers come from: inputs, what was asked, software, promises made before the run, how to recompute."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from codman.report import words
from codman.report.document import Block, Code, Column, Paragraph, Section, numbers, table
from codman.spine.statement import CriteriaRef, Statement

_ALWAYS_SAID: Final = ("task", "label", "score", "level", "seed", "suppression", "interval")


def provenance(
    statement: Statement, predicate: BaseModel, digest: str, path: Path, *, reproducible: bool = True
) -> Section:
    """Everything needed to check and to compute again."""
    blocks: list[Block] = [
        table(
            "identity",
            "What this report is about",
            ["", Column("Value", "code")],
            _identity(statement, predicate, digest),
        )
    ]
    inputs = getattr(predicate, "inputs", None)
    if inputs:
        blocks.append(
            table(
                "inputs",
                "Inputs that were read",
                ["Input", "File or table", *numbers("Rows"), Column("sha256", "code")],
                [
                    (
                        i.name,
                        i.uri + (f" at version {i.table_version}" if i.table_version is not None else ""),
                        words.count(i.rows),
                        i.digest.sha256,
                    )
                    for i in inputs
                ],
            )
        )
    spec = getattr(predicate, "spec", None)
    if isinstance(spec, BaseModel):
        blocks.append(table("spec", "What was asked", ["Argument", "Value"], arguments(spec)))
    software = getattr(predicate, "software", None)
    if software:
        blocks.append(table("software", "Software", ["Package", "Version"], list(software.items())))
    if hasattr(predicate, "criteria"):
        blocks.append(Paragraph(promised(predicate.criteria, predicate)))
    if reproducible:
        blocks += [
            Paragraph(
                "With the same inputs and the same software this computes every number again and says what differs:"
            ),
            Code(f"codman reproduce {_quoted(path.name)}", "Command that computes the numbers again"),
        ]
    return Section("provenance", "Where the numbers come from", tuple(blocks))


def _quoted(name: str) -> str:
    plain = all(c.isalnum() or c in "._-+@=" for c in name)
    return name if plain else "'" + name.replace("'", "'\\''") + "'"


def _identity(statement: Statement, predicate: BaseModel, digest: str) -> list[tuple[str, str]]:
    rows = [(f"Subject: {s.name}", f"sha256:{s.digest.sha256}") for s in statement.subject]
    for name in ("product", "version", "use"):
        value = getattr(predicate, name, None)
        if value:
            rows.append((name.capitalize(), str(value)))
    origin = getattr(predicate, "origin", None)
    if origin is not None:
        rows.append(("Origin", f"{origin}: {words.ORIGIN.get(str(origin), 'unknown')}"))
    rows.append(("Measured at", str(getattr(predicate, "evaluated_at", ""))))
    rows.append(("Kind", statement.predicate_type))
    rows.append(("Statement", f"sha256:{digest}"))
    return rows


def arguments(spec: BaseModel) -> list[tuple[str, str]]:
    """Every argument that was given, in words; those left at their default only where they move a number."""
    rows = []
    for name, value in spec.model_dump(mode="json").items():
        default = type(spec).model_fields[name].default
        empty = value is None or value == [] or value == {}
        if empty or (value == default and name not in _ALWAYS_SAID):
            continue
        rows.append((words.capital(name.replace("_", " ")), said(value)))
    return rows


def said(value: Any) -> str:
    """A JSON value as one line of plain words."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return words.short(value)
    if isinstance(value, Mapping):
        return "; ".join(f"{k} {said(v)}" for k, v in value.items() if v is not None)
    if isinstance(value, list):
        inner = ["{}".format(" and ".join(map(said, v))) if isinstance(v, list) else said(v) for v in value]
        return ("; " if any(isinstance(v, (list, dict)) for v in value) else ", ").join(inner)
    return str(value)


def promised(criteria: CriteriaRef | None, predicate: Any) -> str:
    """Whether the criteria stood before the run."""
    if criteria is None:
        return (
            "No criteria were committed before the run, so nothing shows that the bounds were chosen before the "
            "numbers were seen."
        )
    when = f"The criteria (sha256:{criteria.digest.sha256}) were committed at {criteria.committed_at}"
    before = criteria.committed_at <= str(getattr(predicate, "evaluated_at", ""))
    receipt = "with a log receipt" if criteria.receipt else "without a log receipt, on the writer's word"
    return f"{when}, {'before' if before else 'after'} the run, {receipt}."
