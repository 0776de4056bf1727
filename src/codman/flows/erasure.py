"""erase: people's own words out of the log, by two people, unless a legal hold keeps them."""

from __future__ import annotations

from codman.flows.fresh import require_fresh
from codman.flows.house import House
from codman.registry import erasure
from codman.registry.access import NotAllowed, Reader, require
from codman.registry.erasure import ERASURES, Erasure
from codman.registry.records import Page


def ask(house: House, reader: Reader, index: int, *, field: str | None = None, why: str | None = None) -> Erasure:
    """Ask to erase texts of an entry; another officer must agree.

    Raises:
        NotAllowed: The reader may not, or is not a person.
        NoSuchEntry: The log has not got that far.
        BadField: The entry has no such text, or it is erased already.
        OnHold: One of them is on legal hold.
    """
    _in_person(reader)
    with house.database.changing(reader.author(), why) as change:
        return erasure.ask(change, index, field, reader.person)


def agree(house: House, reader: Reader, name: str, *, why: str | None = None) -> Erasure:
    """Agree to somebody else's request, which carries it out: nothing brings the words back.

    Raises:
        NotAllowed: The reader may not, or is not a person.
        NotFresh: Their sign-in is too old.
        NoSuchRecord: There is no such request.
        SamePerson: The one who asked.
        BadField: It is done or withdrawn already.
        OnHold: A legal hold came meanwhile.
    """
    _in_person(reader)
    require_fresh(house, reader, "agree to an erasure")
    with house.database.changing(reader.author(), why) as change:
        return erasure.agree(change, name, reader.person)


def withdraw(house: House, reader: Reader, name: str) -> Erasure:
    """Take a request back.

    Raises:
        NotAllowed: The reader may not.
        NoSuchRecord: There is no such request.
        BadField: It is done or withdrawn already.
    """
    _in_person(reader)
    with house.database.changing(reader.author()) as change:
        return erasure.withdraw(change, name)


def requests(house: House, reader: Reader, *, cursor: str | None = None) -> Page[Erasure]:
    """Every request, the newest first.

    Raises:
        NotAllowed: The reader may not read the log.
    """
    require(reader, "audit.read")
    with house.database.reading() as connection:
        return ERASURES.page(connection, order="created_at", descending=True, cursor=cursor)


def hold(
    house: House, reader: Reader, index: int, *, field: str | None = None, on: bool, why: str | None = None
) -> int:
    """Put texts of an entry on legal hold, or lift it.

    Raises:
        NotAllowed: The reader may not.
        NoSuchEntry: The log has not got that far.
        BadField: The entry has no such text.
    """
    require(reader, "audit.hold")
    with house.database.changing(reader.author(), why) as change:
        return erasure.mark(change, index, field, hold=on)


def privilege(
    house: House, reader: Reader, index: int, *, field: str | None = None, on: bool, why: str | None = None
) -> int:
    """Mark texts of an entry as privileged, such as advice of counsel, or not: only officers read them then.

    Raises:
        NotAllowed: The reader may not.
        NoSuchEntry: The log has not got that far.
        BadField: The entry has no such text.
    """
    require(reader, "privileged.read")
    with house.database.changing(reader.author(), why) as change:
        return erasure.mark(change, index, field, privileged=on)


def _in_person(reader: Reader) -> None:
    require(reader, "audit.erase")
    if reader.via != "person":  # a token of one's own would make two people of one
        raise NotAllowed("audit.erase", "in person")
