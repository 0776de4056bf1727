"""What filed evidence is worth now: a revoked key takes its word back, a promise counts from when the log had it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, or_, select, true

from codman.registry.database import instant
from codman.registry.evidence_of import ABOUT_USE, about_uses
from codman.registry.keys import ALWAYS, KEYS, Key, why_not_now
from codman.registry.schema import facts, keys, statements, uses
from codman.registry.schema_filing import statement_signatures
from codman.spine.statement import Kind, when

_MANY: Final = 500

# Keys that count for ever: what one of them signed counts, and no signature need be looked up. Few keys are others.
_LASTING: Final = select(keys.c.keyid).where(
    keys.c.revoked_from.is_(None), keys.c.valid_to.is_(None), keys.c.valid_from <= ALWAYS
)
# why_not_now as the database is asked it; one signature that counts is enough. What was never verified has none: said
# first, for an index knows it.
COUNTS_FOR_EVER: Final[ColumnElement[bool]] = and_(
    statements.c.standing == "verified", statements.c.keyid.in_(_LASTING)
)
COUNTS: Final[ColumnElement[bool]] = and_(
    statements.c.standing == "verified",
    or_(
        statements.c.keyid.in_(_LASTING),
        exists(
            select(statement_signatures.c.digest)
            .join(keys, keys.c.keyid == statement_signatures.c.keyid)
            .where(
                statement_signatures.c.digest == statements.c.digest,
                statement_signatures.c.at >= keys.c.valid_from,
                func.coalesce(statement_signatures.c.at < keys.c.revoked_from, true()),
                func.coalesce(statement_signatures.c.at <= keys.c.valid_to, true()),
            )
            .correlate(statements)
        ),
    ),
)
# What shows how a use works. A decision, minutes, a concern or a plan says what people did or promise; a report that
# was filed for its sender is a claim. They stand in the record, and nobody knows more of the model by them.
SHOWS_HOW_IT_WORKS: Final[ColumnElement[bool]] = statements.c.kind.in_(
    [kind.value for kind in (Kind.EVALUATION, Kind.COMPARISON, Kind.STRESS, Kind.MONITORING)]
)
STANDS: Final[ColumnElement[str]] = case(
    (COUNTS, "verified"), (statements.c.standing == "verified", "revoked"), else_="claim"
)

# An answer that leans on a statement that is not here, or that counts no more, is somebody's claim
LEANS_ON_NOTHING: Final[ColumnElement[bool]] = and_(
    facts.c.basis == "evidence",
    facts.c.evidence.is_not(None),
    ~exists(select(statements.c.digest).where(statements.c.digest == facts.c.evidence, COUNTS)),
)
FACT_BASIS: Final[ColumnElement[str]] = case((LEANS_ON_NOTHING, "claim"), else_=facts.c.basis)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a statement is worth, and why."""

    word: Literal["verified", "claim", "revoked"]
    why: str
    signers: tuple[Key, ...] = ()  # whose signatures count


@dataclass(frozen=True, slots=True)
class Tally:
    """How many statements that show how a use works are worth what, and how many others are filed for it."""

    verified: int = 0
    revoked: int = 0
    claims: int = 0
    measured_at: str | None = None  # the newest of the verified ones
    others: int = 0  # decisions, documents, reports and the like: no measurement of the model


@dataclass(frozen=True, slots=True)
class Promise:
    """Whether criteria were promised before a run."""

    counts: bool
    why: str
    at: str | None = None  # when the log took them


def standing_of(connection: Connection, digests: Sequence[str]) -> dict[str, Standing]:
    """What each of these filed statements is worth now; digests that are not filed are left out."""
    found: dict[str, Standing] = {}
    for low in range(0, len(digests), _MANY):
        found |= _standing(connection, digests[low : low + _MANY])
    return found


