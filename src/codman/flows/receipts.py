"""receipts: a filed statement in, the log's proof out. The same statement always gets the same receipt."""

from __future__ import annotations

from sqlalchemy import Connection, select

from codman.evidence.checkpoint import Checkpoint, sign_checkpoint
from codman.evidence.receipt import Receipt
from codman.evidence.store import NotInStore
from codman.flows.house import House
from codman.registry.filing import find
from codman.registry.log import prove_inclusion, root_at, state_of
from codman.registry.schema import log_entries


def receipt_for(house: House, digest: str) -> Receipt:
    """The receipt of a filed statement: the log's state right after its entry, signed.

    Raises:
        NotInStore: It is not filed.
    """
    with house.database.reading() as connection:
        return receipt_of(house, connection, digest)


def receipt_of(house: House, connection: Connection, digest: str) -> Receipt:
    """The same within a transaction."""
    filed = find(connection, digest)
    if filed is None:
        raise NotInStore(digest)
    # for the tree that ends with the entry, not for today's: so that sending again gives the same bytes
    size = filed.log_index + 1
    state = Checkpoint(origin=house.log_origin, size=size, root=root_at(connection, size))
    entry = connection.execute(select(log_entries.c.entry).where(log_entries.c.number == filed.log_index)).scalar_one()
    return Receipt(
        digest=digest,
        log_index=filed.log_index,
        tree_size=size,
        root=state.root.hex(),
        inclusion=[node.hex() for node in prove_inclusion(connection, filed.log_index, size)],
        checkpoint=sign_checkpoint(state, house.log_key),
        entry=bytes(entry).decode(),
    )


def checkpoint(house: House) -> str:
    """The log's state now, signed: keep it elsewhere, and a log cut short or rolled back will not go unnoticed."""
    with house.database.reading() as connection:
        return sign_checkpoint(state_of(connection, house.log_origin), house.log_key)
