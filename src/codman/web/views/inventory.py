"""The inventory's page: what was asked, what it left, and the links that ask something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import Connection

from codman.registry.inventory import FACETS, FILTERS, ORDERS, RUNS, Question, facets, search
from codman.registry.mine import HowGranted, how_granted
from codman.registry.standing import evidence_counts
from codman.registry.undecided import somewhere_uncovered
from codman.spine.use import Listed
from codman.web.views import marks

PAGE: Final = 50
SHOWN_VALUES: Final = 8

LABELS: Final[Mapping[str, str]] = {
    "stage": "Stage",
    "runs": "Runs",
    "decision": "Decision",
    "impact": "Impact",
    "tier": "Risk tier",
    "kind": "How it came",
    "organisation": "Organisation",
    "vendor": "Vendor",
    "care_setting": "Care setting",
    "decision_role": "Role in the decision",
    "topic": "Topic",
    "monitoring": "Monitoring",
    "evidence": "Evidence",
    "owner": "Owner",
    "site": "Site that answers for it",
    "product": "Product",
    "purpose": "Purpose",
    "population": "Population",
    "downtime_procedure": "Downtime procedure",
    "contract_ends": "Contract ends",
}
_OWN: Final = frozenset({"q", "sort", "after"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of a facet, and the link that takes it or lets it go."""

    label: str
    count: int
    href: str
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """A facet with its values."""

    label: str
    values: tuple[Value, ...]
    more: tuple[Value, ...]  # behind a fold
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A filter that holds, and the link without it."""

    text: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A column of the table; one that sorts has a link."""

    text: str
    href: str = ""
    sorted: str = ""  # ascending, descending


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A use in the table."""

    href: str
    name: str
    product: str
    product_href: str
    vendor: str
    where: str
    stage: marks.Tag
    since: str | None
    decision: marks.Tag
    tier: str
    owner: str
    evidence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A saved view."""

    text: str
    href: str
    here: bool
    remove: str = ""  # where to send its removal, of one's own


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryView:
    """The whole page."""

    words: str
    total: int
    whole: bool  # nothing is asked
    headings: tuple[Heading, ...]
    lines: tuple[Line, ...]
    facets: tuple[Facet, ...]
    chips: tuple[Chip, ...]
    kept: tuple[tuple[str, str], ...]  # what the search form carries along
    views: tuple[Link, ...]
    exports: tuple[Link, ...]
    query: str
    first: str
    next: str


def asked(query: str) -> Question:
    """What an address asks of the inventory.

    Raises:
        BadFilter: It names a field that the inventory does not have (when it is searched).
    """
    where: dict[str, list[str]] = {}
    not_where: dict[str, list[str]] = {}
    question = Question(limit=PAGE)
    for name, value in parse_qsl(query, max_num_fields=200):
        if name == "q":
            question = replace(question, words=value.strip()[:200] or None)
        elif name == "sort":
            question = replace(question, order=value.removeprefix("-"), descending=value.startswith("-"))
        elif name == "after":
            question = replace(question, cursor=value)
        elif name.startswith("not."):
            not_where.setdefault(name[4:], []).append(value)
        else:
            where.setdefault(name, []).append(value)
    return replace(question, where=where, not_where=not_where)


def written(question: Question) -> list[tuple[str, str]]:
    """A question as an address's pairs, always in the same order; without its cursor."""
    pairs = [("q", question.words)] if question.words else []
    pairs += [(name, value) for name in sorted(question.where) for value in question.where[name]]
    pairs += [(f"not.{name}", value) for name in sorted(question.not_where) for value in question.not_where[name]]
    if question.order != "name" or question.descending:
        pairs.append(("sort", ("-" if question.descending else "") + question.order))
    return pairs


def address(question: Question) -> str:
    """The inventory's address for a question."""
    pairs = written(question)
    return "/inventory" + (f"?{urlencode(pairs)}" if pairs else "")


def inventory_view(
    connection: Connection,
    question: Question,
    within: Sequence[str],
    saved: Sequence[Link] = (),
    named: Mapping[str, str] | None = None,
) -> InventoryView:
    """The page for a question.

    Args:
        connection: Where to read.
        question: What is asked.
        within: Paths of the sites the reader may see.
        saved: Their saved views.
        named: Names of the people, sites and products that filters mention by id.
    """
    found = search(connection, question, within)
    counted = facets(connection, question, within)
    evidence = evidence_counts(connection, [item.id for item in found.items])
    shown = [item.id for item in found.items]
    granted = how_granted(connection, shown, question.day)
    bare = somewhere_uncovered(connection, shown, question.day)
    pairs = written(question)
    query = urlencode(pairs)
    here = address(question)
    return InventoryView(
        words=question.words or "",
        total=found.total,
        whole=not (question.words or question.where or question.not_where),
        headings=_headings(question),
        lines=tuple(
            _line(item, evidence.get(item.id, 0), granted.get(item.id), partly=item.id in bare) for item in found.items
        ),
        facets=tuple(_facet(question, name, counted[name]) for name in FACETS if len(counted[name]) > 0),
        chips=_chips(question, named or {}),
        kept=tuple((name, value) for name, value in pairs if name != "q"),
        views=tuple(_kept(link, here) for link in saved),
        exports=tuple(
            Link(text=form.upper(), href=f"/inventory/export.{form}" + (f"?{query}" if query else ""), here=False)
            for form in ("csv", "json", "xlsx")
        ),
        query=query,
        first=here if question.cursor else "",
        next=f"/inventory?{urlencode([*pairs, ('after', found.next)])}" if found.next else "",
    )


