"""Policies that cases were judged by, kept word for word: a case reads the same years later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, insert, select

from codman.errors import NotProven
from codman.evidence.canonical import canonical, sha256
from codman.registry.database import Change
from codman.registry.log import Entry
from codman.registry.schema_review import policies
from codman.review.policy.load import policy_of_bytes
from codman.spine.policy import Policy


class PolicyLost(NotProven):
    """A policy that a case was judged by and that is not what was kept."""

    def __init__(self, digest: str) -> None:
        super().__init__(
            what=f"the policy sha256:{digest[:12]}… is not there as it was kept",
            why="the book has no such policy, or other words under its digest",
            fix="restore the book from a backup",
        )


def written(policy: Policy) -> bytes:
    """A policy as canonical JSON, in the form policies are written in."""
    return canonical(_plain(policy))


def digest_of(policy: Policy) -> str:
    """What names a policy: the sha256 of its canonical JSON."""
    return sha256(written(policy))


def keep(change: Change, policy: Policy) -> str:
    """Keep a policy's words; the same words once.

    Returns:
        Its digest.
    """
    body = written(policy)
    digest = sha256(body)
    there = select(policies.c.digest).where(policies.c.digest == digest)
    if change.connection.execute(there).one_or_none() is None:
        change.connection.execute(
            insert(policies),
            {
                "digest": digest,
                "policy": policy.policy,
                "edition": policy.edition,
                "body": body.decode(),
                "kept_at": change.at,
            },
        )
        change.record(
            Entry("policy.keep", "policy", digest, after={"policy": policy.policy, "edition": policy.edition})
        )
    return digest


def kept(connection: Connection, digest: str) -> Policy:
    """A policy that was kept.

    Raises:
        PolicyLost: It is not there, or its words are others.
    """
    body = connection.execute(select(policies.c.body).where(policies.c.digest == digest)).scalar_one_or_none()
    if body is None or sha256(body.encode()) != digest:
        raise PolicyLost(digest)
    return _read(body, digest)


@lru_cache(maxsize=128)
def _read(body: str, digest: str) -> Policy:
    """A policy is asked for by each look at a case, and read once."""
    return policy_of_bytes(body.encode(), f"sha256:{digest[:12]}")


def titles_of(connection: Connection, names: Iterable[str]) -> Mapping[tuple[str, str], str]:
    """What the requirements of policies are called, by policy and id; as the edition kept last calls them."""
    rows = connection.execute(
        select(policies.c.digest, policies.c.policy, policies.c.body)
        .where(policies.c.policy.in_(sorted(set(names))))
        .order_by(policies.c.kept_at)
    )
    return {(row.policy, one.id): one.name for row in rows for one in _read(row.body, row.digest).requires}


def _plain(policy: Policy) -> dict[str, object]:
    whole = policy.model_dump(mode="json", exclude_none=True, by_alias=True)
    whole["requires"] = [_requirement(one) for one in whole["requires"]]
    return {key: value for key, value in whole.items() if value != {}}


def _requirement(one: dict[str, Any]) -> dict[str, Any]:
    """A requirement as a person writes it: its ask under the key that asks."""
    asked, asks = one.pop("asked_as"), one.pop("asks")
    plain = {key: value for key, value in one.items() if value != []}
    if asked == "document":
        return {**plain, asked: asks["type"]}
    return plain if asked == "evidence" else {**plain, asked: asks}
