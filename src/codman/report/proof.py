"""Proof: is the statement signed, by whom, did the signature hold, and what a policy makes of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from codman.errors import BadInput
from codman.evidence.files import read_whole
from codman.evidence.keys import VerifyingKey
from codman.evidence.statements import ReadStatement
from codman.evidence.verify import Verification, verify
from codman.report import words
from codman.report.document import Block, Checks, Column, Item, Paragraph, Section, Tag, Tone, table
from codman.spine.verdict import Outcome, Verdict

MAX_VERDICT_BYTES: Final = 16 * 1024 * 1024
TONES: Final[dict[str, Tone]] = {
    Outcome.MET: "met",
    Outcome.NOT_MET: "unmet",
    Outcome.UNVERIFIABLE: "unmet",
    Outcome.MISSING: "unsure",
    Outcome.STALE: "unsure",
    Outcome.INCONCLUSIVE: "unsure",
    Outcome.NOT_APPLICABLE: "plain",
}


class NotAVerdict(BadInput):
    """A file that `codman gate --format json` did not write."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            what=f"{path} is not a verdict",
            why=why,
            fix="give what `codman gate … --format json` wrote",
        )


def check(read: ReadStatement, keys: Sequence[VerifyingKey]) -> Verification | None:
    """Verify the envelope with the given keys; None where nobody asked or nothing is signed."""
    if read.envelope is None or not keys:
        return None
    return verify(read.envelope, keys, name=str(read.path or "the envelope"))


def state(read: ReadStatement, verification: Verification | None) -> Tag:
    """The signature's state in two words."""
    if verification is not None:
        return Tag("Signature verified", "met") if verification.verified else Tag("Signature does not hold", "unmet")
    return Tag("Not signed", "unsure") if read.envelope is None else Tag("Signed, not verified", "unsure")


def doubt(read: ReadStatement, verification: Verification | None) -> str | None:
    """What the state of the signature leaves open; None where it holds."""
    if verification is not None:
        return None if verification.verified else f"The signature does not hold: {verification.why}."
    if read.envelope is None:
        return "The statement is not signed: nothing shows who made it, or that it was not changed since."
    return "The statement is signed, but no key was given to check it with."


def verification_section(read: ReadStatement, verification: Verification | None) -> Section:
    """Each step of the verification, or why there was none, and how to do it oneself."""
    blocks: list[Block] = []
    if verification is not None:
        blocks.append(
            Checks(
                tuple(
                    Item(
                        s.step.partition(" ")[2].capitalize() or s.step,
                        Tag("Holds", "met") if s.ok else Tag("Fails", "unmet"),
                        f"{words.capital(s.why)}.",
                    )
                    for s in verification.steps
                )
            )
        )
    else:
        blocks.append(Paragraph(doubt(read, verification) or ""))
    if read.envelope is not None:
        rows = [
            (
                s.keyid or "no key named",
                "trusted here" if verification and s.keyid in verification.signers else "not checked or not trusted",
            )
            for s in read.envelope.signatures
        ]
        blocks.append(
            table(
                "signatures",
                "Signatures on the envelope",
                [Column("Key (sha256 of the public key)", "code"), "State"],
                rows,
            )
        )
    return Section("verification", "Is it genuine?", tuple(blocks))


# ── the verdict of a policy ──────────────────────────────────────────────────────────────────────────────────────


def from_verdict(verdict: Verdict) -> dict[str, Any]:
    """A verdict in the shape that `codman gate --format json` writes."""
    return {
        "policy": verdict.policy,
        "edition": verdict.edition,
        "outcome": verdict.outcome.value,
        "verified": verdict.verified,
        "results": [
            {
                "id": r.id,
                "title": r.title,
                "outcome": r.outcome.value,
                "sentence": r.sentence,
                "evidence": r.evidence,
                "warn": not r.blocks,
            }
            for r in verdict.results
        ],
    }


def read_verdict(path: Path) -> dict[str, Any]:
    """What `codman gate --format json` wrote.

    Raises:
        NotAVerdict: The file is something else.
        CannotRead: It is not there.
    """
    try:
        found = json.loads(read_whole(path, at_most=MAX_VERDICT_BYTES))
    except ValueError:
        raise NotAVerdict(path, "it is not JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get("results"), list):
        raise NotAVerdict(path, "it has no 'results'")
    outcomes = set(Outcome)
    for i, result in enumerate(found["results"]):
        if not isinstance(result, dict) or not all(
            isinstance(result.get(k), str) for k in ("id", "outcome", "sentence")
        ):
            raise NotAVerdict(path, f"result {i + 1} lacks an id, an outcome or a sentence")
        if result["outcome"] not in outcomes:
            raise NotAVerdict(path, f"result {i + 1} has an unknown outcome")
    return found


def outcome_tag(outcome: str) -> Tag:
    """An outcome as sign and word: ✓ Met, ✕ Not met, ? Inconclusive."""
    return Tag(words.capital(outcome.replace("-", " ")), TONES.get(outcome, "plain"))


def verdict_section(verdict: dict[str, Any], digest: str) -> Section:
    """Each requirement, its outcome and its sentence."""
    results = verdict["results"]
    counted: dict[str, int] = {}
    for result in results:
        counted[result["outcome"]] = counted.get(result["outcome"], 0) + 1
    tally = words.listed(f"{n} {outcome.replace('-', ' ')}" for outcome, n in counted.items())
    whole = str(verdict.get("outcome", "")).replace("-", " ")
    checked = (
        "Every statement it rests on was verified."
        if verdict.get("verified")
        else "The evidence was judged without verifying its signature."
    )
    name = str(verdict.get("policy", "the policy")) + (
        f", edition {verdict['edition']}" if verdict.get("edition") else ""
    )
    items = tuple(
        Item(
            title=str(r.get("title") or r["id"]),
            tag=outcome_tag(r["outcome"]),
            sentence=r["sentence"],
            foot=tuple(
                filter(
                    None,
                    (
                        str(r["id"]) if r.get("title") else "",
                        "a warning: does not stop the checkpoint" if r.get("warn") else "",
                        ""
                        if r.get("evidence") in (None, f"sha256:{digest}")
                        else f"rests on another statement, {r['evidence']}",
                    ),
                )
            ),
        )
        for r in results
    )
    return Section(
        "verdict",
        "What must hold, and whether it does",
        (
            Paragraph(f"Policy {name}: {whole}. {words.many(len(results), 'requirement')}: {tally}. {checked}"),
            Checks(items),
        ),
    )
