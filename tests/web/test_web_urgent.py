"""What stands open about uses that cannot wait: by use, the gravest first, and on the page of what needs attention."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows" / "concerns"))
from seen_pages import pages_of
from ward import Ward

from codman.flows.urgent import urgent
from codman.registry.governance import PAUSE_PROPOSALS
from codman.registry.log import SYSTEM
from codman.registry.nouns import USES
from codman.spine.concern import ConcernSeverity
from codman.spine.pausing import PauseCause, PauseProposalFields


@pytest.fixture
def ward(tmp_path: Path, database_url: str) -> Iterator[Ward]:
    made = Ward(tmp_path, database_url)
    yield made
    made.house.close()


def _said(ward: Ward) -> list[tuple[str, tuple[str, ...]]]:
    with ward.house.database.reading() as connection:
        return [(one.use, one.said) for one in urgent(connection, ("/",), ward.clock().date().isoformat())]


def test_harm_and_a_proposed_pause_are_said_of_the_use_and_stand_first(ward: Ward) -> None:
    assert _said(ward) == []
    assert "What cannot wait" not in pages_of(ward.house, ward.person("chair")).get("/attention").text
    ward.raised(severity=ConcernSeverity.NEAR_MISS)
    assert _said(ward) == []

    ward.raised(severity=ConcernSeverity.HARM)
    because = "a condition lapsed and nothing came"
    proposed = PauseProposalFields(use="ward", cause=PauseCause.CONDITION, because=because)
    with ward.house.database.changing(SYSTEM) as change:
        PAUSE_PROPOSALS.add(change, proposed, "pause-1")

    assert _said(ward) == [("ward", ("a concern about harm is open", "a pause is proposed"))]
    page = pages_of(ward.house, ward.person("chair")).get("/attention").text
    assert "About 1 use something stands open that cannot wait." in page
    assert "Ward sepsis: a concern about harm is open, a pause is proposed" in page
    with ward.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": "retired"}, None)
    assert _said(ward) == []
