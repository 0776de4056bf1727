"""The guarded way out for mail: smtplib on a connection to an address the policy allows, encrypted unless told."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from typing import Any, Final, Literal

from codman.egress.connection import Deadline, LookUp, NoAnswerOutside, addresses_of, look_up
from codman.egress.origin import Origin, origin_of
from codman.egress.policy import EgressPolicy
from codman.egress.told import told
from codman.egress.trust import trusted
from codman.errors import Unreachable
from codman.telemetry import tracer

SECONDS: Final = 30.0  # for one message, from looking up the name to the server's word that it has it
_PORTS: Final = {"implicit": 465, "starttls": 587, "none": 25}
_HELLO: Final = "the greeting"
_SIGN_IN: Final = "the sign-in"
_SENDER: Final = "the sender"
_RECEIVER: Final = "the receiver"
_CONTENT: Final = "the content"
_OF_US: Final = (_HELLO, _SIGN_IN, _SENDER)
_FOR_GOOD: Final = 500  # RFC 5321 4.2.1: 4yz is not now, 5yz is never
_NO_SUCH_NAME: Final = 553  # a receiver whose name the server cannot write

Encryption = Literal["implicit", "starttls", "none"]


class MailRefused(Unreachable):
    """A mail server answers, and does not take the message.

    Only its code is kept: the words of a server may repeat an address.
    """

    def __init__(self, to: str, code: int, step: str) -> None:
        super().__init__(
            what=f"{to} does not take the message",
            why=f"it answers {code} to {step}",
            fix="see that it knows this server, its sign-in and the receiver's address",
        )
        self.of_us = step in _OF_US  # whatever the message: it may take it once it knows us
        self.for_good = code >= _FOR_GOOD and not self.of_us


@dataclass(frozen=True, slots=True)
class MailServer:
    """A server that takes mail.

    Args:
        host: Its name or address.
        port: 465, 587 or 25 where none is given, as its encryption is.
        encryption: From the first byte, by STARTTLS before anything is said, or none.
        user: Who we are there.
        password: And how we prove it; never sent without encryption.
        hello: The name we give ourselves: the domain we send from.
    """

    host: str
    port: int | None = None
    encryption: Encryption = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    hello: str = "localhost"

    @property
    def origin(self) -> Origin:
        """Whom the policy must allow.

        Raises:
            ValueError: The host is neither a name in ASCII nor an IP address.
        """
        checked = origin_of("https", self.host, self.port or _PORTS[self.encryption])
        return replace(checked, scheme="smtps" if self.encryption == "implicit" else "smtp")


def send_mail(
    server: MailServer,
    message: EmailMessage,
    policy: EgressPolicy,
    *,
    seconds: float = SECONDS,
    ask: LookUp = look_up,
) -> None:
    """Hand one message to a mail server.

    Args:
        server: Which.
        message: What; its From and To are the envelope too.
        policy: Who may be called.
        seconds: How long it may take in all.
        ask: Looks names up.

    Raises:
        EgressRefused: The policy does not allow it.
        NoAnswerOutside: The server does not answer, not in time, or cannot encrypt.
        MailRefused: It does not take the message.
    """
    origin = server.origin
    seen: dict[str, Any] = {"purpose": "mail", "method": "SMTP", "to": str(origin)}
    with told(seen), tracer().span("call mail", "client") as span:
        span.say({"codman.purpose": "mail"})
        with _talking(server, origin, policy, Deadline(seconds, str(origin)), ask, seen) as smtp:
            _hand_over(smtp, server, str(origin), message)


@contextmanager
def _talking(
    server: MailServer,
    origin: Origin,
    policy: EgressPolicy,
    deadline: Deadline,
    ask: LookUp,
    seen: dict[str, Any],
) -> Iterator[smtplib.SMTP]:
    policy.require(origin)
    addresses = addresses_of(origin, policy, deadline, ask)
    tls = trusted(policy)
    smtp = _Pinned(
        origin,
        [str(address) for address in addresses],
        deadline,
        tls,
        at_once=server.encryption == "implicit",
        name=server.hello,
    )
    # smtplib bounds each wait, not their sum: a server that sends a byte a second would hold us for ever
    end = threading.Timer(deadline.left(), smtp.hang_up)
    end.daemon = True
    end.start()
    try:
        _require(smtp.connect(origin.host, origin.port), str(origin), _HELLO)
        seen["address"] = smtp.reached
        _require(smtp.ehlo(), str(origin), _HELLO)
        if server.encryption == "starttls":
            smtp.starttls(context=tls)
            _require(smtp.ehlo(), str(origin), _HELLO)
        yield smtp
        with suppress(smtplib.SMTPException, OSError):  # it has the message: what comes now changes nothing
            smtp.quit()
    except smtplib.SMTPNotSupportedError:
        raise NoAnswerOutside(str(origin), "it offers no encryption") from None
    except smtplib.SMTPResponseException as error:
        raise MailRefused(str(origin), error.smtp_code, _HELLO) from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        deadline.left()  # where time is over, that is the better reason
        raise NoAnswerOutside(str(origin), _words(error)) from None
    finally:
        end.cancel()
        smtp.close()


def _hand_over(smtp: smtplib.SMTP, server: MailServer, to: str, message: EmailMessage) -> None:
    if server.user is not None and server.encryption != "none":
        try:
            smtp.login(server.user, server.password or "")
        except smtplib.SMTPAuthenticationError as error:
            raise MailRefused(to, error.smtp_code, _SIGN_IN) from None
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPException:
            raise NoAnswerOutside(to, "it offers no sign-in that we know") from None
    try:
        smtp.send_message(message)
    except smtplib.SMTPSenderRefused as error:
        raise MailRefused(to, error.smtp_code, _SENDER) from None
    except smtplib.SMTPRecipientsRefused as error:
        raise MailRefused(to, min(code for code, _ in error.recipients.values()), _RECEIVER) from None
    except smtplib.SMTPNotSupportedError:
        raise MailRefused(to, _NO_SUCH_NAME, _RECEIVER) from None
    except smtplib.SMTPDataError as error:
        raise MailRefused(to, error.smtp_code, _CONTENT) from None


class _Pinned(smtplib.SMTP):
    """Connects to addresses that were judged; the name is still what TLS must prove."""

    def __init__(
        self, origin: Origin, addresses: list[str], deadline: Deadline, tls: ssl.SSLContext, *, at_once: bool, name: str
    ) -> None:
        super().__init__(local_hostname=name, timeout=SECONDS)
        self._host = origin.host  # what STARTTLS checks the certificate against
        self._addresses, self._deadline, self._tls, self._at_once = addresses, deadline, tls, at_once
        self._line: socket.socket | None = None
        self.reached: str | None = None

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002  judged already
        line = self._reach(port)
        self._line = line
        return self._tls.wrap_socket(line, server_hostname=self._host) if self._at_once else line

    def _reach(self, port: int) -> socket.socket:
        for address in self._addresses[:-1]:
            try:
                return self._connect(address, port)
            except OSError:
                continue
        return self._connect(self._addresses[-1], port)

    def _connect(self, address: str, port: int) -> socket.socket:
        line = socket.create_connection((address, port), self._deadline.left(5.0))
        line.settimeout(self._deadline.left())
        self.reached = address
        return line

    def hang_up(self) -> None:
        """End whatever is waited for."""
        line = self.sock or self._line
        if line is not None:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                return


def _require(answer: tuple[int, bytes], to: str, step: str) -> None:
    if not 200 <= answer[0] < 300:  # RFC 5321 4.2.1: 2yz is yes
        raise MailRefused(to, answer[0], step)


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it is too slow"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not prove its name: {error.verify_message[:120]}"
    return getattr(error, "strerror", None) or type(error).__name__
