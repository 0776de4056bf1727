"""What webhooks and ticket systems share: one guarded call, and what its answer means for a message."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from codman.egress.client import GuardedClient
from codman.egress.connection import NoAnswerOutside
from codman.egress.origin import origin_of
from codman.egress.policy import EgressPolicy, EgressRefused
from codman.jobs.notifier import NotAccepted, NotDelivered, ReceiverAway
from codman.settings import BadSetting

_SECONDS: Final = 25.0  # of one call; two must be over before the lease on a message is
_LARGEST: Final = 1 << 20  # bytes of an answer
_OF_THE_MESSAGE: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.GONE,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY})


class Answer(NamedTuple):
    """What a receiver said."""

    status: int
    body: Any  # its JSON; None where it is none
    again_in: float | None  # seconds, where it said when to come again


class Receiver:
    """An address at somebody else's that messages go to.

    Args:
        url: Its address, https; http only on this machine.
        setting: Which setting named it, for the error.
        purpose: Why it is called, for the log.
        policy: Who may be called; this address's host is.
        headers: Sent with every call.

    Raises:
        BadSetting: It is no such address.
    """

    def __init__(
        self, url: str, setting: str, purpose: str, policy: EgressPolicy, headers: Mapping[str, str] | None = None
    ) -> None:
        try:
            parts = urlsplit(url)
            origin = origin_of(parts.scheme, parts.hostname or "", parts.port)
        except ValueError as error:
            raise BadSetting(setting, str(error)) from None
        if parts.username or parts.fragment:
            raise BadSetting(setting, "it holds more than an address: passwords have settings of their own")
        if parts.scheme != "https" and not is_here(origin.host):
            raise BadSetting(setting, "it is not https: what is sent there could be read on the way")
        self.url = url.rstrip("/")
        self._policy, self._purpose, self._headers = policy.also(origin), purpose, dict(headers or {})

    def call(
        self,
        method: str,
        path: str = "",
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Call, and read the answer.

        Raises:
            ReceiverAway: It does not answer, or may not be called.
        """
        try:
            with GuardedClient(
                self._policy, self._purpose, headers=self._headers, seconds=_SECONDS, largest=_LARGEST
            ) as client:
                answer = client.request(
                    method, self.url + path, params=params, json=json, content=content, headers=headers
                )
        except (NoAnswerOutside, EgressRefused) as error:
            raise ReceiverAway(f"{error.what}: {error.why}") from None
        try:
            body = answer.json()
        except ValueError:
            body = None
        return Answer(answer.status_code, body, _again_in(answer.headers.get("retry-after")))


def require_taken(answer: Answer, said: str = "") -> None:
    """Turn an answer that is no success into what it means for the message.

    Args:
        answer: What the receiver said.
        said: More of it, that cannot repeat the message: which fields it did not like.

    Raises:
        NotAccepted: The message is at fault, and will be tomorrow.
        NotDelivered: Not this one now.
        ReceiverAway: No message would be taken: it is down, asks for patience, or does not know us.
    """
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return
    why = f"it answers with status {answer.status}{said}"
    if answer.status in _OF_THE_MESSAGE:
        raise NotAccepted(why)
    if answer.status in _LATER:
        raise NotDelivered(why, answer.again_in)
    raise ReceiverAway(why, answer.again_in)


def basic(user: str, password: str) -> dict[str, str]:
    """The header of a user and a password (RFC 7617)."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def _again_in(text: str | None) -> float | None:
    """Retry-After: seconds, or a date (RFC 9110 10.2.3)."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text.strip()[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at - datetime.now(UTC)).total_seconds()) if at.tzinfo is not None else None


def is_here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
