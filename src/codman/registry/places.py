"""Which sites somebody sees: one rule for every list, page and export that names a place or what runs there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, exists, false, or_, select, true

from codman.registry.schema import sites

ELSEWHERE: Final = "a site out of your reach"
_MARKED: Final = re.compile(r"\[site:([^\[\]]+)\]")


def inside(within: Sequence[str]) -> ColumnElement[bool]:
    """Sites at or below one of these paths; `/` is all of them."""
    if "/" in within:
        return true()
    return or_(false(), *(sites.c.path.startswith(path, autoescape=True) for path in within))


def at_site(column: ColumnElement[str | None], within: Sequence[str]) -> ColumnElement[bool]:
    """Rows whose site, named in a column, is one of those; what is of no site only who sees all of them has."""
    if "/" in within:
        return true()
    return exists(select(sites.c.id).where(sites.c.id == column, inside(within)))


def out_of_sight(connection: Connection, within: Sequence[str], named: Iterable[str]) -> dict[str, str]:
    """Those of some sites that are out of a reader's reach, each under the one name it has for them."""
    wanted = set(named)
    seen = connection.execute(select(sites.c.id).where(sites.c.id.in_(wanted), inside(within))).scalars()
    return dict.fromkeys(wanted - set(seen), ELSEWHERE)


def marked(site: str) -> str:
    """A site as a kept sentence names it: by its id, since who reads the sentence later may not see the site."""
    return f"[site:{site}]"


def told(connection: Connection, within: Sequence[str], sentences: Iterable[str]) -> list[str]:
    """Kept sentences as somebody reads them: sites by the names they have now, and none out of the reader's reach.

    Args:
        connection: Where to read.
        within: Paths of the sites they see.
        sentences: As they are kept, with sites as `marked` writes them.
    """
    kept = list(sentences)
    ids = {name for one in kept for name in _MARKED.findall(one)}
    if not ids:
        return kept
    seen = select(sites.c.id, sites.c.name).where(sites.c.id.in_(ids), inside(within))
    called = {row.id: row.name for row in connection.execute(seen)}
    return [_MARKED.sub(lambda found: called.get(found[1], ELSEWHERE), one) for one in kept]
