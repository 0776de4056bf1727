"""Mail: a real server takes it, encrypted unless told otherwise; what it refuses, and what a reader sees."""

from __future__ import annotations

import email
import email.policy
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.headerregistry import Address
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from hypothesis import given
from hypothesis import strategies as st
from notices import MESSAGE, NOTICE, message

from certificates import Authority
from codman.egress.connection import NoAnswerOutside
from codman.egress.mail import MailServer, send_mail
from codman.egress.policy import EgressPolicy, EgressRefused, read_policy
from codman.integrations.smtp import SmtpMail, as_html, compose, read_sender, read_server
from codman.jobs.notice import Item, Notice
from codman.jobs.notifier import NotAccepted, NotDelivered, ReceiverAway
from codman.settings import BadSetting
from waiting import let_pass

SENDER = "Codman <codman@hospital.example.org>"
PASSWORD = "p@ss word"  # noqa: S105 (nobody has it)


class Letterbox:
    """Takes what it is told to take."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.heard: list[tuple[str, bool]] = []  # how it was greeted, and whether in TLS
        self.to_receiver = self.to_content = "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: ARG002, N802
        self.heard.append((session.host_name, session.ssl is not None))
        if self.to_receiver.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_receiver

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802
        if self.to_content.startswith("250"):
            self.mails.append(envelope)
        return self.to_content

    @property
    def parsed(self) -> list[Any]:
        return [email.message_from_bytes(mail.content, policy=email.policy.default) for mail in self.mails]


@contextmanager
def mail_server(box: Letterbox, **more: Any) -> Iterator[int]:
    """A server on loopback; its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port, **more)
    server.start()
    try:
        yield port
    finally:
        server.stop()


@pytest.fixture
def box() -> Letterbox:
    return Letterbox()


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path, "ours")


def mail(url: str, policy: EgressPolicy | None = None) -> SmtpMail:
    return SmtpMail(read_server(url, SENDER), SENDER, policy or EgressPolicy())


def believing(authority: Authority) -> EgressPolicy:
    return read_policy([], [], authority.file)


def test_a_notice_arrives_as_text_and_html_with_an_id_that_a_second_copy_shares(box):
    with mail_server(box) as port:
        notifier = mail(f"smtp://127.0.0.1:{port}?encryption=none")
        notifier.send(MESSAGE)
        notifier.send(MESSAGE)

    first, _ = box.parsed
    assert box.mails[0].content == box.mails[1].content
    assert first["Message-ID"] == f"<{MESSAGE.id}@hospital.example.org>"
    assert (first["From"], first["To"], first["Subject"]) == (SENDER, "ann@example.org", NOTICE.title)
    assert first["Date"] == "Fri, 20 Nov 2026 09:30:00 +0000"
    assert first["Auto-Submitted"] == "auto-generated"
    text, html = (first.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html"))
    assert "- Measure again by race (by 1 Dec 2026)\n  https://codman.example.org/uses/u-1\n" in text
    assert '<a href="https://codman.example.org/uses/u-1">Measure again by race</a> (by 1 Dec 2026)' in html
    assert "&lt;soon&gt; &amp; one lapsed" in html
    assert box.mails[0].rcpt_tos == ["ann@example.org"]
    assert box.heard[0] == ("hospital.example.org", False)


def test_html_carries_no_markup_of_a_notices_and_fetches_nothing():
    notice = Notice(
        event="a", title="<img src=x>", text='<script>1</script>\n\n"><b>', link='https://x.example.org/"><i>'
    )

    page = as_html(notice)

    assert not [
        tag for tag in ("<script", "<img", "<b>", "<i>", "src=", "url(") if tag in page.replace("&lt;img src=x", "")
    ]


printable = st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" ")
line = st.text(printable, min_size=1, max_size=60).filter(lambda text: bool(text.strip()))


