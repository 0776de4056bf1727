"""Sending events: a batch or a table at once; or one by one, gathered, sent again, and kept on the disk meanwhile."""

from __future__ import annotations

import io
import json
import random
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from pydantic import ValidationError

from codman.client.answers import Answered
from codman.client.problems import NoAnswer, NotYours, Refused
from codman.client.sending import Sender
from codman.client.spool import Spool, SpoolFull
from codman.errors import BadInput, CodmanError, Unreachable
from codman.spine.event import DATA, MOST_A_BATCH, EventType

_BATCH: Final = "application/cloudevents-batch+json"
_ARROW: Final = "application/vnd.apache.arrow.stream"
_LONGEST_PAUSE: Final = 60.0


class RefusedEvent(Answered):
    """One event that the server did not take, and why."""

    index: int
    why: str


class EventsAnswer(Answered):
    """What became of some events; those accepted are on the server's disk."""

    accepted: int
    repeated: int
    refused: list[RefusedEvent]


class BadEvent(BadInput):
    """An event that no server would take."""

    def __init__(self, why: str) -> None:
        super().__init__(what="this is no event", why=why, fix="see docs/events.md for what each field may hold")


class BufferFull(Unreachable):
    """More events wait than there is room for: the server is away, and so is the spool."""

    def __init__(self) -> None:
        super().__init__(
            what="the event was not kept",
            why="the server does not answer, and neither memory nor spool has room for more",
            fix="see that the server runs, give the spool more room, and hand the event over again",
        )


class NotSent(Unreachable):
    """Events that are still in memory alone."""

    def __init__(self, count: int) -> None:
        super().__init__(
            what=f"{count:,} events are not sent",
            why="the server did not answer in time, and there is no spool to keep them",
            fix="call flush again later, or give a spool folder",
        )


