"""Receiving: a report that came is filed, whichever of the three ways it took; one report, one answer.

Signed, it counts as its signer's word. Typed by people, it is the sender's claim, with what they sent attached as a
document: their words stay in that original and never enter the evidence.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from codman.errors import CodmanError, NotProven
from codman.evidence.canonical import canonical, sha256
from codman.evidence.statements import ReadStatement, build, canonical_statement, read_bytes
from codman.flows.filing import file_evidence
from codman.flows.house import House
from codman.flows.papers import keep_bytes, take_back
from codman.flows.reporting.answers import Answered
from codman.flows.reporting.calendar import days_after
from codman.flows.reporting.heeding import kept, tell_what_it_says
from codman.flows.reporting.refusals import NotThisReport, refuse_another_signer, refuse_running, refuse_unawaited
from codman.flows.reporting.schedules import use_to
from codman.registry import governance
from codman.registry.about import Known, said_by
from codman.registry.access import Reader, paths_for
from codman.registry.database import Change
from codman.registry.documents import Document, DocumentFields
from codman.registry.filing import file, find, signers
from codman.registry.governance import EXPECTED_REPORTS, SCHEDULES
from codman.registry.links import REPORT, Link, LinkSpent, find_link, revoke_links, spend_link
from codman.registry.log import Author, size_of
from codman.registry.nouns import DEPLOYMENTS, DOCUMENTS, PEOPLE, PRODUCTS, USES, VERSIONS
from codman.registry.records import NoSuchRecord
from codman.registry.schema import deployments
from codman.spine.day import written_day
from codman.spine.engine_statements import MonitoringPredicate
from codman.spine.measurement import Window
from codman.spine.partner_report import ExpectedReport, Partner, ReportState, Schedule, Way
from codman.spine.product import Product, Version
from codman.spine.reported import Reported
from codman.spine.statement import Digest, Input, Kind, Origin, Statement, Subject, when
from codman.spine.use import Use

DOCUMENT_TYPE: Final = "partner-report"
_FOR_THEM: Final = " of the house, from what was sent."


class NotSigned(NotProven):
    """A bare statement where a signed one is asked for."""

    def __init__(self) -> None:
        super().__init__(
            what="the report is not signed",
            why="by this way a report is its signer's word",
            fix="sign it: codman evidence sign FILE --key KEY; or answer by the form, as a claim",
        )


class NotTheSender(CodmanError):
    """A vendor's form, opened by somebody who is signed in to the house."""

    exit_code = 4

    def __init__(self) -> None:
        super().__init__(
            what="this form is the vendor's",
            why="you are signed in as somebody of the house, and would answer in the vendor's place",
            fix="send them the link; what they sent you is filed on the report's page, under your name",
        )


@dataclass(frozen=True, slots=True)
class Original:
    """What was sent, as it was sent."""

    way: Way
    data: bytes
    media_type: str


class Awaited(NamedTuple):
    """A report and what it is about."""

    report: ExpectedReport
    schedule: Schedule
    use: Use
    product: Product


def by_link(house: House, token: str, reader: Reader | None = None) -> tuple[Link, Awaited]:
    """The report that a link asks for; looking does not use the link up. `reader` is who is signed in, if anybody.

    Raises:
        LinkSpent: It is none that could still be used.
        NotTheSender: Somebody of the house opens a vendor's.
    """
    with house.database.reading() as connection:
        link = find_link(connection, REPORT, token, house.database.clock())
        found = awaited(connection, link.about)
    if found.report.state is not ReportState.DUE:
        raise LinkSpent
    if reader is not None and found.schedule.partner is Partner.VENDOR:
        raise NotTheSender
    return link, found


def awaited(connection: Connection, name: str) -> Awaited:
    """A report with its schedule, use and product.

    Raises:
        NoSuchRecord: There is none of that name.
    """
    report = EXPECTED_REPORTS.get(connection, name)
    use = USES.get(connection, report.use)
    product = PRODUCTS.get(connection, use.product)
    return Awaited(report, SCHEDULES.get(connection, report.schedule), use, product)


def awaited_for(house: House, reader: Reader, name: str, action: str) -> Awaited:
    """The same for somebody at a door; `awaited_by` says what is refused."""
    with house.database.reading() as connection:
        return awaited_by(connection, reader, name, action)


def awaited_by(connection: Connection, reader: Reader, name: str, action: str) -> Awaited:
    """A report that somebody may do something with.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They may not, for its use.
    """
    governance.get(connection, "expected_report", name, paths_for(reader, "report.read"))
    found = awaited(connection, name)
    use_to(connection, reader, found.use.id, action)
    return found


