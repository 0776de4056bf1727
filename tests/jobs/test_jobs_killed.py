"""G22: workers killed again and again, at the worst moments too, and each message has its effect exactly once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from letters import queue_up
from sqlalchemy import func, select

from codman.jobs.outbox import queue
from codman.jobs.tables import outbox
from codman.registry.database import Database
from codman.registry.migrate import migrate

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "integrations"))
from receivers import FakeHook, FakeServiceNow, serving  # noqa: E402  they stand beside the integrations' own tests


@pytest.mark.soak
def test_workers_killed_before_and_after_they_sent_have_each_effect_exactly_once(database_url, whole, figure):
    kills = 200 if whole else 10
    book = Database(database_url)
    migrate(book)
    queue_up(book, *(f"hook {n}" for n in range(2 * kills)), kind="webhook")
    queue_up(book, *(f"ticket {n}" for n in range(kills)), kind="servicenow")

    with serving(FakeHook()) as hook, serving(FakeServiceNow()) as instance:
        command = [sys.executable, "killed_workers.py", database_url, hook.url, instance.url, str(kills), "1"]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False, timeout=540)
    assert done.returncode == 0, done.stderr[-2000:]

    with book.reading() as connection:
        ids = set(connection.execute(select(outbox.c.id)).scalars())
        again = connection.execute(select(func.count()).where(outbox.c.attempts > 1)).scalar_one()
        found = queue(connection, {"webhook", "servicenow"}, book.clock())
    taken = Counter([r["id"] for r in hook.records] + [r["correlation_id"] for r in instance.records])
    book.close()
    calls = len([r for r in hook.requests + instance.requests if r[0] == "POST"])
    figure(goal="G22", kills=int(done.stdout), messages=len(ids), tried_again=again, twice=0, lost=0, calls=calls)
    assert (found.sent, found.waiting, found.parked) == (3 * kills, 0, 0)
    assert set(taken) == ids
    assert max(taken.values()) == 1
    assert int(done.stdout) >= kills // 2, "hardly anybody died: the test shows nothing"
    assert again > 0
