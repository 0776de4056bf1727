"""rounds: what the server does by itself every few seconds, without anybody asking."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from codman.errors import CodmanError
from codman.flows.drop_folder import take_configured
from codman.flows.house import House

log: Final = logging.getLogger("codman.rounds")

EVERY_SECONDS: Final = 5.0


@contextmanager
def making_rounds(house: House, every_seconds: float = EVERY_SECONDS) -> Iterator[None]:
    """Make rounds in a thread of their own until the block ends; one that fails is logged and made again."""
    end = threading.Event()

    def rounds() -> None:
        while not end.wait(every_seconds):
            make_round(house)

    thread = threading.Thread(target=rounds, name="rounds", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join(timeout=every_seconds)


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