def receive_by_link(house: House, link: Link, answered: Answered, original: Original) -> ExpectedReport:
    """File what the holder of a link sent, and use the link up.

    Raises:
        LinkSpent: Somebody else used it meanwhile, or it ended.
        NotAwaited: The report came by another way.
        PeriodRuns: Its period is not over.
    """
    author = Author("link", link.about)
    return _receive(house, author, link.about, answered, original, link=link)


def receive_by_hand(
    house: House, reader: Reader, name: str, answered: Answered, original: Original, *, request: str | None = None
) -> ExpectedReport:
    """File what somebody of the house was sent, e.g. a workbook that came by mail.

    Raises:
        NoSuchRecord: There is no such report within their reach.
        NotAllowed: They may not, for its use.
        NotAwaited: It came already.
        PeriodRuns: Its period is not over.
    """
    return _receive(house, reader.author(request), name, answered, original, reader=reader)


def receive_signed(
    house: House, reader: Reader, name: str, body: bytes, *, request: str | None = None
) -> ExpectedReport:
    """File a signed monitoring statement as the answer to a report; the same again changes nothing.

    Args:
        house: The open house.
        reader: Who sends it.
        name: The report it answers.
        body: The DSSE envelope.
        request: The request it came with, for the log.

    Raises:
        NoSuchRecord: There is no such report within their reach.
        NotAllowed: They may not send reports, or evidence, for its use.
        NotSigned: It carries no signature.
        NotThisReport: It is about another use or period, lacks what the report must carry, or is a vendor's and no key
            of that vendor signed it.
        NotAwaited: Another answer came before.
        PeriodRuns: Its period is not over.
        SignatureRefused: No registered key signed it, or its key may not say this.
    """
    with house.database.reading() as connection:
        found = awaited_by(connection, reader, name, "report.create")
    read = read_bytes(body, name="the report")
    if found.report.statement == read.digest:
        return found.report
    refuse_unawaited(found.report)
    refuse_running(found.report, house.database.today().isoformat())
    if read.envelope is None:
        raise NotSigned
    _refuse_other(found, read)
    with house.database.reading() as connection:
        refuse_another_signer(connection, found.schedule, signers(connection, read.envelope))
    file_evidence(house, body, reader, source=f"report:{name}", request=request)
    with house.database.changing(reader.author(request)) as change:
        now = awaited_by(change.connection, reader, name, "report.create")
        if now.report.statement == read.digest:
            return now.report
        refuse_unawaited(now.report)
        filed = find(change.connection, read.digest)
        if filed is None or filed.known.use not in (None, now.use.id):
            raise NotThisReport("the book knows it as a statement about another use")
        said = read.predicate.report if isinstance(read.predicate, MonitoringPredicate) else None
        return _received(change, house, now, said, Way.SIGNED, read.digest, None)


def original_of_form(found: Awaited, typed: dict[str, str]) -> Original:
    """What was typed into the form, word for word, as the document that is kept."""
    said = {
        "report": found.report.id,
        "use": found.use.id,
        "period": {"start": found.report.period_start, "end": found.report.period_end},
        "typed": {name: text for name, text in typed.items() if text},
    }
    return Original(Way.FORM, canonical(said), "application/json")


def _receive(
    house: House,
    author: Author,
    name: str,
    answered: Answered,
    original: Original,
    *,
    reader: Reader | None = None,
    link: Link | None = None,
) -> ExpectedReport:
    digest, read = sha256(original.data), None
    try:
        with house.database.changing(author) as change:
            found = awaited(change.connection, name)
            if reader is not None:
                awaited_by(change.connection, reader, name, "report.create")
            if link is not None:
                spend_link(change, link)
            refuse_unawaited(found.report)
            refuse_running(found.report, change.today)
            keep_bytes(house, original.data, digest)
            document = DOCUMENTS.add(change, _document(found, original, digest))
            version = _version(change.connection, found.use)
            note = _handed_over(change.connection, link) if reader is None else f"Filed by {reader.name}{_FOR_THEM}"
            statement = _statement(found, version, answered, document, change.at, note)
            read = read_bytes(canonical_statement(statement), name="the report")
            house.store.put(read)
            known = Known(found.product.id, None if version is None else version.id, found.use.id)
            index = size_of(change.connection) + len(change.entries)
            source = f"report:{original.way.value}"
            file(change, said_by(read), known, None, size=len(read.body), source=source, index=index)
            return _received(change, house, found, answered.report, original.way, read.digest, document.id)
    except BaseException:
        take_back(house, author, digest)
        if read is not None:
            _take_back_statement(house, author, read)
        raise


