"""showing: the demo hospital's house in a folder, loaded once, open to anybody in any role, changed by nobody."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

from codman.errors import BadInput
from codman.flows.demo.changes import changes
from codman.flows.demo.concerns import add_concerns
from codman.flows.demo.hospital import Tell, load_hospital
from codman.flows.demo.monitoring import add_monitoring
from codman.flows.demo.proposals import add_proposals
from codman.flows.demo.reports import add_reports
from codman.flows.demo.reviews import add_reviews
from codman.flows.house import House
from codman.registry.accounts_demo import is_demo, mark_demo
from codman.registry.log import SYSTEM

SEED: Final = 7
_BOOK: Final = "codman.db"


class NotTheDemo(BadInput):
    """A folder that is there already and holds something else."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            what=f"the demo hospital is not loaded into {folder}",
            why="the folder is there already, and holds no demo hospital",
            fix="move it away, or give another folder with --out",
        )


def demo_house(
    folder: Path, open_at: Callable[[Path], House], tell: Tell, *, until: date, small: bool = False
) -> House:
    """The demo hospital, ready to be shown.

    Args:
        folder: Its workspace; what an earlier demo loaded there is used again.
        open_at: Opens the house of a workspace.
        tell: Called with one plain sentence after each part.
        until: The last day of its two years, where it is loaded now.
        small: Two hospitals instead of twelve, where it is loaded now.

    Returns:
        The open house; the caller closes it.

    Raises:
        NotTheDemo: The folder holds something else.
    """
    if folder.exists():
        return _loaded(folder, open_at, tell)
    # a demo that was interrupted leaves its half beside, never in the folder's place
    fresh = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(fresh, ignore_errors=True)
    house = open_at(fresh)
    try:
        load_hospital(house, SEED, tell, small=small, until=until, beside=changes)
        tell(f"{add_proposals(house)} uses were proposed, and for one a lower tier was asked for.")
        tell(_reviewed(add_reviews(house)))
        tell(f"{add_reports(house, until)} of its vendors and teams were asked to report; not all of them did.")
        tell(f"{add_concerns(house)} concerns were raised by its staff; one is closed.")
        watched = add_monitoring(house, until, small=small)
        tell(f"{watched} of its uses are watched: what their models said was followed to its outcome, month by month.")
        with house.database.changing(SYSTEM, "to be looked at by anybody") as change:
            mark_demo(change)
    finally:
        house.close()
    fresh.replace(folder)
    return open_at(folder)


def _reviewed(cases: int) -> str:
    told = ("one waits for votes", "one was put off", "one was decided in an emergency")[:cases]
    if not told:
        return "No case came before its committee."
    return f"{cases} case{'s' * (cases > 1)} came before the committee: {', '.join(told)}."


def _loaded(folder: Path, open_at: Callable[[Path], House], tell: Tell) -> House:
    if not (folder / _BOOK).is_file():
        raise NotTheDemo(folder)
    house = open_at(folder)
    with house.database.reading() as connection:
        demo = is_demo(connection)
    if not demo:
        house.close()
        raise NotTheDemo(folder)
    tell(f"The demo hospital of an earlier run is used again ({folder}).")
    return house
