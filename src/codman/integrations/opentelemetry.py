"""OpenTelemetry: traces by OTLP over HTTP, JSON encoded, through the guarded way out; the SDK is the extra `tracing`.

A span says which route, which kind of statement, job or call, how long and with which status; no path, query, text of a
statement, header, body or message of an error. Source: OTLP 1.9, opentelemetry.io/docs/specs/otlp; W3C Trace Context.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from codman import __version__
from codman.egress.client import GuardedClient
from codman.egress.origin import origin_of
from codman.egress.policy import EgressPolicy
from codman.errors import CodmanError, MissingExtra
from codman.integrations.calls import is_here
from codman.settings import BadSetting
from codman.telemetry import UNTRACED, Sort, Span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as Traced

log: Final = logging.getLogger("codman.tracing")

_PATH: Final = "/v1/traces"
_SECONDS: Final = 10.0  # of one call
_LARGEST: Final = 1 << 20  # bytes of an answer
_CLOSING_MS: Final = 3000  # what is left is sent when the server stops


class OpenTelemetry:
    """A tracer that sends what is traced to a collector, in batches, from a thread of its own.

    What cannot be sent is dropped: a collector that is away holds nothing up.

    Args:
        endpoint: The collector's address; spans go to its /v1/traces.
        headers: Sent along: NAME=VALUE, percent-encoded, between commas; passwords need https.
        share: Of requests that bring no decision of their own, how many are traced, 0 to 1.
        policy: Who may be called; the collector may.

    Raises:
        BadSetting: The address or the headers cannot be used.
        MissingExtra: opentelemetry-sdk is not installed.
    """

    def __init__(self, endpoint: str, headers: str, share: float, policy: EgressPolicy) -> None:
        try:
            from opentelemetry import trace
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ModuleNotFoundError:
            raise MissingExtra("tracing", "opentelemetry-sdk") from None
        resource = Resource({"service.name": "codman", "service.version": __version__})  # of no environment
        self._provider = TracerProvider(ParentBased(TraceIdRatioBased(share)), resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(_exporter(endpoint, headers, policy)))
        # not the process' own provider: other packages would send through it what we never looked at
        self._tracer = self._provider.get_tracer("codman", __version__)
        self._trace = trace
        self._carrier = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: str, sort: Sort, parent: str | None = None) -> Iterator[Span]:
        """As telemetry.Tracer has it."""
        if sort == "client" and not self._trace.get_current_span().is_recording():
            with UNTRACED.span(name, sort) as nothing:
                yield nothing
            return
        # a request begins anew, or goes on with who asked; all else is inside what is going on
        context = self._carrier.extract({} if parent is None else {"traceparent": parent}) if sort == "server" else None
        kind = self._trace.SpanKind[sort.upper()]
        with self._tracer.start_as_current_span(
            name, context, kind, record_exception=False, set_status_on_exception=False
        ) as begun:
            told = _Told(begun)
            try:
                yield told
            except BaseException as error:
                told.failed(type(error).__name__)  # never its message: it may quote what was sent to us
                raise

    def past(self, name: str, began_ns: int, about: Mapping[str, str | int], failed: str | None = None) -> None:
        """As telemetry.Tracer has it."""
        if not self._trace.get_current_span().is_recording():
            return
        span = self._tracer.start_span(name, kind=self._trace.SpanKind.CLIENT, start_time=began_ns, attributes=about)
        if failed is not None:
            _Told(span).failed(failed)
        span.end()

    def traceparent(self) -> str | None:
        """As telemetry.Tracer has it."""
        carried: dict[str, str] = {}
        self._carrier.inject(carried)
        return carried.get("traceparent")

    def trace(self) -> str | None:
        """As telemetry.Tracer has it."""
        context = self._trace.get_current_span().get_span_context()
        return f"{context.trace_id:032x}" if context.is_valid else None

    def close(self) -> None:
        """Send what is left, and stop."""
        self._provider.force_flush(_CLOSING_MS)
        self._provider.shutdown()


class _Told:
    """A span of the SDK as telemetry.Span."""

    def __init__(self, span: Traced) -> None:
        self._span = span

    def say(self, about: Mapping[str, str | int]) -> None:
        self._span.set_attributes(about)

    def call(self, name: str) -> None:
        self._span.update_name(name)

    def failed(self, kind: str) -> None:
        from opentelemetry.trace import StatusCode

        self._span.set_status(StatusCode.ERROR)
        self._span.set_attribute("error.type", kind)


def _exporter(endpoint: str, headers: str, policy: EgressPolicy) -> SpanExporter:
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    url, sent, allowed = _receiver(endpoint, headers, policy)

    class _Exporter(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            try:
                with GuardedClient(allowed, "traces", headers=sent, seconds=_SECONDS, largest=_LARGEST) as client:
                    answer = client.request("POST", url, content=json.dumps(payload(spans)).encode())
            except CodmanError as error:
                log.warning("%d spans were not sent: %s", len(spans), type(error).__name__)
                return SpanExportResult.FAILURE
            if answer.status_code != HTTPStatus.OK:
                log.warning("%d spans were not taken: status %d", len(spans), answer.status_code)
                return SpanExportResult.FAILURE
            return SpanExportResult.SUCCESS

    return _Exporter()


def _receiver(endpoint: str, headers: str, policy: EgressPolicy) -> tuple[str, dict[str, str], EgressPolicy]:
    """Where spans go, what goes along, and who may be called."""
    try:
        parts = urlsplit(endpoint)
        origin = origin_of(parts.scheme, parts.hostname or "", parts.port)
    except ValueError as error:
        raise BadSetting("otlp_endpoint", str(error)) from None
    if parts.username or parts.query or parts.fragment:
        raise BadSetting("otlp_endpoint", "it holds more than an address: what is sent along is otlp_headers")
    sent = {"Content-Type": "application/json"}
    for pair in filter(None, headers.split(",")):
        name, equals, value = pair.strip().partition("=")
        if not equals or not name.isascii() or not unquote(value).isascii() or not unquote(value).isprintable():
            raise BadSetting("otlp_headers", "it is not NAME=VALUE between commas, percent-encoded")
        sent[name] = unquote(value)
    if len(sent) > 1 and parts.scheme != "https" and not is_here(origin.host):
        raise BadSetting("otlp_headers", "otlp_endpoint is not https: what is sent along could be read on the way")
    url = endpoint.rstrip("/")
    return url if url.endswith(_PATH) else url + _PATH, sent, policy.also(origin)


def payload(spans: Sequence[ReadableSpan]) -> dict[str, Any]:
    """Spans as OTLP's JSON encoding has them: ids in hex, times in nanoseconds as text."""
    resource = {} if not spans else dict(spans[0].resource.attributes)
    scope = {"name": "codman", "version": __version__}
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource)},
                "scopeSpans": [{"scope": scope, "spans": [_span(one) for one in spans]}],
            }
        ]
    }


def _span(one: ReadableSpan) -> dict[str, Any]:
    context = one.context
    assert context is not None  # noqa: S101 - a span that ended has one
    written: dict[str, Any] = {
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "flags": int(context.trace_flags),
        "name": one.name,
        "kind": one.kind.value + 1,  # OTLP keeps 0 for a span that does not say
        "startTimeUnixNano": str(one.start_time),
        "endTimeUnixNano": str(one.end_time),
        "attributes": _attributes(one.attributes or {}),
        "status": {"code": one.status.status_code.value},
    }
    if one.parent is not None:
        written["parentSpanId"] = f"{one.parent.span_id:016x}"
    return written


def _attributes(about: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": name, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}}
        for name, value in about.items()
    ]
