"""generated: documents made from the book: a CHAI model card, HTI-1 source attributes, a CycloneDX ML-BOM.

All of a document is read in one transaction, so that the log size it names is the state of everything it says.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, not_, or_, select

from codman import __version__
from codman.errors import BadInput, nearest
from codman.evidence.files import write_whole
from codman.flows import records
from codman.flows.house import House
from codman.flows.triage_record import history_of, standing_in
from codman.registry.access import Reader, require
from codman.registry.coverage import Answer, State, coverage_of
from codman.registry.database import instant
from codman.registry.evidence_of import about_uses
from codman.registry.inventory import paths_of
from codman.registry.log import state_of
from codman.registry.nouns import PRODUCTS, USES, VENDORS, VERSIONS
from codman.registry.schema import deployments, statements, versions
from codman.registry.standing import STANDS, standing_of
from codman.report import bom, model_card, source_attributes, source_attributes_page
from codman.report.told import Cited, Evaluation, Told
from codman.spine.site import Mode
from codman.spine.statement import EvaluationPredicate, Kind, Origin
from codman.spine.use import Use

EXPORT: Final = "inventory.export"
EVIDENCE: Final = "evidence.read"
_ENDED: Final = Mode.ENDED.value
_VERIFIED: Final = "verified"


@dataclass(frozen=True, slots=True)
class Form:
    """One way a document is written."""

    ending: str
    media_type: str
    write: Callable[[Told], bytes]


@dataclass(frozen=True, slots=True)
class Format:
    """A document that can be made of a use."""

    name: str
    title: str
    framework: str | None  # whose fields it answers
    forms: tuple[Form, ...]  # the first is the usual one


FORMATS: Final[Mapping[str, Format]] = {
    one.name: one
    for one in (
        Format(
            "chai",
            "CHAI Applied Model Card v0.2",
            "chai-model-card",
            (Form(".xml", "application/xml", model_card.model_card),),
        ),
        Format(
            "hti-1",
            "HTI-1 source attributes",
            "hti-1",
            (
                Form(".html", "text/html; charset=utf-8", source_attributes_page.as_html),
                Form(".json", "application/json", source_attributes.as_json),
            ),
        ),
        Format(
            "cyclonedx",
            "CycloneDX 1.6 ML-BOM",
            None,
            (Form(".json", "application/vnd.cyclonedx+json", bom.bom),),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Generated:
    """A document that was made."""

    body: bytes
    media_type: str
    file_name: str
    told: Told


class UnknownDocument(BadInput):
    """A document, or an ending, that is not made."""

    def __init__(self, what: str, given: str, known: Iterable[str]) -> None:
        super().__init__(what=what, why=f"{given[:60]!r} is none of its kinds", fix=nearest(given[:60], list(known)))


def generate(house: House, reader: Reader, use: str, format_: str, ending: str | None = None) -> Generated:
    """A document of a use, as the book stands now.

    Args:
        house: The open house.
        reader: Who asks; must hold `inventory.export` and `evidence.read` where the use belongs.
        use: Its id.
        format_: chai, hti-1 or cyclonedx.
        ending: Of several ways to write it, the one a file of this ending has; the first without.

    Raises:
        UnknownDocument: There is no such format, or it is not written so.
        NoSuchRecord: There is no such use within their reach.
        NotAllowed: They may not take it out.
        EvidenceTampered: A statement's bytes are no longer those that were filed.
        MissingExtra: A page, without the extra `report`.
    """
    made, form = _asked(format_, ending)
    told = tell(house, reader, use)
    stem = re.sub(r"[^A-Za-z0-9]+", "-", told.title).strip("-").lower()[:80] or told.use.id
    return Generated(form.write(told), form.media_type, f"{stem}-{made.name}{form.ending}", told)


def write(house: House, reader: Reader, use: str, format_: str, out: Path) -> Generated:
    """The same into a file, whole or not at all; its ending says how it is written.

    Raises:
        UnknownDocument: There is no such format, or it is not written so.
        CannotWrite: The folder is missing or not ours.
    """
    _asked(format_, out.suffix.casefold())
    made = generate(house, reader, use, format_, out.suffix.casefold())
    write_whole(out, made.body)
    return made


def tell(house: House, reader: Reader, name: str) -> Told:
    """What the book says of a use now: the source of every document.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        NotAllowed: They may not take it out, or read its evidence.
    """
    records.get(house, reader, "use", name)  # within their reach
    with house.database.reading() as connection:
        use = USES.get(connection, name)  # once more, in the transaction of all the rest
        paths = paths_of(connection, use)
        for action in (EXPORT, EVIDENCE):
            require(reader, action, paths)
        product = PRODUCTS.get(connection, use.product)
        described, others = _versions(connection, use)
        version = None if described is None else VERSIONS.get(connection, described)
        found = coverage_of(connection, use.id, version=described)
        newest, uncounted, of_others = _evaluations(connection, use, described)
        log = state_of(connection, house.log_origin)
        cited = _cited(connection, [*newest, *(one.evidence for one in found if one.evidence)])
        vendor = None if product.vendor is None else VENDORS.get(connection, product.vendor)
        triaged = standing_in(history_of(connection, use.id))
    answers = {(one.framework, one.field.id): _as_it_stands(one, cited, described) for one in found}
    used = {*newest, *(one.evidence for one in answers.values() if one.evidence)}
    return Told(
        use=use,
        product=product,
        vendor=vendor,
        version=version,
        others=others,
        classes={} if triaged is None else triaged.classes,
        answers=answers,
        evaluations=[_evaluation(house, cited[digest]) for digest in newest],
        statements=[one for digest, one in cited.items() if digest in used],
        uncounted=uncounted,
        of_others=of_others,
        log=log,
        at=instant(house.database.clock()),
        address=(house.settings.public_url or "").rstrip("/"),
        codman=__version__,
    )


def _asked(format_: str, ending: str | None) -> tuple[Format, Form]:
    if format_ not in FORMATS:
        raise UnknownDocument("no such document is made", format_, FORMATS)
    made = FORMATS[format_]
    for form in made.forms:
        if ending in (None, form.ending):
            return made, form
    endings = [form.ending for form in made.forms]
    raise UnknownDocument(f"{made.title} is written as {' or '.join(endings)}", ending or "", endings)


def _versions(connection: Connection, use: Use) -> tuple[str | None, tuple[str, ...]]:
    """The version that the most sites run, the last put to work of several; else the product's last added.

    Returns:
        Its id, and the labels of the others that run as well.
    """
    running = connection.execute(
        select(versions.c.id, versions.c.label, func.count(), func.max(func.coalesce(deployments.c.since, "")))
        .join(deployments, deployments.c.version == versions.c.id)
        .where(deployments.c.use == use.id, deployments.c.mode != _ENDED)
        .group_by(versions.c.id, versions.c.label)
    ).all()
    if running:
        ranked = sorted(running, key=lambda row: (row[2], row[3], row[0]), reverse=True)
        return ranked[0].id, tuple(sorted(row.label for row in ranked[1:]))
    last = select(versions.c.id).where(versions.c.product == use.product)
    last = last.order_by(versions.c.created_at.desc(), versions.c.id).limit(1)
    return connection.execute(last).scalar_one_or_none(), ()


def _evaluations(connection: Connection, use: Use, version: str | None) -> tuple[Sequence[str], int, int]:
    """The newest evaluation of each origin whose signature counts, of the version that is described or of none.

    Returns:
        Their digests; how many are filed whose signature does not count; how many count and are of other versions.
    """
    about = statements.c.digest.in_(about_uses([use.id]))
    described: ColumnElement[bool] = statements.c.version.is_(None)
    if version is not None:
        described = or_(described, func.coalesce(statements.c.version_id, "") == version)
    kind = statements.c.kind == Kind.EVALUATION.value
    found: list[str] = []
    for origin in Origin:
        newest = (
            select(statements.c.digest)
            .where(kind, about, described, statements.c.origin == origin.value, STANDS == _VERIFIED)
            .order_by(statements.c.evaluated_at.desc(), statements.c.log_index.desc())
            .limit(1)
        )
        found += connection.execute(newest).scalars()

    def count(*where: ColumnElement[bool]) -> int:
        query = select(func.count()).select_from(statements).where(kind, about, *where)
        return int(connection.execute(query).scalar_one())

    return found, count(described, STANDS != _VERIFIED), count(not_(described), STANDS == _VERIFIED)


def _cited(connection: Connection, digests: Sequence[str]) -> dict[str, Cited]:
    """Those of these statements whose signature counts now."""
    wanted = list(dict.fromkeys(digests))
    worth = standing_of(connection, wanted)
    found: dict[str, Any] = {}
    for low in range(0, len(wanted), _AT_ONCE):
        batch = wanted[low : low + _AT_ONCE]
        rows = connection.execute(select(statements).where(statements.c.digest.in_(batch)))
        found |= {row.digest: row for row in rows}
    return {
        digest: Cited(
            digest=digest,
            kind=found[digest].kind,
            origin=found[digest].origin,
            evaluated_at=found[digest].evaluated_at,
            version=found[digest].version_id,
            why=worth[digest].why,
        )
        for digest in wanted
        if digest in found and worth[digest].word == _VERIFIED
    }


_AT_ONCE: Final = 500


def _as_it_stands(answer: Answer, cited: Mapping[str, Cited], version: str | None) -> Answer:
    """An answer whose statement lost its word, is not filed here, or shows another version, is a claim again."""
    if answer.evidence is None:
        return answer
    statement = cited.get(answer.evidence)
    if statement is None:
        source = f"{answer.source}; no signature that counts stands behind it"
        return replace(answer, state=State.CLAIM, source=source, evidence=None)
    if statement.version in (None, version):
        return answer
    state = State.CLAIM if answer.state is State.EVIDENCE else answer.state
    return replace(answer, state=state, source=f"{answer.source}; about another version")


def _evaluation(house: House, cited: Cited) -> Evaluation:
    predicate = house.store.get(cited.digest).predicate
    assert isinstance(predicate, EvaluationPredicate)  # noqa: S101 (the query asked for evaluations)
    # loaded now: it needs the engine, which is slow to load
    small_groups: Any = importlib.import_module("codman.report.small_groups")
    shown = small_groups.strict(predicate)
    return Evaluation(cited=cited, predicate=predicate, measurements=shown.measurements, hidden=shown.hidden)
