"""Mail by SMTP: a notice as plain text and as HTML, with an id by which a second copy is known.

Source: RFC 5322 (the message), RFC 3834 (that nobody's machine should answer it).
"""

from __future__ import annotations

from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from html import escape
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from codman.egress.connection import NoAnswerOutside
from codman.egress.mail import Encryption, MailRefused, MailServer, send_mail
from codman.egress.policy import EgressPolicy, EgressRefused
from codman.jobs.notice import Item, Notice
from codman.jobs.notifier import Message, NotAccepted, NotDelivered, ReceiverAway
from codman.settings import BadSetting
from codman.spine.day import written_day

_URL: Final = "smtp_url"
_FOOT: Final = "Codman sent this because of your part in the governance of clinical AI. Nobody reads answers to it."
_STYLE: Final = "font-family:sans-serif;font-size:16px;line-height:1.5;color:#1a1a1a;max-width:36em"


class SmtpMail:
    """Sends notices as mail.

    Args:
        server: Who takes them.
        sender: From whom, e.g. `Codman <codman@hospital.org>`.
        policy: Who may be called; the server itself is.

    Raises:
        BadSetting: The server or the sender cannot be used.
    """

    def __init__(self, server: MailServer, sender: str, policy: EgressPolicy) -> None:
        self._server = server
        self._sender = read_sender(sender)
        try:
            self._policy = policy.also(server.origin)
        except ValueError as error:
            raise BadSetting(_URL, str(error)) from None

    def send(self, message: Message) -> str | None:
        """Hand it to the mail server; a second copy carries the same Message-ID.

        Raises:
            ReceiverAway: The server does not answer, or does not take mail from us.
            NotDelivered: It does not take this one now.
            NotAccepted: It never will.
        """
        try:
            send_mail(self._server, compose(message, self._sender), self._policy)
        except (NoAnswerOutside, EgressRefused) as error:
            raise ReceiverAway(f"{error.what}: {error.why}") from None
        except MailRefused as error:
            if error.of_us:
                raise ReceiverAway(error.why) from None
            raise NotAccepted(error.why) if error.for_good else NotDelivered(error.why) from None
        return None


def read_server(url: str, sender: str) -> MailServer:
    """The server an address names.

    Args:
        url: `smtp://HOST` (STARTTLS is a must), `smtps://HOST` (TLS from the first byte), or
            `smtp://HOST?encryption=none` for a relay inside that has none; `USER:PASSWORD@` before the host.
        sender: From whom mail goes; its domain is how we greet.

    Raises:
        BadSetting: It is no such address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadSetting(_URL, "it is no address") from None
    asked = parse_qs(parts.query, strict_parsing=bool(parts.query))
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/") or parts.fragment:
        raise BadSetting(_URL, "it is not smtp://HOST or smtps://HOST")
    if asked not in ({}, {"encryption": ["none"]}) or (asked and parts.scheme == "smtps"):
        raise BadSetting(_URL, "after the question mark stands only encryption=none, and only with smtp://")
    encryption: Encryption = "implicit" if parts.scheme == "smtps" else "none" if asked else "starttls"
    if parts.username and encryption == "none":
        raise BadSetting(_URL, "a password is not sent without encryption")
    return MailServer(
        host=parts.hostname,
        port=port,
        encryption=encryption,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        hello=read_sender(sender).domain,
    )


def read_sender(text: str) -> Address:
    """The address mail comes from.

    Raises:
        BadSetting: It is none.
    """
    name, address = parseaddr(text)
    try:
        if not text.isprintable():
            raise ValueError("more than one line")
        found = Address(display_name=name, addr_spec=address)
    except (ValueError, IndexError, HeaderParseError):
        raise BadSetting("mail_from", "it is no mail address") from None
    if not found.domain or not found.username:
        raise BadSetting("mail_from", "it is no mail address")
    return found


def compose(message: Message, sender: Address) -> EmailMessage:
    """A message as mail.

    Raises:
        NotAccepted: Its receiver is no mail address.
    """
    mail = EmailMessage()
    try:
        to = Address(addr_spec=message.to)
    except (ValueError, IndexError, HeaderParseError):
        raise NotAccepted("its receiver is no mail address") from None
    mail["From"], mail["To"], mail["Subject"] = sender, to, message.notice.title
    mail["Date"] = format_datetime(message.queued_at)  # not of the attempt: a copy is the same to the last byte
    mail["Message-ID"] = f"<{message.id}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # no out-of-office answers
    mail.set_content(as_text(message.notice))
    mail.add_alternative(as_html(message.notice), subtype="html")
    mail.set_boundary(f"=_{message.id}")
    return mail


def as_text(notice: Notice) -> str:
    """A notice as plain text."""
    return f"{notice.plain}\n\n-- \n{_FOOT}\n"


def as_html(notice: Notice) -> str:
    """A notice as HTML: no picture, no script, nothing that is fetched or counted when it is read."""
    paragraphs = "".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in notice.text.split("\n\n"))
    items = "".join(f"<li>{_item_html(item)}</li>" for item in notice.items)
    listed = f"<ul>{items}</ul>" if items else ""
    link = f'<p><a href="{escape(notice.link)}">{escape(notice.link)}</a></p>' if notice.link else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(notice.title)}</title></head>'
        f'<body style="{_STYLE}"><h1 style="font-size:20px">{escape(notice.title)}</h1>'
        f'{paragraphs}{listed}{link}<p style="color:#555">{escape(_FOOT)}</p></body></html>\n'
    )


def _item_html(item: Item) -> str:
    text = f'<a href="{escape(item.link)}">{escape(item.text)}</a>' if item.link else escape(item.text)
    return f"{text} (by {written_day(item.due)})" if item.due else text
