"""Templates, compiled once and kept, and the few words every page shares: days, times, counts, digests."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Final

import jinja2
from starlette.types import ASGIApp, Receive, Scope, Send

from codman.spine.article import with_article
from codman.spine.day import day_in, written_day, written_moment

HERE: Final = Path(__file__).parent
TEMPLATES: Final = HERE / "templates"
STATIC: Final = HERE / "static"
NONE: Final = "–"
_DAY_LONG: Final = len("2026-10-03")
_zone: ContextVar[tzinfo] = ContextVar("zone of the house whose page is written", default=UTC)


@cache
def environment() -> jinja2.Environment:
    """The templates, the same for every house: escaped always, and a name that is not given is an error, not a gap."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        cache_size=-1,
    )
    made.filters |= {
        "day": day,
        "moment": moment,
        "count": count,
        "brief": brief,
        "words": words,
        "money": money,
        "article": with_article,
        "sentence": sentence,
    }
    made.globals["zone_name"] = zone_name
    return made


class InTheHousesZone:
    """Every page of a house is written in its zone: what stands beside each other is told by one clock."""

    def __init__(self, app: ASGIApp, zone: tzinfo) -> None:
        self._app = app
        self._zone = zone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, in the zone."""
        _zone.set(self._zone)  # of this request's own context, which the threads that answer it take over
        await self._app(scope, receive, send)


def zone_name() -> str:
    """What the zone is called in which times are written."""
    return str(_zone.get())


def day(text: str | None) -> str:
    """A day as people write it: 3 Oct 2026; of a moment, the day that it was in the house's zone."""
    if not text:
        return NONE
    return written_day(text if len(text) <= _DAY_LONG else day_in(text, _zone.get()))


def moment(text: str | datetime | None) -> str:
    """A time with its zone: 3 Oct 2026, 14:05 UTC."""
    if not text:
        return NONE
    at = text if isinstance(text, datetime) else datetime.fromisoformat(text)
    return written_moment(at, _zone.get())


def count(number: int | None) -> str:
    """A count: 12,345."""
    return NONE if number is None else f"{number:,}"


def money(amount: float | None) -> str:
    """An amount without its currency, which is the house's: 120,000."""
    return NONE if amount is None else f"{amount:,.0f}"


def brief(digest: str | None) -> str:
    """The two ends of a digest: 9f2c41…e41a."""
    if not digest:
        return NONE
    return digest if len(digest) <= 14 else f"{digest[:6]}…{digest[-4:]}"


def sentence(clause: str) -> str:
    """A clause as a sentence: a capital, and one full stop whether or not it brought its own."""
    return f"{clause[:1].upper()}{clause[1:]}{'' if clause.endswith(('.', '?', '!')) else '.'}"


def words(name: str) -> str:
    """A field's name as words: stage_since is `stage since`."""
    return name.replace("_", " ").replace("-", " ")
