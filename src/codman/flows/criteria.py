"""commit: a policy in, a statement out that says what was promised, before anybody has seen a result."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import yaml

from codman.errors import BadInput
from codman.evidence.canonical import sha256
from codman.evidence.files import read_whole
from codman.evidence.keys import SigningKey
from codman.evidence.statements import build, write_statement
from codman.flows.provenance import now
from codman.spine.record_statements import CriteriaPredicate
from codman.spine.statement import Digest, Kind, Statement, Subject

_MAX_POLICY: Final = 4 * 1024 * 1024


class NotAPolicy(BadInput):
    """A file that cannot be committed, because nobody could hold anything against it."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(what=f"{path} is not a policy", why=why, fix="see what is wrong: codman policy check FILE")


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
        NotAPolicy: The file is not a YAML mapping with `policy` and `edition`.
        CannotRead: It is not there.
    """
    data = read_whole(policy_path, at_most=_MAX_POLICY)
    text = _read(policy_path, data)
    digest = Digest(sha256=sha256(data))
    predicate = CriteriaPredicate(
        policy=text["policy"], edition=text["edition"], digest=digest, text=text, committed_at=at or now()
    )
    statement = build(Kind.CRITERIA, Subject(name=f"{text['policy']}@{text['edition']}", digest=digest), predicate)
    if out is not None:
        write_statement(statement, out, key)
    return statement


def _read(path: Path, data: bytes) -> dict[str, Any]:
    try:
        value = yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f"line {mark.line + 1}: "
        raise NotAPolicy(path, f"{where}it is not YAML") from None
    if not isinstance(value, dict):
        raise NotAPolicy(path, "it holds no mapping of keys")
    text = _json(value)
    for field in ("policy", "edition"):
        named = text.get(field)
        if named is None or isinstance(named, (dict, list, bool)) or named == "":
            raise NotAPolicy(path, f"it has no {field!r}")
        text[field] = str(named)
    return dict(text)


def _json(value: Any) -> Any:
    """YAML as JSON says it: times as text, keys as text."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): _json(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, (date, datetime)) else value
