"""Attacks on what runs undecided: over open harm, as a twin of what was refused or paused, by a tier of one's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "flows"))

from committee import Committee

from codman.flows import records
from codman.flows.concerns.raising import Place, Said, raise_concern
from codman.flows.review.staging import move
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.records import BadField
from codman.spine.concern import ConcernCategory, ConcernSeverity
from codman.spine.person import Role
from codman.spine.site import Deployment, Mode
from codman.spine.use import Stage, Tier, Use

LEGACY = {"stage": "live", "decision": "undecided (legacy)"}


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Committee]:
    """A house with a product that no committee had, beside the one that it knows."""
    made = Committee(tmp_path, database_url)
    _made(made, "product", {"name": "Other"}, "other")
    yield made
    made.house.close()


def _made(house: Committee, kind: str, fields: dict[str, Any], name: str | None = None) -> Any:
    return records.create(house.house, house.officer, kind, fields, name=name)


def _use(house: Committee, name: str = "Old one", **said: Any) -> Use:
    fields = {"product": "other", "name": name, "site": "north", "owner": "p-owner", **said}
    made: Use = records.create(house.house, house.person("owner"), "use", fields)
    return made


def _there(house: Committee, use: Use, mode: str, site: str = "north") -> Deployment:
    fields = {"use": use.id, "site": site, "mode": mode, "clinician": "p-clin"}
    made: Deployment = records.create(house.house, house.person("owner"), "deployment", fields)
    return made


def _edited(house: Committee, kind: str, name: str, **patch: Any) -> Any:
    owner = house.person("owner")
    return records.change(house.house, owner, kind, name, patch, records.get(house.house, owner, kind, name).revision)


@pytest.mark.parametrize("said", [{}, LEGACY])
@pytest.mark.parametrize("severity", [ConcernSeverity.SERIOUS, ConcernSeverity.HARM, ConcernSeverity.UNKNOWN])
def test_open_harm_keeps_a_use_from_more_patients_though_no_committee_ever_had_it(
    house: Committee, said: dict[str, str], severity: ConcernSeverity
) -> None:
    use = _use(house, **said)
    silent = _there(house, use, "silent")
    raise_concern(house.house, Said(category=ConcernCategory.OTHER, severity=severity), Place(use.id, "north"))

    for mode in ("pilot", "live"):
        with pytest.raises(BadField, match="a concern"):
            _edited(house, "deployment", silent.id, mode=mode)
        with pytest.raises(BadField, match="a concern"):
            _there(house, use, mode, "south")
    assert _edited(house, "deployment", silent.id, mode="paused").mode is Mode.PAUSED


def test_a_use_that_runs_undecided_is_not_moved_to_a_product_that_a_committee_had(house: Committee) -> None:
    house.opened()
    use = _use(house, **LEGACY)
    _there(house, use, "live")

    with pytest.raises(BadField, match="this use runs undecided, and a use of this product came before the committee"):
        _edited(house, "use", use.id, product="sepsis")
    assert _edited(house, "use", _use(house, "Proposed one").id, product="sepsis").product == "sepsis"


@pytest.mark.parametrize("how", ["paused", "harm"])
def test_what_was_paused_or_harmed_is_entered_by_nobody_as_another_use_that_ran_before(
    house: Committee, how: str
) -> None:
    use = _use(house, **LEGACY)
    _there(house, use, "live")
    _use(house, "A twin before it was stopped", **LEGACY)
    if how == "paused":
        move(house.house, house.person("clin"), use.id, Stage.PAUSED, use.revision, reason="it harms")
    else:
        said = Said(category=ConcernCategory.OTHER, severity=ConcernSeverity.SERIOUS)
        raise_concern(house.house, said, Place(use.id, "north"))

    with pytest.raises(NotAllowed):
        _use(house, "Old one again", **LEGACY)
    assert _use(house, "Proposed again").stage is Stage.PROPOSED


@pytest.mark.parametrize("tier", ["low", "medium"])
def test_an_officer_who_answers_for_a_use_gives_it_no_first_tier_below_high(house: Committee, tier: str) -> None:
    officer = Reader("p-owner", "Officer who owns it", (Held(Role.OFFICER), Held(Role.OWNER)))
    use = _use(house)

    with pytest.raises(BadField, match="you have a hand in this use"):
        records.change(house.house, officer, "use", use.id, {"tier": tier}, use.revision)
    with pytest.raises(BadField, match="you have a hand in this use"):
        records.create(
            house.house, officer, "use", {"product": "other", "name": "Two", "owner": officer.person, "tier": tier}
        )
    assert records.change(house.house, officer, "use", use.id, {"tier": "high"}, use.revision).tier is Tier.HIGH
    other = _use(house, "Three")
    assert records.change(house.house, house.officer, "use", other.id, {"tier": tier}, other.revision).tier == tier
