"""What comes next for a requirement that is not met: where it is filed, of whom it is asked, whether it applies."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from codman.flows.review.beside import UNKNOWN, Beside, LaidOut
from codman.registry.access import Reader
from codman.review.policy.document import DocumentAsk
from codman.spine.exclusion import ExclusionState
from codman.spine.product import ProductKind
from codman.spine.statement import Kind, Origin
from codman.spine.verdict import Outcome
from codman.web.render import day
from codman.web.views import marks

_THEIRS = frozenset({Origin.DEVELOPER, Origin.PUBLISHED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What is asked next."""

    sentence: str  # of whom what is asked
    href: str  # where it is filed
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionLine:
    """That somebody says that a requirement does not apply, and what the reader may answer."""

    id: str
    revision: int
    sentence: str
    agreeable: bool
    refusal: str  # what the reader may say against it; empty where they may not


def next_of(one: Beside, found: LaidOut, reader: Reader) -> Next | None:
    """What is asked next of whom; nothing of what is met, and nothing once the case is closed."""
    if not found.working or one.accepted or one.exclusion is not None or one.outcome not in (*UNKNOWN, Outcome.NOT_MET):
        return None
    if one.outcome is Outcome.INCONCLUSIVE:
        said = f"Next: {_owner(found)} brings more data, or who presides accepts it in writing under a condition."
        return Next(sentence=said, **_of_evidence(one, found))
    if one.outcome is Outcome.NOT_MET:
        mends = f"{_owner(found)} has it mended"
        if found.docket.product.kind in (ProductKind.BOUGHT, ProductKind.EMBEDDED):
            mends = f"{_owner(found)} asks {_maker(found)} to mend it"
        said = f"Next: {mends}, and what was mended is measured again; or the case ends without it."
        return Next(sentence=said, **_of_evidence(one, found))
    if one.outcome is Outcome.UNVERIFIABLE:
        said = "Next: whoever signed it signs with a key that is registered here, or the office registers theirs."
        return Next(sentence=said, href="", words="")
    asks = one.asked.asks
    if isinstance(asks, DocumentAsk):
        return _of_document(one, asks, found, reader)
    again = "measures it again" if one.outcome is Outcome.STALE else "sends it"
    if one.asked.origin and set(one.asked.origin) <= _THEIRS:
        said = f"Next: {_maker(found)} {again}, in a signed statement or a report; {_owner(found)} asks for it."
        return Next(sentence=said, href=f"/uses/{found.docket.use.id}/reports", words="Ask for a report")
    kind = one.asked.evidence
    if kind is Kind.REPORT:
        said = f"Next: {_owner(found)} or who is asked reports."
        return Next(sentence=said, href=f"/uses/{found.docket.use.id}/reports", words="See the reports")
    said = f"Next: who runs the {kind.value} {again}, signed, with codman submit; {_owner(found)} answers for it."
    return Next(sentence=said, **_of_evidence(one, found))


def gap_of(one: Beside, found: LaidOut) -> str:
    """One thing that is not known, and what was agreed on instead of knowing it."""
    text = f"{one.title}: {marks.outcome(one.outcome.value).text.lower()}"
    if one.acceptance is not None and one.accepted:
        text += f", accepted in writing by {found.names.get(one.acceptance.person, 'who presided')}"
    if one.promised is not None:
        text += f", to be shown by {day(one.promised.due_on)}"
    return text


def exclusion_line(one: Beside, found: LaidOut, reader: Reader) -> ExclusionLine | None:
    """What was said of whether it applies, while the case is open."""
    said = one.exclusion
    if said is None or not found.working:
        return None
    stands = said.state is ExclusionState.STANDING
    name = found.names.get(said.asked_by, said.asked_by)
    agrees = found.may(reader, "exclusion.agree") and found.impartial(reader) and reader.person != said.asked_by
    own = reader.person == said.asked_by and found.may(reader, "exclusion.create")
    return ExclusionLine(
        id=said.id,
        revision=said.revision,
        sentence=""
        if stands
        else f"{name} says that it does not apply here: “{said.why}”. It waits for a second person.",
        agreeable=agrees and not stands,
        refusal=_refusal(stands, own) if own or found.may(reader, "exclusion.agree") else "",
    )


def _refusal(stands: bool, own: bool) -> str:
    if stands:
        return "Say that it applies again"
    return "Take it back" if own else "Say that it does apply"


def may_be_excluded(one: Beside, found: LaidOut, reader: Reader) -> bool:
    """Whether the reader may say that it does not apply."""
    missing = one.outcome is Outcome.MISSING and one.exclusion is None and not one.asked.always_applies
    return missing and found.working and found.may(reader, "exclusion.create")


def _of_document(one: Beside, asks: DocumentAsk, found: LaidOut, reader: Reader) -> Next:
    what = asks.type.replace("-", " ")
    again = "a newer " if one.outcome is Outcome.STALE else ""
    who = _maker(found) if one.asked.origin and set(one.asked.origin) <= _THEIRS else _owner(found)
    said = f"Next: {who} hands in {again or _article(what)}{what}."
    if not found.may(reader, "document.create"):
        return Next(sentence=said, href="", words="")
    about = {"about_kind": "use", "about": found.docket.use.id, "type": asks.type}
    query = urlencode(about | ({"version": found.docket.case.version} if found.docket.case.version else {}))
    return Next(sentence=said, href=f"/documents/new?{query}", words=f"File the {what}")


def _of_evidence(one: Beside, found: LaidOut) -> dict[str, str]:
    query = urlencode({"product": found.docket.product.id, "kind": one.asked.evidence.value})
    return {"href": f"/evidence?{query}", "words": f"See what {one.asked.evidence.value} is filed"}


def _article(what: str) -> str:
    return "an " if what[:1] in "aeiou" else "a "


def _owner(found: LaidOut) -> str:
    owner = found.docket.use.owner
    return found.names.get(owner, "the owner") if owner else "the owner, whom the use does not name yet,"


def _maker(found: LaidOut) -> str:
    return found.names.get(found.docket.product.vendor or "", "who built it")
