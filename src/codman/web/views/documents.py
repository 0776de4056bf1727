"""Documents: the list of those filed about a thing, and the form that files another."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from codman.registry.documents import Document
from codman.review.packs.catalog import every_pack
from codman.review.policy.document import DocumentAsk
from codman.spine.product import Version
from codman.web.file_kinds import KINDS
from codman.web.render import brief
from codman.web.views.forms import WHY, Ask, Asked, Option, shown

ABOUT: Final[Mapping[str, str]] = {"product": "/products", "use": "/uses"}
# What governance files are, as frameworks and contracts call them; any other can be written in
TYPES: Final[Mapping[str, str]] = {
    "model-card": "model card",
    "validation-report": "validation report",
    "risk-assessment": "risk assessment",
    "impact-assessment": "impact assessment",
    "contract": "contract",
    "business-associate-agreement": "business associate agreement",
    "instructions-for-use": "instructions for use",
    "training-material": "training material",
    "downtime-procedure": "downtime procedure",
    "minutes": "minutes of a meeting",
    "change-notice": "notice of a change",
    "other": "something else",
}
MODEL_CARD: Final = "model-card"  # of one version
_KIB: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    """One document of a list."""

    id: str
    href: str
    title: str
    type: str
    kind: str
    size: str
    filed_at: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentForm:
    """The form that files one."""

    noun: str
    name: str
    about: str
    back: str
    asked: tuple[Asked, ...]
    every: tuple[Asked, ...]
    file_error: str
    accepts: str
    limit_mib: int
    endings: str


def document_lines(found: Sequence[Document], versions: Mapping[str, str]) -> tuple[DocumentLine, ...]:
    """Documents as a list shows them; those about a version name it by its label."""
    return tuple(
        DocumentLine(
            id=one.id,
            href=f"/documents/{one.id}/content",
            title=one.title,
            type=_what(one, versions.get(one.about, "")),
            kind=ending_of(one.media_type).upper() or one.media_type,
            size=size(one.size),
            filed_at=one.created_at,
            digest=brief(one.digest),
        )
        for one in found
    )


def _what(one: Document, version: str) -> str:
    return TYPES.get(one.type, one.type.replace("-", " ")) + (f" of version {version}" if version else "")


@cache
def _types() -> Mapping[str, str]:
    """What a file can be called, what the ready policies ask for among them; something else last."""
    wanted = {
        requirement.asks.type
        for pack in every_pack()
        for policy in pack.checkpoints
        for requirement in policy.requires
        if isinstance(requirement.asks, DocumentAsk)
    }
    named = {**{name: name.replace("-", " ") for name in wanted}, **TYPES}
    return dict(sorted(named.items(), key=lambda one: (one[0] == "other", one[1].casefold())))


def asks(versions: Sequence[Version] = ()) -> tuple[Ask, ...]:
    """The questions beside the file itself; of a product with versions, which of them it is about."""
    editions = tuple(Option(one.id, one.label) for one in versions)
    version = Ask(
        name="version",
        label="About which version",
        kind="choice",
        options=editions,
        hint="A model card is about one version, and counts for that one.",
        unsaid="no version in particular",
    )
    options = tuple(Option(name, words) for name, words in _types().items())
    return (
        Ask(name="title", label="Title", needed=True, hint="e.g. Model card of version 3.1"),
        Ask(name="type", label="What it is", kind="choice", options=options, needed=True),
        *((version,) if versions else ()),
        WHY,
    )


def form_view(
    kind: str,
    about: str,
    name: str,
    values: Mapping[str, str],
    errors: Mapping[str, str],
    limit_mib: int,
    versions: Sequence[Version] = (),
) -> DocumentForm:
    """The form about a thing of this name; a model card begins with the newest of the versions, the first."""
    if values.get("type") == MODEL_CARD and not values.get("version") and versions:
        values = {**values, "version": versions[0].id}
    asked = shown(asks(versions), values, errors)
    file = shown((Ask(name="file", label="File"),), {}, errors)
    return DocumentForm(
        noun=kind,
        name=name,
        about=about,
        back=f"{ABOUT[kind]}/{about}",
        asked=asked,
        every=(*file, *asked),
        file_error=errors.get("file", ""),
        accepts=",".join(f".{ending}" for ending in KINDS),
        limit_mib=limit_mib,
        endings=", ".join(KINDS),
    )


def size(number: int) -> str:
    """A size as people say it: 812 bytes, 1.2 MiB."""
    if number < _KIB:
        return f"{number} bytes"
    if number < _KIB * _KIB:
        return f"{number / _KIB:.0f} KiB"
    return f"{number / _KIB / _KIB:.1f}".removesuffix(".0") + " MiB"


def ending_of(media_type: str) -> str:
    """The ending of a file of this type; none where it is not one that forms take."""
    return next((ending for ending, (known, _) in KINDS.items() if known == media_type), "")


def file_name(document: Document) -> str:
    """A name for a download, made of letters that every system takes."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", document.title).strip("-").lower()[:80] or document.digest[:16]
    ending = ending_of(document.media_type)
    return f"{stem}.{ending}" if ending else f"{stem}.bin"
