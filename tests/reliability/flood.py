"""Send statements from many connections at once: python flood.py PORT SECONDS, with the token in CODMAN_TOKEN."""

from __future__ import annotations

from flooding import pour
from one_house import statement

if __name__ == "__main__":
    form = statement(0)
    pour(
        "/api/v1/evidence",
        "application/json",
        lambda number: form.replace(b'"version":"0"', b'"version":"%d"' % number),
        lambda _, answer: answer.json()["digest"] if answer.status_code == 201 else None,
    )
