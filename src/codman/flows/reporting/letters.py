"""Letters about reports: to whom owes one, to who answers for it, to the office. Nobody's own words are in them.

A letter waits in the outbox with the link's seed in it. The link itself is made when the letter goes, with a key that
is not in the database: whoever reads the database opens no link.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from codman.flows.address import address_of
from codman.flows.house import House
from codman.flows.reporting.calendar import days_after, last_day
from codman.jobs.notice import Notice, one_line
from codman.jobs.notifier import Message, Notifier
from codman.registry.links import MadeLink, token_of
from codman.registry.nouns import PRODUCTS, USES
from codman.spine.day import written_day
from codman.spine.partner_report import ExpectedReport, Schedule

ANSWER_AT: Final = "/report/"
MAIL: Final = "mail"
_SEALED: Final = re.compile(r"/report/~([A-Za-z0-9_-]{43})$")
# never what anybody else has this key sign: those are envelopes' and checkpoints' bytes
_OF_LINKS: Final = b"codman single-use links, version 1"


def secret_of(house: House) -> bytes:
    """What the house makes its links with: an Ed25519 signature is the same each time, and only the key makes it."""
    return hashlib.sha256(house.notary_key.sign(_OF_LINKS)).digest()


def address_of_link(house: House, link: MadeLink) -> str:
    """A link as it is handed over: the one time it is known."""
    return f"{address_of(house.settings)}{ANSWER_AT}{link.token}"


@dataclass(frozen=True, slots=True)
class OpensLinks:
    """A way to tell somebody that puts the link into a letter as it goes."""

    way: Notifier
    secret: bytes

    def send(self, message: Message) -> str | None:
        """Bring a message to its receiver."""
        sealed = _SEALED.search(message.notice.link or "")
        if sealed is None:
            return self.way.send(message)
        link = _SEALED.sub(lambda found: ANSWER_AT + token_of(self.secret, found[1]), message.notice.link or "")
        return self.way.send(replace(message, notice=message.notice.model_copy(update={"link": link})))


def opening_links(house: House) -> Mapping[str, Notifier]:
    """The house's ways to tell somebody; a mail's link is put in as it goes."""
    return {kind: OpensLinks(way, secret_of(house)) if kind == "mail" else way for kind, way in house.notifiers.items()}


def called(connection: Connection, use: str) -> str:
    """What a report is about as who owes it knows it: the product by name, the use by its id."""
    product = PRODUCTS.get(connection, USES.get(connection, use).product)
    return f"{one_line(product.name)} ({use})"


def reminder(house: House, report: ExpectedReport, about: str, link: MadeLink, *, overdue: bool) -> Notice:
    """What whoever owes a report is told: what about, by when, and where to answer without an account."""
    when = "was due" if overdue else "is due"
    return Notice(
        event="report.late" if overdue else "report.due",
        title=f"A report {when} on {written_day(report.due_on)}",
        text=f"The report about {about} for {_span(report)} {when} on {written_day(report.due_on)}.\n\n"
        "The link opens its form, without an account. It is for you alone and works once, until "
        f"{written_day(link.expires_at)}. "
        "Where you know of no incident, say so there: no answer is not taken for none.\n\n"
        "Leave patients out of it: no names, no numbers, no single stories.",
        link=f"{address_of(house.settings)}{ANSWER_AT}~{link.seed}",
        about=report.id,
        urgency="high" if overdue else "medium",
    )


def to_the_house(
    house: House, report: ExpectedReport, use: str, schedule: Schedule, *, missing: bool, asked: bool
) -> Notice:
    """What the owner and the office are told of a report that has not come.

    Args:
        house: The open house.
        report: The report.
        use: What the use is called that it is about.
        schedule: Its schedule.
        missing: Whether its grace is over.
        asked: Whether whoever owes it was reminded; nobody was where no address is known.
    """
    last, named = last_day(report.due_on, schedule.grace_days), one_line(use)
    over, since = written_day(last), written_day(days_after(last, 1))
    how = f"has not come; it is missing since {since}" if missing else f"is late; after {over} it is missing"
    reminded = "A reminder was sent" if asked else "Nobody was reminded: the schedule has no mail address"
    return Notice(
        event="report.missing" if missing else "report.late",
        title=f"A report about {named[:150]} {'is missing' if missing else 'is late'}",
        text=f"The report of the {schedule.partner.value} about {named} for {_span(report)}, due on "
        f"{written_day(report.due_on)}, {how}. {reminded}.\n\n"
        "Not reported is not the same as no incidents: nothing is known of this time.",
        link=f"{address_of(house.settings)}/reports/{report.id}",
        about=report.id,
        urgency="high" if missing else "medium",
    )


def _span(report: ExpectedReport) -> str:
    return f"{written_day(report.period_start)} to {written_day(days_after(report.period_end, -1))}"
