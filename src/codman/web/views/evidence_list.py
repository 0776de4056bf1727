"""The list of evidence: one line a statement, and the filters that hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from codman.flows.filed import Filed
from codman.registry.records import Page
from codman.spine.statement import Kind, Origin
from codman.web.views import marks
from codman.web.views.forms import Ask, Asked, Option, shown
from codman.web.views.marks import Tag

_LABELS: Final = {"product": "Product", "version": "Version", "use": "Use"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One statement."""

    href: str
    headline: str
    kind: str
    about: str
    about_href: str
    standing: Tag
    origin: str
    evaluated_at: str | None
    filed_at: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceList:
    """The whole page."""

    lines: tuple[Line, ...]
    asked: tuple[Asked, ...]
    kept: tuple[tuple[str, str], ...]
    narrowed: str
    whole: bool
    first: str
    next: str


def evidence_list(
    page: Page[Any], where: Mapping[str, Sequence[str]], named: Mapping[str, str], *, after: bool
) -> EvidenceList:
    """A page of the list.

    Args:
        page: The statements.
        where: The filters that hold.
        named: Names by id.
        after: Whether it is a later page.
    """
    pairs = [(name, value) for name, values in where.items() for value in values]
    address = "/evidence" + (f"?{urlencode(pairs)}" if pairs else "")
    return EvidenceList(
        lines=tuple(_line(one, named) for one in page.items),
        asked=shown(_asks(), {name: values[0] for name, values in where.items()}, {}),
        kept=tuple((name, value) for name, value in pairs if name in _LABELS),
        narrowed=", ".join(
            f"{_LABELS[name].lower()} {named.get(value, value)}" for name, value in pairs if name in _LABELS
        ),
        whole=not pairs,
        first=address if after else "",
        next=f"/evidence?{urlencode([*pairs, ('after', page.next)])}" if page.next else "",
    )


def _asks() -> tuple[Ask, ...]:
    return (
        Ask(
            name="kind",
            label="Kind",
            kind="choice",
            options=tuple(Option(k.value, k.value) for k in Kind),
            unsaid="any",
        ),
        Ask(
            name="origin",
            label="Origin",
            kind="choice",
            options=tuple(Option(o.value, o.value) for o in Origin),
            unsaid="any",
        ),
        Ask(
            name="standing",
            label="Signature",
            kind="choice",
            options=(Option("verified", "verified when filed"), Option("claim", "claim, not signed")),
            unsaid="any",
        ),
    )


def _line(one: Filed, named: Mapping[str, str]) -> Line:
    about = named.get(one.use_id or "", one.use or "") or " ".join(part for part in (one.product, one.version) if part)
    href = f"/uses/{one.use_id}" if one.use_id else f"/products/{one.product_id}" if one.product_id else ""
    return Line(
        href=f"/evidence/{one.digest}",
        headline=one.headline or f"{one.kind.capitalize()} of {about or 'nothing it names'}",
        kind=one.kind,
        about=about or "not said",
        about_href=href,
        standing=marks.standing(one.standing),
        origin=one.origin or "",
        evaluated_at=one.evaluated_at,
        filed_at=one.filed_at,
        digest=one.digest,
    )