def _take_back_statement(house: House, author: Author, read: ReadStatement) -> None:
    with suppress(CodmanError, OSError), house.database.changing(author) as change:
        house.store.take_back(read, statement=find(change.connection, read.digest) is None)


def _received(
    change: Change,
    house: House,
    found: Awaited,
    said: Reported | None,
    way: Way,
    statement: str,
    document: str | None,
) -> ExpectedReport:
    done: dict[str, Any] = {
        "state": ReportState.RECEIVED.value,
        "way": way.value,
        "statement": statement,
        "document": document,
        "received_at": change.at,
    }
    if said is not None:
        done |= kept(said)
    received = EXPECTED_REPORTS.change(change, found.report.id, done, None)
    revoke_links(change, REPORT, found.report.id)
    tell_what_it_says(change, house, received, found.schedule, found.use)
    return received


def _document(found: Awaited, original: Original, digest: str) -> DocumentFields:
    last = days_after(found.report.period_end, -1)
    span = f"{written_day(found.report.period_start)} to {written_day(last)}"
    return DocumentFields(
        about_kind="use",
        about=found.use.id,
        type=DOCUMENT_TYPE,
        title=f"Report of {found.schedule.partner_name}, {span}"[:300],
        digest=digest,
        size=len(original.data),
        media_type=original.media_type,
    )


def _version(connection: Connection, use: Use) -> Version | None:
    """The version in use, where it is one and the same everywhere."""
    rows = connection.execute(deployments.select().where(deployments.c.use == use.id))
    running = {one.version for one in map(DEPLOYMENTS.read, rows) if one.mode.value != "ended"}
    if len(running) != 1 or (name := running.pop()) is None:
        return None
    with suppress(NoSuchRecord):
        return VERSIONS.get(connection, name)
    return None


def _handed_over(connection: Connection, link: Link | None) -> str | None:
    """Whose hand a link came by, where it did not go by mail."""
    if link is None or link.made_by is None:
        return None
    return f"Answered by a link that {PEOPLE.get(connection, link.made_by).name} made and handed over."[:2000]


def _statement(
    found: Awaited, version: Version | None, answered: Answered, document: Document, at: str, note: str | None
) -> Statement:
    vendor = found.schedule.partner is Partner.VENDOR
    window = Window(start=found.report.period_start, end=found.report.period_end)
    predicate = MonitoringPredicate(
        product=found.product.name,
        version=None if version is None else version.label,
        use=found.use.name,
        origin=Origin.DEVELOPER if vendor else Origin.LOCAL,
        evaluated_at=at,
        inputs=[Input(name="original", uri=f"document:{document.id}", digest=Digest(sha256=document.digest))],
        window=window,
        measurements=list(answered.measurements),
        report=answered.report,
        note=note,
    )
    artefact = None if version is None else version.digest
    # the original stands for the model where the book has no artefact of it: two answers are never one statement
    subject = Subject(name=found.product.name, digest=Digest(sha256=artefact or document.digest))
    return build(Kind.MONITORING, subject, predicate)


def _refuse_other(found: Awaited, read: ReadStatement) -> None:
    said = read.predicate
    if not isinstance(said, MonitoringPredicate) or said.report is None:
        raise NotThisReport("it is no monitoring statement that says what is known of incidents, complaints, changes")
    if said.product not in (found.product.id, found.product.name):
        raise NotThisReport("it is about another product")
    if said.use not in (found.use.id, found.use.name):
        raise NotThisReport("it is about another use")
    if said.window is None or _days(said.window) != (found.report.period_start, found.report.period_end):
        raise NotThisReport(
            f"its window is not {found.report.period_start} to {found.report.period_end}, the end exclusive"
        )
    there = {one.metric for one in said.measurements}
    lacking = [metric for metric in found.schedule.metrics if metric not in there]
    if lacking:
        raise NotThisReport(f"it carries no {', '.join(lacking)}; where there is none, say so with a null and a note")


def _days(window: Window) -> tuple[str, str]:
    return _day(window.start), _day(window.end)


def _day(text: str) -> str:
    """The day of a date, or of a time at midnight of its own zone."""
    if len(text) <= len("2026-01-01"):
        return text
    with suppress(ValueError):
        at = when(text)
        return at.date().isoformat() if (at.hour, at.minute, at.second) == (0, 0, 0) else text
    return text
