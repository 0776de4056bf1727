"""The packs there are: those that came with Codman, and the hospital's own beside or instead of them."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from codman.errors import BadInput
from codman.review.packs.dated import OutOfDate
from codman.review.packs.pack import PACK_TEXT, Pack, pack_of, pack_of_bytes
from codman.review.policy.written import bytes_of, parse

OWN: Final = "packs"  # the folder of a hospital's own packs, in its workspace
_PACKS_KEPT: Final = 64


class NoSuchPack(BadInput):
    """A pack nobody has written."""

    def __init__(self, name: str) -> None:
        super().__init__(
            what=f"there is no pack {name!r}",
            why="neither a ready one nor an own one is called so",
            fix="`codman policy packs` lists those there are",
        )


def every_pack(own: Path | None = None) -> tuple[Pack, ...]:
    """All packs, of any date: the ready ones in the order of their names, then a hospital's own.

    Args:
        own: A folder of packs, YAML. One of the same name and edition stands instead of the ready one; another edition
            or name beside it. A folder that is not there holds none.

    Raises:
        BadPolicy: One of them cannot be used.
    """
    mine = _own(own)
    instead = {(pack.pack, pack.edition) for pack in mine}
    return (*(pack for pack in _ready() if (pack.pack, pack.edition) not in instead), *mine)


def packs(at: datetime | date, own: Path | None = None) -> tuple[Pack, ...]:
    """The packs that hold on a day. Raises BadPolicy."""
    return tuple(pack for pack in every_pack(own) if pack.holds(at))


def pack(name: str, at: datetime | date, own: Path | None = None) -> Pack:
    """The pack of this name that holds on a day; of several editions the newest, of equals the hospital's own.

    Raises:
        NoSuchPack: Nobody has written it.
        OutOfDate: It holds on other days.
        BadPolicy: One of the packs cannot be used.
    """
    named = [each for each in every_pack(own) if name in (each.pack, each.name)]
    if not named:
        raise NoSuchPack(name)
    holding = [each for each in named if each.holds(at)]
    if not holding:
        day = at.date() if isinstance(at, datetime) else at
        raise OutOfDate(named[-1].name, named[-1].standing(at), day)
    return max(holding, key=lambda each: (each.valid_from, each.own))


@cache
def _ready() -> tuple[Pack, ...]:
    folder = files("codman.review.packs").joinpath("ready")
    found = sorted((file.name, file.read_bytes()) for file in folder.iterdir() if file.name.endswith(".yaml"))
    return tuple(pack_of(parse(data, name, as_text=PACK_TEXT, ours=True)) for name, data in found)


def _own(folder: Path | None) -> tuple[Pack, ...]:
    if folder is None or not folder.is_dir():
        return ()
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".yaml", ".yml"))
    return tuple(_own_pack(bytes_of(path), str(path)) for path in found)


@lru_cache(maxsize=_PACKS_KEPT)  # by its bytes: a look at the house asks for its packs hundreds of times
def _own_pack(data: bytes, path: str) -> Pack:
    return pack_of_bytes(data, path, own=True)
