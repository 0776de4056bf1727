"""A Document as PDF for everybody and for the archive: tagged (PDF/UA-1), PDF/A-3a, the evidence attached.

The same statement gives the same bytes: the only time in it is the statement's own, the only fonts are those shipped.
"""

from __future__ import annotations

import json
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from codman.errors import CodmanError, MissingExtra
from codman.report import charts
from codman.report.coverage import printable
from codman.report.document import Block, Checks, Code, Document, Gallery, Paragraph, Table
from codman.report.html import TEMPLATES

STANDARDS: Final = ("a-3a", "ua-1")
FONT: Final = charts.FONTS / "IBMPlexSans-Regular.ttf"
MOST_FOLDED_ROWS: Final = 600  # of all tables that a screen folds away; the attached evidence has every row


class PdfFailed(CodmanError):
    """The PDF could not be made."""

    exit_code = 2

    def __init__(self, why: str) -> None:
        super().__init__(
            what="the PDF could not be made",
            why=why,
            fix="write --out report.html instead, and tell us about it",
        )


def render(document: Document) -> bytes:
    """The report as PDF.

    Raises:
        MissingExtra: typst or vl-convert is not installed.
        PdfFailed: The typesetter refused the document.
    """
    if find_spec("typst") is None:
        raise MissingExtra("report", "typst")
    import typst

    drawings = charts.draw(document.figures)
    files = {figure.key: f"figure-{i}.svg" for i, figure in enumerate(document.figures)}
    with tempfile.TemporaryDirectory(prefix="codman-report-") as name:
        folder = Path(name)
        for key, file in files.items():
            (folder / file).write_text(printable(drawings[key], FONT), "utf-8")
        (folder / "document.json").write_text(json.dumps(as_json(document, files), ensure_ascii=False), "utf-8")
        (folder / "evidence").write_bytes(document.evidence)
        (folder / "report.typ").write_text((TEMPLATES / "report.typ").read_text("utf-8"), "utf-8")
        try:
            made: bytes = typst.compile(
                str(folder / "report.typ"),
                root=str(folder),
                font_paths=[str(charts.FONTS)],
                ignore_system_fonts=True,
                format="pdf",
                pdf_standards=list(STANDARDS),
                timestamp=document.evaluated_at,
                package_path=str(folder),
                package_cache_path=str(folder),  # an empty folder: no package is ever looked for elsewhere
            )
        except typst.TypstError as error:
            raise PdfFailed(str(error)) from None
    return made


def as_json(document: Document, files: dict[str, str]) -> dict[str, Any]:
    """The document as plain JSON for the template, in characters that the type face has."""
    at, kept = document.evaluated_at, _shortened(document)
    shown: dict[str, Any] = printable(
        {
            "title": document.title,
            "over": document.over,
            "headline": document.headline,
            "lead": list(document.lead),
            "tags": [{"text": t.text, "tone": t.tone, "sign": t.sign} for t in document.tags],
            "facts": [{"term": f.term, "value": f.value, "detail": f.detail} for f in document.facts],
            "unknown": list(document.unknown),
            "sections": [
                {"title": s.title, "blocks": [_block(block, files, kept) for block in s.blocks]}
                for s in document.sections
            ],
            "made_from": document.made_from,
            "attachment": {
                "name": document.evidence_name,
                "description": f"The evidence this report was made from; statement sha256:{document.made_from}",
            },
        },
        FONT,
    )
    return {**shown, "date": [at.year, at.month, at.day, at.hour, at.minute, at.second]}


def _block(block: Block, files: dict[str, str], kept: dict[str, int]) -> dict[str, Any]:
    if isinstance(block, Table):
        return _table(block, kept)
    if isinstance(block, Gallery):
        return {
            "kind": block.kind,
            "figures": [
                {"title": f.title, "caption": f.caption, "alt": f.alt, "file": files[f.key]} for f in block.figures
            ],
        }
    if isinstance(block, Checks):
        return {
            "kind": block.kind,
            "items": [
                {
                    "title": i.title,
                    "tag": {"text": i.tag.text, "tone": i.tag.tone, "sign": i.tag.sign},
                    "sentence": i.sentence,
                    "foot": list(i.foot),
                }
                for i in block.items
            ],
        }
    if isinstance(block, Paragraph):
        return {"kind": block.kind, "text": block.text}
    if isinstance(block, Code):
        return {"kind": block.kind, "text": block.text}
    return {"kind": block.kind, "items": list(block.items)}


def _shortened(document: Document) -> dict[str, int]:
    """How many rows of each folded table are printed: in reading order, until MOST_FOLDED_ROWS are used up."""
    left = MOST_FOLDED_ROWS
    kept = {}
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Table) and block.folded:
                kept[block.key] = min(len(block.rows), left)
                left -= kept[block.key]
    return kept


def _table(block: Table, kept: dict[str, int]) -> dict[str, Any]:
    rows = block.rows[: kept.get(block.key, len(block.rows))]
    left = len(block.rows) - len(rows)
    return {
        "kind": block.kind,
        "caption": block.caption,
        "columns": [{"title": c.title, "look": c.look} for c in block.columns],
        "rows": [list(row) for row in rows],
        "left": f"{left:,} {'more ' if rows else ''}rows stand in the attached evidence." if left else "",
    }
