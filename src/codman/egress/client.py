"""The guarded client: httpx, whose every call passes the policy, its bounds and the log."""

from __future__ import annotations

from typing import Any, Final

import httpcore
import httpx

from codman.egress.connection import Deadline, LookUp, NoAnswerOutside, Pinned, addresses_of, look_up
from codman.egress.origin import Origin, origin_of
from codman.egress.policy import EgressPolicy, EgressRefused
from codman.egress.told import told
from codman.egress.trust import trusted
from codman.telemetry import Span, tracer

LARGEST_ANSWER: Final = 64 << 20  # bytes
_SECONDS: Final = 30.0  # for one whole call
_CONNECT_SECONDS: Final = 5.0


class GuardedTransport(httpx.BaseTransport):
    """Carries requests out, each on a connection of its own, to whom the policy allows and no further.

    Args:
        policy: Who may be called.
        purpose: Why, for the log: a few words of ours, never of a user's.
        seconds: How long one call may take from looking up the name to the last byte.
        largest: Largest answer in bytes.
        ask: Looks names up.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        purpose: str,
        *,
        seconds: float = _SECONDS,
        largest: int = LARGEST_ANSWER,
        ask: LookUp = look_up,
    ) -> None:
        self._policy, self._purpose = policy, purpose
        self._seconds, self._largest, self._ask = seconds, largest, ask

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Call, and read the whole answer.

        Raises:
            EgressRefused: The policy does not allow it.
            NoAnswerOutside: It does not answer, or not within its bounds.
        """
        seen: dict[str, Any] = {"purpose": self._purpose, "method": request.method}
        with told(seen), tracer().span(f"call {self._purpose}", "client") as span:
            if (parent := tracer().traceparent()) is not None:
                request.headers["traceparent"] = parent
            try:
                answer = self._call(request, seen)
                seen |= {"status": answer.status_code, "bytes": len(answer.content)}
            finally:
                _say(span, seen)
            return answer

    def _call(self, request: httpx.Request, seen: dict[str, Any]) -> httpx.Response:
        origin = _origin(request.url)
        seen["to"] = str(origin)
        self._policy.require(origin)
        deadline = Deadline(self._seconds, str(origin))
        backend = Pinned(addresses_of(origin, self._policy, deadline, self._ask), deadline)
        request.headers["Accept-Encoding"] = "identity"  # what is small here must not grow after its size was judged
        try:
            with httpcore.HTTPConnection(
                httpcore.Origin(origin.scheme.encode(), origin.host.encode(), origin.port),
                ssl_context=trusted(self._policy) if origin.scheme == "https" else None,
                network_backend=backend,
            ) as connection:
                return self._answer(connection, request, origin)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            deadline.left()  # where time is over, that is the better reason
            raise NoAnswerOutside(str(origin), _words(error)) from None
        finally:
            seen["address"] = None if backend.reached is None else str(backend.reached)

    def _answer(self, connection: httpcore.HTTPConnection, request: httpx.Request, origin: Origin) -> httpx.Response:
        sent = httpcore.Request(
            request.method,
            httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.read(),
            # no other: one of them would put another name into TLS
            extensions={"timeout": {**request.extensions.get("timeout", {}), "connect": _CONNECT_SECONDS}},
        )
        reply = connection.handle_request(sent)
        try:
            headers = httpx.Headers(reply.headers)
            if headers.get("content-encoding", "identity").lower() != "identity":
                raise NoAnswerOutside(str(origin), "it answers packed, which it was not asked for")
            body = bytearray()
            for part in reply.iter_stream():
                body += part
                if len(body) > self._largest:
                    raise NoAnswerOutside(str(origin), f"its answer is larger than {_size(self._largest)}")
        finally:
            reply.close()
        return httpx.Response(reply.status, headers=headers, content=bytes(body), request=request)


class GuardedClient(httpx.Client):
    """An httpx client that can only call out through the policy; it follows no redirect and reads no environment.

    Args:
        policy: Who may be called.
        purpose: Why, for the log: a few words of ours, never of a user's.
        headers: Sent with every request.
        seconds: How long one call may take.
        largest: Largest answer in bytes.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        purpose: str,
        *,
        headers: dict[str, str] | None = None,
        seconds: float = _SECONDS,
        largest: int = LARGEST_ANSWER,
    ) -> None:
        transport = GuardedTransport(policy, purpose, seconds=seconds, largest=largest)
        super().__init__(transport=transport, headers=headers, timeout=seconds, follow_redirects=False, trust_env=False)

    def request(self, method: str, url: httpx.URL | str, **more: Any) -> httpx.Response:
        """Call, and read the whole answer.

        Raises:
            EgressRefused: It is no address, or the policy does not allow it.
            NoAnswerOutside: It does not answer, or not within its bounds.
        """
        try:
            return super().request(method, url, **more)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise EgressRefused("this", "it is no https or http address", "give one, e.g. https://HOST") from None


def _say(span: Span, seen: dict[str, Any]) -> None:
    span.say({"http.request.method": seen["method"], "codman.purpose": seen["purpose"]})
    if "status" in seen:
        span.say({"http.response.status_code": seen["status"]})
    if seen.get("status", 500) >= 400:
        span.failed(str(seen.get("status", "no answer")))


def _origin(url: httpx.URL) -> Origin:
    try:
        return origin_of(url.scheme, url.raw_host.decode("ascii"), url.port)
    except ValueError as error:
        raise EgressRefused("this", str(error), "give an https or http address, e.g. https://HOST") from None


def _words(error: Exception) -> str:
    if isinstance(error, httpcore.TimeoutException):
        return "it is too slow"
    return str(error)[:200] or type(error).__name__


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count:,} bytes"
