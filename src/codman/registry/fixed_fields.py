"""What of a record is not the editor's to set: what a review decides, and what evidence or a deployment hangs on."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Select, literal, select

from codman.registry.records import BadField
from codman.registry.replay_rows import IMPORTED
from codman.registry.schema import deployments, statements
from codman.registry.schema_review import cases, triages
from codman.spine.use import Stage

# what a review sets, never the keeper of a record alone
DECIDED: Final = frozenset({"stage", "stage_since", "decision", "tier", "impact"})
RAN_BEFORE: Final = frozenset({Stage.SILENT, Stage.PILOT, Stage.LIVE, Stage.PAUSED, Stage.RETIRED})
_ARTEFACT: Final = ("product", "label", "digest", "descriptor")  # what evidence and acceptances name a version by
_ANSWER: Final = ("about_kind", "about", "field", "source")


class FixedField(BadField):
    """A field that said what others have since relied on."""

    def __init__(self, kind: str, field: str, why: str, fix: str) -> None:
        super().__init__(kind, field, why)
        self.fix = fix


def version_stays(connection: Connection, version: Any, changed: set[str]) -> None:
    """Refuse to make another artefact of a version that somebody measured, decided about or put to work.

    Args:
        connection: Where to read.
        version: The version as it was.
        changed: The fields that would change.

    Raises:
        FixedField: Its product, label, digest or descriptor would.
    """
    touched: list[str] = [field for field in _ARTEFACT if field in changed]
    if version.descriptor_statement is not None and "descriptor_statement" in changed:
        touched.append("descriptor_statement")
    if not touched:
        return
    if _any(connection, select(literal(1)).where(statements.c.version_id == version.id)):
        why = "evidence is filed about this version as it is"
    elif _any(connection, select(literal(1)).where(deployments.c.version == version.id)):
        why = "this version is deployed as it is"
    else:
        return
    raise FixedField("version", touched[0], why, "add a new version, with its own label, for the other artefact")


def use_stays(connection: Connection, use: Any, changed: set[str]) -> None:
    """Refuse to move a use to another product once something ties it to the one it has, or to decide it by editing.

    What a case decided, and a tier that triage gave, change by a case and by triage: an edit would pass the votes, the
    evidence, the second person and the sites by.

    Args:
        connection: Where to read.
        use: The use as it was.
        changed: The fields that would change.

    Raises:
        FixedField: Its product would, or what its review sets.
    """
    touched = sorted(DECIDED & changed)
    if touched and _any(connection, select(literal(1)).where(cases.c.use == use.id)):
        why = "this use has come before the committee, which decides it"
        raise FixedField("use", touched[0], why, "open a case, or take it to another stage from the use's page")
    if "tier" in changed and _any(connection, select(literal(1)).where(triages.c.use == use.id)):
        why = "this use was triaged, which gave it its tier"
        raise FixedField("use", "tier", why, "raise or lower it from the use's tier page: lowering takes two people")
    if "product" in changed and (tied := why_not_moved(connection, use.id)) is not None:
        raise FixedField("use", "product", tied, "add a new use of the other product, and retire this one")


def fact_stays(_connection: Connection, fact: Any, changed: set[str]) -> None:
    """Refuse to make something else of an answer that came with a file: its entry names it by these.

    Args:
        _connection: Not asked.
        fact: The fact as it was.
        changed: The fields that would change.

    Raises:
        FixedField: What it is about, its field or its source would.
    """
    touched = [field for field in _ANSWER if field in changed]
    if touched and fact.source.startswith(IMPORTED):
        raise FixedField("fact", touched[0], "this answer came with a file", "add an answer of your own beside it")


def why_not_moved(connection: Connection, use: str) -> str | None:
    """What ties a use to its product; None where nothing does."""
    if _any(connection, select(literal(1)).where(statements.c.use_id == use)):
        return "evidence is filed about this use of its product"
    if _any(connection, select(literal(1)).where(deployments.c.use == use, deployments.c.version.is_not(None))):
        return "versions of its product are deployed for it"
    return None


def _any(connection: Connection, query: Select[Any]) -> bool:
    return connection.execute(query.limit(1)).first() is not None
