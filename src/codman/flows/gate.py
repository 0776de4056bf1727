"""Hold evidence against a policy: files in, a verdict out. Also compares what two editions of a policy would say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from codman.errors import BadInput
from codman.evidence.canonical import MAX_BYTES
from codman.evidence.envelope import BadEnvelope
from codman.evidence.files import read_whole
from codman.evidence.keys import VerifyingKey, read_verifying_key
from codman.evidence.statements import NotAStatement, ReadStatement, open_envelope, read_statement
from codman.evidence.verify import verify
from codman.review.committee import committee_differences
from codman.review.packs.pack import PACK_TEXT, is_pack, pack_of
from codman.review.policy.advice import Advice, advise
from codman.review.policy.diff import Difference, Turned, differences, turned
from codman.review.policy.judge import judge
from codman.review.policy.load import load_policy, policy_of
from codman.review.policy.written import BadPolicy
from codman.review.policy.written import read as read_yaml
from codman.spine.verdict import Verdict

_DAY: Final = len("2026-11-20")


class BadTime(BadInput):
    """A time that cannot be read."""

    def __init__(self, said: str) -> None:
        super().__init__(
            what="--at is not a time",
            why=f"{said[:60]!r} is not ISO 8601",
            fix="write it like 2026-11-20, or 2026-11-20T10:00:00Z",
        )


class PolicyAsEvidence(BadInput):
    """A policy stands where evidence belongs."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            what=f"{path} is no evidence",
            why="it is a YAML file, as policies are",
            fix=f"give it as --policy {path}, and the evaluation's JSON as evidence",
        )


def gate(
    policy: Path,
    evidence: Sequence[Path],
    *,
    keys: Sequence[Path] = (),
    at: str | None = None,
    facts: Mapping[str, str] | None = None,
    version: str | None = None,
    use: str | None = None,
) -> Verdict:
    """Hold evidence files against a policy file.

    Args:
        policy: The policy, YAML.
        evidence: Statements or their envelopes.
        keys: Public keys that are trusted; with any, what none of them signed is unverifiable.
        at: The time of judging, ISO 8601; a day alone is its end, UTC; now where left out.
        facts: What is known of the use: `tier`, `setting`, `kind`.
        version: The version that is judged, where evidence about several is given.
        use: The use that is judged, likewise.

    Raises:
        BadInput: A file, a key, the time or the policy is wrong, or the evidence is about several products.
    """
    held = load_policy(policy)
    trusted = [read_verifying_key(key) for key in keys]
    given, unreadable = _read(evidence, trusted)
    return judge(held, given, trusted, moment_of(at), facts=facts, version=version, use=use, unreadable=unreadable)


def compare_editions(
    old: Path, new: Path, evidence: Sequence[Path] = (), *, keys: Sequence[Path] = (), at: str | None = None
) -> tuple[tuple[Difference, ...], tuple[Turned, ...]]:
    """What changed between two editions of a policy and, with evidence, which outcomes change.

    Raises:
        BadInput: A file is wrong.
    """
    before, after = load_policy(old), load_policy(new)
    every = (*differences(before, after), *committee_differences(before, after))
    changes = tuple(sorted(every, key=lambda one: one.requirement is not None))  # the policy as a whole first
    if not evidence:
        return changes, ()
    trusted = [read_verifying_key(key) for key in keys]
    read, unreadable = _read(evidence, trusted)
    moment = moment_of(at)
    first, second = (judge(p, read, trusted, moment, unreadable=unreadable) for p in (before, after))
    return changes, turned(first, second)


@dataclass(frozen=True, slots=True)
class Checked:
    """One policy file, and what is to be said of it."""

    file: str
    error: BadInput | None
    advice: tuple[Advice, ...] = ()

    @property
    def faults(self) -> tuple[BadPolicy, ...]:
        """Everything that is wrong with it, in the order of its lines; empty where it cannot even be read."""
        return self.error.faults if isinstance(self.error, BadPolicy) else ()

    def answer(self) -> dict[str, Any]:
        """As plain JSON types."""
        error = self.error
        return {
            "file": self.file,
            "ok": error is None,
            "error": None if error is None else {"what": error.what, "why": error.why, "fix": error.fix},
            "faults": [
                {"requirement": f.requirement, "key": f.key, "line": f.line, "what": f.fault, "fix": f.fix}
                for f in self.faults
            ],
            "advice": [{"requirement": a.requirement, "line": a.line, "words": a.words} for a in self.advice],
        }

    def lines(self) -> list[str]:
        """As lines of text."""
        if len(self.faults) > 1:
            head = f"✗ {self.file}: the policy cannot be used: {len(self.faults)} faults"
            return [head, *(line for fault in self.faults for line in _lines(fault))]
        if self.error is not None:
            return [f"✗ {self.file}: {self.error.what}", f"  why: {self.error.why}", f"  fix: {self.error.fix}"]
        head = f"✓ {self.file}: can be used"
        return [head, *(f"  line {a.line}, {a.requirement or 'policy'}: {a.words}" for a in self.advice)]


def _lines(fault: BadPolicy) -> tuple[str, str]:
    place = f"line {fault.line}, " if fault.line is not None else ""
    where = fault.requirement or fault.key or "policy"
    return f"  {place}{where}: {fault.fault}", f"    fix: {fault.fix}"


def check_policies(files: Sequence[Path]) -> list[Checked]:
    """Whether each policy can be used, and what weakens it; an error in one does not hide the others."""
    checked = []
    for file in files:
        try:
            checked.append(Checked(str(file), None, tuple(_advice(file))))
        except BadInput as error:
            checked.append(Checked(str(file), error))
    return checked


def _advice(file: Path) -> Iterator[Advice]:
    """What weakens a policy, or each policy of a pack."""
    written = read_yaml(file, as_text=PACK_TEXT)
    if not is_pack(written):
        yield from advise(policy_of(written))
        return
    for policy in pack_of(written).checkpoints:
        for advice in advise(policy):
            named = policy.policy if advice.requirement is None else f"{policy.policy}/{advice.requirement}"
            yield replace(advice, requirement=named)


def _read(paths: Sequence[Path], keys: Sequence[VerifyingKey]) -> tuple[list[ReadStatement], list[str]]:
    """Statements, and why files that an alteration made unreadable say nothing."""
    if not paths:
        raise BadInput(what="there is no evidence", why="no file was given", fix="give one or more statements")
    read, unreadable = [], []
    for path in paths:
        try:
            read.append(read_statement(path))
        except BadInput as error:
            if isinstance(error, NotAStatement) and path.suffix.lower() in (".yaml", ".yml"):
                raise PolicyAsEvidence(path) from None
            if not keys or not _altered(path, keys):
                raise
            # with keys, bytes that nobody trusted vouches for are unverifiable, whatever nonsense they hold
            unreadable.append(f"{path} was altered after signing: {error.why}")
    return read, unreadable


def _altered(path: Path, keys: Sequence[VerifyingKey]) -> bool:
    """Whether a file is an envelope whose bytes no given key signed."""
    try:
        _, envelope = open_envelope(read_whole(path, at_most=2 * MAX_BYTES), name=str(path))
        return envelope is not None and not verify(envelope, keys, name=str(path)).verified
    except BadEnvelope:
        return True
    except BadInput:
        return False


def moment_of(said: str | None) -> datetime:
    """A day or a time as somebody wrote it; a day alone is its end, UTC. Raises BadTime."""
    if said is None:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(f"{said}T23:59:59+00:00" if len(said) == _DAY else said)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadTime(said) from None
