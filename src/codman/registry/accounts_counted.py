"""How many come in and how many are refused: counted by the way they came, never by who they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from codman.errors import CodmanError, Unreachable
from codman.registry.accounts_passwords import Busy
from codman.registry.accounts_throttle import TooManyAttempts
from codman.registry.database import NotRecorded
from codman.telemetry import SIGN_INS

_OUTCOMES: Final[Mapping[type[CodmanError], str]] = {TooManyAttempts: "throttled", Busy: "busy"}


@contextmanager
def counted(way: str) -> Iterator[None]:
    """Count one attempt to come in.

    Args:
        way: `password`, `provider`, `link` or `token`.
    """
    try:
        yield
    except (Unreachable, NotRecorded):
        raise  # nobody was judged
    except CodmanError as error:
        SIGN_INS.add(way, _OUTCOMES.get(type(error), "refused"))
        raise
    SIGN_INS.add(way, "let_in")
