"""Who reads a concern: there, in the evidence it is filed as, and when its use has gone elsewhere since."""

from __future__ import annotations

from ward import Ward

from codman.evidence.store import NotInStore
from codman.flows.concerns.people import officers
from codman.flows.concerns.raising import Place
from codman.flows.concerns.reading import read_concern
from codman.flows.filed import list_evidence, read_evidence
from codman.registry.access import Held, Reader
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, GRANTS, PEOPLE, USES
from codman.spine.concern import ConcernSeverity
from codman.spine.person import GrantFields, PersonFields, Role
from codman.spine.site import DeploymentFields


def test_whoever_may_not_read_a_concern_reads_nothing_of_it_among_the_evidence(ward: Ward) -> None:
    filed = str(ward.raised(severity=ConcernSeverity.SERIOUS).concern.statement)

    def found(reader: Reader) -> bool:
        try:
            read_evidence(ward.house, reader, filed)
        except NotInStore:
            return False
        return filed in {one.digest for one in list_evidence(ward.house, reader).items}

    assert not any(found(one) for one in (ward.person("viewer"), ward.at("viewer", "north"), ward.at("stat", "south")))
    assert all(found(one) for one in (ward.person("chair"), ward.at("stat", "north"), ward.person("owner")))


def test_a_concern_that_names_no_site_stays_with_those_who_had_the_use_when_it_came(ward: Ward) -> None:
    with ward.house.database.changing(SYSTEM) as change:
        for site in ("north", "south"):
            PEOPLE.add(change, PersonFields(name=f"Officer {site}", email=f"{site}@example.org"), f"p-{site}")
            GRANTS.add(change, GrantFields(person=f"p-{site}", role=Role.OFFICER, site=site))
        runs = DeploymentFields(use="ward", site="south", version="sepsis-120", mode="live", clinician="p-stat")
        DEPLOYMENTS.add(change, runs, "d-south")
    concern = ward.raised(Place("ward", None)).concern
    assert concern.site is None
    ward.clock.forward(days=1)
    ward.change(DEPLOYMENTS, "d-north", mode="ended", since="2026-11-02")
    ward.change(USES, "ward", site="south")

    north = Reader("p-north", "Officer north", (Held(Role.OFFICER, "/north/"),))
    assert read_concern(ward.house, north, concern.id).concern.id == concern.id
    with ward.house.database.reading() as connection:
        assert {"p-north", "p-south"} <= {one.id for one in officers(connection, concern)}
