"""The committee's house with a running use, its clinician, and mail addresses; and how somebody says what is wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import Committee
from sqlalchemy import select

from codman.flows.concerns.raising import Place, Raised, Said, raise_concern
from codman.jobs.tables import outbox
from codman.registry.governance import CONCERNS
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, PEOPLE, USES
from codman.spine.concern import Concern, ConcernCategory, ConcernSeverity
from codman.spine.site import DeploymentFields

WORDS = "The alert came two hours after the patient had crashed."
NORTH = Place("ward", "north")


class Ward(Committee):
    """A live use at North with an accountable clinician."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        super().__init__(folder, database_url)
        with self.house.database.changing(SYSTEM) as change:
            USES.change(change, "ward", {"stage": "live", "decision": "approved", "owner": "p-owner"}, None)
            for name in ("clin", "owner"):
                PEOPLE.change(change, f"p-{name}", {"email": f"{name}@example.org"}, None)
            runs = DeploymentFields(use="ward", site="north", version="sepsis-120", mode="live", clinician="p-clin")
            DEPLOYMENTS.add(change, runs, "d-north")

    def change(self, records: Any, name: str, **patch: Any) -> None:
        """Change a record past the flows."""
        with self.house.database.changing(SYSTEM) as change:
            records.change(change, name, patch, None)

    def raised(self, place: Place = NORTH, **said: Any) -> Raised:
        """A concern of somebody without an account."""
        told = {"category": ConcernCategory.MISSED, "severity": ConcernSeverity.NO_HARM, "words": WORDS} | said
        return raise_concern(self.house, Said(**told), place)

    def concern(self, name: str) -> Concern:
        """A concern as the book has it now."""
        with self.house.database.reading() as connection:
            return CONCERNS.get(connection, name)

    def messages(self) -> list[tuple[str, str, str]]:
        """What waits to be sent: to whom, the event, the text."""
        with self.house.database.reading() as connection:
            rows = connection.execute(select(outbox).order_by(outbox.c.number, outbox.c.key))
            return [(row.recipient, row.body["event"], row.body["title"] + "\n" + row.body["text"]) for row in rows]

    def told(self, event: str) -> list[str]:
        """Who is told of an event, in order."""
        return [to for to, of, _text in self.messages() if of == event]