@given(title=line, text=st.lists(line, min_size=1, max_size=4).map("\n".join), item=line, sender=line)
def test_whatever_a_notice_says_its_mail_has_these_headers_and_no_other(title, text, item, sender):
    notice = Notice(event="a", title=title, text=text, items=(Item(text=item),))
    try:
        address = Address(display_name=sender, addr_spec="codman@hospital.example.org")
    except ValueError:
        return

    parsed = email.message_from_bytes(compose(message(notice=notice), address).as_bytes(), policy=email.policy.default)

    assert set(parsed.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"
    }  # fmt: skip
    assert "".join(str(parsed["Subject"]).split()) == "".join(title.split())
    assert [a.addr_spec for a in parsed["To"].addresses] == ["ann@example.org"]
    assert [a.addr_spec for a in parsed["From"].addresses] == ["codman@hospital.example.org"]
    plain = parsed.get_body(("plain",)).get_content()
    assert all(each.strip() in plain for each in [*text.split("\n"), item])


def test_mail_goes_through_starttls_with_a_name_that_was_proven_and_a_password(box, authority):
    def signing_in(_server, _session, _envelope, _mechanism, said):
        right = isinstance(said, LoginPassword) and (said.login, said.password) == (b"codman", PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    secured = {"tls_context": authority.server("localhost"), "require_starttls": True}
    with mail_server(box, **secured, authenticator=signing_in, auth_required=True) as port:
        mail(f"smtp://codman:p%40ss%20word@localhost:{port}", believing(authority)).send(MESSAGE)
        with pytest.raises(ReceiverAway, match="535 to the sign-in") as wrong:
            mail(f"smtp://codman:guess@localhost:{port}", believing(authority)).send(MESSAGE)

    assert box.heard == [("hospital.example.org", True)]
    assert "guess" not in str(wrong.value)


def test_a_server_that_knows_no_passwords_gets_no_mail_from_somebody_with_one(box, authority):
    with (
        mail_server(box, tls_context=authority.server("localhost"), auth_exclude_mechanism=["LOGIN", "PLAIN"]) as port,
        pytest.raises(ReceiverAway, match="offers no sign-in"),
    ):
        mail(f"smtp://ann:hush@localhost:{port}", believing(authority)).send(MESSAGE)

    assert box.heard == []


def test_mail_goes_through_tls_from_the_first_byte(box, authority):
    with mail_server(box, ssl_context=authority.server("localhost")) as port:
        mail(f"smtps://localhost:{port}", believing(authority)).send(MESSAGE)

    assert len(box.mails) == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_that_does_not_prove_the_name_stops_the_mail_before_anything_is_said(
    box, authority, scheme, tmp_path
):
    context = Authority(tmp_path, "theirs").server("localhost")
    more = {"tls_context": context} if scheme == "smtp" else {"ssl_context": context}
    with mail_server(box, **more) as port, pytest.raises(ReceiverAway, match="certificate does not prove"):
        mail(f"{scheme}://localhost:{port}", believing(authority)).send(MESSAGE)

    assert (box.mails, box.heard) == ([], [])


def test_a_server_without_encryption_gets_nothing_unless_that_is_said(box):
    with mail_server(box) as port, pytest.raises(ReceiverAway, match="offers no encryption"):
        mail(f"smtp://127.0.0.1:{port}").send(MESSAGE)

    assert box.heard == []


@pytest.mark.parametrize(
    ("to_receiver", "to_content", "error"),
    [
        ("450 4.2.1 ann@example.org is busy", "250 OK", NotDelivered),
        ("550 5.1.1 no ann@example.org here", "250 OK", NotAccepted),
        ("250 OK", "452 4.3.1 disk full", NotDelivered),
        ("250 OK", "554 5.6.0 ann@example.org: no", NotAccepted),
    ],
)
def test_what_a_server_says_decides_whether_it_is_tried_again_and_is_not_repeated(box, to_receiver, to_content, error):
    box.to_receiver, box.to_content = to_receiver, to_content
    with mail_server(box) as port, pytest.raises((NotDelivered, NotAccepted)) as raised:
        mail(f"smtp://127.0.0.1:{port}?encryption=none").send(MESSAGE)

    assert type(raised.value) is error
    assert "ann@" not in str(raised.value)


def test_a_receiver_that_is_no_address_is_refused_before_anybody_is_called():
    with pytest.raises(NotAccepted, match="no mail address"):
        mail("smtp://127.0.0.1:9?encryption=none").send(message(to="ann, bob@example.org"))


def test_nobody_at_the_port_is_away():
    with pytest.raises(ReceiverAway, match="does not answer"):
        mail("smtp://127.0.0.1:9?encryption=none").send(MESSAGE)


def test_a_server_that_dribbles_is_left_when_time_is_over():
    def dribble(door):
        visitor, _ = door.accept()
        try:
            while True:
                visitor.sendall(b"2")
                let_pass(0.05)
        except OSError:
            visitor.close()

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=dribble, args=(door,), daemon=True).start()
        server = MailServer("127.0.0.1", door.getsockname()[1], "none")
        began = time.monotonic()
        with pytest.raises(NoAnswerOutside, match="longer than"):
            send_mail(server, compose(MESSAGE, read_sender(SENDER)), EgressPolicy().also(server.origin), seconds=0.4)

    assert time.monotonic() - began < 3