def _kept(link: Link, here: str) -> Link:
    """A saved view under the address the page itself would write, so that the reader sees where they are."""
    href = address(asked(link.href.partition("?")[2]))
    return replace(link, href=href, here=href == here)


def _facet(question: Question, name: str, counted: Sequence[tuple[str, int]]) -> Facet:
    chosen = question.where.get(name, ())
    values = [
        Value(
            label=_said(name, value),
            count=number,
            href=address(_turned(question, name, value)),
            on=value in chosen,
        )
        for value, number in counted
    ]
    values.sort(key=lambda value: not value.on)
    return Facet(
        label=LABELS[name],
        values=tuple(values[:SHOWN_VALUES]),
        more=tuple(values[SHOWN_VALUES : SHOWN_VALUES + 100]),
        open=bool(chosen) or name in ("stage", "decision", "tier"),
    )


def _said(name: str, value: str) -> str:
    """A value as people say it."""
    if value == "(missing)":
        return "nowhere" if name == RUNS else "not said"
    return value.replace("-", " ") if name == "stage" else value


def _turned(question: Question, name: str, value: str) -> Question:
    """The question with a value taken where it was not, and let go where it was."""
    chosen = list(question.where.get(name, ()))
    kept = [one for one in chosen if one != value] if value in chosen else [*chosen, value]
    where = {**question.where, name: kept}
    return replace(question, where={k: v for k, v in where.items() if v}, cursor=None)


def _chips(question: Question, named: Mapping[str, str]) -> tuple[Chip, ...]:
    chips = []
    for name, values in question.where.items():
        for value in values:
            said = named.get(value, _said(name, value))
            if name == "contract_ends":
                said = f"within {value} days"
            chips.append(Chip(text=f"{LABELS.get(name, name)}: {said}", href=address(_turned(question, name, value))))
    for name, values in question.not_where.items():
        rest = {k: v for k, v in question.not_where.items() if k != name}
        said = ", ".join("not said" if value == "(missing)" else named.get(value, value) for value in values)
        chips.append(
            Chip(
                text=f"{LABELS.get(name, name)}: not {said}",
                href=address(replace(question, not_where=rest, cursor=None)),
            )
        )
    if question.words:
        chips.append(Chip(text=f"“{question.words}”", href=address(replace(question, words=None, cursor=None))))
    return tuple(chips)


def _headings(question: Question) -> tuple[Heading, ...]:
    columns = (
        ("Use", "name"),
        ("Where", "organisation"),
        ("Stage", "stage"),
        ("Decision", ""),
        ("Tier", "tier"),
        ("Owner", ""),
        ("Evidence", ""),
    )
    return tuple(_heading(question, text, order) for text, order in columns)


def _heading(question: Question, text: str, order: str) -> Heading:
    if not order or order not in ORDERS:
        return Heading(text=text)
    now = question.order == order
    turned = replace(question, order=order, descending=now and not question.descending, cursor=None)
    return Heading(
        text=text, href=address(turned), sorted=("descending" if question.descending else "ascending") if now else ""
    )


def _line(item: Listed, evidence: int, granted: HowGranted | None, *, partly: bool) -> Line:
    shown = "; ".join(item.sites[:2]) + (f" and {len(item.sites) - 2} more" if len(item.sites) > 2 else "")
    return Line(
        href=f"/uses/{item.id}",
        name=item.name,
        product=item.product,
        product_href=f"/products/{item.product_id}",
        vendor=item.vendor or "",
        where=shown or item.organisation or "",
        stage=marks.mode(item.stage),
        since=item.stage_since,
        decision=marks.decision(item.decision, granted, partly=partly),
        tier=item.tier or "",
        owner=item.owner or "",
        evidence=evidence,
    )


def names_asked(question: Question) -> list[str]:
    """Ids that a question's filters mention."""
    return [
        value
        for name in ("owner", "site", "product")
        for value in (*question.where.get(name, ()), *question.not_where.get(name, ()))
        if name in FILTERS and value != "(missing)"
    ]