def tally_of(connection: Connection, use: str) -> Tally:
    """How many statements show how a use works: those that count, apart from those that do not; and the others."""
    rows = connection.execute(
        select(SHOWS_HOW_IT_WORKS, STANDS, func.count(), func.max(statements.c.evaluated_at))
        .where(statements.c.digest.in_(about_uses([use])))
        .group_by(SHOWS_HOW_IT_WORKS, STANDS)
    )
    found = {(bool(shows), word): (int(number), last) for shows, word, number, last in rows}
    verified, measured_at = found.get((True, "verified"), (0, None))
    return Tally(
        verified,
        found.get((True, "revoked"), (0, None))[0],
        found.get((True, "claim"), (0, None))[0],
        measured_at,
        sum(number for (shows, _), (number, _last) in found.items() if not shows),
    )


def verified_by_version(connection: Connection, use: str) -> dict[str, tuple[int, str | None]]:
    """How many statements that count show how a use works in each version that they name, and the newest's day."""
    rows = connection.execute(
        select(statements.c.version_id, func.count(), func.max(statements.c.evaluated_at))
        .where(
            statements.c.digest.in_(about_uses([use])), statements.c.version_id.is_not(None), SHOWS_HOW_IT_WORKS, COUNTS
        )
        .group_by(statements.c.version_id)
    )
    return {version: (int(number), last) for version, number, last in rows}


def evidence_counts(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """How many statements count as evidence of each use: they show how it works, and are verified by a key that counts.

    A signed decision, minutes or a document is in the record of the use and no evidence that it works.
    """
    rows = connection.execute(
        select(uses.c.id, func.count())
        .select_from(uses.join(statements, ABOUT_USE))
        .where(uses.c.id.in_(names), SHOWS_HOW_IT_WORKS, COUNTS)
        .group_by(uses.c.id)
    )
    return {use: int(count) for use, count in rows}


def _standing(connection: Connection, digests: Sequence[str]) -> dict[str, Standing]:
    rows = connection.execute(
        select(statement_signatures.c.digest, statement_signatures.c.at.label("signed_at"), *keys.c)
        .join(keys, keys.c.keyid == statement_signatures.c.keyid)
        .where(statement_signatures.c.digest.in_(digests))
        .order_by(statement_signatures.c.log_index)
    )
    good: dict[str, list[Key]] = {}
    lost: dict[str, str] = {}
    for row in rows:
        key = KEYS.read(row)
        why = why_not_now(key, row.signed_at)
        if why is None:
            good.setdefault(row.digest, []).append(key)
        else:
            lost.setdefault(row.digest, why)
    filed = connection.execute(
        select(statements.c.digest, statements.c.filed_by).where(statements.c.digest.in_(digests))
    )
    return {row.digest: _one(row, good.get(row.digest), lost.get(row.digest)) for row in filed}


def _one(row: Any, good: list[Key] | None, lost: str | None) -> Standing:
    if good:
        names = ", ".join(f"{key.name} ({key.owner_kind.value} {key.owner})" for key in good)
        return Standing("verified", f"signed by {names}", tuple(good))
    if lost is not None:
        return Standing("revoked", lost)
    return Standing("claim", f"nobody signed it: the word of {row.filed_by}")


def promised_before(connection: Connection, criteria: str, run_at: str) -> Promise:
    """Whether criteria count as promised before a run: only where this log took them earlier.

    Args:
        connection: Where to read.
        criteria: The digest of the criteria statement that an evaluation cites.
        run_at: The evaluation's `evaluated_at`.
    """
    row = connection.execute(
        select(statements.c.filed_at, statements.c.kind).where(statements.c.digest == criteria)
    ).one_or_none()
    if row is None or row.kind != "criteria":
        return Promise(
            False, "the criteria it cites are not filed here: when they were promised is their author's word"
        )
    if row.filed_at > instant(when(run_at)):
        return Promise(False, f"the criteria reached the log at {row.filed_at}, after the run", row.filed_at)
    return Promise(True, f"the log took the criteria at {row.filed_at}, before the run", row.filed_at)
