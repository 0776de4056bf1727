"""prove: one entry of the log with everything that shows it is there, in a file that docs/verify_pack.py checks alone.

The pack is canonical JSON with no byte to spare: change any one of them and it proves nothing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, func, select

from codman.evidence.canonical import canonical
from codman.evidence.checkpoint import read_checkpoint, sign_checkpoint
from codman.evidence.files import write_whole
from codman.evidence.store import NotInStore
from codman.flows.audit import held_against, log_keys
from codman.flows.house import House
from codman.registry.access import Reader, may, require
from codman.registry.filing import find
from codman.registry.keys import by_keyid
from codman.registry.log import NoSuchEntry, Written, entries, prove_consistency, prove_inclusion, size_of, state_of
from codman.registry.schema import log_texts
from codman.registry.schema_filing import statement_signatures
from codman.registry.standing import standing_of

FORMAT: Final = "codman-audit-pack/1"
_DIGITS: Final = 15  # an index; a digest has 64


def prove(
    house: House,
    reader: Reader,
    entry: int | str,
    *,
    since: str | None = None,
    texts: bool = True,
    out: Path | None = None,
) -> dict[str, Any]:
    """Make the pack of one entry.

    Args:
        house: The open house.
        reader: Who asks; must hold `audit.export`. People's own words go along as far as this reader may read them.
        entry: Its index, or the digest of a statement: the newest entry that gives it its standing.
        since: A checkpoint made earlier; the pack then also proves that the log only grew.
        texts: Whether people's own words go along at all.
        out: Where the pack is written.

    Raises:
        NotAllowed: The reader may not.
        NoSuchEntry: There is no such entry.
        NotInStore: No such statement is filed.
        NotOurCheckpoint: `since` is of another log.
        LogBroken: The log no longer begins with what `since` says.
    """
    require(reader, "audit.export")
    with house.database.reading() as connection:
        size = size_of(connection)
        index = entry if isinstance(entry, int) else _index_of(connection, entry, size)
        if not 0 <= index < size:
            raise NoSuchEntry(index, size)
        (written,) = entries(connection, index, index + 1)
        said, withheld = _texts(connection, written, reader if texts else None)
        pack: dict[str, Any] = {
            "format": FORMAT,
            "checkpoint": sign_checkpoint(state_of(connection, house.log_origin), house.log_key),
            "entry": written.raw.decode(),
            "inclusion": [node.hex() for node in prove_inclusion(connection, index, size)],
            "texts": said,
            "withheld": withheld,
        }
        if since is not None:
            held_against(connection, since, log_keys(house), house.log_origin)
            proof = prove_consistency(connection, read_checkpoint(since).size, size)
            pack["older"] = {"checkpoint": since, "consistency": [node.hex() for node in proof]}
        pack |= _statement(house, connection, written)
    if out is not None:
        write_whole(out, canonical(pack))
    return pack


def _index_of(connection: Connection, digest: str, size: int) -> int:
    from_text = digest.removeprefix("sha256:")
    if from_text.isdecimal() and len(from_text) <= _DIGITS:
        return int(from_text)
    filed = find(connection, from_text)
    if filed is None:
        raise NotInStore(from_text)
    counts = standing_of(connection, [from_text])[from_text].signers
    signed = connection.execute(
        select(func.max(statement_signatures.c.log_index)).where(
            statement_signatures.c.digest == from_text, statement_signatures.c.keyid.in_([key.keyid for key in counts])
        )
    ).scalar_one()  # none where it is a claim, or its key was revoked: its filing is all there is
    return min(filed.log_index if signed is None else int(signed), size)


def _texts(connection: Connection, written: Written, reader: Reader | None) -> tuple[list[dict[str, str]], list[str]]:
    """People's own words with the salts that show they are the ones, and the fields whose words stay here."""
    rows = connection.execute(
        select(log_texts).where(log_texts.c.number == written.index).order_by(log_texts.c.field)
    ).all()
    shown, withheld = [], []
    for row in rows:
        hidden = row.privileged and (reader is None or not may(reader, "privileged.read"))
        if reader is None or row.text is None or hidden:
            withheld.append(row.field)
        else:
            shown.append({"field": row.field, "salt": bytes(row.salt).hex(), "text": row.text})
    return shown, withheld


def _statement(house: House, connection: Connection, written: Written) -> dict[str, Any]:
    """The statement an entry is about; where it was filed signed, the envelope and the key the entry names."""
    about, after = written.value["about"], written.value.get("after") or {}
    if about["kind"] != "statement" or find(connection, about["id"]) is None:
        return {}
    read = house.store.get(about["id"])
    part: dict[str, Any] = {"statement": read.body.decode()}
    registered = by_keyid(connection, [after["keyid"]] if "keyid" in after else [])
    for key in registered:
        for envelope in house.store.envelopes(about["id"]):
            # this key's signature alone: the log vouches for no other, and an unproven byte may not travel along
            mine = tuple(
                replace(s, keyid=key.keyid) for s in envelope.signatures if key.verifying.signed(s.sig, envelope.pae)
            )
            if mine:
                whole = replace(envelope, signatures=mine[:1])
                return part | {"envelope": whole.to_bytes().decode().rstrip("\n"), "signer": key.verifying.pem}
    return part