def test_a_name_that_leads_into_the_house_is_not_called_and_one_that_is_not_listed_neither():
    server = MailServer("mail.example.org")
    letter = compose(MESSAGE, read_sender(SENDER))

    with pytest.raises(EgressRefused, match="private or reserved"):
        send_mail(server, letter, EgressPolicy().also(server.origin), ask=lambda _host, _port: ["10.1.2.3"])
    with pytest.raises(EgressRefused, match="not on the list"):
        send_mail(server, letter, EgressPolicy(), ask=lambda _host, _port: ["10.1.2.3"])


def test_the_log_says_whom_we_called_and_nothing_of_the_mail(box, caplog):
    caplog.set_level(logging.INFO, logger="codman.egress")
    with mail_server(box) as port:
        mail(f"smtp://127.0.0.1:{port}?encryption=none").send(MESSAGE)

    assert f"smtp://127.0.0.1:{port}" in caplog.text
    assert "ann@" not in caplog.text
    assert NOTICE.title not in caplog.text


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("smtp://mail.example.org", ("mail.example.org", 587, "starttls", None)),
        ("smtp://mail.example.org:2525", ("mail.example.org", 2525, "starttls", None)),
        ("smtps://ann:a%3Ab@mail.example.org", ("mail.example.org", 465, "implicit", "ann")),
        ("smtp://10.0.0.5?encryption=none", ("10.0.0.5", 25, "none", None)),
    ],
)
def test_the_address_of_a_mail_server_says_how_it_is_spoken_to(url, read):
    server = read_server(url, SENDER)

    assert (server.host, server.origin.port, server.encryption, server.user) == read
    assert "a:b" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org",
        "https://mail.example.org",
        "smtp://",
        "smtp://mail.example.org:x",
        "smtp://mail.example.org/path",
        "smtp://mail.example.org?encryption=maybe",
        "smtps://mail.example.org?encryption=none",
        "smtp://ann:secret@mail.example.org?encryption=none",
    ],
)
def test_an_address_that_is_none_or_would_show_a_password_is_refused(url):
    with pytest.raises(BadSetting) as bad:
        read_server(url, SENDER)

    assert "secret" not in str(bad.value)


@pytest.mark.parametrize("sender", ["", "codman", "@x", "a@", "a b@c", "a@b\nBcc: c@d"])
def test_a_sender_that_is_no_address_is_refused(sender):
    with pytest.raises(BadSetting):
        read_sender(sender)
