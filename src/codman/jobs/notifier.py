"""The port through which messages leave: what an outside system must be able to do, and how it says it could not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from codman.errors import BadInput, Unreachable
from codman.jobs.notice import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message on its way out, held by one worker for a while."""

    id: str  # the same however often it is sent: the receiver's way to know it again
    kind: str
    to: str
    notice: Notice
    queued_at: datetime
    attempt: int  # this one, from 1
    token: int  # whose it is: the word of who held it before counts no more


class NotDelivered(Unreachable):
    """A message was not taken now; it is sent again later.

    Args:
        why: What the receiver said, without anything it might repeat of the message.
        again_in: Seconds after which it wants to be asked again, where it said so.
    """

    def __init__(self, why: str, again_in: float | None = None) -> None:
        super().__init__(
            what="a message was not delivered",
            why=why,
            fix="nothing is lost: it is sent again later; see that its receiver runs and knows us",
        )
        self.again_in = again_in


class ReceiverAway(NotDelivered):
    """The receiver does not answer at all, so that others for it need not be tried now."""


class NotAccepted(BadInput):
    """A receiver will never take this message."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="a message was refused for good",
            why=why,
            fix="it is parked: mend its address or the receiver's settings, then send it again",
        )


class Notifier(Protocol):
    """A way to tell somebody outside."""

    def send(self, message: Message) -> str | None:
        """Bring a message to its receiver; the same message again must have no second effect there.

        Returns:
            What the receiver calls it, where it says: a ticket's number.

        Raises:
            ReceiverAway: Nobody answers.
            NotDelivered: Not now.
            NotAccepted: Never.
        """