class Events:
    """The events of a server.

    Args:
        sender: How requests get there.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def send(self, events: bytes | Sequence[Mapping[str, Any]]) -> EventsAnswer:
        """Send CloudEvents; the same again is ignored, so it is sent again where no answer came.

        Args:
            events: A batch as JSON or as plain types, at most 10,000.

        Raises:
            Refused: The request cannot be read at all, or the token is not good for it.
            NoAnswer: The server does not answer.
        """
        body = events if isinstance(events, bytes) else json.dumps(list(events), allow_nan=False).encode()
        return self._answer(body, _BATCH)

    def send_table(self, table: Any) -> EventsAnswer:
        """Send rows of one type of event.

        Args:
            table: An Arrow stream as bytes; or a pyarrow Table, a polars DataFrame, anything Arrow can take over.

        Raises:
            The same as send.
        """
        return self._answer(table if isinstance(table, bytes) else _as_stream(table), _ARROW)

    def buffer(self, source: str, **more: Any) -> EventBuffer:
        """Gather single events and send them together; see EventBuffer."""
        return EventBuffer(self, source, **more)

    def _answer(self, body: bytes, media_type: str) -> EventsAnswer:
        reply = self._sender.send("POST", "/events", content=body, media_type=media_type, again=True)
        return EventsAnswer.model_validate(reply.json())


class EventBuffer:
    """Gathers events, sends them from a thread of its own, and spools them to the disk while the server is away.

    Any thread may hand events over. What is in memory when the process is killed is lost; `flush` returns once
    everything is with the server or on the disk.

    Args:
        events: Where they go.
        source: The sender's name, as CloudEvents know it; with an event's id it names the event.
        spool: A folder for what cannot be sent; without it memory alone keeps them.
        most_spooled_mb: How much the folder may hold.
        at_once: How many are sent together, at most 10,000.
        every_seconds: How long an event waits for others.
        most_waiting: How many may be in memory.
        on_refused: Told of each event the server will never take, and why; it is dropped then.
    """

    def __init__(
        self,
        events: Events,
        source: str,
        *,
        spool: Path | None = None,
        most_spooled_mb: int = 1024,
        at_once: int = 1000,
        every_seconds: float = 1.0,
        most_waiting: int = 100_000,
        on_refused: Callable[[Mapping[str, Any], str], None] = lambda _event, _why: None,
    ) -> None:
        if not 1 <= at_once <= MOST_A_BATCH:
            raise BadInput("that many are not sent together", f"{at_once:,}", f"give 1 to {MOST_A_BATCH:,}")
        self._events, self._source, self._told = events, source, on_refused
        self._at_once, self._every, self._most = at_once, every_seconds, most_waiting
        self._spool = None if spool is None else Spool(spool, most_spooled_mb * 1024 * 1024)
        self._waiting: deque[dict[str, Any]] = deque()
        self._sending: list[dict[str, Any]] = []
        self._change = threading.Condition()
        self._hurry = self._end = False
        self._away_until = 0.0
        self._failures = 0
        self._thread = threading.Thread(target=self._work, name="codman events", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def prediction(self, prediction_id: str, *, id: str | None = None, **data: Any) -> str:  # noqa: A002
        """Hand a prediction over: use, version, subject, predicted_at, score, and what else PredictionData has.

        Returns:
            The event's id: the prediction's where none is given.

        Raises:
            BadEvent: No server would take it.
            BufferFull: There is no room; nothing was kept.
        """
        return self._hand_over(EventType.PREDICTION, id or prediction_id, {"prediction_id": prediction_id, **data})

    def outcome(self, *, id: str | None = None, **data: Any) -> str:  # noqa: A002
        """Hand an outcome over: prediction_id, or subject and use; label, occurred_at, observed_at.

        Give an id of its own, such as the result's in the source system: the same outcome is then taken once.
        """
        return self._hand_over(EventType.OUTCOME, id or uuid.uuid4().hex, data)

    def action(self, prediction_id: str, action: str, *, id: str | None = None, **data: Any) -> str:  # noqa: A002
        """Hand an action over: what was done about a prediction, a coded reason, acted_at."""
        whole = {"prediction_id": prediction_id, "action": action, **data}
        return self._hand_over(EventType.ACTION, id or uuid.uuid4().hex, whole)

    def flush(self, seconds: float = 30.0) -> None:
        """Wait until every event handed over is with the server or in the spool.

        Raises:
            NotSent: Some are still in memory alone.
        """
        end = time.monotonic() + seconds
        with self._change:
            self._hurry = True
            self._change.notify_all()
            while self._waiting or self._sending:
                if not self._change.wait(max(0.0, end - time.monotonic())):
                    raise NotSent(len(self._waiting) + len(self._sending))

    def close(self, seconds: float = 30.0) -> None:
        """Flush, and end the thread; what is in the spool is sent by the next buffer on its folder.

        Raises:
            NotSent: Some are in memory alone, and are lost now.
        """
        try:
            self.flush(seconds)
        finally:
            with self._change:
                self._end = True
                self._change.notify_all()
            self._thread.join(timeout=5)

    def _hand_over(self, kind: EventType, name: str, data: Mapping[str, Any]) -> str:
        plain = {key: _plain(value) for key, value in data.items() if value is not None}
        try:
            DATA[kind].model_validate(plain)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            raise BadEvent(f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:300]) from None
        event = {"specversion": "1.0", "type": kind.value, "source": self._source, "id": name, "data": plain}
        with self._change:
            if len(self._waiting) >= self._most:
                raise BufferFull
            self._waiting.append(event)
            if len(self._waiting) >= self._at_once:
                self._change.notify_all()
        return name

    # ── the thread ──

    def _work(self) -> None:
        while True:
            with self._change:
                if not self._end and not self._hurry and len(self._waiting) < self._at_once:
                    self._change.wait(self._every)
                if self._end:
                    return
                for _ in range(min(self._at_once, len(self._waiting))):
                    self._sending.append(self._waiting.popleft())
            kept = not self._sending or self._send(self._sending)
            if kept and self._spool is not None and not self._is_away():
                self._send_spooled(self._spool)
            with self._change:
                if not kept:  # neither server nor spool: they go back, in their order
                    self._waiting.extendleft(reversed(self._sending))
                self._sending = []
                if not self._waiting:
                    self._hurry = False
                self._change.notify_all()
                if not kept:
                    self._change.wait(min(1.0, self._every))

    def _send(self, batch: list[dict[str, Any]]) -> bool:
        """Whether a batch is in other hands now."""
        body = json.dumps(batch, allow_nan=False).encode()
        if not self._is_away() and self._try(body, batch):
            return True
        if self._spool is None:
            return False
        try:
            self._spool.keep(body)
        except (SpoolFull, OSError):
            return False
        return True

    def _send_spooled(self, spool: Spool) -> None:
        for path in spool.names():
            try:
                body = path.read_bytes()
                batch = json.loads(body)
            except FileNotFoundError:
                continue
            except (OSError, ValueError):
                spool.put_aside(path)
                continue
            if not self._try(body, batch):
                return
            spool.remove(path)
            with self._change:
                if self._end or len(self._waiting) >= self._at_once:
                    return

    def _try(self, body: bytes, batch: list[dict[str, Any]]) -> bool:
        """Whether the server has decided on each of them."""
        try:
            answer = self._events.send(body)
        except (NoAnswer, NotYours):  # a token that ended is given anew; its events are not thrown away
            self._failures += 1
            pause = min(0.5 * 2.0**self._failures, _LONGEST_PAUSE)
            self._away_until = time.monotonic() + pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads, hides nothing
            return False
        except Refused as error:
            if len(batch) > 1:  # one of them may be the reason
                half = len(batch) // 2
                parts = batch[:half], batch[half:]
                return all(self._try(json.dumps(part).encode(), part) for part in parts)
            self._tell(batch[0], error)
            return True
        self._failures = 0
        for one in answer.refused:
            self._tell(batch[one.index], one.why)
        return True

    def _tell(self, event: Mapping[str, Any], why: str | CodmanError) -> None:
        with suppress(Exception):  # the listener's fault must not stop the sending
            self._told(event, why.why if isinstance(why, CodmanError) else why)

    def _is_away(self) -> bool:
        return time.monotonic() < self._away_until


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise BadEvent("a time has no zone")
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return dict(value) if isinstance(value, Mapping) else value


def _as_stream(table: Any) -> bytes:
    import pyarrow as pa  # here: whoever sends statements alone need not wait until it is loaded

    whole = pa.table(table)
    out = io.BytesIO()
    with pa.ipc.new_stream(out, whole.schema) as writer:
        writer.write_table(whole)
    return out.getvalue()
