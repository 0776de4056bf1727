"""commit: a policy in, a statement out that says what was promised, before anybody has seen a result."""

from __future__ import annotations

from pathlib import Path

from codman.evidence.canonical import sha256
from codman.evidence.files import read_whole
from codman.evidence.keys import SigningKey
from codman.evidence.statements import build, write_statement
from codman.flows.provenance import now
from codman.review.policy.load import AS_TEXT, policy_of_bytes
from codman.review.policy.written import MAX_BYTES, parse
from codman.spine.record_statements import CriteriaPredicate
from codman.spine.statement import Digest, Kind, Statement, Subject


def commit(
    policy_path: Path, *, key: SigningKey | Path | None = None, out: Path | None = None, at: str | None = None
) -> Statement:
    """State what a policy says and that it was committed now.

    Args:
        policy_path: The policy's YAML file; its exact bytes are what the digest pins.
        key: Who signs; None leaves the statement bare.
        out: Where the statement is written; None writes nothing.
        at: When, ISO 8601 with a zone; now without it.

    Returns:
        The criteria statement. Its `receipt` is null until a log has taken it.

    Raises:
        BadPolicy: The file is no policy anybody could hold evidence against.
        CannotRead: It is not there.
    """
    data = read_whole(policy_path, at_most=MAX_BYTES)
    policy = policy_of_bytes(data, str(policy_path))
    digest = Digest(sha256=sha256(data))
    predicate = CriteriaPredicate(
        policy=policy.policy,
        edition=policy.edition,
        digest=digest,
        text=parse(data, str(policy_path), as_text=AS_TEXT).value,
        committed_at=at or now(),
    )
    statement = build(Kind.CRITERIA, Subject(name=f"{policy.policy}@{policy.edition}", digest=digest), predicate)
    if out is not None:
        write_statement(statement, out, key)
    return statement
