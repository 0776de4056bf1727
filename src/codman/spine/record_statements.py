"""What statements say that record something other than an engine's run: a promise, a document, a decision, a concern.

Made by flows; read by evidence, review, report and registry.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from codman.spine.statement import CriteriaRef, Digest, Input, Instant, Predicate

Name = Annotated[str, Field(min_length=1, max_length=200)]
Sentence = Annotated[str, Field(max_length=2000)]
_LEFT_OUT: Final = frozenset({"signed_by", "planned"})  # where empty: what was signed without them keeps its digest


class Meaning(StrEnum):
    """What a person's signature says (21 CFR 11.50(a)(3))."""

    AUTHORSHIP = "authorship"
    REVIEW = "review"
    APPROVAL = "approval"
    DISAPPROVAL = "disapproval"
    RESPONSIBILITY = "responsibility"
    ACCEPTANCE = "acceptance"


class PersonSignature(BaseModel):
    """Who signed, when, and what it means: inside the signed bytes, so that it cannot be moved to another record."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    person: Name = Field(description="Their identifier in the book of record")
    name: Name = Field(description="Their name as it is printed")
    signed_at: Instant
    meaning: Meaning


class SignedPredicate(Predicate):
    """What people sign: the notary key signs these bytes for each, freshly signed in (21 CFR 11.50 and 11.70)."""

    signed_by: list[PersonSignature] = Field(default_factory=list, max_length=100)

    @model_serializer(mode="wrap")
    def _only_where_something_is_said(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in whole(self).items() if name not in _LEFT_OUT or value}


class CriteriaPredicate(BaseModel):
    """What was promised before a run: a policy, word for word, and when. About no product: a policy holds for many."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    policy: Name = Field(description="The policy's name")
    edition: str = Field(description="The policy's edition, e.g. 2026-11")
    digest: Digest = Field(description="sha256 of the policy file's exact bytes")
    text: dict[str, Any] = Field(description="The policy as it was read, so that nobody needs the file to know it")
    committed_at: Instant = Field(description="When its author says it was committed; counts only with a receipt")
    receipt: dict[str, Any] | None = Field(default=None, description="A log's proof that it was there by then")


class DocumentPredicate(SignedPredicate):
    """That a document exists: which bytes, never what they say."""

    document: Name = Field(description="What sort of document, e.g. model-card")
    file: Name = Field(description="Its file's name")
    digest: Digest = Field(description="sha256 of its exact bytes")
    size: int = Field(ge=0, description="Bytes")
    media_type: Name = Field(description="e.g. application/pdf")


class DecidedRequirement(BaseModel):
    """How one requirement stood when it was decided."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    id: Name
    outcome: Name
    sentence: Sentence
    evidence: Digest | None = None
    accepted: bool = Field(default=False, description="Inconclusive, and accepted in writing under a condition")


class PlannedSite(BaseModel):
    """A site where a use was yet to run when it was decided, and the mode meant there."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    site: Name
    mode: Literal["silent", "pilot", "live"]


class DecisionPredicate(SignedPredicate):
    """What a committee decided about a use, at a checkpoint, on which evidence, for which sites."""

    checkpoint: Name
    case: Name | None = Field(default=None, description="The case that it closes, as the house's book names it")
    use_id: Name | None = Field(default=None, description="The use that it is about, as the house's book names it")
    leads_to: Name | None = Field(default=None, description="The stage that was asked for")
    outcome: Literal["approved", "approved with conditions", "deferred", "rejected", "retired"]
    conditions: list[Sentence] = Field(default_factory=list, max_length=200)
    evidence: list[Digest] = Field(default_factory=list, max_length=1000, description="The statements it rests on")
    sites: list[Name] = Field(default_factory=list, max_length=1000)
    planned: list[PlannedSite] = Field(
        default_factory=list, max_length=1000, description="Of those sites, the ones where it was yet to run"
    )
    decided_at: Instant
    decided_by: list[Name] = Field(min_length=1, max_length=200)
    expires_at: Instant | None = None
    criteria: CriteriaRef | None = None
    policy: Name | None = Field(default=None, description="The policy it was judged by")
    edition: Name | None = None
    policy_digest: Digest | None = Field(default=None, description="sha256 of the policy as canonical JSON")
    requirements: list[DecidedRequirement] = Field(default_factory=list, max_length=1000)
    votes: dict[Name, int] = Field(default_factory=dict, description="How many voted what")
    reasons: Sentence | None = None


class ReportPredicate(SignedPredicate):
    """That a report was made, of which statements."""

    file: Name
    digest: Digest
    size: int = Field(ge=0)
    media_type: Name
    evidence: list[Digest] = Field(default_factory=list, max_length=1000, description="The statements it was made from")


class ConcernPredicate(Predicate):
    """That somebody said something is wrong. Their words stay outside, so that they can be erased."""

    category: Name
    severity: Literal["no harm", "near miss", "harm", "serious harm or death", "unknown"] = "unknown"
    words: Digest | None = Field(default=None, description="Salted sha256 of what was written")
    site: Name | None = None
    raised_at: Instant
    inputs: list[Input] = Field(default_factory=list, max_length=100)
