"""Frame: what every report shares, whatever kind of statement it is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from codman.evidence.statements import ReadStatement
from codman.evidence.verify import Verification
from codman.report import proof, words
from codman.report.document import Document, Fact, Section, Tag
from codman.spine.statement import Origin


@dataclass(frozen=True, slots=True)
class Frame:
    """The file the report is made from, its bytes, and a policy's verdict where one was given."""

    path: Path
    evidence: bytes
    verdict: dict[str, Any] | None

    @property
    def name(self) -> str:
        """The attached file's name."""
        return self.path.name

    def doubts(self, read: ReadStatement, verification: Verification | None) -> list[str]:
        """What is not proven about the statement itself."""
        origin = getattr(read.predicate, "origin", None)
        note = getattr(read.predicate, "note", None)
        return [
            *filter(None, [proof.doubt(read, verification)]),
            *([] if origin in (None, Origin.LOCAL) else [f"These numbers are not local: {words.ORIGIN[str(origin)]}."]),
            *([words.capital(note) + ("" if note.endswith(".") else ".")] if note else []),
        ]

    def document(
        self,
        read: ReadStatement,
        predicate: BaseModel,
        *,
        kind: str,
        headline: str,
        lead: Sequence[str],
        facts: Sequence[Fact],
        unknown: Sequence[str],
        sections: Sequence[Section],
        verification: Verification | None,
    ) -> Document:
        """The whole document, with its title and tags."""
        at = instant(predicate)
        version = getattr(predicate, "version", None)
        use = getattr(predicate, "use", None)
        name = getattr(predicate, "product", None) or read.statement.subject[0].name
        title = f"{name} {version}" if version else str(name)
        origin = getattr(predicate, "origin", None)
        tags = [proof.state(read, verification)]
        if self.verdict is not None:
            whole = proof.outcome_tag(str(self.verdict.get("outcome", "")))
            tags.insert(0, Tag(f"Policy: {whole.text.lower()}", whole.tone))
        if origin is not None:
            tags.append(Tag(words.capital(words.ORIGIN.get(str(origin), str(origin)))))
        return Document(
            title=f"{title}, {use}" if use else title,
            over=f"{kind} · {at:%-d %B %Y}",
            headline=headline,
            lead=tuple(lead),
            tags=tuple(tags),
            facts=tuple(facts),
            unknown=tuple(unknown),
            sections=tuple(sections),
            made_from=read.digest,
            evaluated_at=at,
            evidence=self.evidence,
            evidence_name=self.name,
        )

    def verdict_section(self, read: ReadStatement) -> Section | None:
        """What a policy requires and whether it holds; None where no policy was given."""
        return None if self.verdict is None else proof.verdict_section(self.verdict, read.digest)


_INSTANTS = ("evaluated_at", "committed_at", "decided_at", "raised_at")


def instant(predicate: BaseModel) -> datetime:
    """When what the statement says was found, in UTC: the only time a report prints."""
    for name in _INSTANTS:
        value = getattr(predicate, name, None)
        if isinstance(value, str):
            try:
                return datetime.fromisoformat(value).astimezone(UTC)
            except ValueError:
                break
    return datetime(1970, 1, 1, tzinfo=UTC)
