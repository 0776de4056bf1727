"""rounds: what the server does by itself every few seconds, without anybody asking."""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from codman.errors import CodmanError
from codman.flows.change_control import change_round
from codman.flows.drop_folder import take_configured
from codman.flows.house import House
from codman.flows.outbox import outbox_round
from codman.flows.schedule import schedule_round
from codman.flows.watch.rounds import monitoring_round
from codman.telemetry import ROUND_RUNS, ROUNDS

log: Final = logging.getLogger("codman.rounds")

EVERY_SECONDS: Final = 5.0


@contextmanager
def making_rounds(house: House, every_seconds: float = EVERY_SECONDS) -> Iterator[None]:
    """Make rounds in threads of their own until the block ends; one that fails is logged and made again.

    Each kind has its own thread: a mail server that lets us wait holds up neither the drop folder nor the jobs.
    What is being sent when the block ends is given a moment; if it is cut off, it is sent again under its id.
    """
    end = threading.Event()

    def repeated(name: str, one_round: Callable[[], object]) -> None:
        while not end.wait(every_seconds):
            house.beats.began(name)
            began, outcome = time.perf_counter(), "done"
            try:
                one_round()
            except Exception as error:  # noqa: BLE001 - a fault in one round must not end all the later ones
                outcome = "failed"
                log.error("a round ended by a fault of our own: %s", type(error).__name__)
            ROUND_RUNS.observe(time.perf_counter() - began, name, outcome)
            house.beats.ended(name)

    rounds: dict[str, Callable[[], object]] = {
        "drop folder": lambda: make_round(house),
        "outbox": lambda: outbox_round(house, end.is_set),
        "schedule": lambda: schedule_round(house, end.is_set),
        "change control": lambda: look_for_changes(house),
        "events": lambda: move_events(house),
        "monitoring": lambda: monitoring_round(house, end.is_set),
    }
    ROUNDS.declare(rounds)
    threads = {
        name: threading.Thread(target=repeated, args=(name, one), name=f"rounds: {name}", daemon=True)
        for name, one in rounds.items()
    }
    for name, thread in threads.items():
        house.beats.expect(name, thread)
        thread.start()
    try:
        yield
    finally:
        end.set()
        house.beats.forget()
        until = time.monotonic() + every_seconds
        for thread in threads.values():
            thread.join(timeout=max(0.0, until - time.monotonic()))


def make_round(house: House) -> int:
    """One round: take what was laid into the drop folder.

    Returns:
        How many files were taken, filed or refused.
    """
    try:
        taken = take_configured(house)
    except (CodmanError, OSError) as error:
        # the class alone: a message may name a file, and a file may be named after a patient
        log.warning("the drop folder was not looked through: %s", type(error).__name__)
        return 0
    if taken:
        log.info("took %d files from the drop folder", len(taken))
    return len(taken)


def look_for_changes(house: House) -> None:
    """One round: what the log tells of since the last, and what that reopens or closes."""
    try:
        looked = change_round(house)
    except (CodmanError, OSError) as error:
        log.warning("changes were not looked at: %s", type(error).__name__)
        return
    if looked.reopened or looked.closed or looked.in_plan:
        log.info("%d requirements reopened, %d closed, %d in plan", looked.reopened, looked.closed, looked.in_plan)


def move_events(house: House) -> int:
    """One round: events from the drop folder, then those that were taken into their tables.

    Returns:
        How many were moved.
    """
    try:
        if house.settings.drop_folder is not None:
            # loaded now: Arrow would hold the server's start up
            folder: Any = importlib.import_module("codman.flows.events.folder")
            folder.take_events_configured(house)
    except (CodmanError, OSError) as error:
        log.warning("the drop folder of events was not looked through: %s", type(error).__name__)
    try:
        return house.events.move()
    except (CodmanError, OSError) as error:
        # they are in their segments still, and moved in a later round
        log.warning("events were not moved: %s", type(error).__name__)
        return 0
