"""told: what every call leaves behind, whoever made it: one line in the log, one count."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from codman.egress.policy import EgressRefused
from codman.errors import CodmanError
from codman.telemetry import CALLS

log: Final = logging.getLogger("codman.egress")

_OUTCOMES: Final = {4: "client_error", 5: "server_error"}  # by the status' first digit


@contextmanager
def told(seen: dict[str, Any]) -> Iterator[None]:
    """Count a call and write its line in the log, however it ends.

    Args:
        seen: What is known of it; its purpose from the start, status and reason as they come.
    """
    began = time.monotonic()
    outcome = "failed"
    try:
        yield
        outcome = _OUTCOMES.get(seen.get("status", 200) // 100, "answered")
    except CodmanError as error:
        seen["failed"] = type(error).__name__
        outcome = "not_allowed" if isinstance(error, EgressRefused) else "no_answer"
        raise
    finally:
        seconds = time.monotonic() - began
        CALLS.observe(seconds, seen["purpose"], outcome)
        log.info(_line(seen | {"ms": round(seconds * 1000)}))


def _line(seen: dict[str, Any]) -> str:
    """Only these, in this order: no path, query, header or body ever reaches the log."""
    seen["time"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    names = ("time", "purpose", "method", "to", "address", "status", "bytes", "failed", "ms")
    return json.dumps({name: seen[name] for name in names if seen.get(name) is not None})
