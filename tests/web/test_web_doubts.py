"""Evidence that may mean two products: shown to who may settle it, and settled by a form."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parent.parent / "evidence"))
from evidence_examples import evaluation
from seen_pages import Pages

from codman.evidence.statements import canonical_statement
from codman.flows.filing import file_evidence
from codman.flows.house import House
from codman.registry.access import Held, Reader
from codman.registry.log import SYSTEM
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.schema import statements
from codman.spine.person import Role


def test_an_officer_says_which_product_a_statement_means(house: House, pages: Pages) -> None:
    with house.database.changing(SYSTEM) as change:
        for name in ("one", "two"):
            PRODUCTS.add(change, PRODUCTS.validated({"name": "Fall alert"}), f"fall-{name}")
            USES.add(change, USES.validated({"product": f"fall-{name}", "name": name}), f"falls-{name}")
    statement = evaluation(product="fall ALERT", version="9", use=None, evaluated_at="2026-11-10T10:00:00Z")
    sender = Reader("person-officer", "Officer", (Held(Role.OFFICER),))
    digest = file_evidence(house, canonical_statement(statement), sender).digest
    officer = pages(Role.OFFICER)

    assert 'href="/doubts"' in officer.get("/attention").text
    assert 'href="/doubts"' not in pages(Role.VIEWER).get("/attention").text
    assert pages(Role.VIEWER).get("/doubts").status_code == 403
    page = officer.get("/doubts").text
    assert re.findall(r'name="product" value="([^"]+)"', page) == ["fall-one", "fall-two"]
    done = officer.post(f"/doubts/{digest}", data={"product": "fall-two", "use": ""})
    assert done.status_code == 303
    left = officer.get("/doubts").text
    assert "It may mean several" not in left
    assert "the version “9”" in left  # which that product does not have yet
    with house.database.reading() as connection:
        meant = select(statements.c.product_id).where(statements.c.digest == digest)
        assert connection.execute(meant).scalar_one() == "fall-two"
