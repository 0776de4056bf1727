"""rollout: one use at many sites, deployed or changed as one action: all of them or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from codman.errors import CodmanError
from codman.evidence.canonical import canonical, sha256
from codman.flows import records
from codman.flows.house import House
from codman.registry.access import Reader, require
from codman.registry.nouns import DEPLOYMENTS
from codman.registry.records import BadField
from codman.registry.schema import deployments
from codman.spine.site import Deployment


class SeenOtherwise(CodmanError):
    """Deployments that are not those somebody looked at."""

    def __init__(self, now: str) -> None:
        super().__init__(
            what="the use's deployments were changed meanwhile",
            why="one of them was changed, added or taken away since you looked",
            fix="read them again, and repeat your change",
        )
        self.now = now


def state_tag(found: Sequence[Deployment]) -> str:
    """One word for the state of some deployments: another word means that one of them was changed, added or taken."""
    return sha256(canonical(sorted([one.id, one.revision] for one in found)))[:32]


def deployments_of(house: House, reader: Reader, use: str) -> list[Deployment]:
    """Every deployment of a use that somebody may see.

    Raises:
        NoSuchRecord: There is no such use within their reach.
    """
    records.get(house, reader, "use", use)
    found: list[Deployment] = []
    cursor: str | None = None
    while True:
        page = records.page(house, reader, "deployment", where={"use": [use]}, limit=500, cursor=cursor)
        found += page.items
        if page.next is None:
            return found
        cursor = page.next


def change_everywhere(
    house: House,
    reader: Reader,
    use: str,
    patch: Mapping[str, Any],
    *,
    sites: Sequence[str] | None = None,
    state: str | None = None,
    why: str | None = None,
    request: str | None = None,
) -> list[Deployment]:
    """Change the deployments of a use at all its sites, or at some, in one change.

    Args:
        house: The open house.
        reader: Who does it.
        use: Which use.
        patch: New values by field, the same for every site.
        sites: Only at these; all the reader sees without.
        state: `state_tag` of what they saw; None takes whatever is there.
        why: The reason they give.
        request: The request it came with, for the log.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        NotAllowed: One of the sites is out of their reach: nothing is changed.
        SeenOtherwise: The deployments are not those they saw.
        BadField: A field cannot hold its value, or a site has no deployment of this use.
    """
    require(reader, "deployment.change")
    if {"use", "site"} & set(patch):
        raise BadField(
            "deployment",
            "site",
            "a deployment stays at its site: end it, and add another",
            fix="end it, and add another at the other site",
        )
    everywhere = deployments_of(house, reader, use)
    wanted = everywhere if sites is None else [one for one in everywhere if one.site in sites]
    missing = set(sites or ()) - {one.site for one in wanted}
    if missing:
        raise BadField("deployment", "sites", f"the use does not run at {sorted(missing)[0][:60]!r}")
    with house.database.changing(reader.author(request), why) as transaction:
        # those that were read: if one has changed since, its revision says so and nothing is written
        if state is not None and state_tag(everywhere) != state:
            raise SeenOtherwise(state_tag(everywhere))
        return [records.change_within(transaction, reader, "deployment", one.id, patch, one.revision) for one in wanted]


def deploy_at(
    house: House,
    reader: Reader,
    use: str,
    sites: Sequence[str],
    fields: Mapping[str, Any],
    *,
    why: str | None = None,
    request: str | None = None,
) -> list[Deployment]:
    """Deploy a use at many sites in one change; where it runs already, nothing changes.

    Raises:
        NotAllowed: One of the sites is out of reach: nothing is deployed.
        NoSuchRecord: There is no such use within reach.
        BadField: A field cannot hold its value, or a site is not there.
    """
    require(reader, "deployment.create")
    with house.database.changing(reader.author(request), why) as transaction:
        there = select(deployments.c.site).where(deployments.c.use == use)
        has = set(transaction.connection.execute(there).scalars())
        made = [
            records.create_within(transaction, reader, "deployment", {**fields, "use": use, "site": site})
            for site in dict.fromkeys(sites)
            if site not in has
        ]
    return [DEPLOYMENTS.record.model_validate(one.model_dump()) for one in made]
