"""Signed webhooks: a notice as JSON, posted with an id, a time and a signature that its receiver can check.

Source: Standard Webhooks 1.0.0, standardwebhooks.com: HMAC-SHA256 as `v1`, Ed25519 as `v1a`, over id.timestamp.body.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from codman.egress.policy import EgressPolicy
from codman.integrations.calls import Receiver, require_taken
from codman.jobs.notifier import Message
from codman.jobs.times import Clock, instant
from codman.settings import BadSetting

_SECRET: Final = "whsec_"  # noqa: S105  how one begins
_PRIVATE: Final = "whsk_"
_SHORTEST, _LONGEST = 24, 64  # bytes of a secret, by the standard
_SEED: Final = 32

Sign = Callable[[bytes], str]


class Webhook:
    """Posts notices to one address.

    Args:
        url: Where, https; http only to this machine.
        secrets: What to sign with, each `whsec_…` or `whsk_…`: while one is replaced, two.
        policy: Who may be called; the address's own host is.
        clock: Gives the time.

    Raises:
        BadSetting: The address or a secret cannot be used.
    """

    def __init__(self, url: str, secrets: str, policy: EgressPolicy, clock: Clock) -> None:
        self._receiver = Receiver(url, "webhook_url", "webhook", policy)
        self._clock = clock
        self._signers = read_secrets(secrets)

    def send(self, message: Message) -> str | None:
        """Post it; the same id again is the same message, and its receiver ignores it.

        Raises:
            ReceiverAway: Nobody answers.
            NotDelivered: It does not take it now.
            NotAccepted: It never will.
        """
        body = payload(message)
        headers = signed_headers(message.id, self._clock(), body, self._signers)
        require_taken(self._receiver.call("POST", content=body, headers=headers))
        return None


def payload(message: Message) -> bytes:
    """A message as the standard lays it out: type, timestamp, data."""
    notice = message.notice
    said = {
        "type": f"codman.{notice.event}",
        "timestamp": instant(message.queued_at),
        "data": notice.model_dump(mode="json", exclude={"event"}, exclude_none=True) | {"to": message.to},
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def signed_headers(id: str, at: datetime, body: bytes, signers: list[Sign]) -> dict[str, str]:  # noqa: A002
    """The three headers, and the kind of the body."""
    seconds = str(int(at.timestamp()))
    content = b".".join((id.encode(), seconds.encode(), body))
    return {
        "Content-Type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(sign(content) for sign in signers),
    }


def read_secrets(text: str) -> list[Sign]:
    """What signs, from secrets with blanks between them.

    Raises:
        BadSetting: One is none; the message does not repeat it.
    """
    signers = [_signer(word) for word in text.split()]
    if not signers:
        raise BadSetting("webhook_secret", "it is empty; make one with: openssl rand -base64 32")
    return signers


def _signer(text: str) -> Sign:
    prefix = _PRIVATE if text.startswith(_PRIVATE) else _SECRET
    try:
        key = base64.b64decode(text.removeprefix(prefix), validate=True)
    except ValueError:
        raise BadSetting("webhook_secret", "it is no base64 after whsec_ or whsk_") from None
    if prefix == _SECRET:
        if not _SHORTEST <= len(key) <= _LONGEST:
            raise BadSetting("webhook_secret", f"it has {len(key)} bytes; the standard wants {_SHORTEST} to {_LONGEST}")
        return lambda content: f"v1,{_text(hmac.digest(key, content, sha256))}"
    if len(key) not in (_SEED, 2 * _SEED):  # a seed, or a seed and its public key
        raise BadSetting("webhook_secret", "after whsk_ it is no Ed25519 key")
    private = Ed25519PrivateKey.from_private_bytes(key[:_SEED])
    return lambda content: f"v1a,{_text(private.sign(content))}"


def _text(signature: bytes) -> str:
    return base64.b64encode(signature).decode()
